"""Forward KL on the teacher's k likeliest tokens, the rest in one bucket."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import LOG_FLOOR, inputs, kl
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class TopKForwardKL(Divergence):
    """What a teacher behind an API allows: k log-probabilities and the mass that is left.

    Attributes:
        k: Number of the teacher's tokens that are kept; 64 is NeMo-RL's default.
        tail: True puts all other tokens into one bucket, which keeps it a lower bound of forward
            KL. False drops them and renormalises both sides over the k tokens, as NeMo-RL does;
            the student's mass elsewhere then costs nothing.
    """

    k: int = 64
    tail: bool = True

    aliases = ("topk",)
    family = "decoupled and score"
    paper = "no single paper; see TRL's distillation trainer (add_tail)"
    formula = "sum_{i in top k of p} p_i log(p_i / q_i) + p_tail log(p_tail / q_tail)"
    gradient = "q_i - p_i in the top k, q_i (1 - p_tail / q_tail) outside it"
    known_as = (
        "TRL distillation: loss_top_k with add_tail",
        "NeMo-RL: topk_logits_k 64 (tail=false)",
        "verl: forward_kl_topk 32",
        "axolotl: kd_top_k",
    )
    limits = (
        ("top_k_forward_kl(k=1000000)", "forward_kl"),
        ("top_k_forward_kl(k=1000000, tail=false)", "forward_kl"),
    )

    def __post_init__(self) -> None:
        self._require(self.k >= 1, "k", "at least 1")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        logp_NK, top_NK = logp_NV.topk(min(self.k, logp_NV.shape[-1]), dim=-1)
        logq_NK = logq_NV.gather(-1, top_NK)
        if not self.tail:
            return kl(logp_NK.log_softmax(-1), logq_NK.log_softmax(-1))
        tailp_N1 = logp_NV.scatter(-1, top_NK, LOG_FLOOR).logsumexp(-1, keepdim=True)
        tailq_N1 = logq_NV.scatter(-1, top_NK, LOG_FLOOR).logsumexp(-1, keepdim=True)
        return kl(logp_NK, logq_NK) + kl(tailp_N1, tailq_N1)
