"""Statistics of the tables and the gate: arrays in, small named tuples out; numpy and scipy only.

One number per training seed (mean over decoding seeds and examples) is the unit of every test:
students trained apart are independent, texts of one student are not. A side with one seed is
shown and never tested.
"""

from akl_bench.statistics.bootstrap import Interval as Interval
from akl_bench.statistics.bootstrap import hierarchical_bootstrap as hierarchical_bootstrap
from akl_bench.statistics.bootstrap import rank_intervals as rank_intervals
from akl_bench.statistics.comparison import Difference as Difference
from akl_bench.statistics.comparison import Summary as Summary
from akl_bench.statistics.comparison import against_known_spread as against_known_spread
from akl_bench.statistics.comparison import holm as holm
from akl_bench.statistics.comparison import paired_t as paired_t
from akl_bench.statistics.comparison import probability_of_improvement as probability_of_improvement
from akl_bench.statistics.comparison import student_t as student_t
from akl_bench.statistics.comparison import summary as summary
from akl_bench.statistics.comparison import welch as welch
from akl_bench.statistics.comparison import wilcoxon as wilcoxon
from akl_bench.statistics.comparison import win_tie_loss as win_tie_loss
from akl_bench.statistics.decoding import SeedSpread as SeedSpread
from akl_bench.statistics.decoding import decoding_share as decoding_share
from akl_bench.statistics.decoding import seed_spread as seed_spread
from akl_bench.statistics.evidence import Evidence as Evidence
from akl_bench.statistics.evidence import evidence as evidence
from akl_bench.statistics.moderated import MOST_PRIOR_DF as MOST_PRIOR_DF
from akl_bench.statistics.moderated import Prior as Prior
from akl_bench.statistics.moderated import moderated_t as moderated_t
from akl_bench.statistics.moderated import prior as prior
from akl_bench.statistics.power import POWER as POWER
from akl_bench.statistics.power import seeds_needed as seeds_needed
from akl_bench.statistics.power import smallest_detectable as smallest_detectable
from akl_bench.statistics.tasks import critical_difference as critical_difference
