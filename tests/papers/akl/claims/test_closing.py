"""Half-times and areas, worked by hand."""

import numpy as np
import pytest

from akl_bench.papers.akl.claims.card import Verdict
from akl_bench.papers.akl.claims.closing import Closing, closing, closing_row, race

UPDATES = np.arange(5.0)


def test_half_times_lie_between_points_on_a_straight_line():
    made = closing(UPDATES, np.array([4.0, 3, 1, 0, 0]), np.array([2.0, 2, 2, 1, 0]))
    # 4 falls to 2 halfway between 3 and 1; 2 falls to 1 at update 3.
    assert made[:2] == (1.5, 3.0)
    assert made.log_ratio == pytest.approx(np.log(0.5))
    # Of head/4 - tail/2: 0, -1/4, -3/4, -1/2 at 0..3; trapezoids 1/8 + 1/2 + 5/8, over 3 updates.
    assert made.area == pytest.approx(-1.25 / 3)


def test_the_area_ends_between_two_points():
    made = closing(UPDATES, np.array([1.0, 0, 0, 0, 0]), np.array([1.0, 1, 0, 0, 0]))
    # Halves at 0.5 and 1.5. Up to there: 0, -1, -1/2: trapezoids 1/2 and 3/8.
    assert made == (0.5, 1.5, pytest.approx(-0.875 / 1.5))


def test_a_gap_that_never_closes_takes_all_updates_and_one_that_grows_first_counts_its_start():
    made = closing(UPDATES, np.ones(5), np.array([1.0, 3, 0.5, 0, 0]))
    assert made[:2] == (4.0, 2.0)


def sides(fkl, rkl):
    return [[Closing(head, tail, 0.0) for head, tail in side] for side in (fkl, rkl)]


@pytest.mark.parametrize(
    ("fkl", "rkl", "verdict"),
    [
        ([(1, 2), (1.1, 2), (1, 2.1)], [(2, 1), (2.1, 1), (2, 1.1)], Verdict.SUPPORTED),
        ([(2, 1), (2.1, 1), (2, 1.1)], [(2, 1), (2.1, 1), (2, 1.1)], Verdict.REFUTED),
        ([(1, 2), (1.1, 2), (1, 2.1)], [(1, 2), (2, 1), (1, 1.1)], Verdict.OPEN),
        ([(1, 2)], [(2, 1)], Verdict.OPEN),
    ],
)
def test_the_race_asks_that_each_objective_is_first_where_it_should(fkl, rkl, verdict):
    made = race(*sides(fkl, rkl))
    assert made.verdict is verdict


def test_ratios_are_geometric_means():
    made = race(*sides([(1, 2), (2, 1)], [(4, 1), (4, 1)]))
    assert made.within.startswith("FKL 1.00 [")
    assert "RKL 4.00 [4.00, 4.00]" in made.within
    assert closing_row("x", sides([(1, 2), (3, 2)], [])[0])[:3] == ["x", "2.0", "2.0"]
