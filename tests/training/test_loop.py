import math
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from accelerate.state import AcceleratorState

from akl_bench.artifacts.files import read_json, read_jsonl
from akl_bench.data.batches import collate
from akl_bench.divergences import get
from akl_bench.recipe import TrainingConfig
from akl_bench.training.devices import registry as devices
from akl_bench.training.loop import (
    Learner,
    Lesson,
    Selection,
    TrainingDivergedError,
    distill,
)
from akl_bench.training.objective import Objective
from akl_bench.training.sources import Source
from akl_bench.training.sources import registry as sources

BUDGET = {"steps": 6, "batch_size": 8, "lr": 1e-2, "checkpoint_every": 2, "select": "best"}


class Killed(Exception):
    pass


@pytest.fixture
def train(tmp_path, examples, teacher, tokenizer, opened):
    lesson = Lesson(examples, opened("live", teacher, examples))

    def run(
        student,
        name="run",
        objective=None,
        source=None,
        progress=lambda done, total: None,
        precision="fp32",
        selection=None,
        writer=None,
        **changes,
    ):
        learner = Learner(
            student, objective or Objective(get("akl")), len(tokenizer), tokenizer.pad_token_id
        )

        def score(model):
            batch = collate(examples, learner.pad_id)
            answers = Learner(model, Objective(None), learner.vocab_size, learner.pad_id)
            with torch.no_grad():
                return -answers.loss(batch, None, total_tokens=len(batch.labels_N)).loss.item()

        made[name] = distill(
            learner,
            source or sources.create("fixed"),
            lesson,
            TrainingConfig(**{**BUDGET, **changes}),
            devices=devices.create("one"),
            precision=precision,
            seed=3,
            selection=selection or Selection("negative_loss", score),
            folder=tmp_path / name,
            checkpoints=tmp_path / name / "checkpoints",
            writer=writer,
            progress=progress,
        )
        return read_jsonl(tmp_path / name / "train.jsonl")

    (tmp_path / "run").mkdir()
    made = run.made = {}
    return run


def flat(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("objective", [Objective(None), Objective(get("akl"), kd_ratio=0.5)])
def test_micro_batches_do_not_change_the_gradient(train, new_student, tmp_path, objective):
    logs, students = [], []
    for size in (32, 8, 1):
        (tmp_path / f"m{size}").mkdir()
        student = new_student()
        logs.append(
            train(student, f"m{size}", objective, steps=2, batch_size=32, micro_batch_size=size)
        )
        students.append(flat(student))
    for log, weights in zip(logs[1:], students[1:], strict=True):
        for mine, whole in zip(log, logs[0], strict=True):
            assert mine["grad_norm"] == pytest.approx(whole["grad_norm"], rel=1e-5)
            assert mine["loss"] == pytest.approx(whole["loss"], rel=1e-6)
        # Adam divides by the gradient's size: tiny entries may differ by a rounding of theirs.
        assert (weights - students[0]).norm() / students[0].norm() < 1e-4


def test_training_lowers_the_divergence(train, new_student):
    log = train(new_student(), steps=60, batch_size=16)
    assert log[-1]["divergence"] < 0.5 * log[0]["divergence"]


@pytest.mark.parametrize("killed_at", [1, 2, 3, 5])
@pytest.mark.parametrize("spec", ["akl", "taid"])
def test_a_killed_training_goes_on_to_the_same_bits(train, new_student, tmp_path, killed_at, spec):
    objective = Objective(get(spec), kd_ratio=0.8)
    settings = {"objective": objective, "dropout": True, "validate_every": 2}
    (tmp_path / "whole").mkdir()
    whole = new_student(dropout=0.2)
    whole_log = train(whole, "whole", **settings)

    def kill(done, total):
        if done == killed_at:
            raise Killed

    with pytest.raises(Killed):
        train(new_student(dropout=0.2), progress=kill, **settings)
    resumed = new_student(dropout=0.2)
    steps = []
    log = train(resumed, progress=lambda done, total: steps.append(done), **settings)
    assert steps[0] == killed_at // 2 * 2 + 1, "starts from the last checkpoint"
    assert log == whole_log
    assert torch.equal(flat(resumed), flat(whole))


def test_a_damaged_checkpoint_is_put_aside_and_the_one_before_taken(train, new_student, tmp_path):
    def kill(done, total):
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        train(new_student(), progress=kill)
    newest = tmp_path / "run" / "checkpoints" / "step-00000004" / "tensors.safetensors"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    steps = []
    train(new_student(), progress=lambda done, total: steps.append(done))
    assert steps[0] == 3
    assert (tmp_path / "run" / "checkpoints" / ".step-00000004.corrupt").is_dir()


def test_the_best_weights_win(train, new_student, tmp_path):
    scores = iter([1.0, 5.0, 2.0])
    kept = []

    def score(model):
        kept.append(flat(model).clone())
        return next(scores)

    student = new_student()
    train(student, selection=Selection("rouge_l", score), validate_every=2)
    assert read_json(tmp_path / "run" / "training.json")["selected_step"] == 4
    assert torch.equal(flat(student), kept[1])


def test_a_loss_that_is_not_finite_stops_at_its_step(train, new_student):
    student = new_student()
    with torch.no_grad():
        next(student.parameters())[5] = math.nan
    with pytest.raises(TrainingDivergedError, match="step 1 of 6: loss nan"):
        train(student)


@pytest.mark.parametrize("score", [math.nan, -math.inf])
def test_a_validation_that_is_not_finite_stops_at_its_step(train, new_student, score):
    selection = Selection("negative_loss", lambda model: score)
    with pytest.raises(TrainingDivergedError, match=f"step 6 of 6: .*negative_loss is {score}"):
        train(new_student(), selection=selection)


@pytest.fixture
def other_precision():
    """Accelerate fixes the precision for a whole process; this lifts it for one test."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def test_mixed_precision_ends_with_training(train, new_student, examples, other_precision):
    student = new_student()
    train(student, steps=1, precision="bf16")
    assert {p.dtype for p in student.parameters()} == {torch.float32}
    plain = new_student()
    plain.load_state_dict(student.state_dict())
    ids_BT = torch.tensor([examples[0].prompt])
    with torch.no_grad():
        assert torch.equal(student(ids_BT).logits, plain(ids_BT).logits)


@dataclass(frozen=True)
class Asks(Source):
    """Has the student write each response, and counts its validations."""

    needs: ClassVar = frozenset({"student samples"})

    def examples(self, key, rows, student, state):
        assert state["validations"] == (key.step // 2)
        return [replace(row, response=student(row, key)) for row in rows]

    def initial_state(self):
        return {"validations": 0}

    def next_state(self, state, validation):
        assert math.isfinite(validation)
        return {"validations": state["validations"] + 1}


@pytest.mark.parametrize("killed_at", [None, 3])
def test_a_source_is_given_its_key_its_rows_a_writer_and_its_state(
    train, new_student, tmp_path, examples, killed_at
):
    keys = []

    def write(row, key):
        assert row in examples
        keys.append(key)
        return row.response[:1]

    def kill(done, total):
        if done == killed_at:
            raise Killed

    settings = {"source": Asks(), "writer": write, "validate_every": 2}
    if killed_at:
        with pytest.raises(Killed):
            train(new_student(), progress=kill, objective=Objective(None), **settings)
        keys.clear()
    log = train(new_student(), objective=Objective(None), **settings)
    first = killed_at // 2 * 2 if killed_at else 0
    assert keys == [(3, step) for step in range(first, 6) for _ in range(8)]
    assert {row["tokens"] for row in log} == {8}, "one token of each example"
    assert read_json(tmp_path / "run" / "training.json")["source_state"] == {"validations": 3}
