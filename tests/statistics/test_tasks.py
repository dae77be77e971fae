import numpy as np
import pytest
from scipy import stats

from akl_bench import statistics as ours
from akl_bench.errors import UsageError


def test_friedman_is_scipys() -> None:
    rng = np.random.default_rng(0)
    for scores in (rng.normal(size=(5, 9)), rng.integers(0, 4, (4, 12)).astype(float)):
        theirs = stats.friedmanchisquare(*scores)
        mine = ours.critical_difference(scores)
        assert (mine.statistic, mine.p) == pytest.approx(tuple(theirs), rel=1e-12, abs=1e-12)
        assert sum(mine.mean_ranks) == pytest.approx(len(scores) * (len(scores) + 1) / 2)


@pytest.mark.parametrize(
    ("methods", "q_05"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)],  # Demsar (2006), table 5a
)
def test_critical_difference_uses_demsars_table(methods: int, q_05: float) -> None:
    scores = np.random.default_rng(0).normal(size=(methods, 14))
    expected = q_05 * np.sqrt(methods * (methods + 1) / (6 * 14))
    assert ours.critical_difference(scores).difference == pytest.approx(expected, rel=5e-4)


def test_groups_are_maximal_and_best_first() -> None:
    # Over 30 tasks always in the order 2, 0, 1, 3: ranks 1, 2, 3, 4 with CD 0.86.
    scores = np.tile([[3.0], [2.0], [4.0], [1.0]], 30)
    result = ours.critical_difference(scores)
    assert result.mean_ranks == (2.0, 3.0, 1.0, 4.0)
    assert result.groups == ((2,), (0,), (1,), (3,))
    assert result.p < 1e-10
    # Over 10 tasks CD is 1.48: neighbours are not told apart.
    assert ours.critical_difference(scores[:, :10]).groups == ((2, 0), (0, 1), (1, 3))
    reverse = ours.critical_difference(scores, higher_is_better=False)
    assert reverse.mean_ranks == (3.0, 2.0, 4.0, 1.0)


def test_equal_methods_are_one_group() -> None:
    result = ours.critical_difference(np.ones((3, 4)))
    assert (result.statistic, result.p, result.groups) == (0.0, 1.0, ((0, 1, 2),))


def test_one_task_is_not_enough() -> None:
    with pytest.raises(UsageError, match="two methods and two tasks"):
        ours.critical_difference(np.ones((3, 1)))
