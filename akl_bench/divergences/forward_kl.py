"""Forward Kullback-Leibler divergence: KL(p || q), mean-seeking."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._closed_form import forward_grad_
from akl_bench.divergences._numerics import inputs, kl
from akl_bench.divergences.base import Divergence, Pair


@dataclass(frozen=True)
class ForwardKL(Divergence):
    """KL(p || q), the teacher's entropy included.

    Public code often drops the entropy and trains on the cross-entropy -sum p log q: the same
    gradient, another value.
    """

    aliases = ("fkl",)
    family = "Kullback-Leibler"
    paper = "arXiv 1503.02531"
    formula = "sum_v p_v (log p_v - log q_v)"
    gradient = "q_i - p_i"
    known_as = (
        "MiniLLM: kd (cross-entropy)",
        "DistiLLM, ABKD: fkl (cross-entropy)",
        "torchtune: ForwardKLLoss (cross-entropy)",
        "DSKD: forward_kl",
        "TRL: generalized_jsd_loss(beta=0)",
    )

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        return kl(*inputs(logp_NV, logq_NV))

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        logp_NV, logq_NV, p_NV, q_NV, live_NV = pair
        value_N = (logp_NV - logq_NV).mul_(p_NV).sum(-1)
        return value_N, forward_grad_(p_NV, q_NV, live_NV)
