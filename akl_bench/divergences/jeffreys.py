"""Jeffreys divergence: forward plus reverse KL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from akl_bench.divergences._numerics import inputs
from akl_bench.divergences.base import Divergence

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Jeffreys(Divergence):
    """KL(p || q) + KL(q || p): the sum, where `symmetric_kl` takes a weighted mean."""

    aliases: ClassVar[tuple[str, ...]] = ("jeffrey",)
    family: ClassVar[str] = "mixed KL"
    paper: ClassVar[str] = "Jeffreys, Proc. R. Soc. A 186 (1946)"
    formula: ClassVar[str] = "sum_i (p_i - q_i) (log p_i - log q_i)"
    gradient: ClassVar[str] = "q_i - p_i + q_i (log(q_i / p_i) - KL(q || p))"
    known_as: ClassVar[tuple[str, ...]] = ("CSD: jeffrey", "orda-kernel: Jeffreys")
    symmetric: ClassVar[bool] = True

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        return ((logp_NV.exp() - logq_NV.exp()) * (logp_NV - logq_NV)).sum(-1)
