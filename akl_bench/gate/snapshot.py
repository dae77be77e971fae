"""What the gate compares: the values of a run by seed, and what they were measured with."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Literal

from akl_bench.artifacts.cells import Cell
from akl_bench.artifacts.cells import Row as RowKey
from akl_bench.artifacts.files import digest, flat
from akl_bench.artifacts.keys import common
from akl_bench.artifacts.records import Fields, Seal
from akl_bench.report.frame import Column as FrameColumn
from akl_bench.report.frame import RunFrame
from akl_bench.strict import Strict

# A row has these for itself, a column those.
_OF_ROW, _OF_COLUMN = ("objective", "seed"), ("signature", "higher_is_better")
# A run that was gone on with after a change has seeds of before and after it.
_VARIES = "not the same for all seeds"
_CODE = 16


class Column(Strict):
    """One metric of one task.

    Attributes:
        task: The task's name.
        metric: The metric's canonical spec.
        direction: Which values are better; None where neither, and then only `exact` compares it.
        n: Items that a value is the mean over.
        scale: Factor from the raw value to the shown one.
        format: %-format of the shown value.
        headline: Whether it is the task's first number.
        shown: Whether a table shows it unasked.
        protocol: The metric's signature, and what else must agree for this metric alone.
        code: Hash of the code that sampled and scored, which may change.
    """

    task: str
    metric: str
    direction: Literal["higher", "lower"] | None
    n: int
    scale: float
    format: str
    headline: bool
    shown: bool
    protocol: Fields
    code: str

    @property
    def key(self) -> tuple[str, str]:
        """Task and metric."""
        return self.task, self.metric

    def matches(self, pattern: str) -> bool:
        """Whether a glob over `task/metric`, or over the metric where it has no slash, fits."""
        names = (self.metric, self.metric.partition("(")[0])
        if "/" in pattern:
            names = (f"{self.task}/{names[0]}", f"{self.task}/{names[1]}")
        return any(fnmatchcase(name, pattern) for name in names)


class Row(Strict):
    """An objective with a student: one value per seed and metric.

    Attributes:
        objective: Canonical spec, or "teacher" or "untrained".
        student: Name of the student; "" for the teacher.
        seeds: Seeds that are finished, ascending; the lists below have their order.
        unfinished: Seeds asked for that lack a student or a number.
        own: What its students depend on besides `Snapshot.subject`, as the code of its divergence.
        weights: Hash of each student's content; None where nothing was trained.
        values: Task -> metric -> raw value of each seed; None where it has none.
    """

    objective: str
    student: str
    seeds: tuple[int, ...]
    unfinished: tuple[int, ...]
    own: Fields
    weights: tuple[str | None, ...]
    values: dict[str, dict[str, tuple[float | None, ...]]]

    @property
    def key(self) -> tuple[str, str]:
        """Objective and student."""
        return self.objective, self.student

    @property
    def name(self) -> str:
        """How it is named to people."""
        return name_of(*self.key)

    def matches(self, pattern: str) -> bool:
        """Whether a glob fits the row's name or its objective."""
        return any(fnmatchcase(name, pattern) for name in (self.name, self.objective))

    def by_seed(self, column: Column) -> dict[int, float | None]:
        """Value of a metric by seed; empty where the row has none."""
        values = self.values.get(column.task, {}).get(column.metric, ())
        return dict(zip(self.seeds, values, strict=False))


class Environment(Strict):
    """A kind of machine that models ran on."""

    device: str
    machine: str
    threads: int

    def __str__(self) -> str:
        return f"device {self.device}, machine {self.machine}, threads {self.threads}"


class Snapshot(Strict):
    """A run as the gate sees it.

    Attributes:
        profile: Name of the profile.
        stamps: Why the numbers are no evidence: "smoke", "dry_models".
        protocols: What must agree for two numbers to be comparable, by task; columns have the rest.
        subject: What all students depend on: data, recipe, training code.
        libraries: Versions of all that made it.
        environments: Kinds of machine that models ran on.
        columns: Every metric.
        rows: Every objective with its student.
    """

    profile: str
    stamps: tuple[str, ...]
    protocols: dict[str, Fields]
    subject: Fields
    libraries: dict[str, str]
    environments: tuple[Environment, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def protocol(self, column: Column) -> Fields:
        """What must agree for a number to be comparable with those of a column of this run."""
        shared = self.protocols.get(column.task, {})
        return {**shared, "direction": column.direction, **column.protocol}


def name_of(objective: str, student: str) -> str:
    """How the gate names a row to people."""
    return "/".join(part for part in (objective, student) if part)


def finished(frame: RunFrame, row: RowKey) -> list[Cell]:
    """The cells of a row that have all that was asked for, by seed."""
    return [cell for cell in frame.of(row) if cell.is_done]


def measure(frame: RunFrame) -> Snapshot:
    """The numbers of a run, and all that they depend on."""
    cells = [cell for row in frame.rows for cell in finished(frame, row)]
    seals = [
        seal
        for cell in cells
        for seal in (cell.student, *cell.completions.values(), *cell.scores.values())
        if seal is not None
    ]
    protocols = {
        task: common(
            {name: value for name, value in column.protocol.items() if name not in _OF_COLUMN}
            for column in frame.columns
            if column.task == task
        )
        for task in dict.fromkeys(column.task for column in frame.columns)
    }
    subject = _of_student(frame.subject)
    return Snapshot(
        profile=frame.profile.name,
        stamps=tuple(name for name in ("smoke", "dry_models") if getattr(frame.profile, name)),
        protocols=protocols,
        subject=subject,
        libraries=_libraries(seals),
        environments=_environments(seals),
        columns=tuple(_column(frame, column, protocols[column.task]) for column in frame.columns),
        rows=tuple(_row(frame, row, subject) for row in frame.rows),
    )


def _of_student(fields: Fields) -> Fields:
    """Fields of students but for which ones they are, and their libraries, which stand alone."""
    return {
        name: value
        for name, value in fields.items()
        if name not in _OF_ROW and not name.startswith("libraries.")
    }


def _libraries(seals: Iterable[Seal]) -> dict[str, str]:
    versions: dict[str, set[str]] = {}
    for seal in seals:
        for name, version in seal.made.libraries.items():
            versions.setdefault(name, set()).add(version)
    return {name: " and ".join(sorted(several)) for name, several in sorted(versions.items())}


def _environments(seals: Iterable[Seal]) -> tuple[Environment, ...]:
    # What torch had no part in, as ROUGE, comes out the same everywhere.
    made = [seal.made for seal in seals if seal.made.threads]
    kinds = {Environment(device=m.device, machine=m.machine, threads=m.threads) for m in made}
    return tuple(sorted(kinds, key=str))


def _column(frame: RunFrame, column: FrameColumn, shared: Fields) -> Column:
    better = column.higher_is_better
    protocol = flat(column.protocol).items()
    seals = next(cell.behind(*column.key) for cell in frame.cells if column.key in cell.metrics)
    return Column(
        task=column.task,
        metric=column.metric,
        direction=None if better is None else "higher" if better else "lower",
        n=column.n,
        scale=column.scale,
        format=column.format,
        headline=column.metric == frame.tasks[column.task].headline,
        shown=column in frame.shown,
        protocol={k: v for k, v in protocol if k not in shared and k != "higher_is_better"},
        code=digest([seal.fields.get("code") for seal in seals])[:_CODE],
    )


def _row(frame: RunFrame, row: RowKey, subject: Fields) -> Row:
    cells = finished(frame, row)
    seeds = [cell.seed for cell in cells]
    fields = [flat(cell.student.fields) for cell in cells if cell.student]
    agreed = common(fields)
    own = _of_student({name: agreed.get(name, _VARIES) for each in fields for name in each})
    values: dict[str, dict[str, tuple[float | None, ...]]] = {}
    for column in frame.columns:
        numbers = [frame.number(cell, column) for cell in cells]
        if any(number is not None for number in numbers):
            by_metric = values.setdefault(column.task, {})
            by_metric[column.metric] = tuple(n.value if n else None for n in numbers)
    return Row(
        objective=row.objective,
        student=row.student,
        seeds=tuple(seeds),
        unfinished=tuple(
            sorted(c.seed for c in frame.cells if c.row == row and c.seed not in seeds)
        ),
        own={name: value for name, value in own.items() if name not in subject},
        weights=tuple(cell.trained.content if cell.trained else None for cell in cells),
        values=values,
    )
