"""Distributions made for the audit: an example by hand, random ones, and adversarial ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from akl_bench.divergences import Divergence
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.papers.akl.audit.measure import Case, head, weights

if TYPE_CHECKING:
    from torch import Tensor

_TEACHER = (0.40, 0.35, 0.15, 0.10)
_STUDENT = (0.20, 0.48, 0.21, 0.11)
_TOKENS = 60
# GPT-2's, for random distributions; the adversarial ones need no more than the smaller.
_VOCABULARY, _SMALL = 50_257, 1000


@dataclass(frozen=True)
class HandRow:
    """One variant on four tokens whose values can be worked out on paper.

    Attributes:
        head: Ids of the head; None without one.
        w: Share of KL(p||q).
        loss: Nats.
        permuted: Largest change of the loss over all 24 orders of the four tokens.
    """

    variant: str
    head: tuple[int, ...] | None
    w: float
    loss: float
    permuted: float


def by_hand(compared: dict[str, Divergence]) -> list[HandRow]:
    """Four tokens, p = (.40, .35, .15, .10) and q = (.20, .48, .21, .11), in float64."""
    logs_NV = torch.tensor([_TEACHER, _STUDENT], dtype=torch.float64).log()
    rows = []
    for name, divergence in compared.items():
        logp_NV, logq_NV = logs_NV[:1], logs_NV[1:]
        loss = float(divergence.per_token(logp_NV, logq_NV))
        head_NV = head(divergence, logp_NV, logq_NV)
        ids = None if head_NV is None else tuple(head_NV[0].nonzero()[:, 0].tolist())
        w = float(weights(divergence, logp_NV, logq_NV))
        moved = [
            abs(float(divergence.per_token(logp_NV[:, order], logq_NV[:, order])) - loss)
            for order in map(list, itertools.permutations(range(len(_TEACHER))))
        ]
        rows.append(HandRow(name, ids, w, loss, max(moved)))
    return rows


def made(seed: int) -> Iterator[Case]:
    """Random and adversarial pairs, 60 tokens each, all drawn from the seed."""
    generator = torch.Generator().manual_seed(seed)

    def normal(size: int) -> Tensor:
        return torch.randn(_TOKENS, size, generator=generator)

    z_NV = 3 * normal(_VOCABULARY)
    spiked_NV = z_NV.clone()
    for row_V in spiked_NV:
        row_V[torch.randperm(_VOCABULARY, generator=generator)[:5]] += 9
    about = "logits N(0, 3), five tokens of the teacher +9; student: without these, N(0, 1) added"
    yield _case("peaked", about, spiked_NV, z_NV + normal(_VOCABULARY))
    z_NV = normal(_VOCABULARY)
    about = "logits N(0, 1); student: N(0, 1) added"
    yield _case("flat", about, z_NV, z_NV + normal(_VOCABULARY))
    z_NV = 3 * normal(_SMALL)
    about = "logits N(0, 3); student: the teacher with a fifth of its head moved to the tail"
    yield _case("degenerate", about, z_NV, _head_moved(z_NV, 0.2))
    about = "teacher: 100 equally likely tokens, the rest e^4 times less so; student: N(0, 1) added"
    z_NV = torch.zeros(_TOKENS, _SMALL)
    for row_V in z_NV:
        row_V[torch.randperm(_SMALL, generator=generator)[:100]] = 4
    yield _case("ties", about, z_NV, z_NV + normal(_SMALL))
    about = "teacher: .47 on one token, .45 on the one that crosses 1/2; student: .50 and .0001"
    zp_NV, zq_NV = _with_pair(normal(_SMALL), 0.47, 0.45), _with_pair(normal(_SMALL), 0.50, 1e-4)
    yield _case("crossing", about, zp_NV, zq_NV)


def _head_moved(z_NV: Tensor, share: float) -> Tensor:
    """Log-probabilities with a share of the head moved to the tail: p - q has one sign on each."""
    p_NV = z_NV.softmax(-1)
    head_NV = AdaptiveKL().head_mask(z_NV.log_softmax(-1))
    mass_N1 = (p_NV * head_NV).sum(-1, keepdim=True)
    return (p_NV * torch.where(head_NV, 1 - share, 1 + share * mass_N1 / (1 - mass_N1))).log()


def _with_pair(tail_NV: Tensor, first: float, second: float) -> Tensor:
    """Log-probabilities of two tokens with these masses, and of a tail that shares the rest."""
    pair_N2 = torch.tensor([first, second]).log().expand(len(tail_NV), 2)
    rest = torch.tensor(1 - first - second).log()
    return torch.cat([pair_N2, tail_NV.log_softmax(-1) + rest], dim=-1)


def _case(name: str, about: str, zp_NV: Tensor, zq_NV: Tensor) -> Case:
    logp_NV, logq_NV = zp_NV.log_softmax(-1), zq_NV.log_softmax(-1)
    tokens, vocab_size = zp_NV.shape
    return Case(name, about, tokens, vocab_size, lambda at: (logp_NV[at], logq_NV[at]))
