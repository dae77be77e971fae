"""Skew reverse KL: the student against a mixture of teacher and a little student."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._closed_form import mix, through_softmax_
from akl_bench.divergences._numerics import inputs, kl, log_mix
from akl_bench.divergences.base import Divergence, Pair
from akl_bench.divergences.reverse_kl import ReverseKL


@dataclass(frozen=True)
class SkewReverseKL(Divergence):
    """KL(q || M) with M = (1 - lam) p + lam q.

    Args:
        lam: The student's share of the mixture, in [0, 1). At 0 it is KL(q||p).
    """

    lam: float = 0.1

    aliases = ("srkl",)
    family = "mixture"
    paper = "arXiv 2402.03898"
    formula = "KL(q || (1 - lam) p + lam q)"
    gradient = "r_i - q_i sum_v r_v, r = q (log q - log M - lam q / M)"
    known_as = ("DistiLLM: srkl, SRKL", "DSKD: skewed_reverse_kl", "KDFlow: srkl")
    limits = (("skew_reverse_kl(lam=0.0)", "reverse_kl"),)

    def __post_init__(self) -> None:
        self._require(0 <= self.lam < 1, "lam", "at least 0 and below 1 (at 1 it is 0 everywhere)")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        return kl(logq_NV, log_mix(logq_NV, self.lam, logp_NV))

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        if self.lam == 0:
            return ReverseKL().per_token_and_grad(pair)
        q_NV = pair.q_NV
        m_NV = mix(q_NV, self.lam, pair.p_NV)
        grad_NV = m_NV.log().neg_().add_(pair.logq_NV).mul_(q_NV)
        value_N = grad_NV.sum(-1)
        share_NV = (q_NV * q_NV).div_(m_NV)
        return value_N, through_softmax_(grad_NV.add_(share_NV, alpha=-self.lam), q_NV)
