"""All that a table says of one objective against the baseline, in one call."""

import math
from typing import NamedTuple

from numpy.typing import ArrayLike

from akl_bench.statistics import comparison, power
from akl_bench.statistics._arrays import checked
from akl_bench.statistics.bootstrap import hierarchical_bootstrap


class Evidence(NamedTuple):
    """One comparison; what cannot be said with the seeds at hand is None.

    Attributes:
        difference: Candidate minus baseline, in the metric's raw unit and direction.
        low, high: Its hierarchical bootstrap interval.
        signed_rank_p: Wilcoxon's exact p over paired seeds.
        record: Wins, ties and losses over examples; over seeds for a corpus metric.
        improvement: Probability that a random candidate run beats a random baseline run.
        seeds_needed: Seeds per side to find the difference seen with 80 % power, by a t-test that
            knows no more than its own seeds.
    """

    difference: float
    low: float | None
    high: float | None
    signed_rank_p: float | None
    record: comparison.WinTieLoss
    improvement: float
    seeds_needed: int | None


def evidence(
    candidate_SE: ArrayLike,
    baseline_SE: ArrayLike,
    *,
    higher_is_better: bool = True,
    paired: bool = True,
    confidence: float = 0.95,
    alpha: float = 0.05,
    seed: int = 0,
) -> Evidence:
    """Compare two objectives by their scores of S training seeds on E examples.

    Args:
        candidate_SE: Scores, the mean over decoding seeds; [S, 1] for a corpus metric.
        baseline_SE: The same examples in the same order.
        higher_is_better: The metric's direction.
        paired: Row s of both sides belongs to one training seed.
        confidence: Of the interval.
        alpha: Level at which the difference is to be found.
        seed: Of the bootstrap.

    Raises:
        UsageError: Shapes that do not match, NaN or infinity.
    """
    x, y = checked(candidate_SE, "candidate", 2), checked(baseline_SE, "baseline", 2)
    boot = hierarchical_bootstrap(x, y, paired=paired, confidence=confidence, seed=seed)
    a, b = x.mean(axis=1), y.mean(axis=1)
    by_seed = x.shape[1] == 1 and a.size == b.size
    first, second = (a, b) if by_seed else (x.mean(axis=0), y.mean(axis=0))
    needed = None
    if min(a.size, b.size) > 1:
        variance = (a - b).var(ddof=1) if paired else (a.var(ddof=1) + b.var(ddof=1)) / 2
        needed = power.seeds_needed(boot.value, math.sqrt(variance), alpha=alpha, paired=paired)
    return Evidence(
        *boot,
        comparison.wilcoxon(a, b).p if paired and a.size > 1 else None,
        comparison.win_tie_loss(first, second, higher_is_better=higher_is_better),
        comparison.probability_of_improvement(a, b, higher_is_better=higher_is_better),
        needed,
    )
