"""What has to be made again after a change, and what has not."""

import shutil
from collections import Counter
from dataclasses import replace

import pytest

from akl_bench import config
from akl_bench.artifacts.store import Run
from akl_bench.errors import UsageError
from akl_bench.executors.base import Executor, Machine
from akl_bench.pipeline import planning, sharing
from akl_bench.pipeline.inputs import load_inputs
from akl_bench.pipeline.objectives import resolve
from akl_bench.pipeline.plan import run_record
from akl_bench.pipeline.points import Points

pytestmark = pytest.mark.slow

TASKS = ("micro_test", "micro_facts", "micro_fidelity")
KEPT = [f"tasks.{name}=null" for name in config.load("micro").tasks if name not in TASKS]
METRIC = """
from dataclasses import dataclass
from akl_bench.metrics.base import Metric

@dataclass(frozen=True)
class Mine(Metric):
    def score_text(self, text, references, prompt):
        return {value}
"""


class Here(Executor):
    """An executor that is only asked for its machine."""

    def machine(self):
        return Machine()


def profile(*settings):
    return config.load("micro", [*KEPT, *settings], smoke=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, run_cli):
    """The folder of a finished run: fkl and sft, one seed, one task of each kind, own metric."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "mine.py").write_text(METRIC.format(value=0.5))
    arguments = [part for setting in KEPT for part in ("--set", setting)]
    own = f"tasks.micro_test.metrics=[validity, length, '{folder}/mine.py:Mine']"
    code, _, err = run_cli(
        folder, "run", "fkl", "sft", "--smoke", "--out", "run", *arguments, "--set", own
    )
    assert code == 0, err
    return folder


@pytest.fixture
def missing(finished, tmp_path):
    """Plan a run in a copy of the finished one; gives what is missing, by stage and why."""
    folder = tmp_path / "run"
    shutil.copytree(finished / "run", folder)
    own = f"tasks.micro_test.metrics=[validity, length, '{finished}/mine.py:Mine']"

    def plan(*settings, specs=("fkl", "sft"), metrics=own, machine=None):
        laid = profile(metrics, *settings)
        points = Points(specs, laid, folder, Here())
        (inputs,), (made,) = points.inputs, points.plan()
        if machine is not None:
            made = planning.make(inputs, resolve(specs), folder, machine)
        return Counter(
            (name.partition(" ")[0], made.why(cell, name, artifact))
            for cell in made.cells
            for name, artifact in made.artifacts(cell)
            if artifact is None or artifact.whole() is None
        )

    plan.folder = folder
    return plan


LATER = "what it is made from is not there yet"


def test_a_finished_run_lacks_nothing(missing):
    assert missing() == {}


@pytest.mark.parametrize(
    "setting",
    [
        "tasks.micro_test.headline=length",
        "tasks.micro_test.columns=[length]",
        "tasks.micro_test.description=other",
        "training.checkpoint_every=7",
        "description=other",
        "tasks.micro_facts=null",
    ],
)
def test_what_only_shows_or_is_left_out_costs_nothing(missing, setting):
    assert missing(setting) == {}


def test_a_new_metric_is_computed_and_nothing_else(missing, finished):
    more = f"tasks.micro_test.metrics=[validity, length, coverage, '{finished}/mine.py:Mine']"
    # Teacher, untrained and two students.
    assert missing(metrics=more) == {("scores", "not made yet"): 4}


def test_a_new_task_is_answered_and_scored_and_nothing_else(missing):
    task = "tasks.micro_open={metrics: [validity, coverage]}"
    lacking = Counter(name for name, _ in missing(task, "tasks.micro_open.data.rows=16").elements())
    assert lacking == {"completions": 4, "scores": 8}


def test_other_decoding_answers_its_task_anew(missing):
    cooler = missing("tasks.micro_test.generation.temperature=0.5")
    assert cooler == {
        ("completions", "generation.temperature: 1.0 -> 0.5"): 4,
        ("scores", LATER): 12,
    }


def test_an_edited_metric_file_is_scored_again_and_a_comment_in_it_is_not(missing, finished):
    from akl_bench.artifacts import keys

    def edited(text):
        import sys

        (finished / "mine.py").write_text(text)
        for name in [name for name in sys.modules if name.startswith("akl_bench_plugin_")]:
            del sys.modules[name]
        keys._syntax.cache_clear()
        return missing()

    try:
        assert edited(METRIC.format(value=0.5) + "# a comment\n") == {}
        assert edited(METRIC.format(value=0.25)) == {("scores", "code.metric"): 4}
    finally:
        assert edited(METRIC.format(value=0.5)) == {}


def test_other_training_is_another_configuration(missing):
    with pytest.raises(UsageError) as caught:
        missing("training.lr=0.5")
    assert "belongs to another configuration" in str(caught.value)
    assert "training.lr: 0.004 -> 0.5" in str(caught.value)


def test_another_machine_or_precision_is_another_student(missing):
    """A simulated GPU: the same profile is fp32 on the CPU and bf16 there."""
    cuda = missing(machine=Machine("cuda", 1, has_bf16=True))
    assert cuda["student", "precision: fp32 -> bf16"] == 2
    # The untrained student is the same; what it says elsewhere may not be.
    assert cuda["completions", "device: cpu -> cuda"] >= 1
    emulated = missing(machine=Machine("cuda", 1, has_bf16=False))
    assert emulated["student", "device: cpu -> cuda"] == 2


def test_students_of_one_precision_never_share_a_key(tmp_path):
    keys = set()
    inputs = load_inputs(profile(), tmp_path)
    for machine in (Machine(), Machine("cuda", 1, True), Machine("cuda", 1, False)):
        plan = planning.make(inputs, resolve(["fkl"]), tmp_path / "none", machine)
        (cell,) = (cell for cell in plan.cells if cell.record.kind == "trained")
        keys.add((plan.student(cell).key, plan.shared["states-train"].key, cell.record.name))
    assert len(keys) == 3
    assert all(len({key[i] for key in keys}) == 3 for i in range(3))


def test_a_damaged_artifact_is_made_again_and_what_it_says_is_too(missing):
    for path in missing.folder.glob("cells/sft-*/completions/micro_test/completions.jsonl"):
        path.write_text(path.read_text().replace("the", "teh"))
    assert missing() == {("completions", "not made yet"): 1, ("scores", LATER): 3}


def test_students_of_earlier_calls_are_measured_with_the_others(missing, finished):
    more = f"tasks.micro_test.metrics=[validity, length, coverage, '{finished}/mine.py:Mine']"
    assert missing(metrics=more, specs=("sft",)) == {("scores", "not made yet"): 4}


def test_a_run_record_keeps_cells_that_are_not_trained_yet(missing, finished):
    run = Run(missing.folder)
    before = run.read()
    absent = replace_cell(before.cells[-1], name="reverse-kl-one_layer-s9-00000000", seed=9)
    run.write(before.model_copy(update={"cells": (*before.cells, absent)}))
    own = f"tasks.micro_test.metrics=[validity, length, '{finished}/mine.py:Mine']"
    (plan,) = Points(["sft"], profile(own), missing.folder, Here()).plan()
    assert plan.others == (absent,)
    assert absent in run_record([plan], before).cells


def replace_cell(record, **changes):
    return record.model_copy(update=changes)


def test_a_checkpoint_s_row_needs_a_name_of_its_own(finished, tmp_path):
    inputs = load_inputs(profile(), tmp_path, training=False)
    student = next(finished.glob("run/cells/sft-*/student/model"))
    for label in ("teacher", "sft", "forward_kl", "forward_kl(x=1)"):
        with pytest.raises(UsageError, match="that is the name of another row"):
            planning.make(inputs, [], tmp_path / "x", Machine(), checkpoints={label: student})


def test_a_plan_is_small_enough_to_be_sent_to_every_cell(finished, tmp_path):
    import pickle

    inputs = load_inputs(config.load("micro"), tmp_path)
    plan = planning.make(inputs, resolve(["all"]), tmp_path / "x", Machine())
    assert len(pickle.dumps(replace(plan))) < 1_000_000


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("akl_bench.data.prompts", "made_from.examples-train"),
        ("akl_bench.pipeline.model", "made_from.head"),
    ],
)
def test_a_change_in_how_something_shared_is_made_reaches_the_students(
    missing, monkeypatch, module, why
):
    code = sharing.code

    def edited(*roots):
        return "0" * 64 if module in roots else code(*roots)

    monkeypatch.setattr(sharing, "code", edited)
    # Without a teacher there is no head either.
    assert missing()["student", why] == (2 if "examples" in why else 1)


ADAPTING = """
from dataclasses import dataclass
from akl_bench.training.sources import Source

@dataclass(frozen=True)
class Adapting(Source):
    def next_state(self, state, validation):
        return {"best": validation}
"""


def test_the_criterion_is_in_the_key_of_students_that_it_has_a_part_in(tmp_path):
    (tmp_path / "own.py").write_text(ADAPTING)

    def trained(*settings, spec="sft"):
        inputs = load_inputs(profile(*settings), tmp_path)
        plan = planning.make(inputs, resolve([spec]), tmp_path / "x", Machine())
        needs = plan.needs(plan.cells[-1], "student")
        assert ("rows-validation" in needs) == ("criterion" in plan.cells[-1].model)
        return plan.cells[-1].model

    assert "criterion" not in trained()
    assert trained() == trained("data.validation.seed=1", "criterion.metric=rouge_l")
    best = trained("training.select=best")
    assert (
        best["criterion"] != trained("training.select=best", "data.validation.seed=1")["criterion"]
    )
    assert "criterion" in trained(spec=f"sft@{tmp_path}/own.py:Adapting")


def test_rows_whose_learning_rate_is_not_chosen_are_in_the_run_s_record(tmp_path):
    tuned = config.load("micro", [*KEPT, "tuning.trials=3"])
    plans = Points(["sft"], tuned, tmp_path / "x", Here()).plan()
    assert [trial.artifact.fields["training"]["lr"] for trial in plans[0].trials] == [
        0.004, 0.001, 0.016,
    ]  # fmt: skip
    record = run_record(plans, None)
    asked = [(cell.seed, cell.kind) for cell in record.cells if cell.objective == "sft"]
    assert asked == [(seed, "trained") for seed in (1, 2, 3)]
    assert not record.tuned


def test_a_swept_cell_is_another_than_the_same_one_without_axes(tmp_path):
    inputs = load_inputs(profile(), tmp_path)
    plain, swept = (
        planning.make(inputs, resolve(["sft"]), tmp_path / "x", Machine(), axes=axes).cells[-1]
        for axes in ({}, {"training.steps": 3})
    )
    assert plain.model == swept.model
    assert plain.record.name != swept.record.name


def test_students_of_two_machines_do_not_stand_in_one_run(missing):
    cuda = Machine("cuda", 1, has_bf16=True)
    with pytest.raises(UsageError, match="has students trained with device cpu; here it is cuda"):
        missing(specs=("rkl",), machine=cuda)
    assert missing(specs=(), machine=cuda), "to score them there is another matter"
