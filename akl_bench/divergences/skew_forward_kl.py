"""Skew forward KL: the teacher against a mixture of student and a little teacher."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._closed_form import mix, through_softmax_
from akl_bench.divergences._numerics import inputs, kl, log_mix
from akl_bench.divergences.base import Divergence, Pair
from akl_bench.divergences.forward_kl import ForwardKL


@dataclass(frozen=True)
class SkewForwardKL(Divergence):
    """KL(p || M) with M = lam p + (1 - lam) q.

    DistiLLM's code leaves the teacher's entropy out: the same gradient, another value.

    Args:
        lam: The teacher's share of the mixture, in [0, 1). At 0 it is KL(p||q).
    """

    lam: float = 0.1

    aliases = ("sfkl",)
    family = "mixture"
    paper = "arXiv 2402.03898"
    formula = "KL(p || lam p + (1 - lam) q)"
    gradient = "r_i - q_i sum_v r_v, r = -(1 - lam) p q / M"
    known_as = ("DistiLLM: sfkl, SKL (cross-entropy)", "DSKD: skewed_forward_kl", "KDFlow: skl")
    limits = (("skew_forward_kl(lam=0.0)", "forward_kl"),)

    def __post_init__(self) -> None:
        self._require(0 <= self.lam < 1, "lam", "at least 0 and below 1 (at 1 it is 0 everywhere)")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        return kl(logp_NV, log_mix(logp_NV, self.lam, logq_NV))

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        if self.lam == 0:
            return ForwardKL().per_token_and_grad(pair)
        p_NV, q_NV = pair.p_NV, pair.q_NV
        m_NV = mix(p_NV, self.lam, q_NV)
        value_N = m_NV.log().neg_().add_(pair.logp_NV).mul_(p_NV).sum(-1)
        grad_NV = p_NV.mul_(q_NV).div_(m_NV).mul_(self.lam - 1)
        return value_N, through_softmax_(grad_NV, q_NV)
