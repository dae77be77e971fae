"""The prior and the moderated t-test, by hand and by another way of working them out."""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from akl_bench import statistics as ours
from akl_bench.errors import UsageError
from akl_bench.statistics.moderated import inverse_trigamma


def close(expected: float) -> object:
    return pytest.approx(expected, rel=1e-9)


def table(seed: int = 0, shape: tuple[int, int, int] = (4, 12, 4)) -> np.ndarray:
    """Values whose spread differs by column, by objective and by cell."""
    rng = np.random.default_rng(seed)
    columns, rows, _ = shape
    log_sd = rng.normal(0, 3, (columns, 1)) + rng.normal(0, 1, rows) + rng.normal(0, 1.5, shape[:2])
    return 50 + np.exp(log_sd)[..., None] * rng.normal(size=shape)


def by_least_squares(values: np.ndarray) -> tuple[float, dict[tuple[int, int, int], float]]:
    """d0 before its limit, and s0^2 by column and pair: dummy variables, lstsq, loops."""
    observed = []
    for c, column in enumerate(values):
        for i, j in itertools.combinations(range(len(column)), 2):
            both = [(x, y) for x, y in zip(column[i], column[j], strict=True) if x == x and y == y]
            if sum(column[i] == column[i]) == sum(column[j] == column[j]) == len(both) > 1:
                x, y = zip(*both, strict=True)
                observed.append((c, i, j, np.var(np.subtract(x, y), ddof=1), len(both) - 1))
    least = [np.median([o[3] for o in observed if o[0] == c]) / 100 for c in range(len(values))]
    names = sorted({(i, j) for _, i, j, _, _ in observed})
    design = np.zeros((len(observed), len(values) + len(names)))
    e, noise = [], []
    for row, (c, i, j, variance, df) in enumerate(observed):
        design[row, c] = design[row, len(values) + names.index((i, j))] = 1
        # E log(chi^2_df / df) and its variance, by the cumulants of log gamma.
        shape = df / 2
        e.append(
            math.log(max(variance, least[c])) - float(stats.loggamma.mean(shape)) + math.log(shape)
        )
        noise.append(float(stats.loggamma.var(shape)))
    fit, _, rank, _ = np.linalg.lstsq(design, np.array(e), rcond=None)
    level = np.array(e) - design @ fit
    variance = max(np.mean(noise), float(level @ level) / (len(e) - rank))
    pairs = fit[len(values) :]
    columns = fit[: len(values)] + pairs.mean()
    pairs = pairs - pairs.mean()
    own = variance * np.mean([1 / sum(o[1:3] == name for o in observed) for name in names])
    shrink = max(0.0, pairs.var(ddof=1) - own) / max(pairs.var(ddof=1), own)
    rest = variance - np.mean(noise) + shrink * own
    d0 = 2 * optimize.brentq(lambda y: special.zeta(2, y) - rest, 1e-3, 1e6)
    s0 = {
        (c, *name): math.exp(columns[c] + shrink * pairs[k])
        for c in range(len(values))
        for k, name in enumerate(names)
    }
    return d0, s0


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("holes", [False, True])
def test_the_prior_is_the_least_squares_fit(seed: int, holes: bool) -> None:
    values = table(seed)
    if holes:
        values[1, 3, 0] = np.nan  # Pairs with no other: its seeds are not theirs.
        values[2, 5:7, 2] = np.nan  # Two that still have each other.
    d0, s0 = by_least_squares(values)
    made = ours.prior(values)
    assert d0 < ours.MOST_PRIOR_DF, "the limit would hide the estimate"
    assert made.df == pytest.approx(d0, rel=1e-6)
    for (c, i, j), expected in s0.items():
        assert made.variance_CRR[c, i, j] == pytest.approx(expected, rel=1e-6)
        assert made.variance_CRR[c, j, i] == made.variance_CRR[c, i, j]


def test_levels_are_those_of_the_columns_and_objectives() -> None:
    sd = np.outer([1.0, 100.0, 0.01, 10.0], [1.0] * 19 + [10.0])
    made = ours.prior(sd[..., None] * np.random.default_rng(0).normal(size=(4, 20, 4)))
    typical = np.nanmedian(made.variance_CRR[:, :19, :19], axis=(1, 2))
    assert typical == pytest.approx([2.0, 2e4, 2e-4, 200.0], rel=0.5)
    wide = np.nanmedian(made.variance_CRR[:, 19], axis=1)
    assert wide / typical == pytest.approx(np.full(4, 101 / 2), rel=0.8)
    assert made.df == ours.MOST_PRIOR_DF


def test_the_weight_of_the_prior_falls_with_the_number_of_objectives() -> None:
    values = np.random.default_rng(0).normal(size=(3, 30, 3))
    assert ours.prior(values).df == ours.MOST_PRIOR_DF
    assert ours.prior(values[:, :7]).df == 1.0
    for few in (2, 3):
        made = ours.prior(values[:, :few])
        assert made.df == 0 and np.isnan(made.variance_CRR).all()
    assert ours.prior(values[..., :1]).df == 0
    assert ours.prior(np.empty((0, 5, 3))).df == 0


def test_a_column_that_does_not_vary_has_no_prior_and_spoils_no_other() -> None:
    values = np.random.default_rng(0).normal(size=(3, 9, 3))
    values[1] = 0.25
    made = ours.prior(values)
    assert np.isnan(made.variance_CRR[1]).all()
    assert made.df > 0 and (made.variance_CRR[0, 0, 1:] > 0).all()
    # A few equal differences, as a coarse metric has, do not make the others' prior vanish.
    values[0, :3] = values[0, :1]
    assert ours.prior(values).df > 0


def test_moderated_t_by_hand() -> None:
    # d = 1, 2, 3: s^2 = 1; with d0 = 2 and s0^2 = 4, s~^2 = (2 * 4 + 2 * 1) / 4 = 2.5.
    made = ours.moderated_t([2.0, 4.0, 6.0], [1.0, 2.0, 3.0], 4.0, 2.0)
    t = 2 * math.sqrt(3 / 2.5)
    half = stats.t.ppf(0.975, 4) * math.sqrt(2.5 / 3)
    expected = (2.0, 2 - half, 2 + half, 2 * stats.t.sf(t, 4), t, 4.0, math.sqrt(2.5 / 3))
    assert tuple(made) == close(expected)


def test_without_a_prior_it_is_the_paired_test() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 4))
    for variance, df in ((1.0, 0.0), (math.nan, 3.0)):
        assert ours.moderated_t(a, b, variance, df) == ours.paired_t(a, b)
    assert ours.moderated_t([1.0], [0.0], 1.0, 3.0).p is None


def test_equal_differences_are_judged_by_the_others_spread() -> None:
    lost = [0.5, 0.5, 0.5], [0.0, 0.0, 0.0]
    assert ours.paired_t(*lost).p == 0.25
    assert ours.moderated_t(*lost, 1e-4, 3.0).p < 1e-4
    assert ours.moderated_t(*lost, 1.0, 3.0).p > 0.2
    assert ours.moderated_t([1.0, 1.0], [1.0, 1.0], 1.0, 3.0).p == 1.0


@pytest.mark.parametrize("x", [1e-6, 0.01, 0.5, 1.0, 3.0, 1e4])
def test_inverse_trigamma_inverts(x: float) -> None:
    # trigamma(y) is Hurwitz's zeta(2, y).
    assert special.zeta(2, inverse_trigamma(x)) == close(x)
    assert inverse_trigamma(math.pi**2 / 6) == close(1.0)
    assert inverse_trigamma(math.pi**2 / 2) == close(0.5)


def test_bad_input_is_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"columns, rows, seeds; got shape \(2, 3\)"):
        ours.prior(np.ones((2, 3)))
