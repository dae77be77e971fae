"""Pictures of the docs: each family's value and gradient against the student's probability."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from akl_bench.divergences import get, names
from akl_bench.errors import MissingDependencyError

if TYPE_CHECKING:
    from torch import Tensor

# Okabe and Ito's palette, safe for colour-blind readers, with a dash pattern each besides.
_STYLES = (
    ("#0072B2", "-"),
    ("#D55E00", "--"),
    ("#009E73", "-."),
    ("#CC79A7", ":"),
    ("#E69F00", (0, (5, 1, 1, 1, 1, 1))),
    ("#56B4E9", (0, (1, 1))),
)
_TEACHER = (0.40, 0.35, 0.15, 0.10)
# The default k is larger than the vocabulary of the pictures.
_SETTINGS = {"top_k_forward_kl": "top_k_forward_kl(k=1)"}


def draw(family: str, path: Path) -> None:
    """Draw one family into an SVG file.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("pictures", "plots") from error
    members = [name for name in names() if get(name).family == family]
    x_N = torch.linspace(0.01, 0.99, 197, dtype=torch.float64)
    options: Any = {
        "svg.hashsalt": "akl-bench",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(options):
        figure = Figure(figsize=(9.0, 3.9), layout="constrained")
        value, gradient = figure.subplots(1, 2)
        if family != get("forward_kl").family:
            for name, dash in (("forward_kl", "-"), ("reverse_kl", "--")):
                _plot(value, gradient, name, x_N, color="0.7", linestyle=dash, linewidth=1.2)
        for name, (colour, line) in zip(members, _STYLES, strict=False):
            _plot(value, gradient, name, x_N, color=colour, linestyle=line, linewidth=1.9)
        for axes, title in ((value, "value, nats"), (gradient, "gradient with respect to $z_1$")):
            axes.axvline(_TEACHER[0], color="0.4", linewidth=0.8, linestyle=(0, (2, 2)))
            axes.set_xlabel("student's probability of token 1 (teacher's: dotted)")
            axes.set_title(title, loc="left", fontsize=10)
            axes.set_xlim(0, 1)
        value.set_ylim(0, 2)
        gradient.axhline(0, color="0.4", linewidth=0.8)
        gradient.set_ylim(-0.8, 0.8)
        figure.legend(*value.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)


def _plot(value: Any, gradient: Any, name: str, x_N: Tensor, **style: Any) -> None:
    spec = _SETTINGS.get(name, name)
    divergence = get(spec)
    rest_N1 = (1 - x_N[:, None]) / 3
    z_NV = torch.cat([x_N[:, None], rest_N1, rest_N1, rest_N1], dim=-1).log().requires_grad_()
    logp_NV = torch.tensor([_TEACHER], dtype=torch.float64).log().expand(len(x_N), -1)
    keywords: dict[str, Any] = {}
    if "labels" in divergence.needs:
        keywords["labels_N"] = torch.zeros(len(x_N), dtype=torch.long)
    d_N = divergence.per_token(logp_NV, z_NV.log_softmax(-1), **keywords)
    (grad_NV,) = torch.autograd.grad(d_N.sum(), z_NV)
    value.plot(x_N, d_N.detach(), label=spec, **style)
    gradient.plot(x_N, grad_NV[:, 0], **style)
