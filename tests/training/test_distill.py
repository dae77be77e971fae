import json
import math

import pytest
import torch
from accelerate.state import AcceleratorState

from akl_bench.config import TrainingConfig
from akl_bench.divergences import get
from akl_bench.models.heads import output_head
from akl_bench.artifacts.files import read_jsonl
from akl_bench.training import checkpoint
from akl_bench.training.distill import (
    Examples,
    Selection,
    TrainingDivergedError,
    distill,
    learning_rate,
    mean_loss,
)
from akl_bench.training.objective import Head, Objective
from akl_bench.training.teacher_states import LiveTeacher

BUDGET = {"steps": 6, "batch_size": 8, "lr": 1e-2, "checkpoint_every": 2}


class Killed(Exception):
    pass


@pytest.fixture
def train(tmp_path, encoded, teacher, tokenizer):
    def run(student, name="run", objective=None, progress=lambda done, total: None, **changes):
        objective = objective or Objective(get("akl"))
        head = Head(output_head(teacher)[0].detach())
        examples = Examples(encoded, LiveTeacher(teacher))
        selection = changes.pop(
            "selection",
            Selection(
                "negative_loss",
                lambda model: (
                    -mean_loss(
                        model,
                        objective,
                        examples,
                        head,
                        vocab_size=len(tokenizer),
                        pad_id=tokenizer.pad_token_id,
                    )
                ),
            ),
        )
        distill(
            student,
            objective,
            examples,
            head,
            TrainingConfig(**{**BUDGET, **changes}),
            vocab_size=len(tokenizer),
            pad_id=tokenizer.pad_token_id,
            seed=3,
            selection=selection,
            folder=tmp_path / name,
            progress=progress,
        )
        return read_jsonl(tmp_path / name / "train.jsonl")

    (tmp_path / "run").mkdir()
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
    assert json.loads((tmp_path / "run" / "training.json").read_text())["selected_step"] == 4
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


def test_mixed_precision_ends_with_training(train, new_student, encoded, other_precision):
    student = new_student()
    train(student, steps=1, precision="bf16")
    assert {p.dtype for p in student.parameters()} == {torch.float32}
    plain = new_student()
    plain.load_state_dict(student.state_dict())
    ids_BT = torch.tensor([encoded.prompts[0]])
    with torch.no_grad():
        assert torch.equal(student(ids_BT).logits, plain(ids_BT).logits)


def test_learning_rate_by_hand():
    config = TrainingConfig(steps=14, batch_size=1, lr=1.0, min_lr=0.2, warmup_steps=4)
    rates = [learning_rate(config, step, 14) for step in (0, 3, 4, 9, 14)]
    assert rates == pytest.approx([0.25, 1.0, 1.0, 0.6, 0.2])


def test_epochs_are_steps_over_all_examples():
    assert TrainingConfig(epochs=2, batch_size=8, lr=1).total_steps(21) == 6
    assert TrainingConfig(steps=5, batch_size=8, lr=1).total_steps(21) == 5


def test_two_newest_checkpoints_are_kept(tmp_path, new_student):
    student = new_student()
    optimizer = torch.optim.AdamW(student.parameters())
    for step in (10, 20, 30):
        checkpoint.save(tmp_path, step, student, optimizer, None, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000020", "step-00000030"]
