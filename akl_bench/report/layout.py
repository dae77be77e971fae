"""A run as one table, whatever the format: rows, evidence in the cells, and the footnotes."""

import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from akl_bench.artifacts.records import Made
from akl_bench.errors import UsageError
from akl_bench.report.compare import Comparison, Key, baseline_of, compare
from akl_bench.report.footnotes import (
    BETTER,
    DEFAULT_BASELINE,
    WORSE,
    footnotes,
    published_footnotes,
)
from akl_bench.report.frame import Column, Row, RunFrame, is_reference, summarise
from akl_bench.report.published import ROUGE_L, PublishedRow, beside

BEST, SECOND = "best", "second"
_SECONDS = Column("cost", "train s", False, 1.0, "%.1f", "wall clock of training, one process")
_MEMORY = Column("cost", "peak MiB", False, 1.0, "%.0f", "largest resident memory of the process")
COST: dict[Column, Callable[[Made], float]] = {
    _SECONDS: lambda made: made.seconds,
    _MEMORY: lambda made: made.peak_memory_mib,
}


@dataclass(frozen=True)
class Cell:
    """A value of the table: mean and standard deviation over seeds; raw values.

    Attributes:
        mean: None where nothing was measured.
        std: None for one seed.
        seeds: Number of seeds that have a value, where it is not that of the row.
        rank: "best", "second" or "".
        mark: A dagger where the difference from the baseline is significant.
    """

    mean: float | None = None
    std: float | None = None
    seeds: int | None = None
    rank: str = ""
    mark: str = ""

    def number(self, column: Column, plus_minus: str = "±") -> str:
        """The value as shown, without its marks."""
        if self.mean is None:
            return "-"
        text = shown(column, self.mean)
        if self.std is not None:
            text += f" {plus_minus} {shown(column, self.std)}"
        return text if self.seeds is None else f"{text} (seeds: {self.seeds})"


def shown(column: Column, value: float) -> str:
    """A raw value in the column's unit and format."""
    text = column.format % (column.scale * value)
    return text if re.search("[1-9]", text) else text.removeprefix("-")


@dataclass(frozen=True)
class Line:
    """A row of the table.

    Attributes:
        row: What it is about.
        group: "reference", "objective" or "published".
        seeds: As "2/3": seeds that are finished of those asked for.
        cells: One per column.
    """

    row: Row
    group: str
    seeds: str
    cells: list[Cell]


@dataclass(frozen=True)
class Table:
    """Rows in the order of the page: references first, then objectives, the best first.

    Attributes:
        columns: The columns of numbers; those of cost come last.
        rows: The lines.
        notes: Footnotes, the tests among them.
        baseline: The objective that differences are taken from; None where there is none.
        comparisons: Every comparison behind the daggers.
        published: The published rows at its end.
    """

    columns: list[Column]
    rows: list[Line]
    notes: list[str]
    baseline: str | None
    comparisons: Mapping[Key, Comparison]
    published: list[PublishedRow]

    @property
    def heads(self) -> list[str]:
        """Heads of the columns before the numbers."""
        heads = ["objective"]
        heads += ["student"] if len({r.row.student for r in self.rows} - {""}) > 1 else []
        heads += ["run"] if any(r.row.run for r in self.rows) else []
        return [*heads, "seeds"]

    def lead(self, line: Line) -> list[str]:
        """What stands under `heads` in a line."""
        values = {**line.row._asdict(), "seeds": line.seeds}
        return [values[head] for head in self.heads]


def build(
    frame: RunFrame,
    *,
    every_metric: bool = False,
    baseline: str | None = None,
    pooled: bool = False,
    published: bool = False,
    detailed: bool = False,
) -> Table:
    """Lay out a run; objectives are ordered by the first column that has a direction.

    Args:
        frame: The run or runs.
        every_metric: Every metric instead of the headlines.
        baseline: What the rows are compared with, as the user names it; None is sft where the run
            has it.
        pooled: Test with one spread for all objectives.
        published: Add the published numbers that share a task.
        detailed: Give each comparison its intervals and power, which takes seconds.

    Raises:
        UsageError: The baseline is none of the run's objectives.
    """
    columns = frame.columns if every_metric else frame.shown
    grid = _grid(frame, columns)
    contest = [row for row in frame.rows if not is_reference(row.objective)]
    for index, column in enumerate(columns):
        for row, rank in _ranks(grid, contest, index, column):
            grid[row][index] = replace(grid[row][index], rank=rank)
    against = _baseline(frame, baseline)
    comparisons: dict[Key, Comparison] = {}
    if against is not None:
        comparisons = compare(frame, columns, against, pooled=pooled, detailed=detailed)
    for (row, *key), comparison in comparisons.items():
        if comparison.significant:
            index = next(i for i, column in enumerate(columns) if column.key == tuple(key))
            mark = BETTER if comparison.better else WORSE
            grid[row][index] = replace(grid[row][index], mark=mark)
    cost = _cost(frame)
    rows = [
        Line(
            row,
            "reference" if is_reference(row.objective) else "objective",
            f"{frame.done(row)}/{frame.seeds[row]}",
            [*grid[row], *(cells.get(row, Cell()) for cells in cost.values())],
        )
        for row in _ordered(frame.rows, columns, grid)
    ]
    outside = beside(frame.profile) if published else []
    notes = footnotes(frame, against, comparisons)
    if published:
        notes += published_footnotes(outside)
    return Table(
        [*columns, *cost],
        rows + [_published_line(row, [*columns, *cost]) for row in outside],
        notes + frame.stamps,
        against,
        comparisons,
        outside,
    )


def _grid(frame: RunFrame, columns: Sequence[Column]) -> dict[Row, list[Cell]]:
    summary = summarise(frame)

    def cell(row: Row, column: Column) -> Cell:
        spread = summary.get((row, *column.key))
        if spread is None:
            return Cell()
        mean, std, seeds = spread
        return Cell(mean, std, seeds if seeds != frame.done(row) else None)

    return {row: [cell(row, column) for column in columns] for row in frame.rows}


def _ordered(
    rows: Sequence[Row], columns: Sequence[Column], grid: Mapping[Row, list[Cell]]
) -> list[Row]:
    lead = next((i for i, c in enumerate(columns) if c.higher_is_better is not None), None)

    def order(row: Row) -> tuple[bool, str, float]:
        mean = grid[row][lead].mean if lead is not None else None
        if is_reference(row.objective) or mean is None or lead is None:
            return (not is_reference(row.objective), row.student, math.inf)
        return (True, row.student, -mean if columns[lead].higher_is_better else mean)

    # References keep their own order: the teacher first.
    references = [row for row in rows if is_reference(row.objective)]
    return [*references, *sorted((r for r in rows if r not in references), key=order)]


def _ranks(
    grid: Mapping[Row, list[Cell]], rows: Sequence[Row], index: int, column: Column
) -> list[tuple[Row, str]]:
    """Best and second of a column as shown; equal ones share their place, all equal have none."""
    if column.higher_is_better is None or len(rows) < 2:
        return []
    means = {row: mean for row in rows if (mean := grid[row][index].mean) is not None}
    texts = {
        row: shown(column, mean)
        for row, mean in sorted(
            means.items(), key=lambda item: item[1], reverse=column.higher_is_better
        )
    }
    places = list(dict.fromkeys(texts.values()))[:2]
    if len(places) < 2:
        return []
    return [
        (row, BEST if text == places[0] else SECOND)
        for row, text in texts.items()
        if text in places
    ]


def _cost(frame: RunFrame) -> dict[Column, dict[Row, Cell]]:
    """What training cost; no columns where nothing was trained."""
    costs: dict[Column, dict[Row, Cell]] = {}
    for column, read in COST.items():
        for row in frame.rows:
            values = [read(cell.student.made) for cell in frame.of(row) if cell.student]
            if values:
                spread = statistics.stdev(values) if len(values) > 1 else None
                costs.setdefault(column, {})[row] = Cell(statistics.fmean(values), spread)
    return costs


def _baseline(frame: RunFrame, wanted: str | None) -> str | None:
    if wanted is not None:
        return baseline_of(frame, wanted)
    try:
        return baseline_of(frame, DEFAULT_BASELINE)
    except UsageError:
        return None


def _published_line(published: PublishedRow, columns: Sequence[Column]) -> Line:
    cells = []
    for column in columns:
        mean, spread = published.values.get(column.task, (None, None))
        if column.metric != ROUGE_L or mean is None:
            cells.append(Cell())
            continue
        # Published numbers are as printed, ours are raw.
        cells.append(Cell(mean / column.scale, None if spread is None else spread / column.scale))
    label = f"{published.name} [{published.title}]"
    mark = " (not comparable)" if published.differences else ""
    return Line(Row(label + mark, ""), "published", "", cells)
