"""Distributions made for the audit: an example by hand, random ones, and adversarial ones."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from akl_bench.divergences import Divergence
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.papers.akl.audit.measure import Case, head, moved, weights
from akl_bench.strict import read_yaml

TEXTS = read_yaml(Path(__file__).with_name("texts.yaml"))
_TEACHER = (0.40, 0.35, 0.15, 0.10)
_STUDENT = (0.20, 0.48, 0.21, 0.11)
_TOKENS = 60
# GPT-2's, for random distributions; the adversarial ones need no more than the smaller.
_VOCABULARY, _SMALL = 50_257, 1000


class HandRow(NamedTuple):
    """One variant on four tokens whose values can be worked out on paper."""

    variant: str
    head: tuple[int, ...] | None  # ids; None without one
    w: float  # share of KL(p||q)
    loss: float  # nats
    permuted: float  # largest change of the loss over all 24 orders of the four tokens


def by_hand(compared: dict[str, Divergence]) -> list[HandRow]:
    """Four tokens, p = (.40, .35, .15, .10) and q = (.20, .48, .21, .11), in float64."""
    logp_NV, logq_NV = torch.tensor([[_TEACHER], [_STUDENT]], dtype=torch.float64).log()
    orders = list(map(list, itertools.permutations(range(len(_TEACHER)))))
    rows = []
    for name, divergence in compared.items():
        loss = float(divergence.per_token(logp_NV, logq_NV))
        head_NV = head(divergence, logp_NV, logq_NV)
        ids = None if head_NV is None else tuple(head_NV[0].nonzero()[:, 0].tolist())
        w = float(weights(divergence, logp_NV, logq_NV))
        rows.append(HandRow(name, ids, w, loss, moved(divergence, (logp_NV, logq_NV), orders)))
    return rows


def made(seed: int) -> Iterator[Case]:
    """Random and adversarial pairs, 60 tokens each, all drawn from the seed."""
    generator = torch.Generator().manual_seed(seed)

    def normal(size: int) -> Tensor:
        return torch.randn(_TOKENS, size, generator=generator)

    def raised(z_NV: Tensor, tokens: int, by: float) -> Tensor:
        for row_V in z_NV:
            row_V[torch.randperm(len(row_V), generator=generator)[:tokens]] += by
        return z_NV

    z_NV = 3 * normal(_VOCABULARY)
    yield _case("peaked", raised(z_NV.clone(), 5, 9), z_NV + normal(_VOCABULARY))
    z_NV = normal(_VOCABULARY)
    yield _case("flat", z_NV, z_NV + normal(_VOCABULARY))
    z_NV = 3 * normal(_SMALL)
    yield _case("degenerate", z_NV, _head_moved(z_NV, 0.2))
    z_NV = raised(torch.zeros(_TOKENS, _SMALL), 100, 4)
    yield _case("ties", z_NV, z_NV + normal(_SMALL))
    zp_NV, zq_NV = _with_pair(normal(_SMALL), 0.47, 0.45), _with_pair(normal(_SMALL), 0.50, 1e-4)
    yield _case("crossing", zp_NV, zq_NV)


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


def _case(name: str, zp_NV: Tensor, zq_NV: Tensor) -> Case:
    logp_NV, logq_NV = zp_NV.log_softmax(-1), zq_NV.log_softmax(-1)
    tokens, vocab_size = zp_NV.shape
    about = TEXTS["made"][name]
    return Case(name, about, tokens, vocab_size, lambda at: (logp_NV[at], logq_NV[at]))
