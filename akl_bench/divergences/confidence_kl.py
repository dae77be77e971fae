"""CAKLD: forward and reverse KL mixed by how sure the teacher is of the data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from akl_bench.divergences._numerics import inputs, kl
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class ConfidenceKL(Divergence):
    """A teacher sure of the data asks for its mode (reverse KL), an unsure one for its spread.

    BitDistiller estimates beta = E[p(y)] before training; here it is the mean of p(y) over all
    steps so far, and 1/2 at the first.

    Attributes:
        beta: Weight of reverse KL in [0, 1]; None follows the teacher's confidence.
    """

    beta: float | None = None

    aliases = ("cakld",)
    family = "gated KL"
    paper = "arXiv 2402.10631 (BitDistiller), CAKLD"
    formula = "beta KL(q || p) + (1 - beta) KL(p || q), beta = E[p(y)]"
    gradient = "beta q_i (log(q_i / p_i) - KL(q || p)) + (1 - beta) (q_i - p_i)"
    known_as = ("BitDistiller: cakld", "Distily: cakld (beta fixed at .5)")
    needs = frozenset({"labels", "state"})
    limits = (("confidence_kl(beta=0)", "forward_kl"), ("confidence_kl(beta=1)", "reverse_kl"))

    def __post_init__(self) -> None:
        self._require(self.beta is None or 0 <= self.beta <= 1, "beta", "in [0, 1] or left out")

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor, **needed: Any) -> Tensor:
        beta = (needed.get("state") or self.initial_state())["beta"]
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        return beta * kl(logq_NV, logp_NV) + (1 - beta) * kl(logp_NV, logq_NV)

    def initial_state(self) -> dict[str, float]:
        """The weight of reverse KL and the number of steps that it averages."""
        return {"beta": 0.5 if self.beta is None else self.beta, "steps": 0.0}

    def signals(
        self, logp_NV: Tensor, logq_NV: Tensor, d_N: Tensor, **needed: Any
    ) -> dict[str, Tensor]:
        """The teacher's probability of the label."""
        label_N1 = self.labels_of(needed.get("labels_N"))[:, None]
        return {"confidence": logp_NV.detach().gather(-1, label_N1)[:, 0].exp()}

    def next_state(
        self, state: Mapping[str, float], *, signals: Mapping[str, float], progress: float
    ) -> dict[str, float]:
        if self.beta is not None:
            return dict(state)
        steps = state["steps"] + 1
        mean = 0.0 if steps == 1 else state["beta"]
        return {"beta": mean + (signals["confidence"] - mean) / steps, "steps": steps}
