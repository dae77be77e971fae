"""Margins, tiers, patterns, and what a policy file may not say."""

import pytest

from akl_bench.errors import UsageError
from akl_bench.gate.policy import Policy, Tier, load
from akl_bench.report.frame import Column


def column(task="quiz", metric="distinct_n(n=2)", scale=100.0, **about):
    return Column(task, metric, True, scale, "%.1f", "", **about)


@pytest.mark.parametrize(
    ("margins", "expected"),
    [
        ({}, 0.01),
        ({"*": 2.0}, 0.02),
        ({"distinct_n": 3}, 0.03),
        ({"distinct_n(n=2)": 3.0}, 0.03),
        ({"quiz/*": 4.0, "distinct*": 5.0}, 0.05),
        ({"distinct*": 5.0, "quiz/*": 4.0}, 0.04),
        ({"other/*": 9.0}, 0.01),
        ({"*": "10%"}, 0.05),
        ({"*": 0}, 0.0),
    ],
)
def test_the_last_pattern_that_matches_sets_the_margin(margins, expected):
    assert Policy(margins=margins).margin(column(), -0.5) == pytest.approx(expected)


def test_what_is_no_percentage_may_lose_5_percent_of_its_mean():
    assert Policy().margin(column(scale=1.0), 8.0) == pytest.approx(0.4)
    assert Policy(margins={"*": 0.5}).margin(column(scale=1.0), 8.0) == 0.5


@pytest.mark.parametrize(
    ("about", "tier"),
    [
        ({"headline": True}, Tier.CRITICAL),
        ({"headline": True, "shown": True}, Tier.CRITICAL),
        ({"shown": True}, Tier.SUPPORTING),
        ({}, Tier.ADVISORY),
    ],
)
def test_tiers_follow_what_tables_show(about, tier):
    assert Policy().tier(column(**about), "akl") is tier
    assert Policy().tier(column(**about), "teacher") is Tier.ADVISORY
    assert Policy(tiers={"distinct_n": "critical"}).tier(column(**about), "akl") is Tier.CRITICAL


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("margin: {a: 1}", "unknown key margin. Did you mean: margins?"),
        ("margins: {a: -1}", "margins.a: a margin is 0 or more"),
        ("margins: {a: 5 percent}", "margins.a: write a number as 1.0, or a share"),
        ("margins: {a: -5%}", "margins.a: write a number"),
        ("margins: {a: true}", "margins"),
        ("tiers: {a: vital}", "tiers.a"),
        ("alpha: 0.7", "alpha"),
        ("adjust: bonferroni", "adjust"),
        ("- a", "expected a mapping"),
        ("alpha: 0.1\nalpha: 0.2", "twice"),
    ],
)
def test_a_policy_that_means_nothing_is_refused_with_its_key(tmp_path, text, message):
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        load(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_policy_file(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("alpha: 0.01\nadjust: bh\nmargins: {kl_pq: 5%, quiz/rouge_l: 1.5}\n")
    policy = load(path)
    assert (policy.alpha, policy.adjust) == (0.01, "bh")
    assert policy.margins == {"kl_pq": "5%", "quiz/rouge_l": 1.5}
