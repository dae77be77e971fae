import math

import pytest

from akl_bench.errors import UsageError
from akl_bench.report import answer, frame
from akl_bench.report.answer import Reach

STEPS = [{"training.steps": steps} for steps in (100, 400, 1600)]


@pytest.fixture(scope="module")
def run(write_full_run):
    return frame.load(write_full_run(points=STEPS, seeds=5))


def test_the_crossing_is_on_a_straight_line_over_log_steps():
    curve = [(100.0, 0.2), (400.0, 0.6), (1600.0, 0.7)]
    # Half of the rise from 0.2 to 0.6: the geometric mean of 100 and 400.
    assert answer._crossing(curve, 0.4) == pytest.approx(200)
    assert answer._crossing(curve, 0.6) == pytest.approx(400)
    assert answer._crossing(curve, 0.65) == pytest.approx(800)
    assert answer._crossing(curve, 0.1) == 100
    assert math.isinf(answer._crossing(curve, 0.71))


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((200.0, 250.0, 800.0), "250 (200 to 800)"),
        ((200.0, 250.0, math.inf), "250 (200 to > 1600)"),
        ((math.inf, math.inf), "> 1600"),
        ((100.0, 100.0), "< 100"),
    ],
)
def test_steps_that_no_budget_shows_are_bounds(steps, text):
    assert Reach(steps).text([100.0, 400.0, 1600.0]) == text


def test_standings_are_by_student_and_budget_with_the_best_first(run):
    column = run.headline("micro_test")
    points = answer.points(run, column)
    assert list(points) == [("one_layer", steps) for steps in ("100", "400", "1600")]
    for ranked in points.values():
        values = [standing.value.value for standing in ranked]
        assert values == sorted(values, reverse=True)
        assert ranked[0].is_top
        assert all(s.value.low <= s.value.value <= s.value.high for s in ranked)
    # The fixture makes each budget better than the one before.
    means = [ranked[0].value.value for ranked in points.values()]
    assert means == sorted(means)


def test_the_page_has_a_table_for_each_student_and_says_what_is_sure(run):
    page = answer.markdown(run, "micro_test", 0.9)
    assert "### Student one_layer" in page
    heads = next(line for line in page.splitlines() if line.startswith("| objective"))
    assert "100 steps | 400 steps | 1600 steps | steps to 90 % | lr" in heads
    assert "cannot be told from the best" in page
    assert "Ranks at 100 and 400 steps agree with Kendall's tau" in page


def test_a_run_without_budgets_or_of_another_task_is_refused(run, write_full_run):
    with pytest.raises(UsageError, match=r"a run with the one axis training\.steps"):
        answer.markdown(frame.load(write_full_run()), "micro_test", 0.9)
    with pytest.raises(UsageError, match=r"nope has no numbers in this run; its tasks are"):
        answer.markdown(run, "nope", 0.9)
