"""One look for all pictures of the claims, and files that do not change from run to run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from akl_bench.errors import MissingDependencyError
from akl_bench.papers.akl.claims.card import AKL, FKL, MIX, RKL

# Okabe and Ito's palette, safe for colour-blind readers, with a dash pattern and a sign besides.
COLOURS = {FKL: "#0072B2", RKL: "#D55E00", MIX: "#E69F00", AKL: "#000000"}
DASHES: dict[str, Any] = {FKL: "-", RKL: "--", MIX: ":", AKL: (0, (5, 1, 1, 1))}
SIGNS = {FKL: "o", RKL: "s", MIX: "D", AKL: "^"}
_OPTIONS: Any = {
    "svg.hashsalt": "akl-bench",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "path.simplify_threshold": 0.5,
}


def check() -> None:
    """Say before the work, not after it, that nothing can be drawn.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401  # only asked for
    except ImportError as error:
        raise MissingDependencyError("--figures", "plots") from error


@contextlib.contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Any]:
    """A figure of that size in inches to draw on; saved at the end."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_OPTIONS):
        made = Figure(figsize=(width, height), layout="constrained")
        yield made
        made.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
