import numpy as np
import pytest

from akl_bench import statistics as ours
from akl_bench.errors import UsageError


def test_many_seeds_and_one_value_each_give_the_t_interval() -> None:
    a, b = np.random.default_rng(0).normal(0, 1, (2, 60, 1))
    boot = ours.hierarchical_bootstrap(a, b, resamples=20_000)
    t = ours.paired_t(a[:, 0], b[:, 0])
    assert boot.value == pytest.approx(t.difference)
    assert (boot.low, boot.high) == pytest.approx((t.low, t.high), abs=0.03 * (t.high - t.low))
    unpaired = ours.hierarchical_bootstrap(a, b[:30], paired=False, resamples=20_000)
    welch = ours.welch(a[:, 0], b[:30, 0])
    width = welch.high - welch.low
    assert (unpaired.low, unpaired.high) == pytest.approx((welch.low, welch.high), abs=0.03 * width)


def test_equal_seeds_leave_the_bootstrap_over_examples() -> None:
    b = np.random.default_rng(0).normal(0, 1, 400)
    boot = ours.hierarchical_bootstrap(np.tile(b, (4, 1)), np.zeros((4, 400)))
    half = 1.96 * b.std() / 20
    assert (boot.low, boot.high) == pytest.approx((b.mean() - half, b.mean() + half), abs=0.01)


def test_swapped_sides_mirror_the_interval() -> None:
    a, b = np.random.default_rng(0).normal(0, 1, (2, 5, 50))
    there, back = ours.hierarchical_bootstrap(a, b), ours.hierarchical_bootstrap(b, a)
    assert (back.value, back.low, back.high) == pytest.approx(
        (-there.value, -there.high, -there.low)
    )


def test_the_seed_decides_the_interval() -> None:
    a, b = np.random.default_rng(0).normal(0, 1, (2, 6, 20))
    assert ours.hierarchical_bootstrap(a, b) == ours.hierarchical_bootstrap(a, b)
    assert ours.hierarchical_bootstrap(a, b) != ours.hierarchical_bootstrap(a, b, seed=1)


def test_one_seed_has_no_interval() -> None:
    assert ours.hierarchical_bootstrap([[1.0, 2.0]], [[0.0, 0.0]]) == (1.5, None, None)


def test_shapes_must_match() -> None:
    with pytest.raises(UsageError, match=r"\(2, 3\) and baseline \(2, 4\)"):
        ours.hierarchical_bootstrap(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(UsageError, match="do not match"):
        ours.hierarchical_bootstrap(np.ones((2, 3)), np.ones((3, 3)))


def test_ranks_follow_each_tasks_direction() -> None:
    rng = np.random.default_rng(0)
    levels = np.array([[90.0, 0.1], [80.0, 0.2], [70.0, 0.3]])
    scores = [level + rng.normal(0, 1e-3, (4, 2)) for level in levels]
    same = ours.rank_intervals(scores, higher_is_better=[True, False])
    assert same == [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (3.0, 3.0, 3.0)]
    mixed = ours.rank_intervals(scores, higher_is_better=[True, True])
    assert mixed == [(2.0, 2.0, 2.0)] * 3


def test_rank_intervals_are_wide_where_methods_are_alike() -> None:
    rng = np.random.default_rng(0)
    scores = [rng.normal(0, 1, (5, 1)) for _ in range(4)] + [np.full((1, 1), 50.0)]
    *alike, single = ours.rank_intervals(scores, higher_is_better=[True])
    assert single == (1.0, None, None)
    assert all(r.low is not None and r.high is not None and r.high - r.low >= 2 for r in alike)


def test_evidence_gathers_the_parts() -> None:
    rng = np.random.default_rng(0)
    baseline = rng.normal(20, 3, (4, 100))
    candidate = baseline + 2 + rng.normal(0, 1, (4, 1)) + rng.normal(0, 1, (4, 100))
    got = ours.evidence(candidate, baseline)
    a, b = candidate.mean(axis=1), baseline.mean(axis=1)
    assert got[:3] == ours.hierarchical_bootstrap(candidate, baseline)
    assert got.signed_rank_p == ours.wilcoxon(a, b).p
    assert got.record == ours.win_tie_loss(candidate.mean(axis=0), baseline.mean(axis=0))
    assert got.improvement == ours.probability_of_improvement(a, b)
    sd = (a - b).std(ddof=1)
    assert got.seeds_needed == ours.seeds_needed(got.difference, sd)
    strict = ours.evidence(candidate, baseline, alpha=0.05 / 288)
    assert strict.seeds_needed == ours.seeds_needed(got.difference, sd, alpha=0.05 / 288)
    worse = ours.evidence(candidate, baseline, higher_is_better=False)
    assert worse.record == got.record[::-1]


def test_evidence_with_one_seed_claims_nothing() -> None:
    got = ours.evidence([[3.0, 4.0]], [[1.0, 1.0]])
    assert got.difference == 2.5
    assert (got.low, got.signed_rank_p, got.seeds_needed) == (None,) * 3


def test_evidence_of_unpaired_corpus_scores() -> None:
    got = ours.evidence([[3.0], [4.0], [5.0]], [[1.0], [2.0]], paired=False)
    assert got.signed_rank_p is None and got.record == (1, 0, 0) and got.improvement == 1.0
