"""Fixed mix of both Kullback-Leibler divergences, half and half by default."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._closed_form import kl_mix_and_grad
from akl_bench.divergences._numerics import inputs, kl
from akl_bench.divergences.base import Divergence, Pair


@dataclass(frozen=True)
class SymmetricKL(Divergence):
    """weight KL(p||q) + (1 - weight) KL(q||p), the baseline that adaptive_kl has to beat.

    Args:
        weight: Share of KL(p||q), in [0, 1]. At 1/2 (half of Jeffreys' divergence) it is symmetric.
    """

    weight: float = 0.5

    family = "mixed KL"
    paper = "arXiv 2404.02657 (its FKL+RKL baseline)"
    formula = "weight KL(p||q) + (1 - weight) KL(q||p)"
    gradient = "weight (q_i - p_i) + (1 - weight) q_i (log q_i - log p_i - KL(q||p))"
    known_as = (
        "torchtune: SymmetricKLLoss(sym_kd_ratio=weight)",
        "NeMo-RL: mixed",
        "AKL paper: FKL+RKL",
    )
    limits = (
        ("symmetric_kl(weight=1.0)", "forward_kl"),
        ("symmetric_kl(weight=0.0)", "reverse_kl"),
    )

    def __post_init__(self) -> None:
        self._require(0 <= self.weight <= 1, "weight", "between 0 and 1")

    @property
    def symmetric(self) -> bool:  # type: ignore[override]  # true at one value of the field only
        return self.weight == 0.5

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        return self.weight * kl(logp_NV, logq_NV) + (1 - self.weight) * kl(logq_NV, logp_NV)

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        return kl_mix_and_grad(pair, self.weight)
