"""DKD: target and non-target parts of forward KL, weighted apart."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs, split_kl
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class DecoupledKD(Divergence):
    """Forward KL is KL(b_p || b_q) + (1 - p_y) KL(p^ || q^); DKD sets the second weight free.

    b is (y, not y) for the label y; ^ renormalises over the other tokens. Where the teacher gives
    the label all its mass, p^ is undefined and its term is 0.

    Attributes:
        alpha: Weight of the target part.
        beta: Weight of the non-target part. Defaults are those of TAID's language-model code; the
            vision paper used alpha 1, beta 8.
    """

    alpha: float = 1.0
    beta: float = 0.5

    aliases = ("dkd",)
    family = "decoupled and score"
    paper = "arXiv 2203.08679"
    formula = "alpha KL(b_p || b_q) + beta KL(p^ || q^)"
    gradient = "label y: alpha (q_y - p_y); others: alpha q^_i (p_y - q_y) + beta (q^_i - p^_i)"
    known_as = ("TAID: dkd", "orda-kernel: DKD")
    needs = frozenset({"labels"})

    def __post_init__(self) -> None:
        self._require(self.alpha >= 0, "alpha", "at least 0")
        self._require(self.beta >= 0, "beta", "at least 0")

    def per_token(
        self, logp_NV: Tensor, logq_NV: Tensor, *, labels_N: Tensor | None = None
    ) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        target_N, others_N = split_kl(logp_NV, logq_NV, self.labels_of(labels_N))
        return self.alpha * target_N + self.beta * others_N
