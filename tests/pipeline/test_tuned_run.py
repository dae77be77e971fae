"""Runs whose learning rates are tuned, and runs with axes."""

import json

import pytest

from akl_bench import config
from akl_bench.artifacts.store import Run

pytestmark = pytest.mark.slow

SETTINGS = {
    "training.steps": 2,
    "data.train.rows": 64,
    "data.validation.rows": 8,
    "criterion.metric": "length",
    "criterion.generation.max_new_tokens": 4,
    "tuning.trials": 4,
    "tuning.seeds": [91, 92],
    **{f"tasks.{name}": "null" for name in config.load("micro").tasks if name != "micro_fidelity"},
}
TINY = ["--seeds", "1", "--out", "run"]
for _key, _value in SETTINGS.items():
    TINY += ["--set", f"{_key}={_value}"]


def trials(run):
    """Seals of all trials, by folder."""
    return {
        path.parent.parent.name: json.loads(path.read_text())
        for path in (run / "trials").glob("*/trial/seal.json")
    }


def test_a_learning_rate_is_the_best_of_its_trials_and_trials_are_made_once(akl_bench, tmp_path):
    settings = [*TINY, "--set", "criterion.metric=repeated_ngram"]
    code, _, err = akl_bench("run", "sft", *settings)
    assert code == 0, err
    assert "8 trials choose the learning rates first" in err
    run = tmp_path / "run"
    made = trials(run)
    by_rate = {}
    for seal in made.values():
        record, fields = seal["record"], seal["fields"]
        assert record["lr"] == fields["training"]["lr"]
        by_rate.setdefault((fields["objective"], record["lr"]), []).append(record["score"])
    assert all(len(scores) == 2 for scores in by_rate.values()) and len(by_rate) == 4
    # Less repetition is better, so that the criterion is its negative.
    assert all(score <= 0 for scores in by_rate.values() for score in scores)
    record = Run(run).read()
    for tuned in record.tuned:
        means = {lr: sum(s) / 2 for (name, lr), s in by_rate.items() if name == tuned.objective}
        assert tuned.scores == pytest.approx(means)
        assert means[tuned.lr] == max(means.values())
        (cell,) = [c for c in record.cells if c.objective == tuned.objective]
        seal = json.loads((run / "cells" / cell.name / "student/seal.json").read_text())
        assert seal["fields"]["training"]["lr"] == tuned.lr
    # A further objective has trials of its own; those of the others stay.
    code, _, err = akl_bench("run", "sft", "rkl", *settings)
    assert code == 0 and "8 trials choose" in err
    assert trials(run).items() > made.items()
    assert {tuned.objective for tuned in Run(run).read().tuned} == {"reverse_kl", "sft"}
    code, _, err = akl_bench("run", "fkl", *settings, "--fixed-lr")
    assert code == 2 and "training.lr: tuned -> 0.004" in err


def test_a_criterion_without_a_direction_is_refused(akl_bench):
    code, _, err = akl_bench("run", "sft", *TINY)
    assert code == 2
    assert "criterion.metric: neither direction of length is better" in err


def test_a_trial_that_diverges_is_a_result_and_the_rate_is_another(akl_bench, tmp_path):
    settings = ["--set", "criterion.metric=validity", "--set", "tuning.start=1e30"]
    # A quarter of the start is as hopeless as the start: nothing else is tried.
    code, _, err = akl_bench(
        "run", "sft", *TINY, *settings, "--set", "tuning.trials=2", "--set", "training.steps=5"
    )
    assert code == 1, err
    records = [seal["record"] for seal in trials(tmp_path / "run").values()]
    assert len(records) == 4
    assert all(record["score"] is None and "loss" in record["note"] for record in records)
    assert "Failed: sft, one_layer, seed 1: step" in err


def test_axes_are_cells_of_one_run_and_share_what_they_can(akl_bench, tmp_path):
    settings = [*TINY, "--set", "training.lr=0.01", "--set", "criterion.metric=validity"]
    arguments = ["run", "fkl", "sft", *settings, "--sweep", "training.steps=2,3"]
    code, _, err = akl_bench(*arguments)
    assert code == 0, err
    record = Run(tmp_path / "run").read()
    kinds = [(cell.kind, cell.objective, cell.axes.get("training.steps")) for cell in record.cells]
    assert sorted(kinds, key=str) == sorted(
        [
            ("teacher", "teacher", None),
            ("untrained", "untrained", None),
            *(("trained", name, n) for n in (2, 3) for name in ("forward_kl", "sft")),
        ],
        key=str,
    )
    for cell in record.cells:
        if cell.kind == "trained":
            folder = tmp_path / "run" / "cells" / cell.name / "student"
            lines = (folder / "train.jsonl").read_text().splitlines()
            assert len(lines) == cell.axes["training.steps"]
    # The points differ in nothing that they share.
    assert len(list((tmp_path / "run/shared").glob("states-train-*"))) == 1
    # A further point is added to those that are there.
    code, _, err = akl_bench("run", "fkl", *settings, "--sweep", "training.steps=3,4")
    assert code == 0 and "6 of 7 cells are finished already" in err


def test_data_of_an_axis_is_kept_side_by_side(akl_bench, tmp_path):
    settings = [*TINY, "--set", "training.lr=0.01", "--set", "criterion.metric=validity"]
    sweep = ["--sweep", "data.train.rows=16,32"]
    code, _, err = akl_bench("run", "fkl", *settings, *sweep)
    assert code == 0, err
    shared = tmp_path / "run" / "shared"
    assert len(list(shared.glob("states-train-*"))) == 2
    contents = {
        json.loads(path.read_text())["record"]["content"]
        for path in (tmp_path / "run/cells").glob("forward-kl*/student/seal.json")
    }
    assert len(contents) == 2
