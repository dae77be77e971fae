"""A researcher's own divergence in one file: `akl-bench run ./mine.py:Mine`."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences import Divergence


@dataclass(frozen=True)
class Mine(Divergence):
    """Squared Euclidean distance of the probabilities, times a weight."""

    weight: float = 1

    def __post_init__(self) -> None:
        self._require(self.weight > 0, "weight", "positive")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        return self.weight * (logp_NV.exp() - logq_NV.exp()).square().sum(-1)
