"""ToDi: forward and reverse KL mixed per vocabulary entry by a sigmoid of the log-ratio."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._numerics import inputs, kl_terms
from akl_bench.divergences.base import Divergence


@dataclass(frozen=True)
class ToDi(Divergence):
    """Pulls up tokens that the student underrates (forward KL), pushes down those it overrates.

    With w_i = sigmoid(log p_i/q_i) = p_i / (p_i + q_i) the value is exactly `jeffreys`; only the
    gradient is another one, because the weights are held constant. The paper tempers both models
    at T = 2, which is the objective's business here.
    """

    aliases = ()
    family = "gated KL"
    paper = "arXiv 2505.16297"
    formula = (
        "sum_i w_i p_i log(p_i / q_i) + (1 - w_i) q_i log(q_i / p_i), w_i = sigmoid(log p_i / q_i)"
    )
    gradient = "g_i - q_i sum_j g_j, g_i = -w_i p_i + (1-w_i) q_i (log(q_i/p_i) + 1)"
    known_as = ("ToDi: todi",)
    detached = "the weights w_i are held constant, as in the paper's code"

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        w_NV = (logp_NV - logq_NV).sigmoid().detach()
        return (w_NV * kl_terms(logp_NV, logq_NV) + (1 - w_NV) * kl_terms(logq_NV, logp_NV)).sum(-1)
