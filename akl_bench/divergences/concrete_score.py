"""CSD: matches the differences of log-probabilities between all pairs of tokens."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs, is_masked
from akl_bench.divergences.base import Divergence

_WEIGHTS = ("student", "teacher", "uniform")


@dataclass(frozen=True)
class ConcreteScore(Divergence):
    """Squared error of score differences; adding a constant to the logits costs nothing.

    The double sum is var_1(d) + var_2(d) + (mean_1(d) - mean_2(d))^2, halved, so it costs O(V).
    The default is the main loss of the paper's code. With both weights "student" its gradient is
    twice that of reverse KL; the paper's code takes half of it, which is reverse KL exactly.

    Attributes:
        w1: Weights over y: "student", "teacher" or "uniform" (over tokens that neither masks).
        w2: Weights over x, likewise.
    """

    w1: str = "student"
    w2: str = "student"

    aliases = ("csd",)
    family = "decoupled and score"
    paper = "arXiv 2509.25837"
    formula = "1/2 sum_x sum_y w1(y) w2(x) (d_x - d_y)^2, where d = log q - log p"
    gradient = "w1_i (d_i - mean_2(d)) + w2_i (d_i - mean_1(d))"
    known_as = ("CSD: csd (SS), csd_weighting_function (US, TS)",)
    detached = "the weights are held constant, as in the paper's code"

    def __post_init__(self) -> None:
        for field in ("w1", "w2"):
            self._require(getattr(self, field) in _WEIGHTS, field, f"one of {', '.join(_WEIGHTS)}")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        d_NV = logq_NV - logp_NV
        var1_N, mean1_N = _moments(d_NV, _weights(self.w1, logp_NV, logq_NV))
        var2_N, mean2_N = _moments(d_NV, _weights(self.w2, logp_NV, logq_NV))
        return 0.5 * (var1_N + var2_N + (mean1_N - mean2_N).square())


def _weights(kind: str, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
    if kind == "uniform":
        kept_NV = (~(is_masked(logp_NV) & is_masked(logq_NV))).to(logp_NV.dtype)
        return kept_NV / kept_NV.sum(-1, keepdim=True)
    return (logp_NV if kind == "teacher" else logq_NV).exp().detach()


def _moments(d_NV: Tensor, w_NV: Tensor) -> tuple[Tensor, Tensor]:
    mean_N = (w_NV * d_NV).sum(-1)
    return (w_NV * (d_NV - mean_N[:, None]).square()).sum(-1), mean_N
