"""Arithmetic on log-probabilities that stays finite, shared by all divergences.

One policy for infinities, kept here alone: the first act of `per_token` is
`inputs(logp_NV, logq_NV)`, which floors both at `LOG_FLOOR`, and a fast path gets them floored;
everything after that is ordinary arithmetic. The floor lies below the log-probabilities that finite
logits of +-1e4 give, so that no ordinary value changes by one bit; only -inf does. A row masked in
both models then has p = q = 0, log p - log q = 0, and a token that one model alone rules out costs
its mass times a large finite number, not infinity. Floored entries are constants: they pass no
gradient back. Nor does the teacher, ever.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

# Not torch itself: the base class, which listing imports, is built on this module.
if TYPE_CHECKING:
    from torch import Tensor

LOG_FLOOR = -1e5
# Above this exponent, `safe_exp` goes on along its tangent: e^40 times a vocabulary fits float32.
MAX_EXPONENT = 40.0


def inputs(logp_NV: Tensor, logq_NV: Tensor) -> tuple[Tensor, Tensor]:
    """Both log-probabilities floored, the teacher's cut off from autograd."""
    return floored(logp_NV.detach()), floored(logq_NV)


def floored(logp_NV: Tensor) -> Tensor:
    """Log-probabilities with -inf replaced by `LOG_FLOOR`; finite ones are untouched."""
    return logp_NV.clamp(min=LOG_FLOOR)


def is_masked(logp_NV: Tensor) -> Tensor:
    """True where the probability is exactly 0: at or below the floor."""
    return logp_NV <= LOG_FLOOR


def kl_terms(logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
    """Entries p (log p - log q) of floored inputs: 0 where p = 0."""
    return logp_NV.exp() * (logp_NV - logq_NV)


def kl(logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
    """KL(p || q) per token, [N], of floored inputs."""
    return kl_terms(logp_NV, logq_NV).sum(-1)


def log_mix(loga_NV: Tensor, weight: float, logb_NV: Tensor) -> Tensor:
    """log(weight * a + (1 - weight) * b) of floored inputs; weight in [0, 1], ends exact."""
    if weight <= 0.0:
        return logb_NV
    if weight >= 1.0:
        return loga_NV
    return (loga_NV + math.log(weight)).logaddexp(logb_NV + math.log1p(-weight))


def safe_exp(x: Tensor) -> Tensor:
    """exp(x) up to `MAX_EXPONENT`, then its tangent: value and gradient fit float32."""
    return x.clamp(max=MAX_EXPONENT).exp() * (1.0 + (x - MAX_EXPONENT).clamp(min=0.0))


def split_kl(logp_NV: Tensor, logq_NV: Tensor, labels_N: Tensor) -> tuple[Tensor, Tensor]:
    """KL(b_p || b_q) and KL(p^ || q^) per token, of floored inputs.

    b is (label, any other); ^ renormalises over the others. The second part is 0 where the others
    have no mass under p at all, so that p^ means nothing.
    """
    p_target_N, p_rest_N, p_hat_NV = _split(logp_NV, labels_N)
    q_target_N, q_rest_N, q_hat_NV = _split(logq_NV, labels_N)
    target_N = kl_terms(p_target_N, q_target_N) + kl_terms(p_rest_N, q_rest_N)
    return target_N, kl(p_hat_NV, q_hat_NV).where(p_rest_N.detach() > LOG_FLOOR / 2, 0.0)


def _split(logp_NV: Tensor, labels_N: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities of the label, of all others together, and of each other given "not it".

    Exact even where p(label) rounds to 1; in the last the label has probability 0.
    """
    label_N1 = labels_N[:, None]
    others_NV = logp_NV.scatter(-1, label_N1, LOG_FLOOR)
    rest_N = others_NV.logsumexp(-1)
    hat_NV = (others_NV - rest_N[:, None]).scatter(-1, label_N1, LOG_FLOOR)
    return logp_NV.gather(-1, label_N1)[:, 0], rest_N, hat_NV
