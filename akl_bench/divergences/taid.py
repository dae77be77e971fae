"""TAID: forward KL to a target that moves from the student to the teacher."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs, kl
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class Taid(Divergence):
    """The target p_t = softmax((1 - t) sg(z_q) + t z_p) closes the capacity gap step by step.

    t follows a straight line from t_start to t_end and runs ahead of it while the loss falls
    (paper, Algorithm 1). The loss that drives t is KL, the entropy of p_t included, as in the
    paper; its code takes the cross-entropy.

    Attributes:
        t_start: First t, in [0, 1].
        t_end: Last t, in [t_start, 1].
        alpha: Step size of the adaptive part.
        beta: Momentum of the relative loss change.
    """

    t_start: float = 0.4
    t_end: float = 1.0
    alpha: float = 5e-4
    beta: float = 0.99

    aliases = ()
    family = "mixture"
    paper = "arXiv 2501.16937, Algorithm 1"
    formula = "KL(p_t || q), p_t = softmax((1 - t) sg(log q) + t log p)"
    gradient = "q_i - p_t,i"
    known_as = ("TAID: taid (cross-entropy, same gradient)",)
    needs = frozenset({"state"})
    limits = (("taid(t_start=1, t_end=1)", "forward_kl"),)
    detached = "the target p_t holds its share of the student constant"

    def __post_init__(self) -> None:
        self._require(0 <= self.t_start <= 1, "t_start", "in [0, 1]")
        self._require(self.t_start <= self.t_end <= 1, "t_end", "in [t_start, 1]")
        self._require(0 <= self.alpha <= 1, "alpha", "in [0, 1]")
        self._require(0 <= self.beta < 1, "beta", "in [0, 1)")

    def per_token(
        self, logp_NV: Tensor, logq_NV: Tensor, *, state: Mapping[str, float] | None = None
    ) -> Tensor:
        t = (state or self.initial_state())["t"]
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        target_NV = ((1 - t) * logq_NV.detach() + t * logp_NV).log_softmax(-1)
        return kl(target_NV, logq_NV)

    def initial_state(self) -> dict[str, float]:
        """t, the momentum of the relative loss change, and the last loss (-1: none yet)."""
        return {"t": self.t_start, "momentum": 0.0, "loss": -1.0}

    def next_state(
        self, state: Mapping[str, float], *, signals: Mapping[str, float], progress: float
    ) -> dict[str, float]:
        last, loss, t, momentum = state["loss"], signals["loss"], state["t"], state["momentum"]
        if last >= 0:
            change = (last - loss) / (last + 1e-15)
            momentum = self.beta * momentum + (1 - self.beta) * change
            ahead = 1 / (1 + math.exp(-max(-700.0, min(700.0, momentum))))
            t += self.alpha * ahead * (1 - t)
        line = self.t_start + (self.t_end - self.t_start) * progress
        return {"t": min(self.t_end, max(line, t)), "momentum": momentum, "loss": loss}
