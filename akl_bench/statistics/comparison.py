"""Summaries and tests on one number per training seed."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from akl_bench.errors import UsageError
from akl_bench.statistics._arrays import checked, differences, rounding, t_quantile, welch_df


class Summary(NamedTuple):
    """Mean, sample standard deviation and t-interval; None where n is too small to tell."""

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None


class Difference(NamedTuple):
    """First mean minus second, its interval, and the two-sided test of "no difference".

    Where a side has too few seeds to test anything, all but the difference are None. `statistic`
    and its standard error `se` are None where nothing varies and the p-value is that of a
    permutation.
    """

    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    statistic: float | None = None
    df: float | None = None
    se: float | None = None


class SignedRank(NamedTuple):
    """Wilcoxon's W+ (ranks of the positive differences), its exact p and the pairs that count."""

    statistic: float
    p: float
    n: int


class WinTieLoss(NamedTuple):
    """How often the first of two paired values is better, equal and worse."""

    wins: int
    ties: int
    losses: int


def summary(values: ArrayLike, confidence: float = 0.95) -> Summary:
    """Summarise one value per seed: mean +- t_(n-1) sd / sqrt(n), sd with divisor n - 1."""
    if np.size(values) == 0:
        return Summary(0, None, None, None, None)
    x = checked(values, "values", 1)
    mean = float(x.mean())
    if x.size == 1:
        return Summary(1, mean, None, None, None)
    sd = float(x.std(ddof=1))
    half = t_quantile(confidence, x.size - 1) * sd / math.sqrt(x.size)
    return Summary(x.size, mean, sd, mean - half, mean + half)


def paired_t(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Difference:
    """Paired t-test over seeds: d = a - b, t = mean(d) sqrt(n) / sd(d), n - 1 degrees of freedom.

    Where all d are one value other than 0, t would be infinite and three equal differences a
    certainty. The p-value then is that of flipping signs, 2^(1-n).
    """
    d, tiny = differences(a, b)
    mean, n = float(d.mean()), d.size
    if n == 1:
        return Difference(mean)
    if np.ptp(d) <= tiny:
        p = 1.0 if abs(mean) <= tiny else 2.0 ** (1 - n)
        return Difference(mean, mean, mean, p, None, n - 1)
    return t_test(mean, float(d.std(ddof=1)) / math.sqrt(n), n - 1, confidence)


def welch(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Difference:
    """Welch's t-test for seeds that are not paired: t = (mean a - mean b) / sqrt(va/na + vb/nb).

    Where neither side varies but they differ, the p-value is that of permuting the labels.
    """
    x, y = checked(a, "first sample", 1), checked(b, "second sample", 1)
    mean = float(x.mean() - y.mean())
    if min(x.size, y.size) < 2:
        return Difference(mean)
    df = welch_df(x, y)
    tiny = rounding(x, y)
    if max(np.ptp(x), np.ptp(y)) <= tiny:
        # Of all ways to label, the one seen is the most extreme; so is its mirror image.
        p = (1 + (x.size == y.size)) / math.comb(x.size + y.size, x.size)
        p = 1.0 if abs(mean) <= tiny else p
        return Difference(mean, mean, mean, p, None, df)
    se = math.sqrt(x.var(ddof=1) / x.size + y.var(ddof=1) / y.size)
    return t_test(mean, se, df, confidence)


def student_t(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Difference:
    """Student's t-test for seeds that are not paired: one spread for both sides.

    t = (mean a - mean b) / (s sqrt(1/na + 1/nb)), s^2 = sum (n - 1) var / (na + nb - 2).
    """
    x, y = checked(a, "first sample", 1), checked(b, "second sample", 1)
    difference = float(x.mean() - y.mean())
    df = x.size + y.size - 2
    s2 = float(((x - x.mean()) ** 2).sum() + ((y - y.mean()) ** 2).sum()) / max(1, df)
    if min(x.size, y.size) < 2 or math.sqrt(s2) <= rounding(x, y):
        return Difference(difference)
    return t_test(difference, math.sqrt(s2 * (1 / x.size + 1 / y.size)), df, confidence)


def against_known_spread(
    candidate: ArrayLike, baseline: ArrayLike, confidence: float = 0.95
) -> Difference:
    """Compare few candidate seeds, even one, with a baseline whose seeds give the spread.

    t = (mean c - mean b) / (sd_b sqrt(1/nc + 1/nb)) with nb - 1 degrees of freedom: assumes that
    the candidate's seeds scatter like the baseline's.
    """
    x, y = checked(candidate, "candidate", 1), checked(baseline, "baseline", 1)
    mean = float(x.mean() - y.mean())
    if y.size < 2 or np.ptp(y) <= rounding(y):
        return Difference(mean)
    se = float(y.std(ddof=1)) * math.sqrt(1 / x.size + 1 / y.size)
    return t_test(mean, se, y.size - 1, confidence)


def wilcoxon(a: ArrayLike, b: ArrayLike) -> SignedRank:
    """Exact two-sided signed-rank test, ties and all.

    Zero differences are dropped, tied ones share the mean of their ranks; the null distribution
    is that of all 2^n signs of those ranks, counted by dynamic programming. Its smallest p with n
    seeds is 2^(1-n): five seeds cannot reach 0.05.
    """
    d, tiny = differences(a, b)
    d = d[np.abs(d) > tiny]
    if d.size == 0:
        return SignedRank(0.0, 1.0, 0)
    # Doubled, so that the mean ranks of ties are whole numbers too.
    doubled = np.rint(2 * stats.rankdata(np.rint(np.abs(d) / tiny))).astype(int)
    total, seen = int(doubled.sum()), int(doubled[d > 0].sum())
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    for rank in doubled:
        shifted = np.concatenate([np.zeros(rank), chance[:-rank]])
        chance = (chance + shifted) / 2
    p = 2 * float(chance[: min(seen, total - seen) + 1].sum())
    return SignedRank(seen / 2, min(1.0, p), d.size)


def win_tie_loss(a: ArrayLike, b: ArrayLike, *, higher_is_better: bool = True) -> WinTieLoss:
    """Count over pairs (seeds, tasks or examples) how often a is better than b."""
    d, tiny = differences(a, b)
    better, worse = int((d > tiny).sum()), int((d < -tiny).sum())
    wins, losses = (better, worse) if higher_is_better else (worse, better)
    return WinTieLoss(wins, d.size - wins - losses, losses)


def probability_of_improvement(
    a: ArrayLike, b: ArrayLike, *, higher_is_better: bool = True
) -> float:
    """P(a random run of a beats a random run of b), ties half: Mann-Whitney's U / (na nb).

    Agarwal et al. (2021), "Deep RL at the edge of the statistical precipice".
    """
    x, y = checked(a, "first sample", 1), checked(b, "second sample", 1)
    d, tiny = x[:, None] - y[None, :], rounding(x, y)
    above = float(((d > tiny).mean() - (d < -tiny).mean() + 1) / 2)
    return above if higher_is_better else 1 - above


def holm(p_values: list[float | None]) -> list[float | None]:
    """Holm's step-down adjustment: with p sorted upwards, max over j <= i of (m - j + 1) p_(j).

    None stands for a comparison that could not be tested: it stays None and is not counted in m.

    Raises:
        UsageError: A p-value outside 0 .. 1.
    """
    tested = [(p, i) for i, p in enumerate(p_values) if p is not None]
    if bad := [p for p, _ in tested if not 0 <= p <= 1]:
        raise UsageError(f"a p-value lies between 0 and 1, not {bad[0]}")
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for step, (p, i) in enumerate(sorted(tested)):
        largest = max(largest, min(1.0, (len(tested) - step) * p))
        adjusted[i] = largest
    return adjusted


def t_test(difference: float, se: float, df: float, confidence: float) -> Difference:
    """The test of a difference with a standard error and its degrees of freedom."""
    half = t_quantile(confidence, df) * se
    t = difference / se
    p = float(2 * stats.t.sf(abs(t), df))
    return Difference(difference, difference - half, difference + half, p, t, df, se)
