"""How all pictures look: one palette by objective, one style, files that do not change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from akl_bench.errors import MissingDependencyError
from akl_bench.report.frame import spec_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GREY = "#9A9A9A"
# Okabe and Ito's palette, safe for colour-blind readers; a marker and dashes each besides.
_FIXED: dict[str, tuple[str, str, Any]] = {
    "sft": ("#000000", "D", (0, (8, 2))),
    "forward_kl": ("#0072B2", "o", "-"),
    "reverse_kl": ("#D55E00", "s", "--"),
    "adaptive_kl": ("#009E73", "^", (0, (5, 1, 1, 1))),
    "symmetric_kl": ("#CC79A7", "v", ":"),
}
_SPARE: tuple[tuple[str, str, Any], ...] = (
    ("#E69F00", "P", "-."),
    ("#56B4E9", "X", (0, (1, 1))),
    ("#8C6D31", "h", (0, (5, 1, 1, 1, 1, 1))),
    ("#7570B3", "p", (0, (3, 1))),
    ("#882255", "<", (0, (6, 2, 2, 2))),
)
# With more objectives than this, only the known ones have a colour.
FEW = len(_FIXED) + len(_SPARE)
_RC: Any = {
    "svg.hashsalt": "akl-bench",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "path.simplify_threshold": 0.5,
    # Text stays text in an SVG file; Verdana is as wide.
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
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
    "png": {"Software": "akl-bench"},
    "svg": {"Date": None, "Creator": "akl-bench"},
    "pdf": {"CreationDate": None, "Producer": "akl-bench", "Creator": "akl-bench"},
}
FORMATS = tuple(_METADATA)
_PIXELS_PER_INCH = 150


class Look(NamedTuple):
    """Colour, marker and dashes of an objective; a `known` one is not just grey."""

    color: str
    marker: str
    dash: Any = "-"
    known: bool = True
    size: float = 6.5
    filled: bool = True

    @property
    def ink(self) -> str:
        """The colour for text: dark enough to read on white."""
        if self.color == GREY:
            return "#555555"
        parts = (int(self.color[i : i + 2], 16) for i in (1, 3, 5))
        return "#" + "".join(f"{part * 3 // 4:02X}" for part in parts)


def looks(objectives: Iterable[str]) -> dict[str, Look]:
    """How objectives are drawn: those of the papers always the same, others as colours are left."""
    names = list(dict.fromkeys(objectives))
    spare = iter(_SPARE if len(names) <= FEW else ())
    own = {name: _FIXED.get(_plain_name(name)) or next(spare, None) for name in names}
    grey = Look(GREY, "o", known=False, size=5)
    return {name: Look(*look) if look else grey for name, look in own.items()}


def _plain_name(objective: str) -> str:
    """The name of an objective as the papers mean it; a variant keeps its own."""
    spec = spec_of(objective)
    return objective if any(isinstance(value, str) for value in spec.params.values()) else spec.name


def check() -> None:
    """Say before the work, not after it, that nothing can be drawn.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401  # only asked for
    except ImportError as error:
        raise MissingDependencyError("a picture", "plots") from error


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of that size in inches, to be drawn on in our style.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    with _style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        made = Figure(figsize=(width, height), layout="constrained")
        # Labels are measured with it, whatever the format of the file.
        FigureCanvasAgg(made)
        yield made


def save(made: Figure, target: Path | IO[bytes], format: str = "") -> None:
    """Write a figure, so that the same numbers give the same bytes.

    Args:
        made: What was drawn.
        target: A file, whose folder is made, or an open one.
        format: One of FORMATS; where it is empty, the file's suffix.
    """
    if isinstance(target, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
        format = format or target.suffix[1:]
    with _style():
        made.savefig(target, format=format, metadata=_METADATA[format], dpi=_PIXELS_PER_INCH)


@contextmanager
def _style() -> Iterator[None]:
    check()
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield
