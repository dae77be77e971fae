"""Picture of an audit: how the variants weigh the tokens, and where their gradients point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from akl_bench.errors import UsageError
from akl_bench.papers.akl.audit.measure import PAPER, Result
from akl_bench.report import figures

# Of a curve: enough for the eye, and few enough for a small file.
_POINTS = 401


def check(path: Path) -> None:
    """Say before the work, not after it, that a picture cannot be drawn.

    Raises:
        UsageError: The file's suffix is that of no format.
        MissingDependencyError: matplotlib is not installed.
    """
    if path.suffix[1:] not in figures.FORMATS:
        suffixes = ", ".join(f".{format}" for format in figures.FORMATS)
        raise UsageError(f"--figure {path}: name a file that ends in {suffixes}.")
    figures.check()


def draw(result: Result, path: Path) -> None:
    """Draw the shares of tokens below a weight, and below an angle between gradients."""
    looks = figures.looks("adaptive_kl" if name == PAPER else name for name in result.w_N)
    with figures.figure(9.0, 4.2) as made:
        weight, angle = made.subplots(1, 2, sharey=True)
        for (name, w_N), look in zip(result.w_N.items(), looks.values(), strict=True):
            style = {"color": look.color, "linestyle": look.dash}
            _shares(weight, w_N, label=name, **style)
            if name != PAPER:
                cosine_N = result.cosine_N[name]
                degrees_N = cosine_N[~cosine_N.isnan()].clamp(-1, 1).arccos().rad2deg()
                _shares(angle, degrees_N, **style)
        weight.axvspan(0.45, 0.55, color="0.92", zorder=0)
        weight.set(xlim=(-0.02, 1.02), ylim=(0, 1.02), ylabel="share of tokens at or below")
        weight.set_xlabel("w, the share of KL(p||q); shaded: within .05 of 1/2")
        weight.set_title("weights")
        angle.set(xlim=(-2, 92), xticks=range(0, 91, 15))
        angle.set_xlabel("angle to the paper's gradient for the logits, degrees (up to 90)")
        angle.set_title("gradients")
        made.legend(*weight.get_legend_handles_labels(), loc="outside lower center", ncols=6)
        figures.save(made, path)


def _shares(axes: Any, value_N: torch.Tensor, **style: Any) -> None:
    share_K = torch.linspace(0, 1, _POINTS, dtype=value_N.dtype)
    axes.plot(value_N.quantile(share_K).numpy(), share_K.numpy(), linewidth=1.8, **style)
