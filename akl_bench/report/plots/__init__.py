"""Pictures of a run: one function per kind; matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from akl_bench.errors import UsageError
from akl_bench.report.figures import save
from akl_bench.report.frame import RunFrame
from akl_bench.report.names import axis_number
from akl_bench.report.plots import axis, curves, ranks, scatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Kind(NamedTuple):
    """What draws a picture, or gives None where the run lacks what it needs."""

    draw: Callable[[RunFrame], Figure | None]
    needs: str


KINDS = {
    "diversity": Kind(scatter.diversity, "a generation task with a diversity metric"),
    "coverage": Kind(scatter.coverage, "a task with validity and coverage"),
    "ranks": Kind(ranks.draw, "two objectives with a value on every task"),
    "curves": Kind(curves.draw, "train.jsonl in its cells"),
    "cost": Kind(scatter.cost, "a headline and a training time"),
    "axis": Kind(axis.draw, "a sweep over numbers, as --sweep training.steps=300,1000"),
}


def draw(frame: RunFrame, kind: str) -> Figure | None:
    """A picture of a run, or None where the run has nothing to show there.

    Of a sweep, all kinds but "axis" show the end of each numeric axis only.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    return KINDS[kind].draw(frame if kind == "axis" else _at_the_end(frame))


def _at_the_end(frame: RunFrame) -> RunFrame:
    """A run without the cells that lie before the end of a numeric axis."""
    ends: dict[str, float] = {}
    for key, text in (pair for row in frame.rows for pair in row.axes):
        if (value := axis_number(text)) is not None:
            ends[key] = max(value, ends.get(key, value))
    last = [
        cell
        for cell in frame.cells
        if all(axis_number(text) in (None, ends.get(key)) for key, text in cell.row.axes)
    ]
    return replace(frame, cells=last)


def write(
    frame: RunFrame, folder: Path, *, kinds: Sequence[str] = (), format: str = "png"
) -> list[Path]:
    """Draw the kinds (all that the run can show, where none is named) into a folder.

    Raises:
        UsageError: A named kind cannot be drawn from this run.
        MissingDependencyError: matplotlib is not installed.
    """
    written = []
    for kind in kinds or KINDS:
        figure = draw(frame, kind)
        if figure is not None:
            written.append(folder / f"{kind}.{format}")
            save(figure, written[-1])
        elif kinds:
            raise UsageError(f"--kind {kind} needs {KINDS[kind].needs}; this run has none.")
    return written
