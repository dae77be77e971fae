"""Laws for the authors of plug-ins: one call tries a new divergence or metric on all of them.

from akl_bench.testing import check_divergence

def test_mine():
    report = check_divergence(Mine(a=1))
    assert report.ok, report.failures
"""

from akl_bench.testing.divergence_laws import LAWS as DIVERGENCE_LAWS
from akl_bench.testing.divergence_laws import LawResult, Report, check_divergence
from akl_bench.testing.metric_laws import check_metric

__all__ = ["DIVERGENCE_LAWS", "LawResult", "Report", "check_divergence", "check_metric"]
