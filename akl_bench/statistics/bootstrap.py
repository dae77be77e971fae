"""Bootstrap over training seeds and examples, and ranks with intervals."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from akl_bench.errors import UsageError
from akl_bench.statistics._arrays import Floats, checked, t_quantile, welch_df

_BLOCK = 500


class Interval(NamedTuple):
    """A value and its interval; the limits are None with a single seed on a side."""

    value: float
    low: float | None = None
    high: float | None = None


def hierarchical_bootstrap(
    candidate_SE: ArrayLike,
    baseline_SE: ArrayLike,
    *,
    paired: bool = True,
    confidence: float = 0.95,
    resamples: int = 5000,
    seed: int = 0,
) -> Interval:
    """Interval of mean(candidate) - mean(baseline) for new training seeds and new examples.

    The difference is m + a_s + b_e + noise. A resample draws training seeds, then examples (the
    same ones for all seeds and both sides, which share a test set), and is
    m + mean(a over its seeds) + mean(b over its examples); limits are its percentiles.

    Three corrections keep the coverage near its name with three seeds (tests/statistics):
    S - 1 of S seeds are drawn, which makes the variance unbiased (Rao and Wu 1988); the effects of
    the seeds are stretched by t_(S-1) / z (Welch's degrees of freedom where unpaired); and b is
    shrunk by sqrt(1 - its noise / its variance), as the means of few seeds scatter by themselves.
    Plain resampling of both factors counts the noise three times over.

    Args:
        candidate_SE: Scores of S training seeds on E examples, the mean over decoding seeds; shape
            [S, 1] for a metric that has one value per corpus.
        baseline_SE: The same examples, in the same order.
        paired: Row s of both sides belongs to one seed; else the sides may differ in S.
        confidence: Of the interval.
        resamples: Number of bootstrap resamples.
        seed: Of the resampling; the same seed gives the same interval.

    Raises:
        UsageError: Unequal examples, or unequal seeds where paired.
    """
    x, y = checked(candidate_SE, "candidate", 2), checked(baseline_SE, "baseline", 2)
    if x.shape[1] != y.shape[1] or (paired and x.shape != y.shape):
        raise UsageError(
            f"candidate {x.shape} and baseline {y.shape} (seeds, examples) do not match"
        )
    value = float(x.mean() - y.mean())
    if min(len(x), len(y)) < 2:
        return Interval(value)
    sides = [x - y] if paired else [x, -y]
    rows = [side.mean(axis=1) for side in sides]
    df = len(x) - 1 if paired else welch_df(rows[0], rows[1])
    stretch = t_quantile(confidence, df) / stats.norm.ppf((1 + confidence) / 2)
    drawn = np.full(resamples, value)
    for which, row in enumerate(rows):
        counts = _counts(row.size, row.size - 1, resamples, (seed, which))
        drawn += stretch * _means(counts, row - row.mean())
    drawn += _means(_counts(x.shape[1], x.shape[1], resamples, (seed, 2)), _example_effects(sides))
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, float(low), float(high))


def rank_intervals(
    scores: Sequence[ArrayLike],
    *,
    higher_is_better: Sequence[bool],
    confidence: float = 0.95,
    resamples: int = 5000,
    seed: int = 0,
) -> list[Interval]:
    """Mean rank of each method over tasks (1 = best, ties share), with bootstrap intervals.

    Each method's training seeds are resampled as in `hierarchical_bootstrap`, all tasks of a seed
    together; methods are ranked anew within each task of each resample.

    Args:
        scores: One array [S_m, T] per method: its seeds by T tasks, the same tasks for all.
        higher_is_better: One flag per task.
        confidence: Of the intervals.
        resamples: Number of bootstrap resamples.
        seed: Of the resampling.

    Returns:
        One interval per method; without limits for a method with one seed.
    """
    arrays = [checked(s, f"method {m}", 2) for m, s in enumerate(scores)]
    if any(a.shape[1] != len(higher_is_better) for a in arrays):
        raise UsageError(f"expected {len(higher_is_better)} tasks for each method")
    sign_T = np.where(np.asarray(higher_is_better), -1.0, 1.0)
    means_MT = np.stack([a.mean(axis=0) for a in arrays])
    drawn_BMT = np.repeat(means_MT[None], resamples, axis=0)
    for m, a in enumerate(arrays):
        if len(a) > 1:
            stretch = t_quantile(confidence, len(a) - 1) / stats.norm.ppf((1 + confidence) / 2)
            counts = _counts(len(a), len(a) - 1, resamples, (seed, m))
            drawn_BMT[:, m] += stretch * _means(counts, a - a.mean(axis=0))
    rank_M = stats.rankdata(sign_T * means_MT, axis=0).mean(axis=1)
    rank_BM = stats.rankdata(sign_T * drawn_BMT, axis=1).mean(axis=2)
    limits = np.quantile(rank_BM, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return [
        Interval(float(rank), float(low), float(high)) if len(a) > 1 else Interval(float(rank))
        for rank, low, high, a in zip(rank_M, *limits, arrays, strict=True)
    ]


def _example_effects(sides: Sequence[Floats]) -> Floats:
    """Effects b of the examples on the difference, shrunk to the size that seeds do not explain."""
    columns: Floats = np.sum([side.mean(axis=0) for side in sides], axis=0)
    b: Floats = columns - columns.mean()
    examples = b.size
    if examples < 2:
        return b
    noise = 0.0
    for side in sides:
        rest = side - side.mean(axis=1, keepdims=True) - side.mean(axis=0) + side.mean()
        freedom = (len(side) - 1) * (examples - 1)
        noise += float((rest**2).sum()) / freedom / len(side)
    variance = float(b @ b) / (examples - 1)
    return b * np.sqrt(max(0.0, 1 - noise / variance)) if variance else b


@lru_cache(maxsize=16)
def _counts(n: int, draws: int, resamples: int, key: tuple[int, int]) -> NDArray[np.uint16]:
    """How often each of n units is in each resample of `draws` units: [resamples, n]."""
    rng = np.random.default_rng((*key, n))
    counts = np.empty((resamples, n), dtype=np.uint16)
    for start in range(0, resamples, _BLOCK):
        size = min(_BLOCK, resamples - start)
        flat = rng.integers(n, size=(size, draws)) + n * np.arange(size)[:, None]
        counts[start : start + size] = np.bincount(flat.ravel(), minlength=size * n).reshape(-1, n)
    counts.flags.writeable = False
    return counts


def _means(counts: NDArray[np.uint16], values: Floats) -> Floats:
    """Mean of the values in each resample, along the values' first axis."""
    draws = int(counts[0].sum())
    # In blocks: the product would copy all counts to float64, eight bytes for two.
    blocks = [counts[i : i + _BLOCK] @ values for i in range(0, len(counts), _BLOCK)]
    means: Floats = np.concatenate(blocks) / draws
    return means
