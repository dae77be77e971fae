"""The sealed cells of a run as one long frame, and its summary over seeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from akl_bench.config import Profile
from akl_bench.errors import UsageError
from akl_bench.results.store import TEACHER, UNTRAINED, Run, read_seal
from akl_bench.strict import describe

_COLUMNS = ["objective", "student", "seed", "task", "metric", "value"]


@dataclass(frozen=True)
class Column:
    """One metric of one task.

    Attributes:
        task: The task's name.
        metric: The metric's canonical spec.
        higher_is_better: None where neither direction is.
        scale: Factor from the raw value to the shown one.
        format: %-format of the shown value.
        signature: Everything that decides the number.
    """

    task: str
    metric: str
    higher_is_better: bool | None
    scale: float
    format: str
    signature: str

    @property
    def arrow(self) -> str:
        """Direction in which it gets better."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]


@dataclass(frozen=True)
class RunFrame:
    """What a run has measured.

    Attributes:
        values: One row per objective, student, seed, task and metric; raw values.
        columns: All columns, in the profile's order.
        rows: (objective, student) of every row asked for, sealed or not.
        seeds: Number of seeds asked for, by row.
        stale: Cells left out because they were made under another protocol.
        stamps: Why the numbers are no evidence, where they are none.
        shown: The columns that a table shows unasked.
    """

    values: pd.DataFrame
    columns: list[Column]
    rows: list[tuple[str, str]]
    seeds: dict[tuple[str, str], int]
    stale: int
    stamps: list[str]
    shown: list[Column]


def load(folder: Path) -> RunFrame:
    """Read the sealed cells of a run.

    Raises:
        UsageError: The folder holds no run, or its run.json is not what was written.
    """
    run = Run(folder)
    content = run.read()
    try:
        profile = Profile.model_validate(content["profile"])
    except ValidationError as error:
        raise UsageError(describe(error, str(folder / "run.json"), Profile)) from error
    columns: dict[tuple[str, str], Column] = {}
    values: list[dict[str, Any]] = []
    asked: dict[tuple[str, str], int] = {}
    stale = 0
    for cell in content["cells"]:
        record = read_seal(run.cells / cell["name"])
        row = (cell["objective"], cell["student"])
        asked[row] = asked.get(row, 0) + 1
        if record is None:
            continue
        if record["cell"]["protocol"] != content["protocol"]:
            stale += 1
            continue
        for task, result in record["tasks"].items():
            for metric, entry in result["metrics"].items():
                about = {k: v for k, v in entry.items() if k not in ("value", "n", "draws")}
                columns.setdefault((task, metric), Column(task, metric, **about))
                key = [*row, cell["seed"], task, metric, entry["value"]]
                values.append(dict(zip(_COLUMNS, key, strict=True)))
    ordered = sorted(columns.values(), key=lambda c: list(profile.tasks).index(c.task))
    return RunFrame(
        pd.DataFrame(values, columns=_COLUMNS).astype({"value": float}),
        ordered,
        list(asked),
        asked,
        stale,
        _stamps(profile),
        _shown(ordered, profile),
    )


def _stamps(profile: Profile) -> list[str]:
    stamps = []
    if profile.smoke:
        stamps.append("smoke run: a handful of steps and rows, no evidence")
    if profile.dry_models:
        stamps.append("dry models: random toy weights, no evidence")
    return stamps


def _shown(columns: list[Column], profile: Profile) -> list[Column]:
    shown = []
    for column in columns:
        task = profile.tasks[column.task]
        wanted = task.columns or (task.headline,)
        if column.metric in wanted or column.metric.partition("(")[0] in wanted:
            shown.append(column)
    return shown


def summarise(frame: RunFrame) -> pd.DataFrame:
    """Mean, standard deviation over seeds (n - 1) and n, by objective, student, task, metric.

    Returns:
        Columns mean, std, n; std is NaN for one seed.
    """
    keys = ["objective", "student", "task", "metric"]
    return frame.values.groupby(keys, sort=False)["value"].agg(["mean", "std", "count"])


def is_reference(objective: str) -> bool:
    """Whether a row is set apart: the teacher or the untrained student."""
    return objective in (TEACHER, UNTRAINED)
