"""What a table is made of: cells, lines, and columns in groups."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from akl_bench.report.columns import Column
from akl_bench.report.compare import Comparison
from akl_bench.report.frame import Row, RowKey
from akl_bench.report.names import axis_names
from akl_bench.report.published import PublishedRow
from akl_bench.statistics import SeedSpread

BETTER, WORSE = "†", "‡"
_LEADERS = (
    "not told apart from the best of the column{among} by the same test, Holm's correction over "
    "its objectives; none where no two are told apart"
)


@dataclass(frozen=True)
class Cell:
    """A value of the table: mean and standard deviation over seeds; raw values.

    Attributes:
        mean: None where nothing was measured.
        std: None for one seed.
        seeds: Number of seeds that have a value, where it is not that of the row.
        best: Whether it is not told apart from the best of its column.
        mark: A dagger where the difference from the baseline is significant.
        up_to: The largest over seeds, of a setting that differs; `mean` is the smallest then.
    """

    mean: float | None = None
    std: float | None = None
    seeds: int | None = None
    best: bool = False
    mark: str = ""
    up_to: float | None = None

    def number(self, column: Column, plus_minus: str = "±") -> str:
        """The value as shown, without its marks."""
        if self.mean is None:
            return "-"
        text = shown(column, self.mean)
        if self.std is not None:
            text += f"{plus_minus}{shown(column, self.std)}"
        if self.up_to is not None:
            text += f" to {shown(column, self.up_to)}"
        return text if self.seeds is None else f"{text} (seeds: {self.seeds})"


def shown(column: Column, value: float) -> str:
    """A raw value in the column's unit and format."""
    text = column.format % (column.scale * value)
    # 2e-3, not 2.00e-03.
    text = re.sub(r"\.?0*e\+?(-?)0*(\d+)", r"e\1\2", text)
    return text if re.search("[1-9]", text) else text.removeprefix("-")


@dataclass(frozen=True)
class Line:
    """A row of the table.

    Attributes:
        group: "reference", "objective" or "published".
        seeds: As "2/3": seeds that are finished of those asked for.
    """

    row: Row
    group: str
    seeds: str
    cells: list[Cell]


class Group(NamedTuple):
    """Neighbouring columns of one task; n is 0 where their numbers of examples differ."""

    task: str
    columns: int
    n: int


@dataclass(frozen=True)
class Table:
    """Rows in the order of the page: references first, then objectives, the best first.

    Attributes:
        columns: The columns of numbers.
        notes: Footnotes, the tests among them.
        baseline: The objective that differences are taken from; None where there is none.
        comparisons: Every comparison behind the daggers.
        spreads: The parts of the variance over seeds, where the samples have values.
        published: The published rows at its end.
        names: Objectives as people read them, by their specs.
        hidden: Number of columns that it could have besides, where the user chose none.
    """

    columns: list[Column]
    rows: list[Line]
    notes: list[str]
    baseline: str | None
    comparisons: Mapping[RowKey, Comparison]
    spreads: Mapping[RowKey, SeedSpread]
    published: list[PublishedRow]
    names: Mapping[str, str]
    hidden: int

    @cached_property
    def heads(self) -> list[str]:
        """Heads of the columns before the numbers."""
        heads = ["objective"]
        heads += ["student"] if len({r.row.student for r in self.rows} - {""}) > 1 else []
        heads += ["run"] if any(r.row.run for r in self.rows) else []
        heads += self._axes.values()
        return heads if self._seeds_of_all else [*heads, "seeds"]

    @cached_property
    def _axes(self) -> dict[str, str]:
        return axis_names(
            (line.row for line in self.rows), ("objective", "student", "run", "seeds")
        )

    @cached_property
    def _seeds_of_all(self) -> int | None:
        """The number of seeds where every row has finished that many."""
        done, asked = zip(*(line.seeds.split("/") for line in self.rows if line.seeds), strict=True)
        return int(done[0]) if len({*done, *asked}) == 1 else None

    def lead(self, line: Line) -> list[str]:
        """What stands under `heads` in a line."""
        axes = {self._axes[key]: text for key, text in line.row.axes}
        values = {**line.row._asdict(), "seeds": line.seeds, **axes}
        values["objective"] = self.names.get(line.row.objective, line.row.objective)
        return [values.get(head, "") for head in self.heads]

    @property
    def groups(self) -> list[tuple[str, list[Line]]]:
        """Lines by group: references, objectives, published ones."""
        return [(group, [*lines]) for group, lines in groupby(self.rows, lambda line: line.group)]

    @property
    def tasks(self) -> list[Group]:
        """Neighbouring columns by task."""
        return [
            Group(task, len(columns), columns[0].n if len({c.n for c in columns}) == 1 else 0)
            for task, columns in (
                (task, [*of_task]) for task, of_task in groupby(self.columns, lambda c: c.task)
            )
        ]

    def size(self, column: Column) -> int:
        """The number of examples to be named at a column; 0 where that of its task is named."""
        n_of = {group.task: group.n for group in self.tasks}
        return column.n if n_of[column.task] != column.n else 0

    def footnotes(self, mark: str = "bold") -> list[str]:
        """The notes, with how many seeds there are and what marks the best."""
        n = self._seeds_of_all
        seeds = f"{n} each" if n else "whose number is in the column seeds"
        notes = [f"{self.notes[0]}, {seeds}"]
        if any(cell.best for line in self.rows for cell in line.cells):
            same = [*(["student"] if "student" in self.heads else []), *self._axes.values()]
            among = f" with the same {' and '.join(same)}" if same else ""
            notes.append(f"{mark}: {_LEADERS.format(among=among)}")
        return notes + self.notes[1:]
