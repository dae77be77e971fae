"""The training loop: one student, one objective, one seed; resumable to the bit."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator

from akl_bench.config import TrainingConfig
from akl_bench.data.batches import Batch, Encoded, collate, length_batches, step_rows
from akl_bench.errors import AklBenchError
from akl_bench.models.heads import body, output_head
from akl_bench.artifacts.files import write_json, write_jsonl
from akl_bench.training import checkpoint
from akl_bench.training.objective import Head, Objective
from akl_bench.training.teacher_states import TeacherStates

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_VALIDATION_BATCH = 64
# Head gap, tail gap, AKL weight and entropy cost time: so many points of their curves are kept.
_CURVE_POINTS = 50


class TrainingDivergedError(AklBenchError):
    """The loss or its gradient is no longer finite."""


@dataclass(frozen=True)
class Examples:
    """Encoded examples with the teacher's states on them (None where no teacher is needed)."""

    encoded: Encoded
    teacher: TeacherStates | None


@dataclass(frozen=True)
class Selection:
    """How the best weights are chosen: `score` of the student, the higher the better."""

    name: str
    score: Callable[["PreTrainedModel"], float]


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """Linear warm-up to `lr`, then a cosine to `min_lr` (or constant)."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    return config.min_lr + (config.lr - config.min_lr) * (1 + math.cos(math.pi * done)) / 2


def mixed_precision(config: TrainingConfig, device: torch.device) -> str:
    """What Accelerate calls the precision: "bf16" where asked for or where CUDA has it."""
    if config.precision == "auto":
        return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "no"
    return "bf16" if config.precision == "bf16" else "no"


def distill(
    student: "PreTrainedModel",
    objective: Objective,
    train: Examples,
    teacher_head: Head | None,
    config: TrainingConfig,
    *,
    vocab_size: int,
    pad_id: int,
    seed: int,
    selection: Selection,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Train the student in place; it ends with the best weights by `selection`.

    The gradient of a step is that of the mean over all response tokens of its `batch_size`
    examples, however they are cut into micro-batches. Weight decay spares vectors (biases, norms).
    The student keeps its dropout off unless `config.dropout`.

    Args:
        student: The model to train, on its device.
        objective: What is minimised.
        train: The training examples.
        teacher_head: The teacher's output layer; None where the objective has no teacher.
        config: The budget.
        vocab_size: Number of real tokens; further rows of the heads are padding.
        pad_id: Padding token.
        seed: Draws the order of the examples and the dropout masks.
        selection: Chooses among the weights at every `validate_every` steps and the last.
        folder: Holds checkpoints, and `train.jsonl` and `training.json` at the end.
        progress: Called with (steps done, all steps).

    Raises:
        TrainingDivergedError: A loss, gradient or validation is NaN or infinite; says at which
            step.
    """
    steps = config.total_steps(len(train.encoded))
    accelerator = Accelerator(
        mixed_precision=mixed_precision(config, student.device), cpu=student.device.type == "cpu"
    )
    # Not the student: Accelerate would leave its mixed precision on it, for scoring to run in.
    optimizer = accelerator.prepare(_optimizer(student, config))
    parameters = [p for p in student.parameters() if p.requires_grad]
    weight_VD, bias_V = output_head(student)
    head = Head(weight_VD, bias_V, vocab_size)
    states = body(student)

    stats_every = max(1, steps // _CURVE_POINTS)

    torch.manual_seed(seed)
    divergence = objective.divergence
    run: dict[str, Any] = {
        "log": [],
        "validation": [],
        "state": divergence.initial_state() if divergence else {},
        "selected_step": 0,
    }
    best: dict[str, Tensor] | None = None
    first = 0
    restored = checkpoint.load(folder / "checkpoints", student, optimizer)
    if restored is not None:
        saved, best = restored
        first = saved["step"]
        run = {key: saved[key] for key in run}

    for step in range(first, steps):
        student.train(config.dropout)
        rows = step_rows(len(train.encoded), config.batch_size, step, seed)
        batches = _micro_batches(train.encoded, rows, config, pad_id)
        tokens = sum(batch.labels_N.numel() for batch in batches)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, step, steps)
        optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        means: dict[str, float] = {}
        signals: dict[str, float] = {}
        for batch in batches:
            on_device = batch.to(student.device)
            with accelerator.autocast():
                hidden_BTD = states(on_device.input_ids_BT, on_device.attention_mask_BT)
            output = objective(
                hidden_BTD.flatten(0, 1)[on_device.positions_N],
                head,
                on_device.labels_N,
                _teacher_hidden(train.teacher, batch, student.device),
                teacher_head,
                total_tokens=tokens,
                state=run["state"],
                progress=step / steps,
                want_stats=step % stats_every == 0 or step + 1 == steps,
            )
            accelerator.backward(output.loss)
            loss += output.loss.item()
            for into, sums in ((means, output.stats), (signals, output.signals)):
                for name, value in sums.items():
                    into[name] = into.get(name, 0.0) + value.item() / tokens
        norm = float(accelerator.clip_grad_norm_(parameters, config.clip_norm))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            ids = ", ".join(train.encoded.ids[row] for row in rows[:5])
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
        if last or (config.validate_every and done % config.validate_every == 0):
            student.train(False)
            score = selection.score(student)
            if not math.isfinite(score):
                raise TrainingDivergedError(
                    f"step {done} of {steps}: validation: {selection.name} is {score}. Lower "
                    "training.lr or training.clip_norm."
                )
            run["validation"].append({"step": done, selection.name: score})
            scores = [entry[selection.name] for entry in run["validation"]]
            if config.select == "last" or score >= max(scores):
                run["selected_step"] = done
                best = checkpoint.weights(student)
        if not last and done % config.checkpoint_every == 0:
            checkpoint.save(folder / "checkpoints", done, student, optimizer, best, run)
        progress(done, steps)

    assert best is not None, "the last step is validated"
    checkpoint.put_weights(student, best)
    student.train(False)
    write_jsonl(folder / "train.jsonl", run["log"])
    summary = {key: run[key] for key in ("validation", "selected_step", "state")}
    write_json(folder / "training.json", {"steps": steps, **summary})


@torch.no_grad()
def mean_loss(
    student: "PreTrainedModel",
    objective: Objective,
    examples: Examples,
    teacher_head: Head | None,
    *,
    vocab_size: int,
    pad_id: int,
) -> float:
    """The objective's mean over all response tokens of the examples, in nats."""
    weight_VD, bias_V = output_head(student)
    head = Head(weight_VD, bias_V, vocab_size)
    states = body(student)
    tokens = examples.encoded.response_tokens
    losses = []
    for rows in length_batches(examples.encoded, _VALIDATION_BATCH):
        batch = collate(examples.encoded, rows, pad_id)
        on_device = batch.to(student.device)
        hidden_BTD = states(on_device.input_ids_BT, on_device.attention_mask_BT)
        state = objective.divergence.initial_state() if objective.divergence else None
        output = objective(
            hidden_BTD.flatten(0, 1)[on_device.positions_N],
            head,
            on_device.labels_N,
            _teacher_hidden(examples.teacher, batch, student.device),
            teacher_head,
            total_tokens=tokens,
            state=state,
            progress=1.0,
        )
        losses.append(output.loss.item())
    return math.fsum(losses)


def _optimizer(student: "PreTrainedModel", config: TrainingConfig) -> torch.optim.AdamW:
    trained = [p for p in student.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas)


def _micro_batches(
    encoded: Encoded, rows: list[int], config: TrainingConfig, pad_id: int
) -> list[Batch]:
    size = config.micro_batch_size or config.batch_size
    if size < len(rows):
        # Neighbours of like length waste less padding; the gradient is the same.
        rows = sorted(rows, key=lambda r: len(encoded.prompts[r]) + len(encoded.responses[r]))
    return [collate(encoded, rows[i : i + size], pad_id) for i in range(0, len(rows), size)]


def _teacher_hidden(
    teacher: TeacherStates | None, batch: Batch, device: torch.device
) -> "Tensor | None":
    return None if teacher is None else teacher.hidden(batch).to(device)
