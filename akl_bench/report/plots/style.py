"""How the rows of a run look on its pictures: colours, names, points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from akl_bench.artifacts.store import TEACHER
from akl_bench.report import figures
from akl_bench.report.escape import terminal_text
from akl_bench.report.figures import Look
from akl_bench.report.frame import Row, RunFrame, is_reference, row_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3


def looks(frame: RunFrame) -> dict[Row, Look]:
    """How each row of a run is drawn."""
    trained = figures.looks(row.objective for row in frame.rows if not is_reference(row.objective))
    reference = Look("#444444", "o", size=9, filled=False)
    trained[TEACHER] = reference._replace(marker="*")
    return {row: trained.get(row.objective, reference) for row in frame.rows}


def name_of(row: Row, frame: RunFrame) -> str:
    """A row's name on a picture."""
    # matplotlib reads what stands between dollar signs as mathematics.
    return terminal_text(row_name(row, frame)).replace("$", r"\$")


@contextmanager
def panels(
    count: int, title: str, *, width: float, height: float
) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with a title and so many axes, three side by side; sizes are those of one."""
    columns = min(_COLUMNS, count)
    rows = -(-count // columns)
    with figures.figure(width * columns, height * rows) as made:
        made.suptitle(title, x=0.01, ha="left", fontsize=11)
        axes = list(made.subplots(rows, columns, squeeze=False).flat)
        for place in axes[count:]:
            place.set_visible(False)
        yield made, axes[:count]


@dataclass(frozen=True)
class Point:
    """One marker of a scatter: where, how far it scatters, how it looks."""

    x: float
    y: float
    x_spread: float
    y_spread: float
    name: str
    look: Look


def scatter(axes: Axes, points: Sequence[Point]) -> None:
    """Draw points with their spread over seeds, the known ones on top."""
    for point in sorted(points, key=lambda p: p.look.known):
        axes.errorbar(
            point.x,
            point.y,
            xerr=point.x_spread or None,
            yerr=point.y_spread or None,
            fmt=point.look.marker,
            color=point.look.color,
            markerfacecolor=point.look.color if point.look.filled else "white",
            markersize=point.look.size,
            elinewidth=0.7,
            alpha=1 if point.look.known else 0.75,
            zorder=4 if point.look.known else 3,
        )[0].set_gid(f"tip:{point.name}")
