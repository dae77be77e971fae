"""What the gate compares: the values of a run by seed, and what they were measured with."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from akl_bench.artifacts.cells import Cell
from akl_bench.artifacts.cells import Row as FrameRow
from akl_bench.artifacts.files import flat
from akl_bench.artifacts.keys import common
from akl_bench.artifacts.records import Fields, Made
from akl_bench.report.frame import Column, RunFrame
from akl_bench.strict import Strict

# A row has these for itself, a column those.
_OF_ROW, _OF_COLUMN = ("objective", "seed"), ("signature", "higher_is_better")
# A run that was gone on with after a change has seeds of before and after it.
_VARIES = "not the same for all seeds"
# row name -> task -> metric -> item -> mean over seeds
Items = dict[str, dict[str, dict[str, dict[str, float]]]]
# The weights of an objective's students, compared as if they were a metric.
WEIGHTS = Column("training", "weights", None, 1.0, "%s", "", 1, headline=True, shown=True)


class Row(Strict):
    """An objective with a student, at a point of a sweep: one value per seed and metric.

    Attributes:
        objective: Canonical spec, or "teacher" or "untrained".
        student: Name of the student; "" for the teacher.
        axes: What a sweep sets for it: key of the profile and value, as text.
        seeds: Seeds that are finished, ascending; the lists below have their order.
        unfinished: Seeds asked for that lack a student or a number.
        own: What its students depend on besides `Snapshot.subject`, as the code of its divergence.
        weights: Hash of each student's content; None where nothing was trained.
        values: Task -> metric -> raw value of each seed; None where it has none.
    """

    objective: str
    student: str
    axes: tuple[tuple[str, str], ...] = ()
    seeds: tuple[int, ...]
    unfinished: tuple[int, ...]
    own: Fields
    weights: tuple[str | None, ...]
    values: dict[str, dict[str, tuple[float | None, ...]]]

    @property
    def name(self) -> str:
        """How it is named to people."""
        return name_of(self)

    def matches(self, pattern: str) -> bool:
        """Whether a glob fits the row's name or its objective."""
        return any(fnmatchcase(name, pattern) for name in (self.name, self.objective))

    def by_seed(self, column: Column) -> dict[int, float | None]:
        """Value of a metric by seed, None where it is undefined; empty where the row has none."""
        values = self.values.get(column.task, {}).get(column.metric, ())
        return dict(zip(self.seeds, values, strict=False))

    def numbers(self, column: Column) -> dict[int, float]:
        """The values that are defined."""
        return {seed: value for seed, value in self.by_seed(column).items() if value is not None}


class Environment(Strict):
    """A kind of machine that models ran on."""

    device: str
    machine: str
    threads: int

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self)


class Snapshot(Strict):
    """A run as the gate sees it.

    Attributes:
        stamps: Why the numbers are no evidence: "smoke", "dry_models".
        protocols: What must agree for two numbers to be comparable, by task; columns have the rest.
        subject: What all students depend on: data, recipe, training code.
        libraries: Versions of all that made it.
        environments: Kinds of machine that models ran on.
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
        of_column = {name: getattr(column, name) for name in _OF_COLUMN}
        return {**self.protocols.get(column.task, {}), **column.protocol, **of_column}


def name_of(row: Row | FrameRow) -> str:
    """How the gate names a row to people."""
    axes = (f"{key}={value}" for key, value in row.axes)
    return "/".join(part for part in (row.objective, row.student, *axes) if part)


def measure(frame: RunFrame) -> Snapshot:
    """The numbers of a run, and all that they depend on."""
    cells = [cell for row in frame.rows for cell in frame.finished(row)]
    made = [seal.made for cell in cells for _, seal in cell.artifacts]
    columns = [replace(c, protocol=_without(flat(c.protocol), _OF_COLUMN)) for c in frame.columns]
    protocols = {
        task: common(column.protocol for column in columns if column.task == task)
        for task in dict.fromkeys(column.task for column in columns)
    }
    subject = _of_student(frame.subject)
    return Snapshot(
        profile=frame.profile.name,
        stamps=tuple(name for name in ("smoke", "dry_models") if getattr(frame.profile, name)),
        protocols=protocols,
        subject=subject,
        libraries=_libraries(made),
        environments=_environments(made),
        columns=tuple(
            replace(c, protocol=_without(c.protocol, protocols[c.task])) for c in columns
        ),
        rows=tuple(_row(frame, row, subject) for row in frame.rows),
    )


def _without(fields: Fields, names: Iterable[str]) -> Fields:
    return {name: value for name, value in fields.items() if name not in {*names}}


def _of_student(fields: Fields) -> Fields:
    """Fields of students but for which ones they are, and their libraries, which stand alone."""
    libraries = [name for name in fields if name.startswith("libraries.")]
    return _without(fields, [*_OF_ROW, *libraries])


def _libraries(made: Iterable[Made]) -> dict[str, str]:
    versions: dict[str, set[str]] = {}
    for name, version in (item for one in made for item in one.libraries.items()):
        versions.setdefault(name, set()).add(version)
    return {name: " and ".join(sorted(several)) for name, several in sorted(versions.items())}


def _environments(made: Iterable[Made]) -> tuple[Environment, ...]:
    # What torch had no part in, as ROUGE, comes out the same everywhere.
    kinds = {Environment.model_validate(m, from_attributes=True) for m in made if m.threads}
    return tuple(sorted(kinds, key=str))


def _row(frame: RunFrame, row: FrameRow, subject: Fields) -> Row:
    cells = frame.finished(row)
    seeds = tuple(cell.seed for cell in cells)
    fields = [flat(cell.student.fields) for cell in cells if cell.student]
    own = {name: _VARIES for each in fields for name in each} | common(fields)
    values: dict[str, dict[str, tuple[float | None, ...]]] = {}
    for column in frame.columns:
        numbers = [frame.number(cell, column) for cell in cells]
        if any(number is not None for number in numbers):
            by_metric = values.setdefault(column.task, {})
            by_metric[column.metric] = tuple(n.value if n else None for n in numbers)
    return Row(
        objective=row.objective,
        student=row.student,
        axes=row.axes,
        seeds=seeds,
        unfinished=tuple(
            sorted(c.seed for c in frame.cells if c.row == row and c.seed not in seeds)
        ),
        own=_without(_of_student(own), subject),
        weights=tuple(cell.trained.content if cell.trained else None for cell in cells),
        values=values,
    )


def items(frame: RunFrame) -> Items:
    """Values of all items that have a direction, for `--explain`.

    Raises:
        UsageError: A cell's scores are not what was sealed.
    """
    items: Items = {}
    for row in frame.rows:
        cells = frame.finished(row)
        for column in frame.columns:
            by_id = items_of(cells, column) if column.higher_is_better is not None else {}
            if by_id:
                by_task = items.setdefault(name_of(row), {})
                by_task.setdefault(column.task, {})[column.metric] = by_id
    return items


def items_of(cells: Sequence[Cell], column: Column) -> dict[str, float]:
    """As `items`, of one metric of a row's cells."""
    values: dict[str, list[float]] = {}
    for example in (line for cell in cells for line in cell.examples(*column.key)):
        if example["value"] is not None:
            values.setdefault(example["id"], []).append(example["value"])
    return {id_: statistics.fmean(several) for id_, several in sorted(values.items())}
