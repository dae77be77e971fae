"""Squared Hellinger distance."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class Hellinger(Divergence):
    """Half the squared distance of the square roots: 1 - sum sqrt(p q), in [0, 1].

    The square is taken because the distance itself has no gradient at p = q. A quarter of
    `alpha_beta(alpha=0.5, beta=0.5)`, and 1 - exp(-renyi(0.5) / 2).
    """

    aliases = ("squared_hellinger",)
    family = "bounded"
    paper = "Hellinger, J. reine angew. Math. 136 (1909)"
    formula = "1/2 sum_i (sqrt(p_i) - sqrt(q_i))^2"
    gradient = "1/2 (q_i B - sqrt(p_i q_i)), where B = sum_j sqrt(p_j q_j)"
    known_as = ("AdaKD: rule hellinger (its square root)",)
    symmetric = True

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        gap_NV = (logp_NV / 2).exp() - (logq_NV / 2).exp()
        return 0.5 * gap_NV.square().sum(-1)
