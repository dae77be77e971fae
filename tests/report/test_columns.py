"""Which columns a table has: by name, by the profile, and the mean over lm-eval tasks."""

import pytest

from akl_bench import config
from akl_bench.artifacts.records import Metric
from akl_bench.artifacts.store import Run
from akl_bench.errors import UnknownNameError
from akl_bench.report import frame
from akl_bench.report.columns import LR, choose, mean_accuracy, mean_of
from akl_bench.report.layout import build

UP = {"scale": 100.0, "format": "%.1f"}
ROUGE = ("open_test", "rouge_l")
HARNESS = {"version": 1, "kind": "harness", "description": "", "headline": "acc"}
ACC = {"value": 0.5, "n": 40, **UP}
PERPLEXITY = {"value": 3.0, "higher_is_better": False}


@pytest.fixture
def with_harness(run_writer, write_run, tmp_path):
    """Write cells of sft and forward_kl with the numbers of lm-eval tasks."""
    profile = Run(write_run()).read().profile.model_dump(mode="json")
    for name, headline in (("easy", "acc"), ("hard", "acc"), ("words", "perplexity")):
        task = {"name": name, **HARNESS, "lm_eval": {"task": name}, "headline": headline}
        profile["tasks"][name] = task

    def write(*numbers, lrs=(None,), **changes):
        writer = run_writer(tmp_path / "run", profile | changes)
        for objective in ("sft", "forward_kl"):
            for seed, own in enumerate(numbers, 1):
                lr = lrs[(seed - 1) % len(lrs)]
                fields = {"training": {"lr": lr}} if lr else {}
                writer.cell(objective, seed, own, fields=fields)
        return frame.load(writer.write())

    return write


def test_names_mean_tasks_metrics_and_both(write_full_run):
    run = frame.load(write_full_run(seeds=1))

    def keys(*names):
        return [column.key for column in choose(run.every, names)]

    assert keys("micro_test/validity") == [("micro_test", "validity")]
    assert keys("distinct_n") == keys("distinct_n(n=2)")
    assert keys("distinct_n") == [(t, "distinct_n(n=2)") for t in ("micro_test", "micro_open")]
    assert keys("micro_open/distinct_n") == [("micro_open", "distinct_n(n=2)")]
    assert keys("kl_pq", "micro_open")[0] == ("micro_fidelity", "kl_pq")
    assert len(keys("micro_open", "validity", "micro_open/length")) == 4 + 1  # each once
    costs = [("cost", name) for name in ("train s", "peak MiB", "clipped %")]
    assert keys("lr", "cost") == [("", "lr"), *costs]
    assert keys("accuracy") == [("lm-eval", "accuracy")]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("micro_tst", "micro_test"), ("valdity", "validity"), ("micro_test/coverge", "test/coverage")],
)
def test_an_unknown_column_is_an_error_with_the_nearest_name(write_full_run, name, hint):
    run = frame.load(write_full_run(["sft"], seeds=1))
    with pytest.raises(UnknownNameError, match=rf"Unknown column '{name}'. Did you mean: .*{hint}"):
        choose(run.every, [name])


def test_accuracy_is_the_mean_of_the_headlines_that_are_accuracies_seed_by_seed(with_harness):
    words = {("words", "perplexity"): PERPLEXITY}
    run = with_harness(
        {("easy", "acc"): ACC, ("hard", "acc"): ACC | {"value": 0.25}, **words},
        {("easy", "acc"): ACC | {"value": 0.75}, ("hard", "acc"): ACC | {"value": 0.35}, **words},
        {("easy", "acc"): ACC, **words},  # one of the two is missing: no mean
    )
    assert run.accuracy.signature == "mean of easy acc, hard acc"
    assert run.accuracy.n == 80
    values = run.seed_values()[frame.Row("sft", "tiny"), "lm-eval", "accuracy"]
    assert values == {1: pytest.approx(0.375), 2: pytest.approx(0.55)}
    assert ("lm-eval", "accuracy") not in [column.key for column in run.columns]
    # The headline of the third is no share; without a table in the profile it is shown for itself.
    assert [column.key for column in run.shown] == [("words", "perplexity"), run.accuracy.key]


def test_a_mean_lacks_where_one_of_its_numbers_is_undefined():
    column = mean_accuracy([frame.Column("a", "acc", True, 100.0, "%.1f", "", 4)])
    about = {"n": 4, "signature": "", "higher_is_better": True, **UP}
    assert mean_of(column, [Metric(value=0.5, **about), Metric(value=None, **about)]) is None
    assert mean_of(column, [None]) is None
    assert mean_of(column, [Metric(value=0.5, **about)]).value == 0.5


def test_the_profile_says_what_a_table_shows_and_what_it_lacks_is_said(with_harness):
    numbers = {("easy", "acc"): ACC, ROUGE: {"value": 0.5}}
    run = with_harness(numbers, lrs=(0.002,), table=["lr", "accuracy", "kl_pq", "rouge_l"])
    assert [column.metric for column in run.shown] == ["lr", "accuracy", "rouge_l"]
    notes = "\n".join(build(run).notes)
    assert "the run has no number of kl_pq, which its profile shows" in notes
    assert "accuracy: mean of easy acc" in notes
    assert "kl_pq" not in "\n".join(build(run, columns=["rouge_l"]).notes)


def test_a_profile_that_names_nothing_of_the_run_shows_its_headlines(with_harness):
    run = with_harness({ROUGE: {"value": 0.5}}, lrs=(0.002,), table=["micro_test", "lr"])
    assert [column.metric for column in run.shown] == ["rouge_l", "lr"]


def test_without_a_table_in_the_profile_there_are_seven_columns_at_most(with_harness):
    numbers = {(f"t{i}", "rouge_l"): {"value": 0.5} for i in range(9)} | {("easy", "acc"): ACC}
    tasks = config.load("gpt2-dolly").tasks["vicuna"].model_dump(mode="json")
    profile = {f"t{i}": tasks | {"name": f"t{i}"} for i in range(9)}
    profile["easy"] = {"name": "easy", **HARNESS, "lm_eval": {"task": "easy"}}
    run = with_harness(numbers, lrs=(0.1,), tasks=profile)
    assert [c.key for c in run.shown] == [
        *[(f"t{i}", "rouge_l") for i in range(5)],
        run.accuracy.key,
        LR.key,
    ]
    assert build(run).hidden == 4 + 1 + 3  # headlines, the acc behind the mean, cost
    assert build(run, every_metric=True).hidden == build(run, columns=["lr"]).hidden == 0


@pytest.mark.parametrize("name", config.profile_paths())
def test_the_shipped_profiles_show_seven_columns_that_their_tasks_can_have(name):
    profile = config.load(name)
    assert 0 < len(profile.table) <= 7
    for column in profile.table:
        task, slash, metric = column.partition("/")
        if not slash:
            assert column in ("accuracy", "lr")
        elif profile.tasks[task].kind == "generation":
            assert frame.is_named(metric, profile.tasks[task].metrics) or any(
                frame.is_named(known, [metric]) for known in profile.tasks[task].metrics
            )
        else:
            assert metric == profile.tasks[task].headline


class TestLearningRate:
    def test_it_is_one_value_or_a_range(self, with_harness):
        one, two = {ROUGE: {"value": 0.5}}, {ROUGE: {"value": 0.6}}
        for rates, shown in (((0.002,), "2e-3"), ((0.004, 0.00025), "2.5e-4 to 4e-3")):
            table = build(with_harness(one, two, lrs=rates), columns=["lr"])
            assert [line.cells[0].number(LR) for line in table.rows] == [shown] * 2

    def test_one_rate_for_all_is_said_before_anything_is_compared(self, with_harness):
        note = "one learning rate for all, not tuned"
        one, two = {ROUGE: {"value": 0.5}}, {ROUGE: {"value": 0.6}}
        run = with_harness(one, two, lrs=(0.002,))
        assert build(run).notes[1].startswith(note)
        run = with_harness(one, two, lrs=(0.002, 0.004))
        assert not any(note in line for line in build(run).notes)
