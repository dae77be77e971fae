"""What the tests promise, tried on made-up sweeps whose truth is known."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from akl_bench import statistics as ours

_PATH = Path(__file__).parents[2] / "benchmarks" / "error_rates.py"
_SPEC = importlib.util.spec_from_file_location("error_rates", _PATH)
error_rates = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(error_rates)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("name", [name for name, _ in error_rates.settings()])
def test_family_wise_false_alarms_under_the_null(name: str, seeds: int) -> None:
    rate = error_rates.false_alarms(dict(error_rates.settings())[name], seeds, 300)
    # 5 % give more than 26 of 300 with probability 0.3 %.
    assert rate <= 26 / 300


def test_the_prior_of_the_baselines_own_differences_would_raise_false_alarms() -> None:
    # Why it comes from all pairs: Smyth's own recipe, on differences that share a baseline's noise.
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(100):
        values = rng.normal(size=(9, 25, 3))
        d = values[:, 1:] - values[:, :1]
        # The baseline's differences agree with each other: d0 is infinite, s0^2 their mean.
        z = d.mean(-1) / np.sqrt(d.var(-1, ddof=1).mean(1, keepdims=True) / 3)
        alarms += bool((2 * stats.norm.sf(np.abs(z)) * z.size <= 0.05).any())
    assert alarms >= 20


def test_the_table_finds_what_three_seeds_alone_cannot() -> None:
    rng, ordinary, moderated = np.random.default_rng(0), 0, 0
    none = ours.Prior(0.0, np.empty(0))
    for _ in range(20):
        values = rng.normal(size=(9, 25, 3))
        values[4, 7] += 20
        for known in (none, ours.prior(values)):
            found = error_rates.significant(error_rates.p_values(values, 0, known))[4, 6]
            ordinary, moderated = (
                ordinary + (found and known is none),
                moderated + (found and known is not none),
            )
    assert ordinary <= 6 and moderated >= 18


@pytest.mark.slow
def test_power_is_the_power_stated() -> None:
    rng, detected, runs = np.random.default_rng(0), 0, 1500
    difference = ours.smallest_detectable(0.5 / 5**0.5, 4)
    assert difference is not None
    for _ in range(runs):
        d = rng.normal(difference, 0.5, 5)
        p = ours.paired_t(25 + d, np.full(5, 25.0)).p
        detected += p is not None and p <= 0.05
    assert detected / runs == pytest.approx(0.8, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "examples", "training", "example", "noise"),
    [(3, 252, 1, 5, 20), (5, 250, 0.5, 0, 20), (5, 500, 2, 5, 10), (10, 500, 0.5, 5, 15)],
)
@pytest.mark.parametrize("paired", [True, False])
def test_bootstrap_interval_covers_the_truth(
    seeds: int, examples: int, training: float, example: float, noise: float, paired: bool
) -> None:
    # Both sides train anew; `example` is how much the difference varies from example to example.
    rng, covered, runs = np.random.default_rng(0), 0, 300
    for _ in range(runs):
        sides = [
            rng.normal(0, training, (seeds, 1)) + rng.normal(0, noise, (seeds, examples))
            for _ in range(2)
        ]
        candidate = sides[0] + rng.normal(0, example, (1, examples))
        interval = ours.hierarchical_bootstrap(candidate, sides[1], paired=paired, resamples=2000)
        assert interval.low is not None and interval.high is not None
        covered += interval.low <= 0 <= interval.high
    # 95 % give 273 or fewer of 300 with probability 0.4 %.
    assert covered >= 274, f"{covered} of {runs}"
