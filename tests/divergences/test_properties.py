"""Inequalities that hold for all distributions, on distributions that hypothesis makes up."""

from __future__ import annotations

import functools
import itertools
import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from akl_bench import divergences

Pair = tuple[Tensor, Tensor]
SETTINGS = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def pairs(draw: st.DrawFn, smallest: int = 2) -> Pair:
    size = draw(st.integers(smallest, 12))
    logit = st.floats(-15, 15, width=32)
    rows = st.lists(logit, min_size=size, max_size=size)
    logits = torch.tensor([draw(rows), draw(rows)], dtype=torch.float64)
    logp_V, logq_V = logits.log_softmax(-1)
    return logp_V[None], logq_V[None]


_get = functools.cache(divergences.get)


def _value(spec: str, pair: Pair) -> float:
    return float(_get(spec).per_token(*pair))


def _merged(pair: Pair) -> Pair:
    """The first two tokens taken for one."""
    first, second = (
        torch.cat([x[:, :2].logsumexp(-1, keepdim=True), x[:, 2:]], dim=-1) for x in pair
    )
    return first, second


@SETTINGS
@given(pairs(smallest=3))
def test_no_f_divergence_grows_when_two_tokens_are_merged(pair: Pair) -> None:
    for spec in ("jeffreys", "hellinger", "chi_square", "renyi(alpha=0.5)", "renyi(alpha=2)"):
        whole = _value(spec, pair)
        assert _value(spec, _merged(pair)) <= whole * (1 + 1e-9) + 1e-9, spec


@SETTINGS
@given(pairs())
def test_hellinger_total_variation_and_kl_are_ordered(pair: Pair) -> None:
    hellinger, tv = _value("hellinger", pair), _value("total_variation", pair)
    assert hellinger <= tv + 1e-9
    assert tv <= math.sqrt(2 * hellinger) + 1e-9
    assert 2 * tv**2 <= _value("forward_kl", pair) + 1e-9  # Pinsker
    assert tv <= 1 + 1e-12


@SETTINGS
@given(pairs())
def test_renyi_grows_with_its_order_and_meets_its_neighbours(pair: Pair) -> None:
    orders = [_value(f"renyi(alpha={alpha})", pair) for alpha in (0.2, 0.5, 0.99, 1, 1.01, 2)]
    assert all(a <= b + 1e-7 * (1 + b) for a, b in itertools.pairwise(orders))
    assert math.isclose(orders[1], -2 * math.log1p(-_value("hellinger", pair)), abs_tol=1e-9)
    assert math.isclose(
        orders[-1], math.log1p(_value("chi_square", pair)), rel_tol=1e-9, abs_tol=1e-9
    )


@SETTINGS
@given(pairs())
def test_top_k_with_its_tail_climbs_to_forward_kl(pair: Pair) -> None:
    size = pair[0].shape[-1]
    values = [_value(f"top_k_forward_kl(k={k})", pair) for k in range(1, size + 1)]
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(values))
    assert math.isclose(values[-1], _value("forward_kl", pair), abs_tol=1e-9)


@SETTINGS
@given(pairs())
def test_sorted_distance_is_at_most_twice_total_variation(pair: Pair) -> None:
    assert _value("wasserstein_ordered", pair) <= 2 * _value("total_variation", pair) + 1e-9


@SETTINGS
@given(pairs(), st.sampled_from([0, 0.1, 0.5, 0.9]), st.sampled_from([-3, -1, 0, 0.5, 1]))
def test_a_mixture_lies_no_further_than_the_student(pair: Pair, lam: float, alpha: float) -> None:
    spec = f"alpha_mixture(alpha={alpha}, lam={lam}, divergence=forward_kl)"
    assert _value(spec, pair) <= _value("forward_kl", pair) + 1e-6


@SETTINGS
@given(pairs(), st.floats(0, 1))
def test_taid_target_is_never_further_than_the_teacher(pair: Pair, t: float) -> None:
    value = float(_get("taid").per_token(*pair, state={"t": t}))
    assert -1e-12 <= value <= _value("forward_kl", pair) + 1e-9
