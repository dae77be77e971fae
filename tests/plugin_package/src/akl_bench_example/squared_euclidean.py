"""Squared Euclidean distance of the two distributions: weight * sum_v (p_v - q_v)^2."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from akl_bench.divergences import Divergence


@dataclass(frozen=True)
class SquaredEuclidean(Divergence):
    """The Brier score without its constant; bounded by 2 * weight."""

    paper: ClassVar[str] = (
        "Brier (1950), Verification of forecasts expressed in terms of probability"
    )
    formula: ClassVar[str] = "weight * sum_v (p_v - q_v)^2"
    symmetric: ClassVar[bool] = True

    weight: float = 1.0

    def __post_init__(self) -> None:
        self._require(self.weight > 0, "weight", "positive")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = self.inputs(logp_NV, logq_NV)
        return self.weight * (logp_NV.exp() - logq_NV.exp()).square().sum(-1)
