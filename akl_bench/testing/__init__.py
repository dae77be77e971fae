"""Laws for the authors of plug-ins: one call tries a new one on all of those of its kind.

from akl_bench.testing import check_divergence

def test_mine():
    report = check_divergence(Mine(a=1))
    assert report.ok, report.failures

Each takes an object, or a spec as "akl(mu=0.5)" or "./mine.py:Mine"; `check_metric` also samples to
try, for a metric that understands prompts of one kind only. `akl-bench verify` prints the same.
"""

from functools import partial

from akl_bench.testing.laws import KINDS as KINDS
from akl_bench.testing.laws import LawResult as LawResult
from akl_bench.testing.laws import Report as Report
from akl_bench.testing.laws import check as check

check_divergence = partial(check, "divergence")
check_metric = partial(check, "metric")
check_source = partial(check, "source")
check_teacher = partial(check, "teacher")
check_sampler = partial(check, "sampler")
check_devices = partial(check, "devices")
