"""AdaKD: hard tokens only, each at its own temperature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from akl_bench.divergences import _focus
from akl_bench.divergences._numerics import inputs, kl
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class AdaKD(Divergence):
    """Keeps the hardest share r of tokens by Hellinger distance h; hard ones get a low temperature.

    r (LATF) starts at 1, shrinks while the smoothed loss falls and grows back where it rises, in
    [.1, 1]. tau (IDTS) = exp(-c tanh log(h / m)), m the median of the kept. The paper ranks within
    a batch; here two running quantiles do, so that a token's loss does not depend on how the batch
    is cut. Dividing by r makes the mean over all tokens that over the kept ones. The KL beneath is
    reverse, as in the paper's scripts.

    Attributes:
        c: Strength of the temperature; 0 turns it off.
        sigma: Relative step of the kept share.
        epsilon: Relative loss change that moves it.
    """

    c: float = 0.5
    sigma: float = 0.05
    epsilon: float = 0.05

    aliases = ("latf_idts",)
    family = "gated KL"
    paper = "arXiv 2510.11615"
    formula = "[h >= h_r] / r tau^2 KL(q_tau || p_tau)"
    gradient = "[h >= h_r] / r tau q_tau,i (log(q_tau,i / p_tau,i) - KL)"
    known_as = ("AdaKD: AdaKD (rule hellinger, loss rkd)",)
    needs = frozenset({"state"})
    limits = (("adakd(c=0)", "reverse_kl"),)
    detached = "the choice of tokens and their temperatures are held constant"

    def __post_init__(self) -> None:
        self._require(self.c >= 0, "c", "at least 0")
        self._require(0 <= self.sigma < 1, "sigma", "in [0, 1)")
        self._require(self.epsilon >= 0, "epsilon", "at least 0")

    def per_token(
        self, logp_NV: Tensor, logq_NV: Tensor, *, state: Mapping[str, float] | None = None
    ) -> Tensor:
        state = state or self.initial_state()
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        h_N = _focus.hellinger(logp_NV, logq_NV.detach())
        kept_N = (h_N >= state["threshold"]) / state["ratio"]
        rel_N = (h_N / state["median"]).clamp(min=1e-8)
        tau_N = (-self.c * rel_N.log().tanh()).exp()
        p_NV, q_NV = ((x / tau_N[:, None]).log_softmax(-1) for x in (logp_NV, logq_NV))
        return kept_N * tau_N.square() * kl(q_NV, p_NV)

    def initial_state(self) -> dict[str, float]:
        return _focus.initial()

    def signals(
        self, logp_NV: Tensor, logq_NV: Tensor, d_N: Tensor, **needed: Any
    ) -> dict[str, Tensor]:
        state = needed.get("state") or self.initial_state()
        h_N = _focus.hellinger(*inputs(logp_NV, logq_NV.detach()))
        return {"loss": d_N.detach(), **_focus.shares(h_N, state)}

    def next_state(
        self, state: Mapping[str, float], *, signals: Mapping[str, float], progress: float
    ) -> dict[str, float]:
        return _focus.advance(state, signals, progress, self.sigma, self.epsilon)
