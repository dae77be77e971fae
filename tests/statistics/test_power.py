import math

import numpy as np
import pytest
from scipy import stats

from akl_bench import statistics as ours
from akl_bench.errors import UsageError


@pytest.mark.parametrize(
    ("effect", "paired", "expected"),
    [
        # Cohen (1988) and G*Power: two-sided, alpha 0.05, power 0.8.
        (0.2, False, 394),
        (0.5, False, 64),
        (0.8, False, 26),
        (0.2, True, 199),
        (0.5, True, 34),
        (0.8, True, 15),
    ],
)
def test_seeds_needed_are_the_tabled_sample_sizes(
    effect: float, paired: bool, expected: int
) -> None:
    assert ours.seeds_needed(effect, 1.0, paired=paired) == expected
    assert ours.seeds_needed(-3 * effect, 3.0, paired=paired) == expected


@pytest.mark.parametrize("n", [2, 3, 5, 10, 100])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 40])
def test_power_is_scipys_noncentral_t_where_that_is_finite(
    n: int, paired: bool, alpha: float
) -> None:
    df, shift = (n - 1, math.sqrt(n)) if paired else (2 * n - 2, math.sqrt(n / 2))
    critical = stats.t.ppf(1 - alpha / 2, df)
    checked = 0
    for ncp in (0.0, 0.5, 2.0, 4.0):
        theirs = stats.nct.sf(critical, df, ncp) + stats.nct.cdf(-critical, df, ncp)
        if np.isfinite(theirs):
            mine = ours.t_test_power(ncp / shift, 1.0, n, alpha=alpha, paired=paired)
            assert mine == pytest.approx(theirs, rel=0, abs=1e-12)
            checked += 1
    assert checked >= 3


def test_power_of_two_seeds_by_simulation() -> None:
    # scipy's noncentral t is NaN here. One degree of freedom, shift 16.
    d = np.random.default_rng(0).normal(16 / math.sqrt(2), 1, (200_000, 2))
    t = d.mean(axis=1) / (np.abs(d[:, 0] - d[:, 1]) / 2)
    seen = float((np.abs(t) > stats.t.ppf(0.975, 1)).mean())
    assert ours.t_test_power(16 / math.sqrt(2), 1.0, 2) == pytest.approx(seen, abs=0.004)


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("paired", [True, False])
def test_smallest_detectable_has_the_power_asked_for(n: int, paired: bool) -> None:
    effect = ours.smallest_detectable(0.5, n, alpha=0.01, power=0.9, paired=paired)
    assert effect is not None
    assert ours.t_test_power(effect, 0.5, n, alpha=0.01, paired=paired) == pytest.approx(0.9)


def test_what_cannot_be_said_is_none() -> None:
    assert ours.smallest_detectable(1.0, 1) is None
    assert ours.seeds_needed(0.0, 1.0) is None
    assert ours.seeds_needed(1e-6, 1.0) is None
    assert ours.seeds_needed(0.0, 0.0) is None
    assert ours.seeds_needed(100.0, 1.0, paired=False) == 2


def test_bad_input_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="n >= 2"):
        ours.t_test_power(1.0, 1.0, 1)
    with pytest.raises(UsageError, match="alpha < power"):
        ours.smallest_detectable(1.0, 3, power=0.01)
