"""What the tests promise, tried on made-up sweeps whose truth is known."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

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


def test_smyths_prior_as_it_is_would_raise_false_alarms() -> None:
    # Why the prior comes from all pairs and has a limit.
    draw = dict(error_rates.settings())["equal spreads"]
    assert error_rates.false_alarms(draw, 3, 60, error_rates.smyth) > 0.1
    assert error_rates.false_alarms(draw, 3, 60) <= 0.05


def test_the_script_tests_as_the_package_does() -> None:
    values = np.random.default_rng(0).normal(size=(2, 12, 3))
    known = ours.prior(values)
    assert known.df == ours.MOST_PRIOR_DF
    for fitted in (known, ours.Prior(0.0, np.empty(0))):
        p = error_rates.p_values(values, 0, fitted)
        for c, r in ((0, 1), (1, 11)):
            variance = fitted.variance_CRR[c, r, 0] if fitted.df else np.nan
            test = ours.moderated_t(values[c, r], values[c, 0], variance, fitted.df)
            assert p[c, r - 1] == pytest.approx(test.p, rel=1e-9)


def test_the_table_finds_what_three_seeds_alone_cannot() -> None:
    rng, found = np.random.default_rng(0), {"ordinary": 0, "moderated": 0}
    for _ in range(20):
        values = rng.normal(size=(9, 25, 3))
        values[4, 7] += 25
        priors = {"ordinary": ours.Prior(0.0, np.empty(0)), "moderated": ours.prior(values)}
        for name, known in priors.items():
            found[name] += error_rates.significant(error_rates.p_values(values, 0, known))[4, 6]
    assert found["ordinary"] <= 6 and found["moderated"] >= 18


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
