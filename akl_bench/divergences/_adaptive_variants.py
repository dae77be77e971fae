"""Weights of adaptive KL: the paper's, and those that public code computes under the same name.

Each returns (share of KL(p||q), head gap, tail gap), every one [N], with their graph.
"""

import torch
from torch import Tensor

from akl_bench.divergences._head import head_gap, head_mask
from akl_bench.divergences._numerics import kl_terms

Weights = tuple[Tensor, Tensor, Tensor]

# Those that hold the weights constant; in the others the gradient flows through them.
DETACHED = ("paper", "official")

_PLACES = "its head is a set of places in the vocabulary, as in the code that it mirrors"
_RATIO = "the gradient through w divides by the total gap, which cancels as q nears p"
EXEMPT = {
    "taid": {"permutation": _PLACES, "padding": _PLACES, "float32": _RATIO},
    "swapped": {"float32": _RATIO},
}


def weights(variant: str, mu: float, logp_NV: Tensor, logq_NV: Tensor) -> Weights:
    """Share of KL(p||q) and both gaps, of floored inputs."""
    p_NV, q_NV = logp_NV.exp(), logq_NV.exp()
    gap_NV = (p_NV - q_NV).abs()
    total_N = gap_NV.sum(-1)
    if variant == "entropy":
        # The more certain model pulls: exp(-mu H(p)) against exp(-mu H(q)).
        zero_NV = torch.zeros_like(logp_NV)
        surplus_N = kl_terms(logp_NV, zero_NV).sum(-1) - kl_terms(logq_NV, zero_NV).sum(-1)
        return torch.sigmoid(mu * surplus_N), torch.zeros_like(total_N), total_N
    if variant == "taid":
        head_N = (gap_NV * mask(variant, mu, p_NV)).sum(-1)
    elif variant == "swapped":
        head_N = head_gap(q_NV.detach(), gap_NV, mu, drop_crossing=True)
    else:
        head_N = head_gap(p_NV, gap_NV, mu, drop_crossing=variant == "official")
    share_N, head_N, tail_N = shares(head_N, total_N)
    return (1 - share_N if variant == "swapped" else share_N), head_N, tail_N


def shares(head_N: Tensor, total_N: Tensor) -> Weights:
    """Head share, head gap and tail gap; 1/2 where there is no gap at all, as at p = q."""
    head_N = torch.minimum(head_N, total_N)
    tiny = torch.finfo(total_N.dtype).tiny
    half_N = torch.full_like(total_N, 0.5)
    share_N = torch.where(total_N > 0, head_N / total_N.clamp(min=tiny), half_N)
    return share_N, head_N, total_N - head_N


def mask(variant: str, mu: float, p_NV: Tensor) -> Tensor:
    """Head set of a variant, boolean [N, V]; `swapped` wants the student's probabilities here."""
    if variant == "entropy":
        return torch.zeros_like(p_NV, dtype=torch.bool)
    if variant == "taid":
        # Made for ascending probabilities, then laid on the vocabulary as it stands.
        return p_NV.sort(-1).values.cumsum(-1) >= mu
    return head_mask(p_NV, mu, drop_crossing=variant != "paper")
