"""The sealed cells of one run or several as one long frame, and its summary over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pydantic import ValidationError

from akl_bench.config import Profile
from akl_bench.errors import UsageError
from akl_bench.results.files import file_digest, flat, read_jsonl
from akl_bench.results.store import TEACHER, UNTRAINED, Run, read_seal
from akl_bench.strict import describe

_COLUMNS = ["objective", "student", "run", "seed", "task", "metric", "value"]
_SHOWN_DIFFERENCES = 20


class Row(NamedTuple):
    """What a row of a table is about; `run` is empty where there is one run."""

    objective: str
    student: str
    run: str = ""


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
        n: Number of examples (tokens, for fidelity) behind each seed's value.
    """

    task: str
    metric: str
    higher_is_better: bool | None
    scale: float
    format: str
    signature: str
    n: int = 0

    @property
    def arrow(self) -> str:
        """Direction in which it gets better."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]


@dataclass(frozen=True)
class SealedCell:
    """A finished cell: its row and seed, its folder, and what its seal says."""

    row: Row
    seed: int
    folder: Path
    record: Mapping[str, Any]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The rows of one of its JSONL files; none where the run was copied without it.

        Raises:
            UsageError: The file is not what was sealed.
        """
        path = self.folder / name
        if name not in self.record["files"] or not path.is_file():
            return []
        if file_digest(path) != self.record["files"][name]:
            raise UsageError(f"{path} is not what was sealed; `akl-bench show` names all such.")
        return read_jsonl(path)


@dataclass(frozen=True)
class RunFrame:
    """What a run, or several under one protocol, have measured.

    Attributes:
        values: One row per objective, student, run, seed, task and metric; raw values.
        columns: All columns, in the profile's order.
        rows: Every row asked for, sealed or not.
        seeds: Number of seeds asked for, by row.
        stale: Cells left out because they were made under another protocol.
        stamps: Why the numbers are no evidence, where they are none.
        shown: The columns that a table shows unasked.
        cells: The sealed cells behind the values.
        profile: The profile of the (first) run.
        protocol: Hex sha256 of what its numbers have in common.
        protocol_fields: What that hash is made from.
    """

    values: pd.DataFrame
    columns: list[Column]
    rows: list[Row]
    seeds: dict[Row, int]
    stale: int
    stamps: list[str]
    shown: list[Column]
    cells: list[SealedCell]
    profile: Profile
    protocol: str
    protocol_fields: Mapping[str, Any]

    def sealed(self, row: Row) -> list[SealedCell]:
        """The finished cells of a row, by seed."""
        return sorted((cell for cell in self.cells if cell.row == row), key=lambda c: c.seed)

    def seed_values(self) -> dict[tuple[Row, str, str], dict[int, float]]:
        """Value by seed for each row, task and metric; a seed without a number is left out."""
        found: dict[tuple[Row, str, str], dict[int, float]] = {}
        for cell in self.cells:
            for task, result in cell.record["tasks"].items():
                for metric, entry in result["metrics"].items():
                    by_seed = found.setdefault((cell.row, task, metric), {})
                    if entry["value"] is not None:
                        by_seed[cell.seed] = float(entry["value"])
        return found


def load(*folders: Path) -> RunFrame:
    """Read the sealed cells of a run, or of several under one protocol.

    Rows of several runs carry the run's name; teacher and untrained rows that two runs share
    appear once.

    Raises:
        UsageError: A folder holds no run, its run.json is not what was written, or the runs'
            protocols differ; says in what.
    """
    contents = {folder: Run(folder).read() for folder in dict.fromkeys(folders)}
    _same_protocol(contents)
    names = _names(list(contents))
    columns: dict[tuple[str, str], Column] = {}
    cells: list[SealedCell] = []
    asked: dict[Row, int] = {}
    known: set[str] = set()
    stale = 0
    for folder, content in contents.items():
        fingerprints = [str(cell.get("fingerprint", cell["name"])) for cell in content["cells"]]
        for cell, fingerprint in zip(content["cells"], fingerprints, strict=True):
            if fingerprint in known:
                continue
            row = Row(cell["objective"], cell["student"], names[folder])
            asked[row] = asked.get(row, 0) + 1
            record = read_seal(Run(folder).cells / cell["name"])
            if record is None:
                continue
            if record["cell"]["protocol"] != content["protocol"]:
                stale += 1
                continue
            place = Run(folder).cells / cell["name"]
            cells.append(SealedCell(row, cell["seed"], place, record))
            for task, result in record["tasks"].items():
                for metric, entry in result["metrics"].items():
                    about = {k: v for k, v in entry.items() if k not in ("value", "draws")}
                    columns.setdefault((task, metric), Column(task, metric, **about))
        known.update(fingerprints)
    profiles = [_profile(folder, content) for folder, content in contents.items()]
    order = list(dict.fromkeys(name for profile in profiles for name in profile.tasks))
    ordered = sorted(columns.values(), key=lambda c: order.index(c.task))
    first = next(iter(contents.values()))
    return RunFrame(
        _long(cells),
        ordered,
        list(asked),
        asked,
        stale,
        list(dict.fromkeys(stamp for profile in profiles for stamp in _stamps(profile))),
        _shown(ordered, profiles[0]),
        cells,
        profiles[0],
        first["protocol"],
        first.get("protocol_fields") or {},
    )


def _profile(folder: Path, content: Mapping[str, Any]) -> Profile:
    try:
        return Profile.model_validate(content["profile"])
    except ValidationError as error:
        raise UsageError(describe(error, str(folder / "run.json"), Profile)) from error


def _long(cells: Sequence[SealedCell]) -> pd.DataFrame:
    values = [
        (*cell.row, cell.seed, task, metric, entry["value"])
        for cell in cells
        for task, result in cell.record["tasks"].items()
        for metric, entry in result["metrics"].items()
    ]
    frame: pd.DataFrame = pd.DataFrame(values, columns=_COLUMNS).astype({"value": float})
    return frame


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """A short name for each of several runs; none for a single one."""
    if len(folders) == 1:
        return {folders[0]: ""}
    short = [folder.resolve().name for folder in folders]
    return {f: str(f) if short.count(n) > 1 else n for f, n in zip(folders, short, strict=True)}


def _same_protocol(contents: Mapping[Path, Mapping[str, Any]]) -> None:
    (first, reference), *others = contents.items()
    for folder, content in others:
        if content["protocol"] == reference["protocol"]:
            continue
        one, other = (flat(c.get("protocol_fields") or {}) for c in (reference, content))
        lines = [
            f"  {key}: {one.get(key, 'absent')!s:.60} there, {other.get(key, 'absent')!s:.60} here"
            for key in sorted(one.keys() | other.keys())
            if one.get(key) != other.get(key)
        ]
        rest = len(lines) - _SHOWN_DIFFERENCES
        more = [f"  ... and {rest} more"] if rest > 0 else []
        raise UsageError(
            f"{first} and {folder} were measured under different protocols; their numbers do not "
            "go in one table. There and here differ in:\n"
            + "\n".join([*lines[:_SHOWN_DIFFERENCES], *more])
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
    """Mean, standard deviation over seeds (n - 1) and n, by row, task and metric.

    Returns:
        Columns mean, std, count; std is NaN for one seed.
    """
    keys = ["objective", "student", "run", "task", "metric"]
    return frame.values.groupby(keys, sort=False)["value"].agg(["mean", "std", "count"])


def row_name(row: Row, frame: RunFrame) -> str:
    """A row in words: the student only where there are several, the run likewise."""
    several = len({other.student for other in frame.rows} - {""}) > 1
    parts = (row.objective, row.student if several else "", row.run)
    return ", ".join(part for part in parts if part)


def is_reference(objective: str) -> bool:
    """Whether a row is set apart: the teacher or the untrained student."""
    return objective in (TEACHER, UNTRAINED)
