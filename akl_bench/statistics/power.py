"""How large an effect a number of seeds can show, by the noncentral t distribution."""

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from akl_bench.errors import UsageError
from akl_bench.statistics._arrays import Floats


def smallest_detectable(
    sd: float, n: int, *, alpha: float = 0.05, power: float = 0.8, paired: bool = True
) -> float | None:
    """Smallest true difference that a two-sided t-test with n seeds (per side) finds that often.

    Args:
        sd: Of the differences (paired), or of each side.
        n: Seeds; with fewer than two the answer is None.
        alpha: For Holm over m comparisons, alpha / m is the cautious choice.
        power: How often it is found.
        paired: Whether the test pairs the seeds of both sides.
    """
    if n < 2:
        return None
    if sd < 0 or not 0 < alpha < power < 1:
        raise UsageError(f"need sd >= 0 and 0 < alpha < power < 1; got {sd}, {alpha}, {power}")
    return sd * _detectable_effect(n, alpha, power, paired)


def seeds_needed(
    difference: float,
    sd: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    paired: bool = True,
    limit: int = 10_000,
) -> int | None:
    """Fewest seeds (per side) with which a true difference is found; None beyond the limit."""
    if sd == 0:
        return 2 if difference else None
    effect = abs(difference) / sd
    # Power rises with n.
    seeds = range(limit + 1)
    n = bisect_left(seeds, power, lo=2, key=lambda n: _power(effect, n, alpha, paired))
    return n if n in seeds else None


_legendre = lru_cache(np.polynomial.legendre.leggauss)


@lru_cache(maxsize=256)
def _detectable_effect(n: int, alpha: float, power: float, paired: bool) -> float:
    high = 1.0
    while _power(high, n, alpha, paired) < power:
        high *= 2
    root = optimize.brentq(lambda d: _power(d, n, alpha, paired) - power, 0.0, high, xtol=1e-12)
    return float(root)


def _power(effect: float, n: int, alpha: float, paired: bool) -> float:
    """P(|T| > t_(1 - alpha/2)) for T noncentral with shift effect / sqrt(c / n).

    Paired has c = 1 and n - 1 degrees of freedom; unpaired has c = 2 and 2 n - 2.
    """
    df, shift = (n - 1, math.sqrt(n)) if paired else (2 * n - 2, math.sqrt(n / 2))
    critical = stats.t.isf(alpha / 2, df)
    scale, weight = _chi_nodes(df)
    ncp = effect * shift
    # T = (Z + ncp) / S, so P(|T| > c) = E[Phi(ncp - c S) + Phi(-ncp - c S)] over S.
    tails = special.ndtr(ncp - critical * scale) + special.ndtr(-ncp - critical * scale)
    return min(1.0, float(weight @ tails))


@lru_cache(maxsize=256)
def _chi_nodes(df: int) -> tuple[Floats, Floats]:
    """Nodes and weights of an expectation over S = sqrt(chi2_df / df).

    Gauss-Legendre over the normal quantile of S. scipy's noncentral t returns NaN for the few
    degrees of freedom and large shifts that matter here (df = 1, shift = 16).
    """
    x, w = _legendre(512)
    z = 8.5 * x
    lower, upper = special.ndtr(z), special.ndtr(-z)
    chi2 = np.where(z < 0, stats.chi2.ppf(lower, df), stats.chi2.isf(upper, df))
    return np.sqrt(chi2 / df), 8.5 * w * stats.norm.pdf(z)
