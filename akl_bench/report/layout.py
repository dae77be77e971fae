"""A run as one table, whatever the format: rows, evidence in the cells, and the footnotes."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from akl_bench.artifacts.records import Made
from akl_bench.errors import UsageError
from akl_bench.report.certainty import decoding_shares, detectable, listed, seed_spreads
from akl_bench.report.compare import (
    ALPHA,
    TESTS,
    Comparison,
    RowTests,
    baseline_of,
    compare,
    leaders,
)
from akl_bench.report.frame import Column, Row, RowKey, RunFrame, Spread, is_reference
from akl_bench.report.published import ROUGE_L, PublishedRow, beside, footnotes_on
from akl_bench.statistics import POWER, SeedSpread

BETTER, WORSE = "†", "‡"
DEFAULT_BASELINE = "sft"
_LEADERS = (
    "not told apart from the best of the column by the same test, Holm's correction over its "
    "objectives; none where no two are told apart"
)
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
        best: Whether it is not told apart from the best of its column.
        mark: A dagger where the difference from the baseline is significant.
    """

    mean: float | None = None
    std: float | None = None
    seeds: int | None = None
    best: bool = False
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
        group: "reference", "objective" or "published".
        seeds: As "2/3": seeds that are finished of those asked for.
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
        notes: Footnotes, the tests among them.
        baseline: The objective that differences are taken from; None where there is none.
        comparisons: Every comparison behind the daggers.
        spreads: The parts of the variance over seeds, where the samples have values.
        published: The published rows at its end.
    """

    columns: list[Column]
    rows: list[Line]
    notes: list[str]
    baseline: str | None
    comparisons: Mapping[RowKey, Comparison]
    spreads: Mapping[RowKey, SeedSpread]
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

    @property
    def groups(self) -> list[tuple[str, list[Line]]]:
        """Lines by group: references, objectives, published ones."""
        return [(group, [*lines]) for group, lines in groupby(self.rows, lambda line: line.group)]

    @property
    def tasks(self) -> list[tuple[str, int]]:
        """Tasks with their numbers of columns."""
        tasks = groupby(column.task for column in self.columns)
        return [(task, len([*columns])) for task, columns in tasks]

    def footnotes(self, mark: str = "bold") -> list[str]:
        """The notes, with what marks the best."""
        marked = any(cell.best for line in self.rows for cell in line.cells)
        return [self.notes[0], *([f"{mark}: {_LEADERS}"] if marked else ()), *self.notes[1:]]


def build(
    frame: RunFrame,
    *,
    every_metric: bool = False,
    baseline: str | None = None,
    published: bool = False,
    detailed: bool = False,
) -> Table:
    """Lay out a run; objectives are ordered by the first column that has a direction.

    Args:
        frame: The run or runs.
        every_metric: Every metric instead of the headlines.
        baseline: What the rows are compared with, as the user names it; None is sft where the run
            has it.
        published: Add the published numbers that share a task.
        detailed: Give each comparison its intervals and power, which takes seconds.

    Raises:
        UsageError: The baseline is none of the run's objectives.
    """
    columns = frame.columns if every_metric else frame.shown
    against = _baseline(frame, baseline)
    tests = RowTests.of(frame, columns, against)
    comparisons: dict[RowKey, Comparison] = {}
    if against is not None:
        comparisons = compare(frame, columns, against, tests, detailed=detailed)
    parts = seed_spreads(frame, columns)
    summary = frame.summary()
    grid: dict[Row, list[Cell]] = {row: [] for row in frame.rows}
    for column in columns:
        spreads = {row: s for row in frame.rows if (s := summary.get((row, *column.key)))}
        best = leaders(frame.rows, column, tests)
        for row, cells in grid.items():
            cells.append(Cell())
            if row in spreads:
                mean, std, seeds = spreads[row]
                odd = seeds if seeds != len(frame.finished(row)) else None
                made = comparisons.get((row, *column.key))
                mark = (BETTER if made.better else WORSE) if made and made.significant else ""
                cells[-1] = Cell(mean, std, odd, row in best, mark)
    cost = _cost(frame)
    rows = [
        Line(
            row,
            "reference" if is_reference(row.objective) else "objective",
            f"{len(frame.finished(row))}/{frame.seeds[row]}",
            [*grid[row], *(cells.get(row, Cell()) for cells in cost.values())],
        )
        for row in _ordered(columns, grid)
    ]
    outside = beside(frame.profile) if published else []
    notes = _notes(frame, against, columns, comparisons, parts)
    return Table(
        [*columns, *cost],
        rows + [_published_line(row, [*columns, *cost]) for row in outside],
        [*notes, *(footnotes_on(outside) if published else ()), *frame.stamps],
        against,
        comparisons,
        parts,
        outside,
    )


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

    def order(row: Row) -> tuple[bool, str, float]:
        if is_reference(row.objective):
            return False, "", 0
        mean = None if lead is None else grid[row][lead].mean
        return True, row.student, math.inf if mean is None else -mean if is_up else mean

    return sorted(grid, key=order)


def _cost(frame: RunFrame) -> dict[Column, dict[Row, Cell]]:
    """What training cost; no columns where nothing was trained."""
    made = {row: [c.student.made for c in frame.of(row) if c.student] for row in frame.rows}
    trained = {row: seals for row, seals in made.items() if seals}
    return {
        column: {row: Cell(*Spread.of([*map(read, trained[row])])[:2]) for row in trained}
        for column, read in COST.items()
        if trained
    }


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


def _notes(
    frame: RunFrame,
    baseline: str | None,
    columns: Sequence[Column],
    comparisons: Mapping[RowKey, Comparison],
    parts: Mapping[RowKey, SeedSpread],
) -> list[str]:
    """What the numbers are, how they were compared, and what is missing."""
    notes = ["mean ± standard deviation over training seeds, whose number is in the column seeds"]
    if shares := {key: f"{100 * share:.0f} %" for key, share in decoding_shares(parts).items()}:
        notes.append(
            "share of decoding in the variance over seeds, for a typical objective: "
            f"{listed(columns, shares)}; the rest is training. Students of one seed share the "
            "stream of decoding, which helps pairing and makes rows dependent"
        )
    tested = [made for made in comparisons.values() if made.p is not None]
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
            f"{what}: {' or '.join(test for test in TESTS if test in used)}, Holm's correction "
            f"over the {len(tested)} comparisons of this table, alpha {ALPHA}; this speaks of "
            "these prompts and new seeds"
        )
    least = detectable(comparisons)
    if texts := {c.key: shown(c, least[c.key]) for c in columns if c.key in least}:
        notes.append(
            f"smallest true difference from {baseline} that is found with {100 * POWER:.0f} % "
            f"power at alpha {ALPHA}/{len(tested)}: {listed(columns, texts)}"
        )
    if any(len(frame.of(row)) == 1 for row in frame.rows):
        notes.append("one seed has no spread, so nothing there can be significant")
    if frame.stale:
        notes.append(
            f"{frame.stale} cells made with other code, data or library versions are left out; "
            "run the same command again to renew them"
        )
    return notes + frame.overlap + frame.left_out
