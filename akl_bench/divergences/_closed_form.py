"""What the closed-form gradients share.

The formulas of a fast path run on chunks that fit the cache, so the count of passes over [N, V] is
what they cost: they work in place, and keep each exp() for as long as it is of use.
"""

import math
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from akl_bench.divergences.base import Pair

_LOG2_E = 1 / math.log(2)


def through_softmax_(grad_NV: Tensor, q_NV: Tensor) -> Tensor:
    """Turn a gradient for log q into the one for the logits, in place: g - q sum(g)."""
    return grad_NV.addcmul_(q_NV, grad_NV.sum(-1, keepdim=True), value=-1)


def exp(log_NV: Tensor, factor: float = 1.0) -> Tensor:
    """Exponential of factor * log_NV, in the way that is fast on this CPU.

    Through exp2 the argument is rounded by as much as the log-probability was before.
    """
    if log_NV.device.type == "cpu" and not torch.compiler.is_compiling() and _mkl_lags():
        return (log_NV * (factor * _LOG2_E)).exp2_()
    return log_NV.exp() if factor == 1 else (log_NV * factor).exp_()


@cache
def _mkl_lags() -> bool:
    """Torch gives exp to MKL, which took three times as long as exp2 on an AMD EPYC.

    Where there is no /proc/cpuinfo, exp2 it is: on an Intel CPU it costs two thirds more than exp.
    """
    cpu = Path("/proc/cpuinfo")
    is_intel = cpu.exists() and "GenuineIntel" in cpu.read_text()
    has_mkl: bool = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]  # torch's
    return has_mkl and not is_intel


def forward_grad_(p_NV: Tensor, q_NV: Tensor, live_NV: Tensor | None) -> Tensor:
    """Gradient of KL(p||q), q - p, in the place of q; p is used up as well.

    The student's floored tokens are constants: the teacher's mass on them counts for nothing.
    """
    if live_NV is not None:
        q_NV.mul_(1 - (p_NV - p_NV * live_NV).sum(-1, keepdim=True))
        p_NV.mul_(live_NV)
    return q_NV.sub_(p_NV)


def mix(a_NV: Tensor, weight: float, b_NV: Tensor) -> Tensor:
    """The mixture weight a + (1 - weight) b, kept above 0 so that its log is finite."""
    return torch.lerp(b_NV, a_NV, weight).clamp_(min=torch.finfo(a_NV.dtype).tiny)


def kl_mix_and_grad(pair: Pair, weight: float | Tensor) -> tuple[Tensor, Tensor]:
    """The mix weight KL(p||q) + (1 - weight) KL(q||p) and its gradient at a constant weight.

    Args:
        pair: Both models; used up.
        weight: Share of KL(p||q): a number, or one per token as [N, 1].

    Returns:
        d_N and grad_NV = weight (q - p) + (1 - weight) q (log q - log p - KL(q||p)).
    """
    logp_NV, logq_NV, p_NV, q_NV, live_NV = pair
    ratio_NV = logq_NV - logp_NV
    forward_N1 = (p_NV * ratio_NV).sum(-1, keepdim=True).neg_()
    ratio_NV.mul_(q_NV)
    reverse_N1 = ratio_NV.sum(-1, keepdim=True)
    value_N1 = weight * forward_N1 + (1 - weight) * reverse_N1
    grad_NV = ratio_NV.addcmul_(q_NV, reverse_N1, value=-1).mul_(1 - weight)
    forward_NV = forward_grad_(p_NV, q_NV, live_NV)
    if isinstance(weight, torch.Tensor):
        return value_N1.squeeze(-1), grad_NV.addcmul_(forward_NV, weight)
    return value_N1.squeeze(-1), grad_NV.add_(forward_NV, alpha=weight)
