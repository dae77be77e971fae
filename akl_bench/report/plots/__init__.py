"""Pictures of a run: one function per kind; matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from akl_bench.errors import UsageError
from akl_bench.report.frame import RunFrame
from akl_bench.report.plots import curves, ranks, scatter, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")


def _diversity(frame: RunFrame) -> Figure | None:
    panels = scatter.diversity(frame)
    title = "Quality against diversity; mean and standard deviation over seeds; line: Pareto front"
    return scatter.draw(frame, panels, title=title, front=True) if panels else None


def _coverage(frame: RunFrame) -> Figure | None:
    panels = scatter.coverage(frame)
    title = "Validity of answers (precision) against coverage of what may be said (recall)"
    return scatter.draw(frame, panels, title=title, front=False) if panels else None


def _cost(frame: RunFrame) -> Figure | None:
    panels = scatter.cost(frame)
    title = "Quality against the time that training takes; line: Pareto front"
    return scatter.draw(frame, panels, title=title, front=True) if panels else None


def _curves(frame: RunFrame) -> Figure | None:
    panels = curves.curves(frame)
    return curves.draw(frame, panels) if panels else None


def _ranks(frame: RunFrame) -> Figure | None:
    ranked = ranks.ranks(frame)
    return ranks.draw(frame, ranked) if ranked else None


KINDS: dict[str, Callable[[RunFrame], Figure | None]] = {
    "diversity": _diversity,
    "coverage": _coverage,
    "ranks": _ranks,
    "curves": _curves,
    "cost": _cost,
}
_NEEDS = {
    "diversity": "a generation task with a diversity metric",
    "coverage": "a task with validity and coverage",
    "ranks": "two objectives with a value on every task",
    "curves": "train.jsonl in its cells",
    "cost": "a headline and a training time",
}


def draw(frame: RunFrame, kind: str) -> Figure | None:
    """A picture of a run, or None where the run has nothing to show there.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    return KINDS[kind](frame)


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
        if figure is None:
            if kinds:
                raise UsageError(f"--kind {kind} needs {_NEEDS[kind]}; this run has none.")
            continue
        path = folder / f"{kind}.{format}"
        folder.mkdir(parents=True, exist_ok=True)
        style.save(figure, path, format)
        written.append(path)
    return written
