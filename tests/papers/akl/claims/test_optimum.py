"""Where FKL and RKL end, in toys and runs made of given numbers."""

import pytest

from akl_bench.papers.akl.claims import optimum
from akl_bench.papers.akl.claims.card import Verdict
from akl_bench.papers.akl.claims.runs import trained
from akl_bench.papers.akl.claims.toy import settings
from akl_bench.papers.akl.objectives import AKL, FKL, MIX, RKL

PLAIN = {"kl_pq": 0.2, "kl_qp": 0.3}


def ends(rkl_pq, rkl_qp=0.3):
    return {FKL: PLAIN, RKL: {"kl_pq": rkl_pq, "kl_qp": rkl_qp}, MIX: PLAIN, AKL: PLAIN}


@pytest.mark.parametrize(
    ("rkl_pq", "verdict"),
    [(0.201, Verdict.SUPPORTED), (0.3, Verdict.REFUTED), (0.21, Verdict.OPEN)],
)
def test_one_optimum_is_within_five_percent(write_claims_run, rkl_pq, verdict):
    folder = write_claims_run(ends(rkl_pq), jitter=0.0005 if rkl_pq != 0.21 else 0.02)
    part = optimum.runs(trained([folder]))
    assert part.verdict is verdict
    assert [row[0] for row in part.table.rows] == ["100 steps: kl_pq", "100 steps: kl_qp"]


def test_either_direction_refutes(write_claims_run):
    part = optimum.runs(trained([write_claims_run(ends(0.2, rkl_qp=0.6))]))
    assert part.verdict is Verdict.REFUTED


def test_the_longest_run_decides_whatever_the_order(write_claims_run):
    short = write_claims_run(ends(0.4), name="short", steps=10)
    long = write_claims_run(ends(0.2), name="long", steps=30, jitter=0.0005)
    for folders in ([short, long], [long, short]):
        part = optimum.runs(trained(folders))
        assert part.verdict is Verdict.SUPPORTED
        assert part.why.startswith("after 30 steps")
        assert len(part.table.rows) == 4


def test_one_seed_decides_nothing(write_claims_run):
    assert optimum.runs(trained([write_claims_run(ends(9.0), seeds=1)])).verdict is Verdict.OPEN


def test_what_is_missing_is_named(write_claims_run):
    (run,) = trained([write_claims_run({FKL: PLAIN, AKL: PLAIN})])
    part = optimum.runs([run])
    assert part.verdict is Verdict.UNTESTED
    assert "RKL" in part.why


@pytest.mark.parametrize(("moved", "verdict"), [(0.0, Verdict.SUPPORTED), (0.02, Verdict.REFUTED)])
def test_one_optimum_is_a_matter_of_total_variation(toy, students, moved, verdict):
    end = settings()[0].p_V.copy()
    end[[0, 30]] += [moved, -moved]
    part = optimum.toys(toy({RKL: students(end=end)}))
    assert part.verdict is verdict
    # Half of |+.02| + |-.02|.
    assert part.data["two modes"]["fkl_to_rkl"].mean == pytest.approx(moved)
