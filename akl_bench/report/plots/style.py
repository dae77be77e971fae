"""How all pictures look: colours, names, labels that do not overlap, files that do not change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from akl_bench.artifacts.store import TEACHER
from akl_bench.errors import MissingDependencyError
from akl_bench.report.escape import terminal_text
from akl_bench.report.frame import Row, RunFrame, is_reference, row_name, spec_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, safe for colour-blind readers; a marker each besides.
_FIXED = {
    "sft": ("#000000", "D"),
    "forward_kl": ("#0072B2", "o"),
    "reverse_kl": ("#D55E00", "s"),
    "adaptive_kl": ("#009E73", "^"),
    "symmetric_kl": ("#CC79A7", "v"),
}
_SPARE = (("#E69F00", "P"), ("#56B4E9", "X"), ("#8C6D31", "h"), ("#7570B3", "p"))
GREY = "#9A9A9A"
# With more objectives than this, only the known ones have a colour.
_FEW = len(_FIXED) + len(_SPARE)
_RC: dict[str, Any] = {
    "svg.hashsalt": "akl-bench",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": "#ECECEC",
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
}
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "akl-bench"},
    "png": {"Software": "akl-bench"},
    "pdf": {"CreationDate": None, "Producer": "akl-bench", "Creator": "akl-bench"},
}
PIXELS_PER_INCH = 150


class Look(NamedTuple):
    """Colour, marker and size of a row; `known` ones are always labelled."""

    color: str
    marker: str
    size: float
    filled: bool
    known: bool

    @property
    def ink(self) -> str:
        """The colour for text: dark enough to read on white."""
        if self.color == GREY:
            return "#555555"
        parts = (int(self.color[i : i + 2], 16) for i in (1, 3, 5))
        return "#" + "".join(f"{part * 3 // 4:02X}" for part in parts)


def looks(frame: RunFrame) -> dict[Row, Look]:
    """How each row of a run is drawn."""
    trained = [row for row in frame.rows if not is_reference(row.objective)]
    names = list(dict.fromkeys(row.objective for row in trained))
    spare = iter(_SPARE if len(names) <= _FEW else ())
    styles: dict[str, tuple[str, str, bool]] = {}
    for name in names:
        fixed = _FIXED.get(_plain_name(name))
        extra = None if fixed else next(spare, None)
        color, marker = fixed or extra or (GREY, "o")
        styles[name] = (color, marker, bool(fixed or extra))
    by_row = {}
    for row in frame.rows:
        if is_reference(row.objective):
            by_row[row] = Look("#444444", "*" if row.objective == TEACHER else "o", 9, False, True)
        else:
            color, marker, known = styles[row.objective]
            by_row[row] = Look(color, marker, 6.5 if known else 5, True, known)
    return by_row


def _plain_name(objective: str) -> str:
    """The name of an objective as the papers mean it; a variant keeps its own."""
    spec = spec_of(objective)
    return objective if any(isinstance(value, str) for value in spec.params.values()) else spec.name


def name_of(row: Row, frame: RunFrame) -> str:
    """A row's name on a picture."""
    # matplotlib reads what stands between dollar signs as mathematics.
    return terminal_text(row_name(row, frame)).replace("$", r"\$")


def unit(metric: str, scale: float) -> str:
    """A metric's name with its unit, for an axis."""
    return f"{terminal_text(metric)}, %" if scale == 100 else terminal_text(metric)


@contextmanager
def _settings() -> Iterator[None]:
    """Our settings of matplotlib, for drawing and for writing.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingDependencyError("plots", "plots") from error
    options: Any = _RC
    with matplotlib.rc_context(options):
        yield


@contextmanager
def canvas(columns: int, rows: int, width: float, height: float) -> Iterator[tuple[Figure, Any]]:
    """A figure of panels [rows, columns], each of that size in inches.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    with _settings():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
        # Labels are measured with it, whatever the format of the file.
        FigureCanvasAgg(figure)
        yield figure, figure.subplots(rows, columns, squeeze=False)


def save(figure: Figure, target: Path | IO[bytes], format: str) -> None:
    """Write a figure as png, svg or pdf; the same run gives the same bytes."""
    with _settings():
        figure.savefig(target, format=format, metadata=_METADATA[format], dpi=PIXELS_PER_INCH)


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


def legend_entries(
    frame: RunFrame, shown: Mapping[Row, Look]
) -> tuple[list[tuple[str, Look]], int]:
    """Names and looks of the known trained rows, and the number of grey ones."""
    trained = [row for row in frame.rows if not is_reference(row.objective)]
    known = [(name_of(row, frame), shown[row]) for row in trained if shown[row].known]
    return known, len(trained) - len(known)
