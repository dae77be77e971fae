"""The one reader of runs: their seals as cells with numbers, and their summary over seeds."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from akl_bench import specs
from akl_bench.artifacts.cells import Cell, Key, read_cell
from akl_bench.artifacts.cells import Row as Row
from akl_bench.artifacts.keys import common, differences
from akl_bench.artifacts.records import Fields, Metric
from akl_bench.artifacts.store import TEACHER, UNTRAINED, Run
from akl_bench.config import Profile
from akl_bench.errors import UsageError
from akl_bench.tasks import TaskSpec

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_DIFFERENCES = 20


@dataclass(frozen=True)
class Column:
    """One metric of one task.

    Attributes:
        task: The task's name.
        metric: The metric's canonical spec.
        higher_is_better: None where neither direction is.
        scale: Factor from the raw value to the shown one.
        format: %-format of the shown value.
        signature: Everything that decides the number besides the completions.
        n: Number of examples (tokens, for fidelity) behind each seed's value.
        protocol: What must agree for two numbers to stand in this column.
    """

    task: str
    metric: str
    higher_is_better: bool | None
    scale: float
    format: str
    signature: str
    n: int = 0
    protocol: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> Key:
        """Task and metric."""
        return self.task, self.metric

    @property
    def arrow(self) -> str:
        """Direction in which it gets better."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]


@dataclass(frozen=True)
class RunFrame:
    """What a run, or several whose numbers are comparable, have measured.

    Attributes:
        columns: All columns, in the profile's order.
        rows: Every row asked for, finished or not.
        seeds: Number of seeds asked for, by row.
        stamps: Why the numbers are no evidence, where they are none.
        cells: All cells asked for.
        profile: The profile of the (first) run.
        tasks: The tasks of all runs by name.
        left_out: Why numbers are not there or stand in no column, a line for each reason.
    """

    columns: list[Column]
    rows: list[Row]
    seeds: dict[Row, int]
    stamps: list[str]
    cells: list[Cell]
    profile: Profile
    tasks: dict[str, TaskSpec]
    left_out: list[str]

    @cached_property
    def shown(self) -> list[Column]:
        """The columns that a table shows unasked."""
        return [c for c in self.columns if is_named(c.metric, self.tasks[c.task].shown)]

    @property
    def stale(self) -> int:
        """Cells that have numbers out of date, which are left out."""
        return sum(cell.stale > 0 for cell in self.cells)

    def of(self, row: Row) -> list[Cell]:
        """The cells of a row that have numbers, by seed."""
        own = (cell for cell in self.cells if cell.row == row and cell.metrics)
        return sorted(own, key=lambda cell: cell.seed)

    def done(self, row: Row) -> int:
        """Number of a row's seeds that have all that was asked for."""
        return sum(cell.is_done for cell in self.cells if cell.row == row)

    def number(self, cell: Cell, column: Column) -> Metric | None:
        """A cell's number in a column; None where it has none that may stand there."""
        number = cell.metrics.get(column.key)
        if number is None or cell.protocols[column.key] != column.protocol:
            return None
        return number

    def numbers(self) -> Iterator[tuple[Cell, Column, Metric]]:
        """Every number that stands in a column."""
        for cell in self.cells:
            for column in self.columns:
                number = self.number(cell, column)
                if number is not None:
                    yield cell, column, number

    def seed_values(self) -> dict[tuple[Row, str, str], dict[int, float]]:
        """Value by seed for each row, task and metric; a seed without a number is left out."""
        values: dict[tuple[Row, str, str], dict[int, float]] = {}
        for cell, column, number in self.numbers():
            by_seed = values.setdefault((cell.row, *column.key), {})
            if number.value is not None:
                by_seed[cell.seed] = number.value
        return values

    @property
    def values(self) -> "pd.DataFrame":
        """One row per objective, student, run, seed, task and metric; raw values."""
        import pandas as pd

        rows = [
            (*cell.row, cell.seed, *column.key, number.value)
            for cell, column, number in self.numbers()
        ]
        names = ["objective", "student", "run", "seed", "task", "metric", "value"]
        frame: pd.DataFrame = pd.DataFrame(rows, columns=names).astype({"value": float})
        return frame

    @cached_property
    def subject(self) -> Fields:
        """What its trained students have in common: data, recipe, code, libraries, machine."""
        return common(cell.student.fields for cell in self.cells if cell.student)


def load(*folders: Path) -> RunFrame:
    """Read a run, or several as one.

    Rows of several runs carry the run's name; cells that two runs share appear once. A number
    stands in a column only where its protocol is that of the first run that has the column.

    Raises:
        UsageError: A folder holds no run, its run.json is not what was written, or a run has no
            number that is comparable with those before it; says in what they differ.
    """
    contents = {folder: Run(folder).read() for folder in dict.fromkeys(folders)}
    names = _names(list(contents))
    columns: dict[Key, Column] = {}
    cells: list[Cell] = []
    asked: dict[Row, int] = {}
    known: set[str] = set()
    reasons: dict[str, None] = {}
    for folder, content in contents.items():
        own: list[Cell] = []
        for record in content.cells:
            if record.name in known:
                continue
            row = Row(record.objective, record.student, names[folder])
            asked[row] = asked.get(row, 0) + 1
            own.append(read_cell(Run(folder), content, record, row))
        known.update(record.name for record in content.cells)
        _add_columns(folder, own, columns, reasons)
        reasons.update(dict.fromkeys(note for cell in own for note in cell.notes))
        cells += own
    profiles = [content.profile for content in contents.values()]
    tasks: dict[str, TaskSpec] = {}
    for profile in reversed(profiles):
        tasks = {**profile.tasks, **{n: t for n, t in tasks.items() if n not in profile.tasks}}
    order = list(tasks)
    return RunFrame(
        sorted(columns.values(), key=lambda column: order.index(column.task)),
        list(asked),
        asked,
        list(dict.fromkeys(stamp for profile in profiles for stamp in _stamps(profile))),
        cells,
        profiles[0],
        tasks,
        list(reasons),
    )


def _add_columns(
    folder: Path, cells: Sequence[Cell], columns: dict[Key, Column], reasons: dict[str, None]
) -> None:
    """Add what the cells of a run measure; say why numbers of theirs fit no column."""
    compared: dict[Key, list[str]] = {}
    for cell in cells:
        for key, number in cell.metrics.items():
            protocol = cell.protocols[key]
            if key not in columns:
                about = number.model_dump(exclude={"value", "draws"})
                columns[key] = Column(*key, **about, protocol=protocol)
            if key not in compared:
                compared[key] = list(differences(columns[key].protocol, protocol))
    apart = {key: lines for key, lines in compared.items() if lines}
    if compared and len(apart) == len(compared):
        lines = list(dict.fromkeys(line for each in apart.values() for line in each))
        rest = len(lines) - _SHOWN_DIFFERENCES
        more = [f"  ... and {rest} more"] if rest > 0 else []
        raise UsageError(
            f"{folder} has no number that may stand beside those of the runs before it; its "
            "measurements differ from theirs in:\n"
            + "\n".join([*(f"  {line}" for line in lines[:_SHOWN_DIFFERENCES]), *more])
        )
    alike: dict[tuple[str, str], list[str]] = {}
    for (task, metric), lines in apart.items():
        alike.setdefault((task, lines[0]), []).append(metric)
    for (task, line), metrics in alike.items():
        measured = f"{task} {', '.join(metrics)} of {folder}"
        reasons[f"{measured} is left out, measured otherwise: {line}"] = None


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """A short name for each of several runs; none for a single one."""
    if len(folders) == 1:
        return {folders[0]: ""}
    short = [folder.resolve().name for folder in folders]
    return {f: str(f) if short.count(n) > 1 else n for f, n in zip(folders, short, strict=True)}


def _stamps(profile: Profile) -> list[str]:
    stamps = []
    if profile.smoke:
        stamps.append("smoke run: a handful of steps and rows, no evidence")
    if profile.dry_models:
        stamps.append("dry models: random toy weights, no evidence")
    return stamps


def is_named(metric: str, names: Iterable[str]) -> bool:
    """Whether a metric, or its name without parameters, is one of these."""
    return bool({metric, metric.partition("(")[0]} & set(names))


class Spread(NamedTuple):
    """Mean over seeds, standard deviation (n - 1; None for one seed), and their number."""

    mean: float
    std: float | None
    seeds: int


def summarise(frame: RunFrame) -> dict[tuple[Row, str, str], Spread]:
    """Every row's number in every column, over the seeds that have one."""
    return {
        key: Spread(
            statistics.fmean(by_seed.values()),
            statistics.stdev(by_seed.values()) if len(by_seed) > 1 else None,
            len(by_seed),
        )
        for key, by_seed in frame.seed_values().items()
        if by_seed
    }


def row_name(row: Row, frame: RunFrame) -> str:
    """A row in words: the student only where there are several, the run likewise."""
    several = len({other.student for other in frame.rows} - {""}) > 1
    parts = (row.objective, row.student if several else "", row.run)
    return ", ".join(part for part in parts if part)


def is_reference(objective: str) -> bool:
    """Whether a row is set apart: the teacher or the untrained student."""
    return objective in (TEACHER, UNTRAINED)


def spec_of(objective: str) -> specs.Spec:
    """A row's objective as a spec; the label of a checkpoint may be none, and is a name then."""
    try:
        return specs.parse(objective)
    except UsageError:
        return specs.Spec(objective)
