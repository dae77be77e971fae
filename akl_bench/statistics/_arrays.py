"""Checked arrays, and the few numbers that several modules share."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from akl_bench.errors import UsageError

Floats = NDArray[np.float64]


def checked(values: ArrayLike, name: str, ndim: int) -> Floats:
    """Finite float64 array with a given number of axes and something along each.

    Raises:
        UsageError: Another number of axes, an empty one, or NaN or infinity in the array.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != ndim or array.size == 0:
        raise UsageError(f"{name}: expected {ndim} non-empty axes, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise UsageError(f"{name}: holds NaN or infinity; leave diverged runs out and say so")
    return array


def differences(a: ArrayLike, b: ArrayLike) -> tuple[Floats, float]:
    """A - b of two one-dimensional arrays of one length, and their `rounding`.

    Raises:
        UsageError: The lengths differ.
    """
    first, second = checked(a, "first sample", 1), checked(b, "second sample", 1)
    if first.size != second.size:
        raise UsageError(f"paired samples of unequal length: {first.size} and {second.size}")
    return first - second, rounding(first, second)


def rounding(*operands: Floats) -> float:
    """Differences of these operands no larger than this are rounding error.

    0.3 - 0.2 and 0.1 differ by 3e-17: taken at its word, the standard deviation of two such seeds
    would be nearly nothing and their p-value nearly 0.
    """
    return 1e-12 * max(float(np.abs(x).max()) for x in operands)


def t_quantile(confidence: float, df: float) -> float:
    """Quantile t: Student's variable lies in -t .. t with that probability."""
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must lie between 0 and 1, not {confidence}")
    return float(stats.t.ppf((1 + confidence) / 2, df))


def welch_df(a: Floats, b: Floats) -> float:
    """Welch-Satterthwaite degrees of freedom of mean(a) - mean(b), each with two values or more.

    (va + vb)^2 / (va^2 / (na - 1) + vb^2 / (nb - 1)), v = variance / n; the smaller n - 1 where
    neither varies.
    """
    va, vb = a.var(ddof=1) / a.size, b.var(ddof=1) / b.size
    if va + vb == 0:
        return float(min(a.size, b.size) - 1)
    return float((va + vb) ** 2 / (va**2 / (a.size - 1) + vb**2 / (b.size - 1)))
