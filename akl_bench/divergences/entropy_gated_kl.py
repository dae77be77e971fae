"""Reverse KL, with forward KL added where the teacher is unsure (EOPD)."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs, kl
from akl_bench.divergences.base import Divergence

_GATES = ("add", "mix")


@dataclass(frozen=True)
class EntropyGatedKL(Divergence):
    """Precise where the teacher is sure, covering where it is not.

    The gate depends on the teacher alone, so the gradient is that of the value. That forward KL is
    *added* at high teacher entropy is the paper's abstract; its exact gate and threshold are not
    verified here, and the soft form is second-hand.

    Attributes:
        threshold: Teacher entropy H0 in nats where the gate opens. Our choice, not the paper's.
        gate: "add" is RKL + [H(p) > H0] FKL; "mix" is w FKL + (1 - w) RKL with
            w = sigmoid(sharpness (H(p) - H0)).
        sharpness: Slope of the soft gate, per nat; "mix" only.
    """

    threshold: float = 1.0
    gate: str = "add"
    sharpness: float = 4.0

    aliases = ("eopd",)
    family = "gated KL"
    paper = "arXiv 2603.07079; gate and threshold second-hand"
    formula = "KL(q || p) + [H(p) > H0] KL(p || q)"
    gradient = "q_i (log(q_i / p_i) - KL(q || p)) + [H(p) > H0] (q_i - p_i)"
    known_as = ("EOPD: entropy-aware OPD", "HybKD: entropy gate")

    def __post_init__(self) -> None:
        self._require(self.threshold >= 0, "threshold", "at least 0")
        self._require(self.gate in _GATES, "gate", f"one of {', '.join(_GATES)}")
        self._require(self.sharpness > 0, "sharpness", "above 0")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        excess_N = -(logp_NV.exp() * logp_NV).sum(-1) - self.threshold
        forward_N, reverse_N = kl(logp_NV, logq_NV), kl(logq_NV, logp_NV)
        if self.gate == "add":
            return reverse_N + forward_N * (excess_N > 0)
        w_N = (self.sharpness * excess_N).sigmoid()
        return w_N * forward_N + (1 - w_N) * reverse_N
