"""Critical-difference summary over several tasks (Demsar 2006)."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from akl_bench.errors import UsageError
from akl_bench.statistics._arrays import checked


class CriticalDifference(NamedTuple):
    """Outcome of Friedman's test with Nemenyi's critical difference.

    Attributes:
        mean_ranks: One per method, 1 = best, ties share.
        statistic: Friedman's chi-square, corrected for ties.
        p: Of "all methods are equal".
        difference: Mean ranks that differ by less are not told apart.
        groups: Maximal sets of methods (indices, best first) that are not told apart.
    """

    mean_ranks: tuple[float, ...]
    statistic: float
    p: float
    difference: float
    groups: tuple[tuple[int, ...], ...]


def critical_difference(
    scores_MT: ArrayLike, *, higher_is_better: bool = True, alpha: float = 0.05
) -> CriticalDifference:
    """Rank M methods on T tasks and say which differ.

    chi2 = 12 T / (M (M + 1)) sum_m (R_m - (M + 1) / 2)^2 / c, with M - 1 degrees of freedom and
    c = 1 - sum over ties (t^3 - t) / (T (M^3 - M));
    CD = q_alpha sqrt(M (M + 1) / (6 T)), q_alpha the studentised range over sqrt(2).

    Args:
        scores_MT: One number per method and task (mean over seeds), all tasks better in one
            direction: turn the sign of the others.
        higher_is_better: That direction.
        alpha: Level of Nemenyi's test.

    Raises:
        UsageError: Fewer than two methods or two tasks.
    """
    x = checked(scores_MT, "scores", 2)
    methods, tasks = x.shape
    if methods < 2 or tasks < 2:
        raise UsageError(f"ranks over tasks need two methods and two tasks, got {x.shape}")
    rank_MT = stats.rankdata(-x if higher_is_better else x, axis=0)
    rank_M = rank_MT.mean(axis=1)
    tied = np.concatenate([np.unique(column, return_counts=True)[1] for column in rank_MT.T])
    ties = int((tied**3 - tied).sum())
    correction = 1 - ties / (tasks * (methods**3 - methods))
    spread = float(((rank_M - (methods + 1) / 2) ** 2).sum())
    chi2 = 12 * tasks / (methods * (methods + 1)) * spread / correction if correction else 0.0
    q = stats.studentized_range.ppf(1 - alpha, methods, np.inf) / math.sqrt(2)
    difference = float(q * math.sqrt(methods * (methods + 1) / (6 * tasks)))
    return CriticalDifference(
        tuple(rank_M.tolist()),
        chi2,
        float(stats.chi2.sf(chi2, methods - 1)),
        difference,
        _groups(rank_M.tolist(), difference),
    )


def _groups(ranks: list[float], difference: float) -> tuple[tuple[int, ...], ...]:
    order = sorted(range(len(ranks)), key=lambda m: ranks[m])
    groups: list[tuple[int, ...]] = []
    for start, first in enumerate(order):
        group = tuple(m for m in order[start:] if ranks[m] - ranks[first] < difference)
        # A group that starts later is new only if it reaches further.
        if not groups or group[-1] != groups[-1][-1]:
            groups.append(group)
    return tuple(groups)
