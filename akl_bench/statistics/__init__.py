"""Statistics of the tables and the gate: arrays in, small named tuples out; numpy and scipy only.

One number per training seed (mean over decoding seeds and examples) is the unit of every test:
students trained apart are independent, texts of one student are not. A side with one seed is
shown and never tested.
"""

from akl_bench.statistics.bootstrap import Interval, hierarchical_bootstrap, rank_intervals
from akl_bench.statistics.comparison import (
    Difference,
    SignedRank,
    Summary,
    WinTieLoss,
    against_known_spread,
    holm,
    paired_t,
    pooled_t,
    probability_of_improvement,
    summary,
    welch,
    wilcoxon,
    win_tie_loss,
)
from akl_bench.statistics.evidence import Evidence, evidence
from akl_bench.statistics.power import seeds_needed, smallest_detectable
from akl_bench.statistics.tasks import CriticalDifference, critical_difference

__all__ = [
    "CriticalDifference",
    "Difference",
    "Evidence",
    "Interval",
    "SignedRank",
    "Summary",
    "WinTieLoss",
    "against_known_spread",
    "critical_difference",
    "evidence",
    "hierarchical_bootstrap",
    "holm",
    "paired_t",
    "pooled_t",
    "probability_of_improvement",
    "rank_intervals",
    "seeds_needed",
    "smallest_detectable",
    "summary",
    "welch",
    "wilcoxon",
    "win_tie_loss",
]
