"""The training loop: one student, one objective, one seed; resumable to the bit."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import PreTrainedModel

from akl_bench.artifacts.files import write_json, write_jsonl
from akl_bench.data.batches import Batch, collate, step_rows
from akl_bench.data.examples import Example
from akl_bench.errors import AklBenchError
from akl_bench.models.heads import last_hidden, output_head
from akl_bench.recipe import TrainingConfig
from akl_bench.training import checkpoint
from akl_bench.training.devices.base import Devices
from akl_bench.training.logits import Head, LinearLogits
from akl_bench.training.objective import Objective, ObjectiveOutput
from akl_bench.training.schedule import Precision, learning_rate, total_steps
from akl_bench.training.sources.base import Source, StepKey, Writer
from akl_bench.training.teachers.base import Open

# Head gap, tail gap, AKL weight and entropy cost time: so many points of their curves are kept.
_CURVE_POINTS = 50


class TrainingDivergedError(AklBenchError):
    """The loss or its gradient is no longer finite."""


@dataclass(frozen=True)
class Lesson:
    """Examples, and the teacher on them (None where the objective has none)."""

    examples: Sequence[Example]
    teacher: "Open | None"


@dataclass(frozen=True)
class Selection:
    """How the best weights are chosen: `score` of the student, the higher the better."""

    name: str
    score: Callable[["PreTrainedModel"], float]


@dataclass(frozen=True)
class Trained:
    """What became of a training.

    Attributes:
        steps: Optimiser steps done.
        selected_step: The step whose weights the student has now.
        score: Of these weights, where a selection scored them.
        clipped: Share of steps whose gradient was scaled down to `clip_norm`.
    """

    steps: int
    selected_step: int
    score: float | None
    clipped: float


@dataclass(frozen=True)
class Learner:
    """A student as the objective sees it.

    Attributes:
        model: The student.
        objective: What it minimises.
        vocab_size: Number of real tokens; further rows of its head are padding.
        pad_id: Padding token.
    """

    model: "PreTrainedModel"
    objective: Objective
    vocab_size: int
    pad_id: int

    def loss(
        self,
        batch: Batch,
        teacher: "Open | None",
        *,
        total_tokens: int,
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
        **options: Any,
    ) -> ObjectiveOutput:
        """The loss of a batch, as its part of a mean over `total_tokens`; options as `Objective`'s.

        Args:
            batch: On the CPU.
            teacher: At work.
            total_tokens: Response tokens of the global batch.
            autocast: What the body runs in.
            options: The objective's.
        """
        moved = batch.to(self.model.device)
        with autocast():
            hidden_BTD = last_hidden(self.model, moved.input_ids_BT)
        weight_VD, bias_V = output_head(self.model)
        head = Head(weight_VD, bias_V, self.vocab_size)
        return self.objective(
            LinearLogits(hidden_BTD.flatten(0, 1)[moved.positions_N], head),
            moved.labels_N,
            None if teacher is None else teacher.logits(batch),
            total_tokens=total_tokens,
            **options,
        )


def distill(
    learner: Learner,
    source: Source,
    lesson: Lesson,
    config: "TrainingConfig",
    *,
    devices: "Devices",
    precision: Precision,
    seed: int,
    selection: Selection | None,
    folder: Path,
    checkpoints: Path,
    writer: Writer | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Trained:
    """Train the student in place; it ends with the last weights, or the best by `selection`.

    The gradient of a step is that of the mean over all response tokens of its `batch_size`
    examples, however they are cut into micro-batches. Weight decay spares vectors (biases, norms).
    The student keeps its dropout off unless `config.dropout`.

    Args:
        learner: The student, on its device, and its objective.
        source: Decides what a step trains on.
        lesson: What the source has prepared.
        config: The budget.
        devices: Share the work.
        precision: Of the student's body.
        seed: Draws the order of the examples, what the source draws, and the dropout masks.
        selection: Scores the weights at every `validate_every` steps and the last; the best are
            kept where `config.select` says so.
        folder: Takes `train.jsonl` and `training.json` at the end.
        checkpoints: Folder of checkpoints, to go on from.
        writer: Samples from the student, for sources that need it.
        progress: Called with (steps done, all steps).

    Raises:
        TrainingDivergedError: A loss, gradient or validation is NaN or infinite; says at which
            step.
    """
    student, divergence = learner.model, learner.objective.divergence
    steps = total_steps(config, len(lesson.examples))
    accelerator = Accelerator(
        mixed_precision="bf16" if precision == "bf16" else "no", cpu=student.device.type == "cpu"
    )
    # Not the student: Accelerate would leave its mixed precision on it, for scoring to run in.
    optimizer = accelerator.prepare(_optimizer(student, config))
    parameters = [p for p in student.parameters() if p.requires_grad]
    stats_every = max(1, steps // _CURVE_POINTS)

    torch.manual_seed(seed)
    run: dict[str, Any] = {
        "log": [],
        "validation": [],
        "state": divergence.initial_state() if divergence else {},
        "source_state": dict(source.initial_state()),
        "selected_step": 0,
    }
    best: dict[str, Tensor] | None = None
    first = 0
    restored = checkpoint.load(checkpoints, student, optimizer)
    if restored is not None:
        saved, best = restored
        first = saved["step"]
        run = {key: saved[key] for key in run}

    for step in range(first, steps):
        student.train(config.dropout)
        turn = step_rows(len(lesson.examples), config.batch_size, step, seed)
        examples = source.examples(
            StepKey(seed, step), [lesson.examples[i] for i in turn], writer, run["source_state"]
        )
        batches = _micro_batches(devices.share(examples), config, learner.pad_id)
        tokens = int(devices.total(sum(batch.labels_N.numel() for batch in batches)))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, step, steps)
        optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        means: dict[str, float] = {}
        signals: dict[str, float] = {}
        for batch in batches:
            output = learner.loss(
                batch,
                lesson.teacher,
                total_tokens=tokens,
                autocast=accelerator.autocast,
                state=run["state"],
                progress=step / steps,
                want_stats=step % stats_every == 0 or step + 1 == steps,
            )
            accelerator.backward(output.loss)
            loss += output.loss.item()
            for into, sums in ((means, output.stats), (signals, output.signals)):
                for name, value in sums.items():
                    into[name] = into.get(name, 0.0) + value.item() / tokens
        # Once all are through: processes may have different numbers of batches.
        loss = devices.total(loss)
        means, signals = (
            {name: devices.total(value) for name, value in sums.items()}
            for sums in (means, signals)
        )
        devices.sum_grads(parameters)
        norm = float(accelerator.clip_grad_norm_(parameters, config.clip_norm))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            ids = ", ".join(example.id for example in examples[:5])
            raise TrainingDivergedError(
                f"step {step + 1} of {steps}: loss {loss}, gradient norm {norm}; the batch begins "
                f"with {ids}. Lower training.lr or training.clip_norm."
            )
        optimizer.step()
        if divergence is not None and "state" in divergence.needs:
            run["state"] = divergence.next_state(
                run["state"], signals=signals, progress=(step + 1) / steps
            )
        done = step + 1
        run["log"].append(
            {"step": done, "loss": loss, "grad_norm": norm, "tokens": tokens, **means}
        )
        last = done == steps
        validates = last or (config.validate_every and done % config.validate_every == 0)
        if selection is not None and validates:
            student.train(False)
            score = selection.score(student)
            if not math.isfinite(score):
                raise TrainingDivergedError(
                    f"step {done} of {steps}: validation: {selection.name} is {score}. Lower "
                    "training.lr or training.clip_norm."
                )
            run["validation"].append({"step": done, selection.name: score})
            run["source_state"] = dict(source.next_state(run["source_state"], score))
            scores = [entry[selection.name] for entry in run["validation"]]
            if config.select == "best" and score >= max(scores):
                run["selected_step"] = done
                best = checkpoint.weights(student)
        if devices.is_first and not last and done % config.checkpoint_every == 0:
            checkpoint.save(checkpoints, done, student, optimizer, best, run)
        progress(done, steps)

    if best is not None:
        checkpoint.put_weights(student, best)
    else:
        run["selected_step"] = steps
    student.train(False)
    if devices.is_first:
        write_jsonl(folder / "train.jsonl", run["log"])
        kept = ("validation", "selected_step", "state", "source_state")
        write_json(folder / "training.json", {"steps": steps, **{key: run[key] for key in kept}})
    by_step = {entry["step"]: entry[selection.name] for entry in run["validation"] if selection}
    return Trained(
        steps,
        run["selected_step"],
        by_step.get(run["selected_step"]),
        sum(row["grad_norm"] > config.clip_norm for row in run["log"]) / steps,
    )


def _optimizer(student: "PreTrainedModel", config: "TrainingConfig") -> torch.optim.AdamW:
    trained = [p for p in student.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    # Each step sets its learning rate.
    return torch.optim.AdamW(groups, lr=0.0, betas=config.betas, fused=True)


def _micro_batches(
    examples: Sequence[Example], config: "TrainingConfig", pad_id: int
) -> list[Batch]:
    size = config.micro_batch_size or config.batch_size
    if size < len(examples):
        # Neighbours of like length waste less padding; the gradient is the same.
        examples = sorted(examples, key=len)
    return [collate(examples[i : i + size], pad_id) for i in range(0, len(examples), size)]
