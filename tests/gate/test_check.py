"""One run for every verdict and every exit code, and what may and may not be compared."""

import pytest

from akl_bench.errors import UsageError
from akl_bench.gate import baseline, snapshot
from akl_bench.gate.check import check
from akl_bench.gate.policy import Policy
from akl_bench.gate.verdicts import Verdict

NEW = (11, 12, 13)


@pytest.fixture
def compare(baseline_file):
    """Check a run folder against the baseline; gives the report."""

    def run(folder, policy=None, **settings):
        base = baseline.read(baseline_file)
        return check(base, snapshot.measure(folder), policy or base.policy, **settings)

    return run


def verdict(report, metric="rouge_l", row="akl/tiny"):
    (found,) = [c for c in report.comparisons if (c.row, c.column.metric) == (row, metric)]
    return found.verdict


def found(report, metric="rouge_l"):
    return next(c for c in report.comparisons if c.column.metric == metric)


def test_new_seeds_of_the_same_students_pass(make_run, make_rows, compare):
    report = compare(make_run("pr", make_rows(NEW)))
    assert report.exit_code == 0
    assert {c.verdict for c in report.comparisons} == {Verdict.PASS}
    assert found(report).mode == "seeds"


def test_the_same_bits_pass_without_a_test(make_run, make_rows, compare):
    report = compare(make_run("pr", make_rows((2, 5))))
    assert report.exit_code == 0
    assert {(c.verdict, c.mode) for c in report.comparisons} == {(Verdict.PASS, "exact")}


def test_a_gain_beyond_doubt_is_an_improvement(make_run, make_rows, compare):
    report = compare(make_run("pr", make_rows(NEW, shift=-3.0)))
    assert verdict(report) is Verdict.IMPROVED
    assert report.exit_code == 0


def test_a_real_loss_beyond_the_margin_is_a_regression(make_run, make_rows, compare):
    report = compare(make_run("pr", make_rows(NEW, shift=3.0)))
    assert verdict(report) is Verdict.REGRESSION
    assert verdict(report, "distinct_n(n=2)") is Verdict.PASS
    assert report.exit_code == 1


def test_a_real_loss_within_the_margin_is_a_warning(make_run, make_rows, compare):
    folder = make_run("pr", make_rows(NEW, shift=1.5))
    report = compare(folder, Policy(margins={"rouge_l": 1.9}))
    assert verdict(report) is Verdict.WARN
    assert report.exit_code == 0


def test_noise_that_hides_the_margin_is_inconclusive_with_what_would_settle_it(
    make_run, make_rows, compare
):
    folder = make_run("pr", make_rows((14, 18, 17), spread=4.0, shift=0.8))
    report = compare(folder)
    assert verdict(report) is Verdict.INCONCLUSIVE
    assert found(report).detectable > found(report).estimate.margin
    assert found(report).more_seeds > 0
    assert f"{found(report).more_seeds} more seeds" in found(report).explanation
    assert report.exit_code == 0
    assert compare(folder, strict=True).exit_code == 4


def test_a_loss_of_an_advisory_metric_does_not_fail(make_run, make_rows, compare):
    report = compare(
        make_run("pr", make_rows(NEW, shift=3.0)), Policy(tiers={"quiz/rouge_l": "advisory"})
    )
    assert verdict(report) is Verdict.REGRESSION
    assert report.exit_code == 0
    assert "advisory: 1 REGRESSION" in report.headline.replace("1 PASS, ", "")


def test_perplexity_gets_worse_upwards(make_run, make_rows, compare):
    rows = make_rows(NEW)
    for by_seed in rows["akl"].values():
        by_seed["cloze", "perplexity"] += 1.0
    report = compare(make_run("pr", rows))
    assert verdict(report, "perplexity") is Verdict.REGRESSION
    assert found(report, "perplexity").estimate.difference == pytest.approx(-1.0, abs=0.1)


@pytest.mark.parametrize("seeds", [(11,), (11, 12)])
def test_one_or_two_seeds_are_judged_by_the_baselines_spread(make_run, make_rows, compare, seeds):
    good = compare(make_run("good", make_rows(seeds)))
    assert (found(good).mode, verdict(good)) == ("calibrated", Verdict.PASS)
    bad = compare(make_run("bad", make_rows(seeds, shift=3.0)))
    assert (verdict(bad), bad.exit_code) == (Verdict.REGRESSION, 1)


class TestMissing:
    def test_objective(self, make_run, make_rows, compare):
        report = compare(make_run("pr", make_rows(NEW, objectives=("fkl",))))
        assert verdict(report) is Verdict.MISSING
        assert report.exit_code == 1
        assert any("not in the baseline: fkl/tiny" in note for note in report.notes)

    def test_seed_that_did_not_finish(self, make_run, make_rows, compare):
        report = compare(make_run("pr", make_rows(NEW), unsealed=[("akl", 12)]))
        assert verdict(report) is Verdict.MISSING
        assert "seed 12" in found(report).reason
        assert report.exit_code == 1

    def test_metric(self, make_run, make_rows, compare):
        rows = make_rows(NEW)
        for by_seed in rows["akl"].values():
            del by_seed["quiz", "rouge_l"]
        report = compare(make_run("pr", rows))
        assert (verdict(report), report.exit_code) == (Verdict.MISSING, 1)
        assert verdict(report, "distinct_n(n=2)") is Verdict.PASS

    def test_number(self, make_run, make_rows, compare):
        rows = make_rows(NEW)
        rows["akl"][12]["quiz", "rouge_l"] = None
        report = compare(make_run("pr", rows))
        assert (verdict(report), found(report).reason) == (
            Verdict.MISSING,
            "no number at seed 12",
        )

    def test_advisory_metric_does_not_fail(self, make_run, make_rows, compare):
        rows = make_rows(NEW)
        for by_seed in rows["akl"].values():
            del by_seed["quiz", "empty_rate"]
        report = compare(make_run("pr", rows))
        assert verdict(report, "empty_rate") is Verdict.MISSING
        assert report.exit_code == 0


class TestIncomparable:
    @pytest.mark.parametrize(
        ("change", "line"),
        [
            ({"fields": {"prompt": "Q: {{ instruction }}"}}, "prompt: {{ instruction }} -> Q:"),
            ({"fields": {"lengths": [9, 8]}}, "lengths: [8, 8] -> [9, 8]"),
            ({"profile": {"smoke": True}}, "smoke: False -> True"),
            ({"profile": {"dry_models": True}}, "dry_models: False -> True"),
            (
                {"fields": {"inputs": {"teacher": "f" * 64}}},
                "teacher",
            ),
        ],
    )
    def test_what_defines_every_number(self, make_run, make_rows, compare, change, line):
        report = compare(make_run("pr", make_rows(NEW), **change))
        assert {c.verdict for c in report.comparisons} == {Verdict.INCOMPARABLE}
        assert report.exit_code == 3
        assert any(entry.startswith(line) for entry in report.incomparable)

    def test_a_task_takes_only_its_own_metrics_along(self, make_run, make_rows, compare):
        probe = make_run("probe", make_rows(NEW))
        tasks = snapshot.Run(probe).read()["profile"]["tasks"]
        tasks["quiz"]["generation"]["temperature"] = 0.7
        report = compare(make_run("pr", make_rows(NEW), tasks=tasks))
        assert verdict(report) is Verdict.INCOMPARABLE
        assert verdict(report, "perplexity") is Verdict.PASS
        assert report.incomparable == ("tasks.quiz.generation.temperature: 1.0 -> 0.7",)
        assert report.exit_code == 3

    def test_a_metric_of_another_version(self, make_run, make_rows, compare):
        signatures = {("quiz", "rouge_l"): "rouge_l|version:2"}
        report = compare(make_run("pr", make_rows(NEW), signatures=signatures))
        assert verdict(report) is Verdict.INCOMPARABLE
        assert verdict(report, "distinct_n(n=2)") is Verdict.PASS
        assert report.exit_code == 3

    def test_exact_needs_the_same_kind_of_machine(self, make_run, make_rows, compare):
        folder = make_run("pr", make_rows((1, 2)), provenance={"device": "NVIDIA H100"})
        report = compare(folder, mode="exact")
        assert {c.verdict for c in report.comparisons} == {Verdict.INCOMPARABLE}
        assert "device cpu" in report.incomparable[0]
        assert compare(folder).exit_code == 0


def test_what_may_change_is_listed(make_run, make_rows, compare):
    fields = {"code": "e" * 64, "libraries": {"torch": "2.14.0"}}
    report = compare(make_run("pr", make_rows(NEW), fields=fields, training={"lr": 0.2}))
    assert report.changed == (
        "code",
        "libraries.torch: 2.13.0 -> 2.14.0",
        "training.lr: 0.1 -> 0.2",
    )
    assert report.exit_code == 0


class TestExact:
    def test_same_bits(self, make_run, make_rows, compare):
        report = compare(make_run("pr", make_rows((1, 2, 3))), mode="exact")
        assert {c.verdict for c in report.comparisons} == {Verdict.PASS}
        assert {c.column.metric for c in report.comparisons} >= {"weights", "length"}
        assert report.exit_code == 0

    def test_other_weights_with_the_same_numbers(self, make_run, make_rows, compare):
        report = compare(make_run("pr", make_rows((1, 2, 3)), weights="other"), mode="exact")
        assert verdict(report, "weights") is Verdict.REGRESSION
        assert verdict(report) is Verdict.PASS
        assert report.exit_code == 1

    def test_one_bit_of_one_number_that_is_not_even_gated(self, make_run, make_rows, compare):
        rows = make_rows((1, 2, 3))
        rows["akl"][2]["quiz", "length"] *= 1 + 2**-52
        report = compare(make_run("pr", rows), mode="exact")
        assert verdict(report, "length") is Verdict.REGRESSION
        assert "1 of 3 seeds, first at seed 2: " in found(report, "length").reason
        assert report.exit_code == 1

    def test_no_seed_in_common(self, make_run, make_rows, compare):
        report = compare(make_run("pr", make_rows(NEW)), mode="exact")
        assert {c.verdict for c in report.comparisons} == {Verdict.MISSING}
        assert report.exit_code == 1


def test_threshold_calls_only_what_is_far_beyond_the_margin(make_run, make_rows, compare):
    for shift, expected in ((0.5, "PASS"), (2.0, "INCONCLUSIVE"), (4.0, "REGRESSION")):
        folder = make_run(f"pr{shift}", make_rows(NEW, shift=shift, spread=0.0))
        assert verdict(compare(folder, mode="threshold")).value == expected


def test_rows_of_reference_are_advisory(make_run, make_rows, tmp_path):
    path = tmp_path / "b.json"
    objectives = ("teacher", "akl")
    baseline.create(make_run("ref", make_rows(range(1, 11), objectives=objectives)), path)
    rows = make_rows(NEW, objectives=("akl",)) | make_rows(NEW, objectives=("teacher",), shift=5.0)
    base = baseline.read(path)
    report = check(base, snapshot.measure(make_run("pr", rows)), base.policy)
    assert verdict(report, row="teacher") is Verdict.REGRESSION
    assert report.exit_code == 0


def test_only_picks_rows_and_a_glob_that_fits_none_is_an_error(make_run, make_rows, tmp_path):
    path = tmp_path / "b.json"
    objectives = ("fkl", "akl(mu=0.5)")
    baseline.create(make_run("two", make_rows(range(1, 11), objectives=objectives)), path)
    base = baseline.read(path)
    run = snapshot.measure(make_run("pr", make_rows(NEW, objectives=("akl(mu=0.5)",))))
    report = check(base, run, base.policy, only=["akl*"])
    assert {c.row for c in report.comparisons} == {"akl(mu=0.5)/tiny"}
    assert report.exit_code == 0
    with pytest.raises(UsageError, match=r"--only rkl matches none .*: fkl/tiny, akl"):
        check(base, run, base.policy, only=["rkl"])


def test_a_paired_baseline_tests_equal_seeds(make_run, make_rows, tmp_path):
    path = tmp_path / "b.json"
    baseline.create(make_run("main", make_rows(range(1, 11))), path, design="paired")
    base = baseline.read(path)
    rows = make_rows((1, 2, 3, 4))
    for seed, by_seed in rows["akl"].items():
        # Every student lost half a point, give or take little: pairs show it, means do not.
        by_seed["quiz", "rouge_l"] -= 0.005 + 0.0001 * seed
    run = snapshot.measure(make_run("pr", rows))
    margins = Policy(margins={"rouge_l": 0.1})
    assert verdict(check(base, run, margins)) is Verdict.REGRESSION
    apart = base.model_copy(update={"design": "welch"})
    assert verdict(check(apart, run, margins)) is Verdict.INCONCLUSIVE
