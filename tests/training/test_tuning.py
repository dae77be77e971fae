import pytest

from akl_bench.training.tuning import best_point, next_points, rate


def search(quality, trials):
    """All points that are tried where the quality of a point is known."""
    scores = {}
    while points := next_points(scores, trials):
        assert not scores.keys() & set(points)
        scores |= {point: quality(point) for point in points}
    return scores


@pytest.mark.parametrize("peak", range(-4, 5))
@pytest.mark.parametrize("trials", [6, 7])
def test_a_peak_four_steps_away_is_found_between_worse_neighbours(peak, trials):
    scores = search(lambda point: -abs(point - peak), trials)
    assert len(scores) == trials
    assert best_point(scores) == peak
    if abs(peak) < 4:
        assert {peak - 1, peak + 1} <= scores.keys()


def test_the_grid_grows_as_long_as_the_best_lies_at_its_edge():
    scores = search(lambda point: point, 8)
    assert sorted(scores) == [-2, 0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("trials", range(1, 12))
def test_every_objective_has_the_same_number_of_trials(trials):
    for quality in (lambda p: p, lambda p: -p, lambda p: 0.0, lambda p: -abs(p), lambda p: None):
        assert len(search(quality, trials)) == trials


def test_a_rate_at_which_training_diverged_is_the_worst():
    scores = search(lambda point: None if point >= 1 else -10.0 - point, 6)
    assert best_point(scores) == min(scores)


def test_where_training_diverges_everywhere_the_search_goes_down():
    scores = search(lambda point: None if point > -4 else 1.0, 7)
    assert best_point(scores) <= -4


@pytest.mark.parametrize(("peak", "last"), [(1, 1), (-1, -1)])
def test_a_last_trial_is_made_on_the_better_side(peak, last):
    scores = search(lambda point: -abs(point - peak), 4)
    assert scores.keys() == {-2, 0, 2, last}


def test_of_equal_scores_the_rate_nearest_to_the_start_is_taken():
    assert best_point({-2: 0.5, 0: 0.5, 2: 0.5}) == 0
    assert best_point({-2: 0.5, 0: 0.1, 2: 0.5}) == -2


def test_points_are_factors_of_two():
    assert [rate(0.004, point) for point in (-2, 0, 3)] == [0.001, 0.004, 0.032]
