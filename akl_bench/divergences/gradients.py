"""Value and gradient of any divergence: by its closed form, or by autograd where it has none."""

from typing import Any

import torch
from torch import Tensor

from akl_bench.divergences._closed_form import exp, through_softmax_
from akl_bench.divergences._numerics import LOG_FLOOR, floored
from akl_bench.divergences.base import Divergence, Pair
from akl_bench.errors import UsageError


def value_and_grad(
    divergence: Divergence, logp_NV: Tensor, logq_NV: Tensor, **keywords: Any
) -> tuple[Tensor, Tensor]:
    """Value per token, and its gradient with respect to the student's logits.

    Args:
        divergence: Any; its closed form is used where it has one.
        logp_NV: Teacher log-probabilities, -inf allowed.
        logq_NV: Student log-probabilities, likewise.
        **keywords: What the divergence `needs`.

    Returns:
        d_N and grad_NV, the gradient of d_N with respect to z, both without a graph.
    """
    if not divergence.has_closed_form:
        return autograd_value_and_grad(divergence, logp_NV, logq_NV, **keywords)
    fast: Any = divergence
    with torch.no_grad():
        p_NV, q_NV = exp(logp_NV), exp(logq_NV)
        live_NV = None
        if _may_need_floor(logp_NV):
            logp_NV = floored(logp_NV)
        if _may_need_floor(logq_NV):
            logq_NV, live_NV = floored(logq_NV), logq_NV > LOG_FLOOR
        pair = Pair(logp_NV, logq_NV, p_NV, q_NV, live_NV)
        value_N, grad_NV = fast.per_token_and_grad(pair, **keywords)
        return value_N, grad_NV


def autograd_value_and_grad(
    divergence: Divergence, logp_NV: Tensor, logq_NV: Tensor, **keywords: Any
) -> tuple[Tensor, Tensor]:
    """The same through `per_token` and a graph that lives for this call alone."""
    with torch.enable_grad():
        leaf_NV = logq_NV.detach().requires_grad_()
        value_N = divergence.per_token(logp_NV.detach(), leaf_NV, **keywords)
        if value_N.shape != leaf_NV.shape[:1] or not value_N.requires_grad:
            raise UsageError(
                f"{type(divergence).__name__}.per_token must give one value per token, shape "
                f"{tuple(leaf_NV.shape[:1])}, that depends on logq_NV; it gave shape "
                f"{tuple(value_N.shape)}. Try `akl-bench verify divergence` on it."
            )
        (grad_NV,) = torch.autograd.grad(value_N.sum(), leaf_NV)
    # A sum's gradient is one number seen from everywhere, which cannot be written to.
    return value_N.detach(), through_softmax_(grad_NV.contiguous(), exp(leaf_NV.detach()))


def _may_need_floor(log_NV: Tensor) -> bool:
    """Whether an entry lies at or below `LOG_FLOOR`.

    True unseen where a look would wait for the device, or break compiled code in two.
    """
    if log_NV.device.type != "cpu" or torch.compiler.is_compiling():
        return True
    return not bool((log_NV.amin(-1) > LOG_FLOOR).all())
