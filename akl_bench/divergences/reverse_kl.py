"""Reverse Kullback-Leibler divergence: KL(q || p), mode-seeking."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs, kl
from akl_bench.divergences.base import Divergence, Pair


@dataclass(frozen=True)
class ReverseKL(Divergence):
    """KL(q || p): the student pays for mass where the teacher has little."""

    aliases = ("rkl",)
    family = "Kullback-Leibler"
    paper = "arXiv 2306.08543"
    formula = "sum_v q_v (log q_v - log p_v)"
    gradient = "q_i (log q_i - log p_i - KL(q||p))"
    known_as = (
        "DistiLLM, ABKD, TAID: rkl",
        "DSKD: reverse_kl",
        "torchtune: ReverseKLLoss",
        "TRL: generalized_jsd_loss(beta=1)",
    )

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        return kl(logq_NV, logp_NV)

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        grad_NV = (pair.logq_NV - pair.logp_NV).mul_(pair.q_NV)
        value_N1 = grad_NV.sum(-1, keepdim=True)
        return value_N1.squeeze(-1), grad_NV.addcmul_(pair.q_NV, value_N1, value=-1)
