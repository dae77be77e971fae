"""Where FKL and RKL end and which gap closes first, from runs made of given numbers."""

import pytest

from akl_bench.papers.akl.claims import run_parts
from akl_bench.papers.akl.claims.card import AKL, FKL, MIX, RKL, Verdict
from akl_bench.papers.akl.claims.runs import trained

PLAIN = {"kl_pq": 0.2, "kl_qp": 0.3}


def ends(rkl_pq, rkl_qp=0.3):
    return {FKL: PLAIN, RKL: {"kl_pq": rkl_pq, "kl_qp": rkl_qp}, MIX: PLAIN, AKL: PLAIN}


@pytest.mark.parametrize(
    ("rkl_pq", "verdict"),
    [(0.201, Verdict.SUPPORTED), (0.3, Verdict.REFUTED), (0.21, Verdict.OPEN)],
)
def test_one_optimum_is_within_five_percent(write_claims_run, rkl_pq, verdict):
    folder = write_claims_run(ends(rkl_pq), jitter=0.0005 if rkl_pq != 0.21 else 0.02)
    part = run_parts.optimum(trained([folder]))
    assert part.verdict is verdict
    assert [row[0] for row in part.table.rows] == ["100 steps: kl_pq", "100 steps: kl_qp"]


def test_either_direction_refutes(write_claims_run):
    part = run_parts.optimum(trained([write_claims_run(ends(0.2, rkl_qp=0.6))]))
    assert part.verdict is Verdict.REFUTED


def test_the_longest_run_decides_whatever_the_order(write_claims_run):
    short = write_claims_run(ends(0.4), name="short", steps=10)
    long = write_claims_run(ends(0.2), name="long", steps=30, jitter=0.0005)
    for folders in ([short, long], [long, short]):
        part = run_parts.optimum(trained(folders))
        assert part.verdict is Verdict.SUPPORTED
        assert part.why.startswith("after 30 steps")
        assert len(part.table.rows) == 4


def test_one_seed_decides_nothing(write_claims_run):
    assert (
        run_parts.optimum(trained([write_claims_run(ends(9.0), seeds=1)])).verdict is Verdict.OPEN
    )


def straight(head_rate, tail_rate):
    return lambda done: (1 - head_rate * done, 2 - 2 * tail_rate * done)


def test_gap_curves_of_every_seed(write_claims_run):
    first_head, first_tail = straight(1, 0.6), straight(0.6, 1)
    curves = {FKL: first_head, RKL: first_tail, MIX: first_head, AKL: first_head}
    (run,) = trained([write_claims_run(curves=curves)])
    part = run_parts.gaps(run)
    assert part.verdict is Verdict.SUPPORTED
    # Half of the head at .5 of 100 updates; of the tail at .5 / .6.
    assert part.data["FKL"][3]["head"] == pytest.approx(50)
    assert part.data["FKL"][3]["tail"] == pytest.approx(100 / 1.2)
    assert "0.60" in part.table.rows[0][3]


def test_what_is_missing_is_named(write_claims_run):
    (run,) = trained([write_claims_run({FKL: PLAIN, AKL: PLAIN})])
    for part in (run_parts.gaps(run), run_parts.optimum([run])):
        assert part.verdict is Verdict.UNTESTED
        assert "RKL" in part.why
