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
def test_the_smallest_detectable_has_its_power_by_scipys_noncentral_t_where_that_is_right(
    n: int, paired: bool, alpha: float
) -> None:
    df, shift = (n - 1, math.sqrt(n)) if paired else (2 * n - 2, math.sqrt(n / 2))
    critical = stats.t.ppf(1 - alpha / 2, df)
    checked = 0
    for power in (1.2 * alpha, 2 * alpha, 0.5, 0.9):
        effect = ours.smallest_detectable(0.5 / shift, df, alpha=alpha, power=power)
        assert effect is not None
        ncp = effect / 0.5 * shift
        theirs = stats.nct.sf(critical, df, ncp) + stats.nct.cdf(-critical, df, ncp)
        # Beyond that it is NaN or worse at few degrees of freedom.
        if ncp < 5:
            assert theirs == pytest.approx(power, rel=0, abs=1e-12)
            checked += 1
    assert checked >= 2


def test_what_two_seeds_detect_by_simulation() -> None:
    # scipy's noncentral t is NaN here: one degree of freedom, a shift of 16.
    effect = ours.smallest_detectable(1 / math.sqrt(2), 1)
    assert effect is not None
    d = np.random.default_rng(0).normal(effect, 1, (200_000, 2))
    t = d.mean(axis=1) / (np.abs(d[:, 0] - d[:, 1]) / 2)
    seen = float((np.abs(t) > stats.t.ppf(0.975, 1)).mean())
    assert seen == pytest.approx(0.8, abs=0.004)


def test_what_cannot_be_said_is_none() -> None:
    assert ours.smallest_detectable(1.0, 0) is None
    assert ours.seeds_needed(0.0, 1.0) is None
    assert ours.seeds_needed(1e-6, 1.0) is None
    assert ours.seeds_needed(0.0, 0.0) is None
    assert ours.seeds_needed(100.0, 1.0, paired=False) == 2


def test_bad_input_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="alpha < power"):
        ours.smallest_detectable(1.0, 3, power=0.01)
