"""How much of the scatter over training seeds is decoding."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from akl_bench.statistics._arrays import checked


class SeedSpread(NamedTuple):
    """Variance over seeds of a mean over prompts, and its parts.

    Attributes:
        total: Sample variance of the seeds' means.
        decoding: What drawing the samples anew would do to a seed's mean, averaged over seeds.
        training: total - decoding, 0 where that is negative.
        df: Of the total: seeds - 1.
    """

    total: float
    decoding: float
    training: float
    df: int


def seed_spread(draws_SPK: Iterable[ArrayLike]) -> SeedSpread | None:
    """Split the variance over S seeds of the mean over P prompts with K samples each.

    Given the student, samples are independent, so that the variance of a seed's mean by decoding is
    sum_p s_p^2 / (K P^2), with s_p^2 the variance of a prompt's samples (divisor K - 1). None with
    fewer than two seeds or two samples.

    Args:
        draws_SPK: An array of P prompts by K samples for each seed.
    """
    seeds = [checked(draws, f"seed {s}", 2) for s, draws in enumerate(draws_SPK)]
    if len(seeds) < 2 or any(x_PK.shape[1] < 2 for x_PK in seeds):
        return None
    total = float(np.var([x_PK.mean() for x_PK in seeds], ddof=1))
    by_seed = [x_PK.var(axis=1, ddof=1).sum() / x_PK.shape[1] / len(x_PK) ** 2 for x_PK in seeds]
    decoding = float(np.mean(by_seed))
    return SeedSpread(total, decoding, max(0.0, total - decoding), len(seeds) - 1)


def decoding_share(spreads: Iterable[SeedSpread]) -> float | None:
    """Share of the seeds' variance that is decoding, for a typical objective; at most 1.

    The median decoding variance over the median total; the total is divided by what the median of
    chi^2_df / df falls short of 1, as it is of few seeds. Medians, as one objective that scatters
    more than all others is not typical.
    """
    known = list(spreads)
    if not known:
        return None
    total = np.median([s.total * s.df / stats.chi2.median(s.df) for s in known])
    decoding = float(np.median([s.decoding for s in known]))
    if total <= 0:
        return None if decoding == 0 else 1.0
    share = min(1.0, decoding / float(total))
    return share if math.isfinite(share) else None
