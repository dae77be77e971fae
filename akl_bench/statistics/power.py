"""How large an effect a number of seeds can show, by the noncentral t distribution."""

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from akl_bench.errors import UsageError
from akl_bench.statistics._arrays import Floats

POWER = 0.8


def smallest_detectable(
    se: float, df: float, *, alpha: float = 0.05, power: float = POWER
) -> float | None:
    """Smallest true difference that a two-sided t-test finds with that power.

    The one meaning of "detectable" in tables, data, claims and the gate.

    Args:
        se: Standard error of the difference, as in `Difference`.
        df: Its degrees of freedom; with none the answer is None.
        alpha: Level of the test: alpha / m for one of m comparisons that Holm adjusts. Twice the
            level of a one-sided test.
        power: How often it is found.
    """
    if df <= 0:
        return None
    if se < 0 or not 0 < alpha < power < 1:
        raise UsageError(f"need se >= 0 and 0 < alpha < power < 1; got {se}, {alpha}, {power}")
    return se * _detectable_effect(df, alpha, power)


def seeds_needed(
    difference: float,
    sd: float,
    *,
    alpha: float = 0.05,
    power: float = POWER,
    paired: bool = True,
    limit: int = 10_000,
) -> int | None:
    """Fewest seeds (per side) with which a true difference is found; None beyond the limit.

    By a t-test without a prior: paired with n - 1 degrees of freedom, else with 2 n - 2.
    """
    if sd == 0:
        return 2 if difference else None
    effect = abs(difference) / sd

    def reached(n: int) -> float:
        df, shift = (n - 1, math.sqrt(n)) if paired else (2 * n - 2, math.sqrt(n / 2))
        return _power(effect * shift, df, alpha)

    # Power rises with n.
    seeds = range(limit + 1)
    n = bisect_left(seeds, power, lo=2, key=reached)
    return n if n in seeds else None


_legendre = lru_cache(np.polynomial.legendre.leggauss)


@lru_cache(maxsize=256)
def _detectable_effect(df: float, alpha: float, power: float) -> float:
    """In standard errors."""
    high = 1.0
    while _power(high, df, alpha) < power:
        high *= 2
    root = optimize.brentq(lambda ncp: _power(ncp, df, alpha) - power, 0.0, high, xtol=1e-12)
    return float(root)


def _power(ncp: float, df: float, alpha: float) -> float:
    """P(|T| > t_(1 - alpha/2)) for a noncentral T: the true difference is `ncp` standard errors."""
    critical = stats.t.isf(alpha / 2, df)
    scale, weight = _chi_nodes(df)
    # T = (Z + ncp) / S, so P(|T| > c) = E[Phi(ncp - c S) + Phi(-ncp - c S)] over S.
    tails = special.ndtr(ncp - critical * scale) + special.ndtr(-ncp - critical * scale)
    return min(1.0, float(weight @ tails))


@lru_cache(maxsize=256)
def _chi_nodes(df: float) -> tuple[Floats, Floats]:
    """Nodes and weights of an expectation over S = sqrt(chi2_df / df).

    Gauss-Legendre over the normal quantile of S. scipy's noncentral t returns NaN for the few
    degrees of freedom and large shifts that matter here (df = 1, shift = 16).
    """
    x, w = _legendre(512)
    z = 8.5 * x
    lower, upper = special.ndtr(z), special.ndtr(-z)
    chi2 = np.where(z < 0, stats.chi2.ppf(lower, df), stats.chi2.isf(upper, df))
    return np.sqrt(chi2 / df), 8.5 * w * stats.norm.pdf(z)
