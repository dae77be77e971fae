"""What the toys decide, from students whose numbers are given."""

from dataclasses import replace

import numpy as np
import pytest

from akl_bench.papers.akl.claims import toy_parts
from akl_bench.papers.akl.claims.card import AKL, FKL, MIX, RKL, Verdict
from akl_bench.papers.akl.claims.toy import Students, Toy, settings

SETTING = replace(settings()[0], steps=10)
P = SETTING.p_V


def students(end, head=None, tail=None, inits=4):
    """Students that end at q, whose gaps shrink by the factors given per update."""
    fall = np.arange(11)[:, None]
    start = 1 + np.arange(inits) / 100
    head, tail = (start * factor**fall for factor in (head or 0.7, tail or 0.7))
    q_TV = np.tile(end, (11, 1))
    return Students(head, tail, head, tail, head / (head + tail), q_TV, np.tile(end, (inits, 1)))


def toy(**changed):
    plain = {name: students(P) for name in (FKL, RKL, MIX, AKL)}
    return [Toy(SETTING, plain | changed)]


@pytest.mark.parametrize(("moved", "verdict"), [(0.0, Verdict.SUPPORTED), (0.02, Verdict.REFUTED)])
def test_one_optimum_is_a_matter_of_total_variation(moved, verdict):
    end = P.copy()
    end[[0, 30]] += [moved, -moved]
    part = toy_parts.optimum(toy(**{RKL: students(end)}))
    assert part.verdict is verdict
    # Half of |+.02| + |-.02|.
    assert part.data["two modes"]["fkl_to_rkl"]["mean"] == pytest.approx(moved)


def test_the_head_first_for_fkl_and_the_tail_for_rkl():
    expected = toy(**{FKL: students(P, 0.5, 0.7), RKL: students(P, 0.7, 0.5)})
    assert toy_parts.gaps(expected).verdict is Verdict.SUPPORTED
    turned = toy(**{FKL: students(P, 0.7, 0.5), RKL: students(P, 0.7, 0.5)})
    assert toy_parts.gaps(turned).verdict is Verdict.REFUTED


def test_weights_count_while_a_tenth_of_the_gap_is_left():
    part = toy_parts.weights(toy(**{AKL: students(P, 0.7, 0.7)}))
    # .7 ** 6 = .118 and .7 ** 7 = .082: updates 0 to 6, all of them with w = 1/2.
    assert part.table.rows[0][1:] == ["100% [100%, 100%]", "100%", "100%", "0.50", "7 of 10"]
    assert part.verdict is Verdict.REFUTED
    far = toy_parts.weights(toy(**{AKL: students(P, 0.95, 0.5)}))
    # w = .95^t / (.95^t + .5^t): .5, .655, ... Only the first of 11 is near 1/2.
    assert far.verdict is Verdict.SUPPORTED
