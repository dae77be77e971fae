"""The head of a distribution: the fewest tokens whose mass exceeds mu, found without a sort.

In descending order, a token is in the head while the mass before it is at most mu; so a mass of
exactly mu does not suffice, one token more does (to 1e-6, so that rounding does not decide). Where
tokens tie with the last one taken, any choice among them would be as good: then each tied token is
a member to the same share (taken / tied), so that no result depends on the order of the vocabulary.
Only `head_mask`, which has to choose, takes those with the lowest ids.

`drop_crossing` leaves out the token that crosses mu (but never the most likely token), as the
published code of adaptive KL does.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# On text half the mass lies on a handful of tokens; rows with a longer head go on to `_threshold`.
_TOP = 32
_ROUNDING = 1e-6


def head_gap(p_NV: Tensor, gap_NV: Tensor, mu: float, drop_crossing: bool = False) -> Tensor:
    """Sum of a non-negative gap over the head of p, per token [N]; differentiable in the gap.

    On the CPU a small top set answers for nearly all rows of a large vocabulary. Elsewhere asking
    which rows are left would wait for the device, and break compiled code in two, so that all rows
    take the fixed number of steps of `_threshold`; so they do in a small vocabulary, where `topk`
    is the slower one.
    """
    straight = p_NV.device.type != "cpu" or torch.compiler.is_compiling()
    if straight or p_NV.shape[-1] < 64 * _TOP:
        return (_membership(p_NV, _threshold(p_NV, mu), mu, drop_crossing) * gap_NV).sum(-1)
    top_NK, ids_NK = p_NV.topk(_TOP, dim=-1)
    mass_NK = top_NK.cumsum(-1)
    size_N1 = (mass_NK <= mu + _ROUNDING).sum(-1, keepdim=True)
    last_N1 = top_NK.gather(-1, size_N1.clamp(max=_TOP - 1))
    member_NK = _membership(top_NK, last_N1, mu, drop_crossing)
    head_N = (member_NK * gap_NV.gather(-1, ids_NK)).sum(-1)
    # Not answered: the head, or the run of ties at its end, may go on below the top set.
    rows_R = (last_N1 <= top_NK[:, -1:]).squeeze(-1).nonzero().squeeze(-1)
    if rows_R.numel():
        p_RV = p_NV[rows_R]
        member_RV = _membership(p_RV, _threshold(p_RV, mu), mu, drop_crossing)
        head_N = head_N.index_put((rows_R,), (member_RV * gap_NV[rows_R]).sum(-1))
    return head_N


def head_mask(p_NV: Tensor, mu: float, drop_crossing: bool = False) -> Tensor:
    """True for the tokens of the head, [N, V]."""
    last_N1 = _threshold(p_NV, mu)
    tied_NV = p_NV == last_N1
    taken_N1 = _taken(p_NV, last_N1, mu, drop_crossing)
    return (p_NV > last_N1) | (tied_NV & (tied_NV.cumsum(-1) <= taken_N1))


def _threshold(p_NV: Tensor, mu: float) -> Tensor:
    """Probability of the last token of the head, [N, 1], exactly.

    Positive floats order like their bits read as integers. So the largest value that leaves more
    than mu at or above it is found bit by bit, from the one below the bit that 2.0 begins with.
    """
    integers, bits = (torch.int64, 62) if p_NV.dtype == torch.float64 else (torch.int32, 30)
    last_N1 = torch.zeros_like(p_NV[:, :1]).view(integers)
    for bit in reversed(range(bits)):
        higher_N1 = last_N1 | (1 << bit)
        above_NV = _as_float(torch.ge, p_NV, higher_N1.view(p_NV.dtype))
        exceeds_N1 = above_NV.mul_(p_NV).sum(-1, keepdim=True) > mu + _ROUNDING
        last_N1 = torch.where(exceeds_N1, higher_N1, last_N1)
    return last_N1.view(p_NV.dtype)


def _membership(p_NV: Tensor, last_N1: Tensor, mu: float, drop_crossing: bool) -> Tensor:
    """Share to which each token is in the head: 1, 0, or taken / tied."""
    taken_N1 = _taken(p_NV, last_N1, mu, drop_crossing)
    tied_NV = _as_float(torch.eq, p_NV, last_N1)
    tied_NV.mul_(taken_N1 / tied_NV.sum(-1, keepdim=True))
    return _as_float(torch.gt, p_NV, last_N1).add_(tied_NV)


def _taken(p_NV: Tensor, last_N1: Tensor, mu: float, drop_crossing: bool) -> Tensor:
    """How many of the tokens as likely as the last one the head takes, [N, 1]."""
    above_NV = _as_float(torch.gt, p_NV, last_N1)
    mass_N1 = (above_NV * p_NV).sum(-1, keepdim=True)
    tied_N1 = _as_float(torch.eq, p_NV, last_N1).sum(-1, keepdim=True)
    lacking_N1 = (mu + _ROUNDING - mass_N1) / last_N1.clamp(min=torch.finfo(p_NV.dtype).tiny)
    taken_N1 = torch.minimum(lacking_N1.floor().clamp(min=0) + 1, tied_N1)
    if drop_crossing:
        is_only_one_N1 = (taken_N1 == 1) & (mass_N1 == 0)
        taken_N1 = torch.where(is_only_one_N1, taken_N1, taken_N1 - 1)
    return taken_N1


def _as_float(compare: Callable[..., Tensor], p_NV: Tensor, bound_N1: Tensor) -> Tensor:
    """1.0 where the comparison holds, else 0.0; products with it beat boolean masks fourfold."""
    return compare(p_NV, bound_N1, out=torch.empty_like(p_NV))
