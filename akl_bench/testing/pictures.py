"""Pictures of the docs: each family's value and gradient against the student's probability."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from akl_bench.divergences import get, names
from akl_bench.report.figures import figure, looks, save

_TEACHER = (0.40, 0.35, 0.15, 0.10)
# The default k is larger than the vocabulary of the pictures.
_SETTINGS = {"top_k_forward_kl": "top_k_forward_kl(k=1)"}


def draw(family: str, path: Path) -> None:
    """Draw one family into a file.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    members = [name for name in names() if get(name).family == family]
    x_N = torch.linspace(0.01, 0.99, 197, dtype=torch.float64)
    with figure(9.0, 3.9) as made:
        value, gradient = made.subplots(1, 2)
        if family != get("forward_kl").family:
            for name, look in looks(("forward_kl", "reverse_kl")).items():
                _plot(value, gradient, name, x_N, color="0.7", linestyle=look.dash, linewidth=1.2)
        for name, look in looks(members).items():
            style = {"color": look.color, "linestyle": look.dash, "linewidth": 1.9}
            _plot(value, gradient, name, x_N, **style)
        for axes, title in (
            (value, "value, nats"),
            (gradient, "gradient with respect to z of token 1"),
        ):
            axes.axvline(_TEACHER[0], color="0.4", linewidth=0.8, linestyle=(0, (2, 2)))
            axes.set_xlabel("student's probability of token 1 (teacher's: dotted)")
            axes.set_title(title)
            axes.set_xlim(0, 1)
        value.set_ylim(0, 2)
        gradient.axhline(0, color="0.4", linewidth=0.8)
        gradient.set_ylim(-0.8, 0.8)
        made.legend(*value.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        save(made, path)


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
