"""Jeffreys divergence: forward plus reverse KL."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class Jeffreys(Divergence):
    """KL(p || q) + KL(q || p): the sum, where `symmetric_kl` takes a weighted mean."""

    aliases = ("jeffrey",)
    family = "mixed KL"
    paper = "Jeffreys, Proc. R. Soc. A 186 (1946)"
    formula = "sum_i (p_i - q_i) (log p_i - log q_i)"
    gradient = "q_i - p_i + q_i (log(q_i / p_i) - KL(q || p))"
    known_as = ("CSD: jeffrey", "orda-kernel: Jeffreys")
    symmetric = True

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        return ((logp_NV.exp() - logq_NV.exp()) * (logp_NV - logq_NV)).sum(-1)
