"""A run as one table, whatever the format: which rows and columns, evidence, and footnotes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from akl_bench.errors import UsageError
from akl_bench.report.columns import COST, OF_STUDENT, choose
from akl_bench.report.compare import ALPHA, TESTS, Comparison, baseline_of, compare
from akl_bench.report.frame import Column, Row, RowKey, RunFrame, Spread, is_reference
from akl_bench.report.names import axis_order
from akl_bench.report.notes import about, tuning
from akl_bench.report.parts import BEST, BETTER, SECOND, WORSE, Cell, Line, Table, shown
from akl_bench.report.published import ROUGE_L, PublishedRow, beside, footnotes_on

DEFAULT_BASELINE = "sft"


def build(
    frame: RunFrame,
    *,
    columns: Sequence[str] = (),
    every_metric: bool = False,
    cost: bool = False,
    baseline: str | None = None,
    pooled: bool = False,
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
        pooled: Test with one spread for all objectives.
        published: Add the published numbers that share a task.
        detailed: Give each comparison its intervals and power, which takes seconds.

    Raises:
        UsageError: The baseline is none of the run's objectives, or a column none of its columns.
    """
    chosen = _columns(frame, columns, every_metric=every_metric, cost=cost)
    against = _baseline(frame, baseline)
    comparisons: dict[RowKey, Comparison] = {}
    if against is not None:
        comparisons = compare(frame, chosen, against, pooled=pooled, detailed=detailed)
    summary = frame.summary()
    grid: dict[Row, list[Cell]] = {row: [] for row in frame.rows}
    for column in chosen:
        settings = of_students(frame, column)
        spreads = {row: s for row in frame.rows if (s := summary.get((row, *column.key)))}
        ranks: dict[Row, str] = {}
        for point in dict.fromkeys(row.axes for row in spreads):
            at_point = {row: spread.mean for row, spread in spreads.items() if row.axes == point}
            ranks |= _ranks(at_point, column)
        for row, cells in grid.items():
            cells.append(settings.get(row, Cell()))
            if row in spreads:
                mean, std, seeds = spreads[row]
                odd = seeds if seeds != len(frame.finished(row)) else None
                made = comparisons.get((row, *column.key))
                mark = (BETTER if made.better else WORSE) if made and made.significant else ""
                cells[-1] = Cell(mean, std, odd, ranks.get(row, ""), mark)
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
    first, *others = _notes(frame, against, [c for c in comparisons.values() if c.p is not None])
    is_asked = every_metric or bool(columns)
    notes = [first, *tuning(frame), *others, *about(frame, chosen, is_asked=is_asked)]
    return Table(
        chosen,
        rows + [_published_line(row, chosen) for row in outside],
        [*notes, *(footnotes_on(outside) if published else ()), *frame.stamps],
        against,
        comparisons,
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


def _ranks(means: Mapping[Row, float], column: Column) -> dict[Row, str]:
    """Best and second of a column as shown; equal ones share their place, all equal have none."""
    trained = [row for row in means if not is_reference(row.objective)]
    if column.higher_is_better is None:
        return {}
    ordered = sorted(trained, key=lambda row: means[row], reverse=column.higher_is_better)
    texts = {row: shown(column, means[row]) for row in ordered}
    places = dict(zip(dict.fromkeys(texts.values()), (BEST, SECOND), strict=False))
    return {row: places.get(text, "") for row, text in texts.items() if len(places) > 1}


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


def _notes(frame: RunFrame, baseline: str | None, tested: Sequence[Comparison]) -> list[str]:
    """What the numbers are, how they were compared, and what is missing."""
    notes = ["mean ± standard deviation over training seeds"]
    if baseline is None:
        notes.append(
            f"no {DEFAULT_BASELINE} to compare with; name another objective with --baseline"
        )
    elif tested:
        used = {c.test for c in tested}
        what = f"no difference from {baseline} is significant"
        if any(c.significant for c in tested):
            what = f"{BETTER} better, {WORSE} worse than {baseline}"
        notes.append(
            f"{what}: {' or '.join(test for test in TESTS if test in used)}, "
            f"Holm's correction over the {len(tested)} comparisons of this table, alpha {ALPHA}"
        )
    if any(len(frame.of(row)) == 1 for row in frame.rows):
        notes.append("one seed has no spread, so nothing there can be significant")
    if frame.stale:
        notes.append(
            f"{frame.stale} cells made with other code, data or library versions are left out; "
            "run the same command again to renew them"
        )
    return notes + frame.left_out
