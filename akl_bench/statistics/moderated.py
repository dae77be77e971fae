"""The moderated paired t-test: the spread of few seeds, helped out by the whole table.

Three seeds tell a standard deviation to within a factor of five or so, and a t-test that knows no
more must ask for |t| > 75 at the level of 288 comparisons. The other comparisons know more. Smyth
(2004), "Linear models and empirical Bayes methods for assessing differential expression in
microarray experiments", takes each variance as s^2 = sigma^2 chi^2_d / d with a sigma^2 of its own,
drawn from s0^2 d0 / chi^2_d0, and tests with what is known of it after s^2 is seen.

Four things differ from his microarrays, as the family-wise error would be up to 60 % without them
(docs/statistics.md):

- Units differ between columns, and some objectives scatter ten times as much as others in all of
  them. So log s0^2 is a column's level plus a pair's level.
- All rows are compared with one baseline. Their differences share its noise and agree with each
  other by chance, which says nothing of how well the spread is known. So the prior comes from all
  pairs of objectives, whatever the baseline.
- Few objectives scatter unlike the rest, and no distribution of variances describes them. So s0^2
  is the typical variance (the geometric mean), where Smyth's would be smaller: 0.56 of it for
  d0 = 2.
- The weight d0 has a limit, which falls with the number of objectives.
"""

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from akl_bench.errors import UsageError
from akl_bench.statistics._arrays import Floats, differences
from akl_bench.statistics.comparison import Difference, paired_t, t_test

# The prior counts for so many degrees of freedom at most, and for one for every so many objectives
# beyond three. More would find more, but raise false alarms in over 5 % of tables that scatter as
# those of ten seeds of micro did (benchmarks/error_rates.py --prior-df 3).
MOST_PRIOR_DF = 2.0
_OBJECTIVES_PER_DF = 4
# Variances below this share of their column's median count as that: the logarithm of a 0 that is
# due to few distinct values would outweigh everything else.
_FLOOR = 0.01
_SWEEPS = 100
Indices = NDArray[np.intp]


class Prior(NamedTuple):
    """What a table says of the variance of a paired difference before its own seeds are seen.

    Attributes:
        df: Degrees of freedom d0 that it counts for; 0 where the table is too small to say.
        variance_CRR: s0^2 of the difference of two rows in a column; NaN where they share no two
            seeds, or where most pairs of the column do not vary.
    """

    df: float
    variance_CRR: Floats


def prior(values_CRS: ArrayLike, most_df: float = MOST_PRIOR_DF) -> Prior:
    """Estimate the prior from all pairs of objectives in all columns of a table.

    With e = log s^2 - digamma(d/2) + log(d/2), which estimates a pair's log variance (Smyth 2004,
    section 6.2), e_cp is fitted by a_c + b_p over columns c and pairs p; with one column, by a_c.
    The b_p are shrunk by what is noise of their variance over pairs. trigamma(d0/2) is the variance
    of the residuals less the mean of trigamma(d/2), plus the variance that the shrunk b_p still
    have, and log s0^2 = a_c + b_p.

    d0 is at most `most_df` and (R - 3) / 4: three objectives or fewer have no prior, and are
    tested by the ordinary paired t-test.

    Args:
        values_CRS: Value of each seed S of each of R objectives in each of C columns; NaN where
            there is none. Two objectives pair in a column where they have the same seeds.
        most_df: Limit of d0.
    """
    values = np.asarray(values_CRS, dtype=np.float64)
    if values.ndim != 3:
        raise UsageError(f"values: expected columns, rows, seeds; got shape {values.shape}")
    rows = values.shape[1]
    variance_CRR = np.full((len(values), rows, rows), np.nan)
    most = min(most_df, (rows - 3) / _OBJECTIVES_PER_DF)
    if most <= 0 or not values.size:
        return Prior(0.0, variance_CRR)
    first, second = np.triu_indices(rows, 1)
    log_variance_CP, df_CP = _pairs(values, first, second)
    unbiased_CP = log_variance_CP - special.digamma(df_CP / 2) + np.log(df_CP / 2)
    level_CP, rest = _fit(unbiased_CP, special.polygamma(1, df_CP / 2))
    if not np.isfinite(rest):
        return Prior(0.0, variance_CRR)
    variance_CRR[:, first, second] = variance_CRR[:, second, first] = np.exp(level_CP)
    df = 2 * inverse_trigamma(rest) if rest > 0 else math.inf
    return Prior(min(df, most), variance_CRR)


def moderated_t(
    a: ArrayLike,
    b: ArrayLike,
    prior_variance: float,
    prior_df: float,
    confidence: float = 0.95,
) -> Difference:
    """Paired t-test over seeds with a moderated variance (Smyth 2004, section 4).

    t = mean(d) sqrt(n) / s~ with s~^2 = (d0 s0^2 + (n - 1) s^2) / (d0 + n - 1) and d0 + n - 1
    degrees of freedom. Without a prior (d0 = 0, or s0^2 unknown) it is `paired_t`.
    """
    d, _ = differences(a, b)
    if d.size < 2 or not prior_df > 0 or not prior_variance > 0:
        return paired_t(a, b, confidence)
    df = prior_df + d.size - 1
    variance = (prior_df * prior_variance + (d.size - 1) * d.var(ddof=1)) / df
    return t_test(float(d.mean()), math.sqrt(variance / d.size), df, confidence)


def inverse_trigamma(x: float) -> float:
    """The y > 0 with trigamma(y) = x, for x > 0."""
    # 1/y + 1/(2 y^2) < trigamma(y) < 1/y + 1/y^2 brackets it.
    low, high = (1 + math.sqrt(1 + 2 * x)) / (2 * x), (1 + math.sqrt(1 + 4 * x)) / (2 * x)
    return float(optimize.brentq(lambda y: special.polygamma(1, y) - x, low, high, rtol=1e-12))


def _pairs(values: Floats, first: Indices, second: Indices) -> tuple[Floats, Floats]:
    """Log variance of each pair's difference in each column, NaN for none; degrees of freedom."""
    known = np.isfinite(values)
    together_CP = (known[:, first] == known[:, second]).all(axis=-1)
    n_CP = np.where(together_CP, known[:, first].sum(axis=-1), 0)
    # A seed without a value, and one that is like the mean, add nothing to the sum of squares.
    difference_CPS = np.nan_to_num(values[:, first] - values[:, second])
    mean_CP = difference_CPS.sum(axis=-1) / np.maximum(1, n_CP)
    squares_CP = ((difference_CPS - mean_CP[..., None]) ** 2 * known[:, first]).sum(axis=-1)
    df_CP = np.maximum(1.0, n_CP - 1)
    variance_CP = np.where(n_CP > 1, squares_CP / df_CP, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # A column without a pair, or all constant.
        median_C = np.nanmedian(variance_CP, axis=1)
        log_CP = np.log(np.maximum(variance_CP, _FLOOR * np.expand_dims(median_C, 1)))
    log_CP[~(median_C > 0)] = np.nan
    return log_CP, df_CP


def _fit(unbiased_CP: Floats, noise_CP: Floats) -> tuple[Floats, float]:
    """Column's level plus pair's level, NaN where a column has none; variance left between them.

    What is left is infinite where there is nothing to estimate it from.
    """
    known = np.isfinite(unbiased_CP)
    columns, pairs = (np.asarray(known.any(axis=axis)) for axis in (1, 0))
    e_CP = np.where(known, unbiased_CP, 0.0)
    in_column, in_pair = (np.maximum(1, known.sum(axis=axis)) for axis in (1, 0))
    level_C, level_P = e_CP.sum(axis=1) / in_column, np.zeros(known.shape[1])
    additive = columns.sum() > 1
    # Least squares: at once where every pair is in every column, else by turns.
    for _ in range(_SWEEPS if additive else 0):
        level_P = ((e_CP - level_C[:, None]) * known).sum(axis=0) / in_pair
        level_P -= level_P[pairs].mean()
        before, level_C = level_C, ((e_CP - level_P) * known).sum(axis=1) / in_column
        if np.allclose(before, level_C, rtol=0, atol=1e-12):
            break
    left = int(known.sum() - columns.sum() - (pairs.sum() - 1 if additive else 0))
    noise = float(noise_CP[known].mean()) if left > 0 else 0.0
    residual_CP = (e_CP - level_C[:, None] - level_P) * known
    variance = max(noise, float((residual_CP**2).sum()) / left) if left > 0 else math.inf
    rest = variance - noise
    if additive and left > 0:
        # A pair's level is itself uncertain, and is drawn to that of all pairs accordingly.
        own = variance * float((1 / in_pair[pairs]).mean())
        true = max(0.0, float(level_P[pairs].var(ddof=1)) - own)
        level_P = level_P * true / (true + own)
        rest += true * own / (true + own)
    level_CP = np.where(columns[:, None], level_C[:, None] + level_P, np.nan)
    return level_CP, rest
