"""Arithmetic on log-probabilities that stays finite, shared by all divergences.

One policy for infinities, kept here alone: the first act of `per_token` is
`inputs(logp_NV, logq_NV)`, which floors both at `LOG_FLOOR`, and a fast path gets them floored;
everything after that is ordinary arithmetic. The floor lies below the log-probabilities that finite
logits of +-1e4 give, so that no ordinary value changes by one bit; only -inf does. A row masked in
both models then has p = q = 0, log p - log q = 0, and a token that one model alone rules out costs
its mass times a large finite number, not infinity. Floored entries are constants: they pass no
gradient back. Nor does the teacher, ever.
"""

import math
from typing import NamedTuple

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


class Split(NamedTuple):
    """Log-probabilities of the label, of all others together, and of each other given "not it"."""

    target_N: Tensor
    rest_N: Tensor
    hat_NV: Tensor  # the label's own entry has probability 0
    defined_N: Tensor  # False where the others have no mass at all, so that hat_NV means nothing


def split_target(logp_NV: Tensor, labels_N: Tensor) -> Split:
    """Split floored log-probabilities at the label, exactly even where p(label) rounds to 1."""
    label_N1 = labels_N[:, None]
    others_NV = logp_NV.scatter(-1, label_N1, LOG_FLOOR)
    rest_N = others_NV.logsumexp(-1)
    hat_NV = (others_NV - rest_N[:, None]).scatter(-1, label_N1, LOG_FLOOR)
    target_N = logp_NV.gather(-1, label_N1)[:, 0]
    return Split(target_N, rest_N, hat_NV, rest_N.detach() > LOG_FLOOR / 2)
