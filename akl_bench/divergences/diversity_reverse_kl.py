"""DRKL: reverse KL whose non-target part keeps a fixed weight."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs, split_kl
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class DiversityReverseKL(Divergence):
    """Reverse KL is KL(b_q || b_p) + (1 - q_y) KL(q^ || p^); DRKL puts gamma for (1 - q_y).

    b is (y, not y) for the label y; ^ renormalises over the other tokens. Without the factor
    (1 - q_y) a confident student no longer loses all supervision of its tail, nor gains by
    raising the label further. Where the student gives the label all its mass, that term is 0.

    Attributes:
        gamma: Weight of the non-target part. The default is second-hand: not checked in the paper.
    """

    gamma: float = 0.5

    aliases = ("drkl",)
    family = "decoupled and score"
    paper = "arXiv 2604.00223, Eq. (9); gamma second-hand"
    formula = "KL(b_q || b_p) + gamma KL(q^ || p^)"
    gradient = (
        "label y: q_y (1 - q_y) L; others: -q_y (1 - q_y) q^_i L + gamma q^_i (log(q^_i / p^_i) - "
        "KL(q^ || p^)), where L = logit(q_y) - logit(p_y)"
    )
    known_as = ("2604.00223: DRKL",)
    needs = frozenset({"labels"})

    def __post_init__(self) -> None:
        self._require(self.gamma > 0, "gamma", "above 0")

    def per_token(
        self, logp_NV: Tensor, logq_NV: Tensor, *, labels_N: Tensor | None = None
    ) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        target_N, others_N = split_kl(logq_NV, logp_NV, self.labels_of(labels_N))
        return target_N + self.gamma * others_N
