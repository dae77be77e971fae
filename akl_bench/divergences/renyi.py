"""Renyi divergence of order alpha."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs, kl
from akl_bench.divergences.base import Divergence

# Closer to order 1 than this, dividing by (alpha - 1) costs more than the limit's error.
_NEAR_ONE = 1e-4


@dataclass(frozen=True)
class Renyi(Divergence):
    """Log of a power mean of p / q: from mode-seeking (alpha < 1) to mass-covering (alpha > 1).

    Attributes:
        alpha: Order; 1 is forward KL, 2 is log(1 + chi-square), 1/2 is -2 log Bhattacharyya.
    """

    alpha: float = 0.5

    aliases = ()
    family = "alpha family"
    paper = "Renyi, Proc. 4th Berkeley Symposium (1961)"
    formula = "1 / (alpha - 1) log sum_i p_i^alpha q_i^(1 - alpha)"
    gradient = "q_i - r_i, where r is p^alpha q^(1 - alpha), normalised"
    known_as = ("orda-kernel: Renyi", "AdaKD: bhattacharyya (alpha 1/2)")
    limits = (("renyi(alpha=1)", "forward_kl"),)

    def __post_init__(self) -> None:
        self._require(self.alpha > 0, "alpha", "above 0")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        if abs(self.alpha - 1) < _NEAR_ONE:
            return kl(logp_NV, logq_NV)
        exponent_NV = self.alpha * logp_NV + (1 - self.alpha) * logq_NV
        return exponent_NV.logsumexp(-1) / (self.alpha - 1)
