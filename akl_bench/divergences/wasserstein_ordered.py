"""L1 distance of the sorted probabilities: the logit part of ULD."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class WassersteinOrdered(Divergence):
    """Compares shapes, not tokens: both sorted, so the vocabularies need not match.

    It is 0 wherever q is any permutation of p, hence no divergence in the strict sense.
    """

    family = "bounded"
    paper = "arXiv 2402.12030 (ULD), closed form of its Wasserstein term"
    formula = "sum_r |p_(r) - q_(r)|, where (r) is the rank in descending order"
    gradient = "q_i (s_i - sum_j q_j s_j), where s_i = sign(q_(r) - p_(r)) at i's rank"
    known_as = ("DSKD, KDFlow: ULD", "TRL GOLD: uld_loss")
    symmetric = True

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        p_NV = logp_NV.exp().sort(-1, descending=True).values
        q_NV = logq_NV.exp().sort(-1, descending=True).values
        return (p_NV - q_NV).abs().sum(-1)
