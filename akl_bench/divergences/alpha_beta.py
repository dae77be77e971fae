"""Alpha-beta divergence: a plane of divergences that holds both KLs, with its true limits."""

from dataclasses import dataclass

import torch
from torch import Tensor

from akl_bench.divergences._closed_form import exp, through_softmax_
from akl_bench.divergences._numerics import MAX_EXPONENT, inputs, safe_exp
from akl_bench.divergences.base import Divergence, Pair


@dataclass(frozen=True)
class AlphaBeta(Divergence):
    """The alpha-beta divergence of Cichocki et al.; (1, 0) is KL(p||q) and (0, 1) is KL(q||p).

    Where alpha, beta or their sum is 0 the formula is 0/0 and its limit is meant: at alpha = 0
    1/beta^2 sum [q^beta log(q^beta / p^beta) - q^beta + p^beta], where ABKD's code has a factor
    beta too much. Negative parameters give infinite values at zero probabilities; exponents are
    cut so that they stay finite.

    Args:
        alpha: Exponent of the teacher; ABKD uses 0.2 for GPT-2 and 0.1 for OpenLLaMA.
        beta: Exponent of the student; ABKD uses 0.7 and 0.8.
    """

    alpha: float = 0.2
    beta: float = 0.7

    aliases = ("ab",)
    family = "alpha family"
    paper = "arXiv 2505.04560; Cichocki, Cruces, Amari, Entropy 13 (2011) 134-170"
    formula = "-1/(alpha beta) sum_v [p^alpha q^beta - alpha/s p^s - beta/s q^s], s = alpha + beta"
    gradient = "r_i - q_i sum_v r_v, r = (q^s - p^alpha q^beta) / alpha"
    known_as = ("ABKD, AMiD, HybKD: ab",)
    limits = (
        ("alpha_beta(alpha=1.0, beta=0.0)", "forward_kl"),
        ("alpha_beta(alpha=0.0, beta=1.0)", "reverse_kl"),
    )

    @property
    def symmetric(self) -> bool:  # type: ignore[override]  # true on one line of the plane only
        return self.alpha == self.beta

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        # D(p, q; alpha, beta) = D(q, p; beta, alpha): divide by the larger of both, then no limit
        # but that at the origin is a special case.
        if abs(self.alpha) > abs(self.beta):
            return _divide_by_b(logq_NV, logp_NV, self.beta, self.alpha)
        if self.beta == 0:
            return 0.5 * (logp_NV - logq_NV).square().sum(-1)
        return _divide_by_b(logp_NV, logq_NV, self.alpha, self.beta)

    @property
    def has_closed_form(self) -> bool:
        """For 0 < alpha <= beta, which covers the settings in use."""
        return 0 < self.alpha <= self.beta

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        logp_NV, logq_NV = pair.logp_NV, pair.logq_NV
        total = self.alpha + self.beta
        qs_NV = exp(logq_NV, total)
        # Above the cut q^s exp(cut) vanishes, as p^alpha q^beta does.
        grad_NV = (logp_NV - logq_NV).mul_(self.alpha).clamp_(max=MAX_EXPONENT).expm1_()
        grad_NV.mul_(qs_NV).mul_(-1 / self.alpha)
        surplus_N = exp(logp_NV, total).sub_(qs_NV).sum(-1)
        value_N = (grad_NV.sum(-1) + surplus_N / total) / self.beta
        return value_N, through_softmax_(grad_NV, pair.q_NV)


def _divide_by_b(loga_NV: Tensor, logb_NV: Tensor, alpha: float, beta: float) -> Tensor:
    """The sum of [(a^s - b^s)/s - (a^alpha b^beta - b^s)/alpha] / beta, with |beta| >= |alpha|."""
    total = alpha + beta
    whole_NV = _exp_difference(loga_NV, logb_NV, total, 0.0)
    part_NV = _exp_difference(loga_NV, logb_NV, alpha, beta)
    return (whole_NV - part_NV).sum(-1) / beta


def _exp_difference(loga_NV: Tensor, logb_NV: Tensor, alpha: float, beta: float) -> Tensor:
    """(a^alpha b^beta - b^(alpha + beta)) / alpha without cancellation; at alpha = 0 its limit."""
    ratio_NV = loga_NV - logb_NV
    if alpha == 0:
        return safe_exp(beta * logb_NV) * ratio_NV
    mixed_NV, plain_NV = alpha * loga_NV + beta * logb_NV, (alpha + beta) * logb_NV
    rise_NV = alpha * ratio_NV
    up_NV = -safe_exp(mixed_NV) * torch.expm1((-rise_NV).clamp(max=0))
    down_NV = safe_exp(plain_NV) * torch.expm1(rise_NV.clamp(max=0))
    return torch.where(rise_NV > 0, up_NV, down_NV) / alpha
