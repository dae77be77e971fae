"""The one reader of runs: their seals as cells with numbers, and their summary over seeds."""

import statistics
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from akl_bench.artifacts.cells import Cell, Key, read_cell
from akl_bench.artifacts.cells import Row as Row
from akl_bench.artifacts.files import digest
from akl_bench.artifacts.keys import common, differences
from akl_bench.artifacts.records import Fields, Metric, Tuned, point_of
from akl_bench.artifacts.store import Run
from akl_bench.config import Profile
from akl_bench.data.overlap import note
from akl_bench.errors import UsageError
from akl_bench.report.columns import LR, OF_STUDENT, mean_accuracy, mean_of, named
from akl_bench.report.columns import Column as Column
from akl_bench.report.columns import is_named as is_named
from akl_bench.report.names import axis_names, short_names
from akl_bench.report.names import is_reference as is_reference
from akl_bench.report.names import spec_of as spec_of
from akl_bench.tasks import TaskSpec

_SHOWN_DIFFERENCES = 20
_FEW = 7  # columns of a table whose profile names none
_STAMPS = {
    "smoke": "smoke run: a handful of steps and rows, no evidence",
    "dry_models": "dry models: random toy weights, no evidence",
}
_CODE = 16  # hexadecimal digits
_PERCENT = 100  # scale of a share
RowKey = tuple[Row, str, str]  # row, task, metric


class Spread(NamedTuple):
    """Mean over seeds, standard deviation (n - 1; None for one seed), and their number."""

    mean: float
    std: float | None
    seeds: int

    @classmethod
    def of(cls, values: Collection[float]) -> "Spread":
        """That of one value per seed; there is one at least."""
        std = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), std, len(values))


@dataclass(frozen=True)
class RunFrame:
    """What a run, or several whose numbers are comparable, have measured.

    Attributes:
        columns: All columns, in the profile's order.
        cells: All cells asked for, finished or not.
        stamps: Why the numbers are no evidence, where they are none.
        profile: The profile of the (first) run.
        tasks: The tasks of all runs by name.
        left_out: Why numbers are not there or stand in no column, a line for each reason.
        overlap: What validation and tasks share with training, a line for each run that has any.
        tuned: How the learning rates of rows were chosen, where they were.
    """

    columns: list[Column]
    cells: list[Cell]
    stamps: list[str]
    profile: Profile
    tasks: dict[str, TaskSpec]
    left_out: list[str]
    overlap: list[str]
    tuned: Mapping[Row, Tuned]

    @cached_property
    def seeds(self) -> dict[Row, int]:
        """Number of seeds asked for, by row."""
        return Counter(cell.row for cell in self.cells)

    @property
    def rows(self) -> list[Row]:
        """Every row asked for, finished or not."""
        return list(self.seeds)

    @cached_property
    def names(self) -> dict[str, str]:
        """Objectives as people read them, by their specs."""
        return short_names(row.objective for row in self.rows)

    @cached_property
    def axes(self) -> dict[str, str]:
        """The axes of a sweep as people read them, by their keys."""
        return axis_names(self.rows)

    @cached_property
    def _accuracies(self) -> list[Column]:
        """The headlines of the lm-eval tasks that are shares of right answers."""
        return [
            column
            for column in self.columns
            if self.tasks[column.task].kind == "harness" and column.headline
            if column.higher_is_better and column.scale == _PERCENT
        ]

    @cached_property
    def accuracy(self) -> Column | None:
        """The mean over the lm-eval tasks' accuracies; None where there are none."""
        return mean_accuracy(self._accuracies) if self._accuracies else None

    @property
    def measured(self) -> list[Column]:
        """All columns of measured numbers and of their means."""
        return [*self.columns, *([self.accuracy] if self.accuracy else [])]

    @cached_property
    def of_students(self) -> list[Column]:
        """Columns of what the students' seals say."""
        seals = [cell.student for cell in self.cells if cell.student]
        return [c for c, read in OF_STUDENT.items() if any(read(s) is not None for s in seals)]

    @cached_property
    def every(self) -> list[Column]:
        """All columns that a table can have."""
        return [*self.measured, *self.of_students]

    @cached_property
    def shown(self) -> list[Column]:
        """The columns that a table shows unasked: those of the profile, or the headlines."""
        chosen = dict.fromkeys(c for name in self.profile.table for c in named(self.every, name))
        if any(column in self.measured for column in chosen):
            return [*chosen]
        last = [column for column in self.every if column in (self.accuracy, LR)]
        first = [c for c in self.columns if c.headline and c not in self._accuracies]
        return first[: _FEW - len(last)] + last

    def headline(self, task: str) -> Column | None:
        """A task's first number; None where the run has none."""
        return next((c for c in self.columns if c.task == task and c.headline), None)

    @property
    def stale(self) -> int:
        """Cells that have numbers out of date, which are left out."""
        return sum(cell.stale > 0 for cell in self.cells)

    def of(self, row: Row) -> list[Cell]:
        """The cells of a row that have numbers, by seed."""
        own = (cell for cell in self.cells if cell.row == row and cell.metrics)
        return sorted(own, key=lambda cell: cell.seed)

    def finished(self, row: Row) -> list[Cell]:
        """The cells of a row that have all that was asked for, by seed."""
        return [cell for cell in self.of(row) if cell.is_done]

    def number(self, cell: Cell, column: Column) -> Metric | None:
        """A cell's number in a column; None where it has none that may stand there."""
        if self.accuracy and column.key == self.accuracy.key:
            return mean_of(column, [self.number(cell, each) for each in self._accuracies])
        agrees = cell.protocols.get(column.key) == column.protocol
        return cell.metrics.get(column.key) if agrees else None

    def numbers(self) -> Iterator[tuple[Cell, Column, Metric]]:
        """Every number that stands in a column."""
        for cell in self.cells:
            for column in self.measured:
                if (number := self.number(cell, column)) is not None:
                    yield cell, column, number

    def seed_values(self) -> dict[RowKey, dict[int, float]]:
        """Value by seed for each row, task and metric; a seed without a number is left out."""
        values: dict[RowKey, dict[int, float]] = {}
        for cell, column, number in self.numbers():
            by_seed = values.setdefault((cell.row, *column.key), {})
            if number.value is not None:
                by_seed[cell.seed] = number.value
        return values

    def summary(self) -> "dict[RowKey, Spread]":
        """Every row's number in every column, over the seeds that have one."""
        values = self.seed_values()
        return {key: Spread.of(by_seed.values()) for key, by_seed in values.items() if by_seed}

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
    tasks: dict[str, TaskSpec] = {}
    stamps: dict[str, None] = {}
    columns: dict[Key, Column] = {}
    cells: list[Cell] = []
    left_out: list[str] = []
    overlap: list[str] = []
    tuned: dict[Row, Tuned] = {}
    for folder, content in contents.items():
        run = Run(folder)
        tasks |= {name: task for name, task in content.profile.tasks.items() if name not in tasks}
        stamps |= {text: None for name, text in _STAMPS.items() if getattr(content.profile, name)}
        own = []
        for record in content.cells:
            row = Row(record.objective, record.student, names[folder], point_of(record.axes))
            cell = read_cell(run, content, record, row)
            twin = next((other for other in cells if other.record.name == record.name), None)
            if twin is None or len(twin.scores) < len(cell.scores):
                cells = [other for other in cells if other is not twin]
                own.append(cell)
            elif lost := sorted({task for task, _ in cell.scores.keys() - twin.scores.keys()}):
                left_out.append(
                    f"{', '.join(lost)} of {folder} is left out for {record.label}: the same cell "
                    "of an earlier run has more numbers."
                )
        for each in content.tuned:
            place = Row(each.objective, each.student, names[folder], point_of(each.axes))
            tuned[place] = each
        overlap += note(content.overlap, names[folder])
        left_out += _add_columns(folder, own, columns, tasks)
        left_out += dict.fromkeys(note for cell in own for note in cell.notes)
        cells += own
    order = list(tasks)
    return RunFrame(
        sorted(columns.values(), key=lambda column: order.index(column.task)),
        cells,
        list(stamps),
        next(iter(contents.values())).profile,
        tasks,
        left_out,
        overlap,
        {cell.row: tuned[cell.row] for cell in cells if cell.row in tuned},
    )


def _add_columns(
    folder: Path, cells: Sequence[Cell], columns: dict[Key, Column], tasks: Mapping[str, TaskSpec]
) -> list[str]:
    """Add what the cells of a run measure; return why numbers of theirs fit no column."""
    compared: dict[Key, list[str]] = {}
    for cell in cells:
        for key, protocol in cell.protocols.items():
            if key not in columns:
                columns[key] = _column(cell, key, tasks[key[0]])
            if key not in compared:
                compared[key] = list(differences(columns[key].protocol, protocol))
    apart = {key: lines for key, lines in compared.items() if lines}
    if compared and len(apart) == len(compared):
        lines = list(dict.fromkeys(f"  {line}" for each in apart.values() for line in each))
        if len(lines) > _SHOWN_DIFFERENCES:
            rest = len(lines) - _SHOWN_DIFFERENCES
            lines[_SHOWN_DIFFERENCES:] = [f"  ... and {rest} more"]
        raise UsageError(
            f"{folder} has no number that is comparable with those of the runs before it; what "
            "they were measured with differs in:\n" + "\n".join(lines)
        )
    alike: dict[tuple[str, str], list[str]] = {}
    for (task, metric), lines in apart.items():
        alike.setdefault((task, lines[0]), []).append(metric)
    return [
        f"{task} {', '.join(metrics)} of {folder} is left out because it was measured differently: "
        f"{line}"
        for (task, line), metrics in alike.items()
    ]


def _column(cell: Cell, key: Key, task: TaskSpec) -> Column:
    """The column of a number that is the first of its kind."""
    metric = key[1]
    return Column(
        *key,
        **cell.metrics[key].model_dump(exclude={"value", "draws"}),
        headline=is_named(metric, (task.headline,)),
        shown=is_named(metric, task.shown),
        protocol=cell.protocols[key],
        code=digest([seal.fields.get("code") for seal in cell.behind(*key)])[:_CODE],
    )


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """A short name for each of several runs; none for a single one."""
    if len(folders) == 1:
        return {folders[0]: ""}
    short = [folder.resolve().name for folder in folders]
    return {f: str(f) if short.count(n) > 1 else n for f, n in zip(folders, short, strict=True)}


def row_name(row: Row, frame: RunFrame) -> str:
    """A row in words: short, with its point of a sweep; student and run where there are several."""
    several = len({other.student for other in frame.rows} - {""}) > 1
    axes = [f"{frame.axes[key]}={value}" for key, value in row.axes]
    name = frame.names.get(row.objective, row.objective)
    parts = (name, row.student if several else "", row.run, *axes)
    return ", ".join(part for part in parts if part)
