"""Skew reverse KL: the student against a mixture of teacher and a little student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from akl_bench.divergences._closed_form import mix, through_softmax_
from akl_bench.divergences._numerics import inputs, kl, log_mix
from akl_bench.divergences.base import Divergence
from akl_bench.divergences.reverse_kl import ReverseKL

if TYPE_CHECKING:
    from torch import Tensor

    from akl_bench.divergences.base import Pair


@dataclass(frozen=True)
class SkewReverseKL(Divergence):
    """KL(q || M) with M = (1 - lam) p + lam q.

    Args:
        lam: The student's share of the mixture, in [0, 1). At 0 it is KL(q||p).
    """

    lam: float = 0.1

    aliases: ClassVar[tuple[str, ...]] = ("srkl",)
    family: ClassVar[str] = "mixture"
    paper: ClassVar[str] = "arXiv 2402.03898"
    formula: ClassVar[str] = "KL(q || (1 - lam) p + lam q)"
    gradient: ClassVar[str] = "r_i - q_i sum_v r_v, r = q (log q - log M - lam q / M)"
    known_as: ClassVar[tuple[str, ...]] = (
        "DistiLLM: srkl, SRKL",
        "DSKD: skewed_reverse_kl",
        "KDFlow: srkl",
    )
    limits: ClassVar[tuple[tuple[str, str], ...]] = (("skew_reverse_kl(lam=0.0)", "reverse_kl"),)

    def __post_init__(self) -> None:
        self._require(0 <= self.lam < 1, "lam", "at least 0 and below 1 (at 1 it is 0 everywhere)")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        return kl(logq_NV, log_mix(logq_NV, self.lam, logp_NV))

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Value and gradient with respect to the student's logits, without a graph."""
        if self.lam == 0:
            return ReverseKL().per_token_and_grad(pair)
        q_NV = pair.q_NV
        m_NV = mix(q_NV, self.lam, pair.p_NV)
        grad_NV = m_NV.log().neg_().add_(pair.logq_NV).mul_(q_NV)
        value_N = grad_NV.sum(-1)
        share_NV = (q_NV * q_NV).div_(m_NV)
        return value_N, through_softmax_(grad_NV.add_(share_NV, alpha=-self.lam), q_NV)
