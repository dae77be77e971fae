"""AMiD: a divergence to an alpha-mixture of teacher and student."""

import math
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from akl_bench import divergences
from akl_bench.divergences._numerics import inputs
from akl_bench.divergences.base import Divergence

# Below this exponent, 1/s amplifies rounding more than the geometric limit is wrong.
_GEOMETRIC = 1e-4


@dataclass(frozen=True)
class AlphaMixture(Divergence):
    """Measures p against an assistant r between p and q; alpha bends the path between them.

    alpha = -1 is the arithmetic mixture (skew KL), 1 the geometric one, 3 the harmonic one. The
    paper's code takes every alpha >= 1 as geometric; here only alpha = 1 is. Its argument defaults
    are alpha .5 and lam .5; lam .1 with the alpha-beta divergence is its best setting.

    Attributes:
        alpha: Shape of the path; s = (1 - alpha) / 2.
        lam: Teacher's weight in the mixture, in [0, 1).
        divergence: Spec of the divergence D(p, r); one without `needs`.
    """

    alpha: float = 0.5
    lam: float = 0.1
    divergence: str = "alpha_beta(alpha=0.2, beta=0.7)"

    aliases = ("amid",)
    family = "mixture"
    paper = "arXiv 2510.15982"
    formula = "D(p, r), r = (lam p^s + (1 - lam) q^s)^(1/s) / Z, s = (1 - alpha) / 2"
    gradient = (
        "h_i - q_i sum_j h_j, h = (g - r sum_j g_j) c, g = dD / dlog r, "
        "c_i = (1 - lam) q_i^s / (lam p_i^s + (1 - lam) q_i^s)"
    )
    known_as = ("AMiD: amid (order pr)",)
    limits = (
        ("alpha_mixture(alpha=-1, lam=0.1, divergence=forward_kl)", "skew_forward_kl(lam=0.1)"),
        ("alpha_mixture(lam=0, divergence=forward_kl)", "forward_kl"),
    )

    def __post_init__(self) -> None:
        self._require(math.isfinite(self.alpha), "alpha", "finite")
        self._require(0 <= self.lam < 1, "lam", "in [0, 1)")
        self._require(not self._inner.needs, "divergence", "one without needs")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        mixed_NV = self._mixture(logp_NV, logq_NV).log_softmax(-1)
        return self._inner.per_token(logp_NV, mixed_NV)

    @cached_property
    def _inner(self) -> Divergence:
        return divergences.get(self.divergence)

    def _mixture(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        s = (1 - self.alpha) / 2
        if self.lam == 0:
            return logq_NV
        if abs(s) < _GEOMETRIC:
            return self.lam * logp_NV + (1 - self.lam) * logq_NV
        p_NV, q_NV = s * logp_NV + math.log(self.lam), s * logq_NV + math.log1p(-self.lam)
        return p_NV.logaddexp(q_NV) / s
