"""The paper's toy settings: a softmax over k points, trained with Adam towards a fixed p.

From the formulas of its notebooks; where those draw noise or a start without a seed, seeds here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from akl_bench import divergences
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.papers.akl.claims.card import Floats, Where
from akl_bench.papers.akl.objectives import AKL, OBJECTIVES

INITS = 20
WHERE = Where(f"toys, {INITS} starts each", "claims-toy", "toys")


@dataclass(frozen=True)
class Setting:
    """A teacher p over points x, and the budget of its students."""

    name: str
    about: str
    x_V: Floats
    p_V: Floats
    lr: float
    steps: int


class Students(NamedTuple):
    """One objective's students from several starts, after 0, 1, ... updates: arrays [T, I]."""

    kl_pq: Floats  # nats
    kl_qp: Floats
    head: Floats  # gaps sum |p - q| on the head of p (mu = 1/2), and off it
    tail: Floats
    w: Floats  # AKL's weight of KL(p||q)
    q_TIV: Floats  # their distributions


class Toy(NamedTuple):
    """A setting and its students by objective."""

    setting: Setting
    students: Mapping[str, Students]


def settings() -> list[Setting]:
    """Both notebooks: 50 points with two modes, trained 200 steps; 80 with a tail, 800 steps.

    Of the bimodal ones the last is what the notebook draws in place of the second: its
    `sigma2 = self.sigma1` makes both modes of (50, 50, 15, 20) one normal distribution.
    """
    tail_V = np.arange(0, 100, 1.25)
    noise_V = 1 + 0.01 * np.random.default_rng(1).random(tail_V.size)
    p_V = _scaled(_normal(tail_V, 0, 16) * noise_V)
    as_run = "N(50,15) alone: the notebook ignores sigma2"
    bimodal = [
        ("two modes", "N(75,10) and N(25,10)", (25, 10), (75, 10)),
        ("two widths", "N(50,20) and N(50,15)", (50, 15), (50, 20)),
        ("two widths as run", as_run, (50, 15), (50, 15)),
    ]
    return [
        *(Setting(name, about, *_mixed(*modes), 0.1, 200) for name, about, *modes in bimodal),
        Setting("long tail", "half of N(0,16), 1 % seeded noise", tail_V, p_V, 0.2, 800),
    ]


def _mixed(first: tuple[float, float], second: tuple[float, float]) -> tuple[Floats, Floats]:
    """Points, and .3 of a normal distribution and .5 of another there, each as (mean, sd)."""
    x_V = np.arange(0, 100, 2.0)
    return x_V, _scaled(0.5 * _normal(x_V, *second) + 0.3 * _normal(x_V, *first))


def _normal(x_V: Floats, mean: float, sd: float) -> Floats:
    return np.asarray(np.exp(-(((x_V - mean) / sd) ** 2) / 2) / sd, np.float64)


def _scaled(values_V: Floats) -> Floats:
    return np.asarray(values_V / values_V.sum(), np.float64)


def train(setting: Setting, objective: str, inits: int = INITS) -> Students:
    """Students that start from logits `torch.rand(k)` with `manual_seed` 1, 2, ...

    The loss is the divergence / k, which is what `F.kl_div(reduction="batchmean")` gives for a
    vector. Adam works coordinate by coordinate, so all starts are trained at once.
    """
    size = setting.p_V.size
    generators = [torch.Generator().manual_seed(start + 1) for start in range(inits)]
    starts = [torch.rand(size, generator=generator) for generator in generators]
    z_IV = torch.stack(starts).double().requires_grad_()
    logp_IV = torch.from_numpy(np.log(setting.p_V)).expand(inits, -1)
    divergence = divergences.get(objective)
    optimizer = torch.optim.Adam([z_IV], lr=setting.lr)
    states = [z_IV.detach().log_softmax(-1)]
    for _ in range(setting.steps):
        optimizer.zero_grad()
        loss = divergence.per_token(logp_IV, z_IV.log_softmax(-1)).sum() / size
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own gap
        optimizer.step()
        states.append(z_IV.detach().log_softmax(-1))
    return _measured(logp_IV[0], torch.stack(states))


def train_all(inits: int = INITS) -> list[Toy]:
    """Train all of them; seconds."""
    return [Toy(s, {name: train(s, name, inits) for name in OBJECTIVES}) for s in settings()]


def _measured(logp_V: Tensor, logq_TIV: Tensor) -> Students:
    akl = divergences.get(AKL)
    assert isinstance(akl, AdaptiveKL), "the spec names it"
    logq_NV = logq_TIV.flatten(0, 1)
    logp_NV = logp_V.expand_as(logq_NV)
    ratio_NV = logp_NV - logq_NV
    kls = [(logp_NV.exp() * ratio_NV).sum(-1), -(logq_NV.exp() * ratio_NV).sum(-1)]
    w_N, head_N, tail_N = akl.weights(logp_NV, logq_NV)
    columns = (each_N.reshape(logq_TIV.shape[:2]).numpy() for each_N in (*kls, head_N, tail_N, w_N))
    kl_pq, kl_qp, head, tail, w = columns
    return Students(kl_pq, kl_qp, head, tail, w, logq_TIV.exp().numpy())
