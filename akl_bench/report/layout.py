"""A run as one table, whatever the format: which rows and columns, evidence, and footnotes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from akl_bench.errors import UsageError
from akl_bench.report.certainty import seed_spreads
from akl_bench.report.columns import COST, OF_STUDENT, choose
from akl_bench.report.compare import (
    DEFAULT_BASELINE,
    Comparison,
    RowTests,
    baseline_of,
    compare,
    leaders,
)
from akl_bench.report.frame import Column, Row, RowKey, RunFrame, Spread, is_reference
from akl_bench.report.names import axis_order
from akl_bench.report.notes import notes_on
from akl_bench.report.parts import BETTER, WORSE, Cell, Line, Table
from akl_bench.report.published import ROUGE_L, PublishedRow, beside, footnotes_on


def build(
    frame: RunFrame,
    *,
    columns: Sequence[str] = (),
    every_metric: bool = False,
    cost: bool = False,
    baseline: str | None = None,
    published: bool = False,
    detailed: bool = False,
) -> Table:
    """Lay out a run; objectives are ordered by the first column that has a direction.

    Args:
        frame: The run or runs.
        columns: Names of the columns to show, as in `columns.choose`; none: those of the profile.
        every_metric: All columns that there are.
        cost: Also what training cost.
        baseline: What the rows are compared with, as the user names it; None is sft where the run
            has it.
        published: Add the published numbers that share a task.
        detailed: Give each comparison its intervals and power, which takes seconds.

    Raises:
        UsageError: The baseline is none of the run's objectives, or a column none of its columns.
    """
    chosen = _columns(frame, columns, every_metric=every_metric, cost=cost)
    against = _baseline(frame, baseline)
    tests = RowTests.of(frame, chosen, against)
    comparisons: dict[RowKey, Comparison] = {}
    if against is not None:
        comparisons = compare(frame, chosen, against, tests, detailed=detailed)
    parts = seed_spreads(frame, chosen)
    summary = frame.summary()
    grid: dict[Row, list[Cell]] = {row: [] for row in frame.rows}
    for column in chosen:
        settings = of_students(frame, column)
        spreads = {row: s for row in frame.rows if (s := summary.get((row, *column.key)))}
        best = {row for rivals in _rivals(frame.rows) for row in leaders(rivals, column, tests)}
        for row, cells in grid.items():
            cells.append(settings.get(row, Cell()))
            if row in spreads:
                mean, std, seeds = spreads[row]
                odd = seeds if seeds != len(frame.finished(row)) else None
                made = comparisons.get((row, *column.key))
                mark = (BETTER if made.better else WORSE) if made and made.significant else ""
                cells[-1] = Cell(mean, std, odd, row in best, mark)
    rows = [
        Line(
            row,
            "reference" if is_reference(row.objective) else "objective",
            f"{len(frame.finished(row))}/{frame.seeds[row]}",
            grid[row],
        )
        for row in _ordered(chosen, grid)
    ]
    outside = beside(frame.profile) if published else []
    is_asked = every_metric or bool(columns)
    notes = notes_on(frame, chosen, against, comparisons, parts, is_asked=is_asked)
    return Table(
        chosen,
        rows + [_published_line(row, chosen) for row in outside],
        [*notes, *(footnotes_on(outside) if published else ()), *frame.stamps],
        against,
        comparisons,
        parts,
        outside,
        frame.names,
        0 if is_asked else len(frame.every) - len(chosen),
    )


def _columns(
    frame: RunFrame, names: Sequence[str], *, every_metric: bool, cost: bool
) -> list[Column]:
    """The columns of a table."""
    if every_metric:
        return frame.every
    chosen = choose(frame.every, names) if names else frame.shown
    costs = [column for column in frame.of_students if cost and column in COST]
    return [*dict.fromkeys([*chosen, *costs])]


def _rivals(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows by what they may be the best of: a student at a point of the sweep."""
    return [
        [row for row in rows if (row.student, row.axes) == place]
        for place in dict.fromkeys((row.student, row.axes) for row in rows)
    ]


def _baseline(frame: RunFrame, wanted: str | None) -> str | None:
    try:
        return baseline_of(frame, DEFAULT_BASELINE if wanted is None else wanted)
    except UsageError:
        if wanted is not None:
            raise
        return None


def _ordered(columns: Sequence[Column], grid: Mapping[Row, list[Cell]]) -> list[Row]:
    """References in their own order, the teacher first; then objectives, the best first."""
    directed = [(i, c.higher_is_better) for i, c in enumerate(columns)]
    lead, is_up = next(((i, up) for i, up in directed if up is not None), (None, None))

    def order(row: Row) -> tuple[Any, ...]:
        if is_reference(row.objective):
            return (False,)
        mean = None if lead is None else grid[row][lead].mean
        quality = math.inf if mean is None else -mean if is_up else mean
        return True, row.student, axis_order(row), quality

    return sorted(grid, key=order)


def of_students(frame: RunFrame, column: Column) -> dict[Row, Cell]:
    """What the students' seals say in a column: mean and spread of a cost, range of a setting."""
    if (read := OF_STUDENT.get(column)) is None:
        return {}
    cells = {}
    for row in frame.rows:
        said = (read(cell.student) for cell in frame.of(row) if cell.student)
        if values := [value for value in said if value is not None]:
            low, high = min(values), max(values)
            is_cost = column in COST
            setting = Cell(low, up_to=high if high > low else None)
            cells[row] = Cell(*Spread.of(values)[:2]) if is_cost else setting
    return cells


def _published_line(published: PublishedRow, columns: Sequence[Column]) -> Line:
    cells = []
    for column in columns:
        printed = published.values.get(column.task, ()) if column.metric == ROUGE_L else ()
        # Published numbers are as printed, ours are raw.
        scaled: Any = [None if value is None else value / column.scale for value in printed]
        cells.append(Cell(*scaled))
    label = f"{published.name} [{published.title}]"
    mark = " (not comparable)" if published.differences else ""
    return Line(Row(label + mark, ""), "published", "", cells)
