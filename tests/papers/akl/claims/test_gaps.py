"""Half-times and areas, worked by hand."""

import numpy as np
import pytest

from akl_bench.papers.akl.claims import gaps
from akl_bench.papers.akl.claims.card import Verdict
from akl_bench.papers.akl.claims.gaps import Closing, closing, closing_row, race
from akl_bench.papers.akl.claims.runs import trained
from akl_bench.papers.akl.objectives import AKL, FKL, MIX, RKL

UPDATES = np.arange(5.0)


def test_half_times_lie_between_points_on_a_straight_line():
    made = closing(UPDATES, np.array([4.0, 3, 1, 0, 0]), np.array([2.0, 2, 2, 1, 0]))
    # 4 falls to 2 halfway between 3 and 1; 2 falls to 1 at update 3.
    assert made[:2] == (1.5, 3.0)
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
    return [
        {start: Closing(head, tail, 0.0) for start, (head, tail) in enumerate(side)}
        for side in (fkl, rkl)
    ]


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
    (closings, _) = sides([(1, 2), (3, 2)], [])
    assert closing_row("x", closings.values())[:3] == ["x", "2.0", "2.0"]
    assert closing_row("x", [Closing(1.5, 3.0, 0.0)])[3] == "0.50"


def test_pairs_are_those_of_the_seeds_that_both_have():
    fkl, rkl = sides([(1, 2), (4, 2), (1, 4)], [(1, 2), (1, 2), (1, 2)])
    made = race({seed: fkl[seed] for seed in (0, 2)}, {seed: rkl[seed] for seed in (0, 1)})
    assert made.within == "FKL 0.50, RKL 0.50, FKL's over RKL's 1.00"


def straight(head_rate, tail_rate):
    return lambda done: (1 - head_rate * done, 2 - 2 * tail_rate * done)


def test_gap_curves_of_every_seed(write_claims_run):
    first_head, first_tail = straight(1, 0.6), straight(0.6, 1)
    curves = {FKL: first_head, RKL: first_tail, MIX: first_head, AKL: first_head}
    (run,) = trained([write_claims_run(curves=curves)])
    part = gaps.run(run)
    assert part.verdict is Verdict.SUPPORTED
    # Half of the head at .5 of 100 updates; of the tail at .5 / .6.
    assert part.data["FKL"][3].head == pytest.approx(50)
    assert part.data["FKL"][3].tail == pytest.approx(100 / 1.2)
    assert "0.60" in part.table.rows[0][3]


def test_a_run_without_rkl_says_so(write_claims_run):
    (run,) = trained([write_claims_run({FKL: {"kl_pq": 0.2}, AKL: {"kl_pq": 0.2}})])
    part = gaps.run(run)
    assert part.verdict is Verdict.UNTESTED
    assert "RKL" in part.why


def test_the_head_first_for_fkl_and_the_tail_for_rkl(toy, students):
    expected = toy({FKL: students(0.5, 0.7), RKL: students(0.7, 0.5)})
    assert gaps.toys(expected).verdict is Verdict.SUPPORTED
    turned = toy({FKL: students(0.7, 0.5), RKL: students(0.7, 0.5)})
    assert gaps.toys(turned).verdict is Verdict.REFUTED
