"""Pearson chi-square divergence."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs, safe_exp
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class ChiSquare(Divergence):
    """Squared gap in units of q (Pearson): punishes mass that the student misses hardest of all.

    Where p^2 / q exceeds e^40 the term goes on along its tangent in log-space, so that value and
    gradient stay finite; below that it is exact.
    """

    aliases = ("pearson",)
    family = "alpha family"
    paper = "Pearson, Phil. Mag. 50 (1900)"
    formula = "sum_i (p_i - q_i)^2 / q_i"
    gradient = "q_i S - p_i^2 / q_i, where S = sum_j p_j^2 / q_j"
    known_as = ("f-divergence papers: Pearson chi^2",)

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        # Summing p^2/q - 2p + q term by term keeps precision near p = q, unlike sum(p^2/q) - 1.
        terms_NV = safe_exp(2 * logp_NV - logq_NV) - 2 * logp_NV.exp() + logq_NV.exp()
        return terms_NV.sum(-1)
