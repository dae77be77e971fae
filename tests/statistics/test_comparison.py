import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from akl_bench import statistics as ours
from akl_bench.errors import UsageError

# Scores as benchmarks have them: a level, a spread, no subnormal numbers.
SCORES = st.floats(0, 100).map(lambda x: round(x, 6))
SIZES = st.integers(2, 12)


def pairs(min_size: int = 2) -> st.SearchStrategy[list[tuple[float, float]]]:
    return st.lists(st.tuples(SCORES, SCORES), min_size=min_size, max_size=12)


def close(expected: float) -> object:
    return pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(st.lists(SCORES, min_size=2, max_size=12, unique=True))
def test_summary_is_scipys(values: list[float]) -> None:
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    expected = (len(values), np.mean(values), stats.tstd(values), theirs.low, theirs.high)
    assert tuple(ours.summary(values)) == close(expected)


def test_summary_of_none_and_of_one() -> None:
    assert ours.summary([]) == (0, None, None, None, None)
    assert ours.summary([2.5]) == (1, 2.5, None, None, None)


@given(pairs())
def test_paired_t_is_scipys(both: list[tuple[float, float]]) -> None:
    a, b = np.array(both).T
    if np.ptp(a - b) < 1e-6:
        return
    theirs = stats.ttest_rel(a, b)
    limits = theirs.confidence_interval(0.9)
    se = np.std(a - b, ddof=1) / math.sqrt(a.size)
    expected = (np.mean(a - b), *limits, theirs.pvalue, theirs.statistic, theirs.df, se)
    assert tuple(ours.paired_t(a, b, 0.9)) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@given(
    st.lists(SCORES, min_size=2, max_size=9, unique=True),
    st.lists(SCORES, min_size=2, max_size=9, unique=True),
)
def test_welch_is_scipys(a: list[float], b: list[float]) -> None:
    theirs = stats.ttest_ind(a, b, equal_var=False)
    limits = theirs.confidence_interval(0.95)
    expected = (np.mean(a) - np.mean(b), *limits, theirs.pvalue, theirs.statistic, theirs.df)
    assert tuple(ours.welch(a, b))[:6] == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_both_t_tests_equal_scipy_to_1e_12_on_ordinary_scores() -> None:
    a, b = np.random.default_rng(0).normal(25, 1, (2, 5))
    rel, ind = stats.ttest_rel(a, b), stats.ttest_ind(a, b, equal_var=False)
    for mine, theirs in ((ours.paired_t(a, b), rel), (ours.welch(a, b), ind)):
        assert (mine.p, mine.statistic, mine.df) == close(
            (theirs.pvalue, theirs.statistic, theirs.df)
        )
        assert (mine.low, mine.high) == close(tuple(theirs.confidence_interval()))


def test_one_seed_is_never_significant() -> None:
    assert ours.paired_t([30.0], [20.0]) == (10.0, *[None] * 6)
    assert ours.welch([30.0], [20.0, 20.1]).p is None


def test_equal_differences_are_no_certainty() -> None:
    # scipy says p = 0 (or 1e-32 from rounding) here; three signs can agree by chance in 1 of 4.
    assert ours.paired_t([0.3, 0.5, 0.7], [0.2, 0.4, 0.6]).p == 0.25
    assert ours.paired_t([0.3, 0.5], [0.1 + 0.2, 0.5]).p == 1.0
    assert ours.welch([1, 1, 1], [0, 0, 0]).p == 2 / math.comb(6, 3)
    assert ours.welch([1, 1, 1], [0, 0]).p == 1 / math.comb(5, 3)
    assert ours.welch([1, 1], [1, 1]).p == 1.0


def test_student_t_is_scipys_with_one_spread() -> None:
    a, b = [24.0, 26.5, 25.0], [23.0, 23.5, 24.5, 22.0]
    theirs = stats.ttest_ind(a, b, equal_var=True)
    mine = ours.student_t(a, b)
    expected = (theirs.pvalue, theirs.statistic, theirs.df, *theirs.confidence_interval())
    assert (mine.p, mine.statistic, mine.df, mine.low, mine.high) == close(expected)
    assert ours.student_t([30.0], [20.0, 20.5]) == (9.75, *[None] * 6)
    assert ours.student_t([1.0, 1.0], [0.0, 0.0]).p is None


def test_against_known_spread_is_a_prediction_interval() -> None:
    baseline = [24.0, 25.0, 26.0]  # sd 1, mean 25.
    half = stats.t.ppf(0.975, 2) * math.sqrt(1 + 1 / 3)
    one = ours.against_known_spread([28.0], baseline)
    assert (one.difference, one.low, one.high) == close((3.0, 3 - half, 3 + half))
    assert one.p == close(2 * stats.t.sf(3 / math.sqrt(4 / 3), 2))
    assert ours.against_known_spread([28.0], [25.0]).p is None


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=10, unique_by=lambda x: round(abs(x), 3)))
def test_wilcoxon_is_scipys_exact_test(d: list[float]) -> None:
    d = [x for x in d if abs(x) > 1e-3]
    if not d:
        return
    theirs = stats.wilcoxon(d, method="exact", alternative="two-sided")
    mine = ours.wilcoxon(d, np.zeros(len(d)))
    assert mine.p == close(theirs.pvalue)
    assert min(mine.statistic, len(d) * (len(d) + 1) / 2 - mine.statistic) == theirs.statistic


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_wilcoxon_with_ties_is_the_permutation_test(d: list[int]) -> None:
    if not any(d):
        assert ours.wilcoxon(d, np.zeros(len(d))) == (0.0, 1.0, 0)
        return
    nonzero = np.array([x for x in d if x], dtype=float)
    ranks = stats.rankdata(np.abs(nonzero))
    signs = np.array(np.meshgrid(*[[-1, 1]] * nonzero.size)).reshape(nonzero.size, -1)
    null = np.abs(ranks @ signs)
    expected = np.mean(null >= abs(ranks @ np.sign(nonzero)) - 1e-9)
    assert ours.wilcoxon(d, np.zeros(len(d))).p == close(float(expected))


def test_win_tie_loss_follows_the_direction_and_forgives_rounding() -> None:
    a, b = [0.3, 0.5, 0.1 + 0.2, 0.9], [0.2, 0.6, 0.3, 0.8]
    assert ours.win_tie_loss(a, b) == (2, 1, 1)
    assert ours.win_tie_loss(a, b, higher_is_better=False) == (1, 1, 2)


@given(st.lists(SCORES, min_size=1, max_size=8), st.lists(SCORES, min_size=1, max_size=8))
def test_probability_of_improvement_is_mann_whitneys_u(a: list[float], b: list[float]) -> None:
    with warnings.catch_warnings():
        # scipy's p-value of identical samples divides by 0; its statistic is wanted here.
        warnings.simplefilter("ignore")
        expected = stats.mannwhitneyu(a, b).statistic / (len(a) * len(b))
    assert ours.probability_of_improvement(a, b) == close(expected)
    lower = ours.probability_of_improvement(a, b, higher_is_better=False)
    assert lower == close(1 - expected)


def test_holm_by_hand() -> None:
    # Sorted .01 .03 .04 .2 times 4 3 2 1 = .04 .09 .08 .2, made monotone.
    adjusted = ours.holm([0.04, 0.01, None, 0.03, 0.2])
    assert adjusted.pop(2) is None
    assert adjusted == close([0.09, 0.04, 0.09, 0.2])
    assert ours.holm([0.9, 0.8]) == [1.0, 1.0]
    assert ours.holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holm_rejects_what_the_step_down_procedure_rejects(p: list[float]) -> None:
    alpha, rejected = 0.05, set()
    for step, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[i] * (len(p) - step) > alpha:
            break
        rejected.add(i)
    adjusted = ours.holm(list(p))
    assert {i for i, q in enumerate(adjusted) if q is not None and q <= alpha} == rejected


def test_holm_and_welch_equal_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 0.2, 30).tolist()
    assert ours.holm(p) == close(multitest.multipletests(p, method="holm")[1].tolist())
    a, b = rng.normal(25, 1, 5), rng.normal(24, 2, 4)
    t, p_value, df = weightstats.ttest_ind(a, b, usevar="unequal")
    mine = ours.welch(a, b)
    assert (mine.statistic, mine.p, mine.df) == close((t, p_value, df))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ours.paired_t([1, 2], [1, 2, 3]), "unequal length: 2 and 3"),
        (lambda: ours.paired_t([1, math.nan], [1, 2]), "holds NaN or infinity"),
        (lambda: ours.welch([], [1, 2]), "expected 1 non-empty axes"),
        (lambda: ours.summary([[1, 2]]), r"got shape \(1, 2\)"),
        (lambda: ours.holm([1.5]), "between 0 and 1, not 1.5"),
        (lambda: ours.summary([1, 2], confidence=95), "between 0 and 1, not 95"),
    ],
)
def test_bad_input_is_a_sentence(call: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()  # type: ignore[operator]
