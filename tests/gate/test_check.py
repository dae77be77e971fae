"""One run for every verdict and every exit code, and what may and may not be compared."""

import pytest

from akl_bench.errors import UsageError
from akl_bench.gate import baseline
from akl_bench.gate.check import check
from akl_bench.gate.policy import Policy
from akl_bench.gate.snapshot import measure
from akl_bench.gate.verdicts import Verdict
from akl_bench.report.frame import load

NEW = (11, 12, 13)


@pytest.fixture
def compare(baseline_file):
    """Check a run folder against the baseline; gives the report."""

    def run(folder, policy=None, **settings):
        base = baseline.read(baseline_file)
        return check(base, measure(load(folder)), policy or base.policy, **settings)

    return run


def verdict(report, metric="rouge_l", row="akl/tiny"):
    (comparison,) = [c for c in report.comparisons if (c.row, c.column.metric) == (row, metric)]
    return comparison.verdict


def compared(report, metric="rouge_l"):
    return next(c for c in report.comparisons if c.column.metric == metric)


def test_new_seeds_of_the_same_students_pass(make_run, make_rows, compare):
    report = compare(make_run("pr", make_rows(NEW)))
    assert report.exit_code == 0
    assert {c.verdict for c in report.comparisons} == {Verdict.PASS}
    assert compared(report).mode == "seeds"


def test_the_same_bits_pass_without_a_test(make_run, make_rows, compare):
    report = compare(make_run("pr", make_rows((2, 5))))
    assert report.exit_code == 0
    assert {(c.verdict, c.mode) for c in report.comparisons} == {(Verdict.PASS, "exact")}


def test_the_same_numbers_of_other_students_are_tested(make_run, make_rows, compare):
    report = compare(make_run("pr", make_rows((2, 5)), weights="other"))
    assert report.exit_code == 0
    assert "exact" not in {c.mode for c in report.comparisons}


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
    assert compared(report).detectable > compared(report).estimate.margin
    assert compared(report).more_seeds > 0
    assert f"{compared(report).more_seeds} more seeds" in compared(report).explanation
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
    assert compared(report, "perplexity").estimate.difference == pytest.approx(-1.0, abs=0.1)


@pytest.mark.parametrize("seeds", [(11,), (11, 12)])
def test_one_or_two_seeds_are_judged_by_the_baselines_spread(make_run, make_rows, compare, seeds):
    good = compare(make_run("good", make_rows(seeds)))
    assert (compared(good).mode, verdict(good)) == ("calibrated", Verdict.PASS)
    bad = compare(make_run("bad", make_rows(seeds, shift=3.0)))
    assert (verdict(bad), bad.exit_code) == (Verdict.REGRESSION, 1)


class TestMissing:
    def test_objective(self, make_run, make_rows, compare):
        report = compare(make_run("pr", make_rows(NEW, objectives=("fkl",))))
        assert verdict(report) is Verdict.MISSING
        assert report.exit_code == 1
        assert any("not in the baseline: fkl/tiny" in note for note in report.notes)

    def test_seed_that_did_not_finish(self, make_run, make_rows, compare):
        report = compare(make_run("pr", make_rows(NEW), unfinished=[("akl", 12)]))
        assert verdict(report) is Verdict.MISSING
        assert "seed 12" in compared(report).reason
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
        assert (verdict(report), compared(report).reason) == (
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

    def test_one_number_of_one_seed_is_not_there_yet(self, make_run, make_rows, compare):
        rows = make_rows(NEW)
        del rows["akl"][12]["quiz", "length"]
        report = compare(make_run("pr", rows))
        assert {c.verdict for c in report.comparisons} == {Verdict.MISSING}
        assert compared(report).reason == "not finished: seed 12"


TASKS = ("quiz", "cloze", "fidelity")
QUIZ, CLOZE, FIDELITY = {"rouge_l", "distinct_n(n=2)", "empty_rate"}, {"perplexity"}, {"kl_pq"}


def incomparable(report):
    return {c.column.metric for c in report.comparisons if c.verdict is Verdict.INCOMPARABLE}


class TestIncomparable:
    @pytest.mark.parametrize(
        ("protocols", "metrics", "line"),
        [
            (
                {"quiz.generation.temperature": 0.7},
                QUIZ,
                "generation.temperature: 1.0 -> 0.7 (quiz)",
            ),
            ({"quiz.length": 9}, QUIZ, "length: absent -> 9 (quiz)"),
            ({"fidelity.teacher.content": "f" * 64}, FIDELITY, "teacher.content (fidelity)"),
            (
                {"quiz.prompt": "Q: {{ instruction }}", "fidelity.prompt": "Q: {{ instruction }}"},
                QUIZ | FIDELITY,
                "prompt: {{ instruction }} -> Q: {{ instruction }} (quiz, fidelity)",
            ),
            (
                {f"{task}.stamps": ["smoke"] for task in TASKS},
                QUIZ | CLOZE | FIDELITY,
                "stamps: [] -> ['smoke']",
            ),
        ],
    )
    def test_what_defines_the_numbers_of_a_task_and_no_others(
        self, make_run, make_rows, compare, protocols, metrics, line
    ):
        report = compare(make_run("pr", make_rows(NEW), protocols=protocols))
        assert incomparable(report) == metrics
        assert {c.verdict for c in report.comparisons} <= {Verdict.INCOMPARABLE, Verdict.PASS}
        assert report.incomparable == (line,)
        assert compared(report, min(metrics)).reason == line.partition(" (")[0]
        assert report.exit_code == 3

    def test_several_fields_of_a_column_are_counted(self, make_run, make_rows, compare):
        protocols = {"quiz.generation.temperature": 0.7, "quiz.generation.samples": 4}
        report = compare(make_run("pr", make_rows(NEW), protocols=protocols))
        assert compared(report).reason == "generation.temperature: 1.0 -> 0.7 and 1 more"
        assert len(report.incomparable) == 2

    def test_a_metric_of_another_version(self, make_run, make_rows, compare):
        signatures = {("quiz", "rouge_l"): "rouge_l|version:2"}
        report = compare(make_run("pr", make_rows(NEW), signatures=signatures))
        assert incomparable(report) == {"rouge_l"}
        assert verdict(report, "distinct_n(n=2)") is Verdict.PASS
        line = "signature: rouge_l|version:1 -> rouge_l|version:2 (quiz/rouge_l)"
        assert report.incomparable == (line,)
        assert report.exit_code == 3

    def test_a_metric_that_turned_its_direction(self, make_run, make_rows, compare, monkeypatch):
        turned = {("cloze", "perplexity"): (True, 1.0, "%.2f")}
        monkeypatch.setitem(make_run.metrics, *turned.popitem())
        report = compare(make_run("pr", make_rows(NEW)))
        assert report.incomparable == ("higher_is_better: False -> True (cloze)",)
        assert incomparable(report) == CLOZE

    def test_exact_needs_the_same_kind_of_machine(self, make_run, make_rows, compare):
        folder = make_run("pr", make_rows((1, 2)), made={"device": "NVIDIA H100"})
        report = compare(folder, mode="exact")
        assert {c.verdict for c in report.comparisons} == {Verdict.INCOMPARABLE}
        assert "device cpu" in report.incomparable[0]
        assert compare(folder).exit_code == 0

    def test_exact_needs_the_same_libraries(self, make_run, make_rows, compare):
        made = {"libraries": {"python": "3.11.7", "torch": "2.14.0"}}
        folder = make_run("pr", make_rows((1, 2)), made=made)
        report = compare(folder, mode="exact")
        assert {c.verdict for c in report.comparisons} == {Verdict.INCOMPARABLE}
        assert report.incomparable == ("libraries.torch: 2.13.0 -> 2.14.0",)
        assert compare(folder).exit_code == 0


class TestWhatChanged:
    def test_training(self, make_run, make_rows, compare):
        fields = {"code.training": "e" * 64, "training.lr": 0.2}
        made = {
            "libraries": {"python": "3.11.7", "torch": "2.14.0", "vllm": "0.9"},
            "device": "NVIDIA H100",
        }
        report = compare(make_run("pr", make_rows(NEW), fields=fields, made=made))
        assert report.changed == (
            "training.lr: 0.1 -> 0.2",
            "code.training",
            "libraries.torch: 2.13.0 -> 2.14.0",
            "environment: device cpu, machine x86_64, threads 1 -> "
            "device NVIDIA H100, machine x86_64, threads 1",
        )
        assert {c.verdict for c in report.comparisons} == {Verdict.PASS}
        assert report.incomparable == ()
        assert report.exit_code == 0

    def test_nothing(self, make_run, make_rows, compare):
        assert compare(make_run("pr", make_rows(NEW))).changed == ()

    def test_sampling_and_scoring(self, make_run, make_rows, compare):
        report = compare(make_run("pr", make_rows(NEW), code={"quiz": "f" * 64}))
        assert report.changed == ("code of sampling or scoring (quiz)",)
        assert report.exit_code == 0
        report = compare(make_run("all", make_rows(NEW), code=dict.fromkeys(TASKS, "f" * 64)))
        assert report.changed == ("code of sampling or scoring",)

    def test_the_code_of_one_objective_names_its_row(self, make_run, make_rows, tmp_path):
        def run(name, seeds, mark):
            own = {"fkl": {"code.divergence": "1" * 64}, "akl": {"code.divergence": mark * 64}}
            return make_run(name, make_rows(seeds, objectives=("teacher", "fkl", "akl")), own=own)

        base = baseline.create(run("main", range(1, 11), "2"), tmp_path / "b.json")
        report = check(base, measure(load(run("pr", NEW, "3"))), base.policy)
        assert report.changed == ("code.divergence (akl/tiny)",)
        assert report.exit_code == 0

    def test_the_code_of_some_seeds_alone(self, make_run, make_rows, compare):
        own = {("akl", 12): {"code.training": "e" * 64}}
        report = compare(make_run("pr", make_rows(NEW), own=own))
        assert report.changed == ("code.training: dddddddddddd -> not the same for all seeds",)

    def test_fewer_objectives_are_no_change(self, make_run, make_rows, tmp_path):
        own = {"fkl": {"code.divergence": "1" * 64}, "akl": {"code.divergence": "2" * 64}}
        objectives = ("fkl", "akl")
        run = make_run("main", make_rows(range(1, 11), objectives=objectives), own=own)
        base = baseline.create(run, tmp_path / "b.json")
        folder = make_run("pr", make_rows((11,)), own=own)
        report = check(base, measure(load(folder)), base.policy, only=["akl"])
        assert report.changed == ()


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
        assert "1 of 3 seeds, first at seed 2: " in compared(report, "length").reason
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
    report = check(base, measure(load(make_run("pr", rows))), base.policy)
    assert verdict(report, row="teacher") is Verdict.REGRESSION
    assert report.exit_code == 0


def test_only_picks_rows_and_a_glob_that_fits_none_is_an_error(make_run, make_rows, tmp_path):
    path = tmp_path / "b.json"
    objectives = ("fkl", "akl(mu=0.5)")
    baseline.create(make_run("two", make_rows(range(1, 11), objectives=objectives)), path)
    base = baseline.read(path)
    run = measure(load(make_run("pr", make_rows(NEW, objectives=("akl(mu=0.5)",)))))
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
    run = measure(load(make_run("pr", rows)))
    margins = Policy(margins={"rouge_l": 0.1})
    assert verdict(check(base, run, margins)) is Verdict.REGRESSION
    apart = base.model_copy(update={"design": "welch"})
    assert verdict(check(apart, run, margins)) is Verdict.INCONCLUSIVE
