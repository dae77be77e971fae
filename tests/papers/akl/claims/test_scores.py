"""AKL's scores and diversity against its rivals, from runs made of given numbers."""

import pytest

from akl_bench.papers.akl.claims import scores
from akl_bench.papers.akl.claims.card import Verdict
from akl_bench.papers.akl.claims.runs import trained
from akl_bench.papers.akl.objectives import AKL, FKL, MIX, RKL

LEVELS = {"validity": 0.5, "acc": 0.6, "distinct_n(n=2)": 0.4, "self_bleu(n=4)": 0.5}


@pytest.fixture
def run_of(write_claims_run):
    """The run in which the objectives named have other values than the plain ones."""

    def made(changes, **options):
        kept = [name for name in (FKL, RKL, MIX, AKL) if changes.get(name, {}) is not None]
        values = {name: LEVELS | changes.get(name, {}) for name in kept}
        (run,) = trained([write_claims_run(values, **options)])
        return run

    return made


def contest(run, rival, columns):
    (made,) = scores.contests(run, {"x": columns}, [rival])
    return made


def test_a_contest_is_paired_by_seed_and_in_points(run_of):
    run = run_of({AKL: {"validity": 0.53, "acc": 0.65}})
    made = contest(run, FKL, run.headlines("generation", "harness"))
    # (3 + 5) / 2 points; pairs share all noise but a tenth of a jitter of .2 points.
    assert made.test.difference == pytest.approx(4, abs=0.05)
    assert made.test.high - made.test.low < 0.2
    assert made.seeds == 5
    assert made.other == pytest.approx(55, abs=0.05)


def test_a_lower_is_better_column_turns_its_sign(run_of):
    run = run_of({AKL: {"self_bleu(n=4)": 0.4}})
    made = contest(run, MIX, run.columns("self_bleu", kind="generation"))
    assert made.test.difference == pytest.approx(10, abs=0.05)
    assert (made.akl, made.other) == (pytest.approx(-40, abs=0.05), pytest.approx(-50, abs=0.05))


@pytest.mark.parametrize(
    ("changes", "options", "verdict"),
    [
        ({AKL: {"acc": 0.65}}, {}, Verdict.SUPPORTED),
        # Better than two, but the half-half mix does as well: no room for a point.
        ({AKL: {"acc": 0.65}, MIX: {"acc": 0.65}}, {}, Verdict.REFUTED),
        ({AKL: {"acc": 0.65}, RKL: {"acc": 0.7}}, {}, Verdict.REFUTED),
        ({AKL: {"acc": 0.65}}, {"seeds": 1}, Verdict.OPEN),
        ({AKL: {"acc": 0.65}, MIX: None}, {}, Verdict.OPEN),
        ({AKL: {"acc": 0.65}}, {"jitter": 0.5}, Verdict.OPEN),
    ],
)
def test_akl_s_scores(run_of, changes, options, verdict):
    assert scores.scores(run_of(changes, **options)).verdict is verdict


def test_single_tasks_are_adjusted_apart_and_shown(run_of):
    part = scores.scores(run_of({AKL: {"acc": 0.65}}))
    assert [row[0] for row in part.table.rows[:4]] == [
        *("overall: FKL", "overall: RKL", "overall: half-half mix"),
        "micro_test: FKL",
    ]
    assert len(part.table.rows) == 9
    by_name = {(c.measure, c.rival): c for c in part.data["contests"]}
    p_values = sorted(c.test.p for (measure, _), c in by_name.items() if measure == "overall")
    # Holm: the smallest of three times three.
    overall = [c.p_holm for (measure, _), c in by_name.items() if measure == "overall"]
    assert min(overall) == pytest.approx(3 * p_values[0])


DIVERSE = {"distinct_n(n=2)": 0.45, "self_bleu(n=4)": 0.4}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({AKL: DIVERSE}, Verdict.SUPPORTED),
        ({}, Verdict.REFUTED),
        ({AKL: {"distinct_n(n=2)": 0.35}}, Verdict.REFUTED),
        # More diverse because worse: not at equal quality.
        ({AKL: DIVERSE | {"validity": 0.4}}, Verdict.REFUTED),
        ({AKL: {"distinct_n(n=2)": 0.45, "self_bleu(n=4)": 0.6}}, Verdict.OPEN),
        ({AKL: DIVERSE, FKL: None}, Verdict.OPEN),
    ],
)
def test_diversity_at_equal_quality(run_of, changes, verdict):
    assert scores.diversity(run_of(changes)).verdict is verdict


def test_without_akl_nothing_is_tested(run_of):
    run = run_of({AKL: None})
    for part in (scores.scores(run), scores.diversity(run)):
        assert part.verdict is Verdict.UNTESTED
        assert "no sealed cell of AKL" in part.why
