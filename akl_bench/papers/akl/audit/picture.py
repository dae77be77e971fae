"""Picture of an audit: how the variants weigh the tokens, and where their gradients point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from akl_bench.errors import MissingDependencyError, UsageError
from akl_bench.papers.akl.audit.measure import PAPER, Result

_SUFFIXES = (".svg", ".png", ".pdf")
# Of a curve: enough for the eye, and few enough for a small file.
_POINTS = 401
# Okabe and Ito's palette, safe for colour-blind readers, with a dash pattern each besides.
_STYLES: dict[str, dict[str, Any]] = {
    "paper": {"color": "#000000", "linestyle": "-"},
    "official": {"color": "#0072B2", "linestyle": "--"},
    "taid": {"color": "#D55E00", "linestyle": "-."},
    "swapped": {"color": "#009E73", "linestyle": (0, (5, 1, 1, 1, 1, 1))},
    "entropy": {"color": "#CC79A7", "linestyle": (0, (8, 2))},
    "symmetric_kl": {"color": "#E69F00", "linestyle": ":"},
}


def check(path: Path) -> None:
    """Say before the work, not after it, that a picture cannot be drawn.

    Raises:
        UsageError: The file's suffix is none of .svg, .png, .pdf.
        MissingDependencyError: matplotlib is not installed.
    """
    if path.suffix not in _SUFFIXES:
        raise UsageError(f"--figure {path}: name a file that ends in {', '.join(_SUFFIXES)}.")
    _matplotlib()


def draw(result: Result, path: Path) -> None:
    """Draw the shares of tokens below a weight, and below an angle between gradients."""
    matplotlib = _matplotlib()
    options: Any = {
        "svg.hashsalt": "akl-bench",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(options):
        figure = matplotlib.figure.Figure(figsize=(9.0, 4.2), layout="constrained")
        weight, angle = figure.subplots(1, 2, sharey=True)
        for name, style in _STYLES.items():
            _shares(weight, result.w_N[name], label=name, **style)
            if name != PAPER:
                cosine_N = result.cosine_N[name]
                degrees_N = cosine_N[~cosine_N.isnan()].clamp(-1, 1).arccos().rad2deg()
                _shares(angle, degrees_N, **style)
        weight.axvspan(0.45, 0.55, color="0.92", zorder=0)
        weight.set(xlim=(-0.02, 1.02), ylim=(0, 1.02), ylabel="share of tokens at or below")
        weight.set_xlabel("w, the share of KL(p||q); shaded: within .05 of 1/2")
        weight.set_title("weights", loc="left", fontsize=10)
        angle.set(xlim=(-2, 92), xticks=range(0, 91, 15))
        angle.set_xlabel("angle to the paper's gradient for the logits, degrees (up to 90)")
        angle.set_title("gradients", loc="left", fontsize=10)
        figure.legend(*weight.get_legend_handles_labels(), loc="outside lower center", ncols=6)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=150)


def _shares(axes: Any, value_N: torch.Tensor, **style: Any) -> None:
    share_K = torch.linspace(0, 1, _POINTS, dtype=value_N.dtype)
    axes.plot(value_N.quantile(share_K).numpy(), share_K.numpy(), linewidth=1.8, **style)


def _matplotlib() -> Any:
    try:
        import matplotlib.figure
    except ImportError as error:
        raise MissingDependencyError("--figure", "plots") from error
    return matplotlib
