"""The scores of one cell: sampled answers, lm-eval tasks, and closeness to the teacher."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from akl_bench import metrics
from akl_bench.config import Profile
from akl_bench.data.batches import Encoded, collate, length_batches, token_ids
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.errors import UsageError
from akl_bench.executors.base import Report
from akl_bench.generation.decode import complete
from akl_bench.metrics.base import Sample, evaluate
from akl_bench.metrics.fidelity import fidelity
from akl_bench.metrics.harness import evaluate_harness
from akl_bench.models.heads import body, output_head
from akl_bench.pipeline import prepare
from akl_bench.artifacts.files import read_json, write_json
from akl_bench.artifacts.store import Cell
from akl_bench.tasks import TaskSpec
from akl_bench.training.objective import Head
from akl_bench.training.teacher_states import CachedTeacher

_FIDELITY_BATCH = 16
_FIDELITY_CHUNK = 256
# Decoding draws from another stream than training of the same seed.
_DECODING = 1_000_003


@dataclass(frozen=True)
class Context:
    """What the stages of a cell have in hand."""

    cell: Cell
    profile: Profile
    folder: Path
    shared: Path
    report: Report
    device: torch.device
    tokenizer: Any
    vocab_size: int
    seconds: dict[str, float]


@dataclass(frozen=True)
class TaskScores:
    """What a task gave: its numbers for the record, and one row per example and metric."""

    summary: dict[str, Any]
    rows: list[dict[str, Any]]


def score(context: Context, model: Any) -> dict[str, TaskScores]:
    """Score a model on every task of the profile, in the profile's order."""
    data = read_json(context.shared / "tasks.json")
    tasks = context.profile.tasks
    found: dict[str, TaskScores] = {}
    for name, task in tasks.items():
        if task.kind == "generation":
            found[name] = _generation(context, model, task, data[name])
        elif task.kind == "fidelity":
            found[name] = _fidelity(context, model, task)
    found.update(_harness(context, model, data))
    return {name: found[name] for name in tasks}


def _generation(
    context: Context, model: Any, task: TaskSpec, rows: list[dict[str, Any]]
) -> TaskScores:
    prompt = Prompt(context.profile.prompt)
    records = {row["id"]: Record(**{**row, "outputs": tuple(row["outputs"])}) for row in rows}
    # A prompt that is too long keeps its first tokens, as in the MiniLLM protocol.
    limit = context.profile.data.max_prompt_tokens
    prompts = {
        id_: token_ids(context.tokenizer, prompt.render(record))[:limit]
        for id_, record in records.items()
    }
    answers = complete(
        model,
        context.tokenizer,
        prompts,
        task.generation,
        seed=context.cell.seed + _DECODING,
        path=context.folder / f"completions-{task.name}.jsonl",
        progress=lambda done, total: context.report(task.name, done, total),
    )
    samples = [
        Sample(a.id, a.text, records[a.id].outputs, records[a.id].instruction, a.sample)
        for a in answers
    ]
    values: dict[str, Any] = {}
    rows_out: list[dict[str, Any]] = []
    for spec in task.metrics:
        metric = metrics.get(spec)
        result = evaluate(metric, samples, expected_ids=records)
        label = metrics.registry.spec_of(metric)
        values[label] = {
            "value": result.value,
            "n": result.n,
            "draws": list(result.draws),
            "signature": result.signature,
            "higher_is_better": metric.higher_is_better,
            "scale": metric.scale,
            "format": metric.format,
        }
        for id_, value in (result.per_example or {}).items():
            row = {"task": task.name, "metric": label, "id": id_, "value": value}
            draws = {"draws": list(result.per_sample[id_])} if result.per_sample else {}
            rows_out.append({**row, **draws})
    headline = metrics.registry.spec_of(metrics.get(task.headline))
    return TaskScores(_summary(task, headline, values), rows_out)


def _fidelity(context: Context, model: Any, task: TaskSpec) -> TaskScores:
    encoded = prepare.load_encoded(context.shared / f"{task.name}.npz")
    chunks = _log_probabilities(context, model, task.name, encoded)
    found = fidelity(chunks, AdaptiveKL().head_mask)
    del found["tokens"]
    values = {
        name: {
            # A student that excludes a token of the teacher's is infinitely far: no number.
            "value": value if math.isfinite(value) else None,
            "n": encoded.response_tokens,
            "signature": f"fidelity|{name}|mu:{AdaptiveKL().mu}|version:{task.version}",
            "higher_is_better": name == "top1_agreement",
            "scale": 100.0 if name == "top1_agreement" else 1.0,
            "format": "%.1f" if name == "top1_agreement" else "%.3f",
        }
        for name, value in found.items()
    }
    return TaskScores(_summary(task, task.headline, values), [])


@torch.no_grad()
def _log_probabilities(
    context: Context, model: Any, name: str, encoded: Encoded
) -> Iterator[tuple[Tensor, Tensor]]:
    """Teacher and student log-probabilities [n, V] at the response positions, chunk by chunk."""
    teacher = CachedTeacher(context.shared / f"teacher-{name}")
    teacher_head = prepare.load_teacher_head(context.shared, context.vocab_size, context.device)
    weight_VD, bias_V = output_head(model)
    head = Head(weight_VD, bias_V, context.vocab_size)
    states = body(model)
    done = 0
    for rows in length_batches(encoded, _FIDELITY_BATCH):
        batch = collate(encoded, rows, context.tokenizer.pad_token_id)
        moved = batch.to(context.device)
        hidden_ND = states(moved.input_ids_BT, moved.attention_mask_BT).flatten(0, 1)
        hidden_ND = hidden_ND[moved.positions_N]
        teacher_NE = teacher.hidden(batch).to(context.device)
        for start in range(0, len(hidden_ND), _FIDELITY_CHUNK):
            part = slice(start, start + _FIDELITY_CHUNK)
            yield (
                _log_softmax(teacher_head, teacher_NE[part]),
                _log_softmax(head, hidden_ND[part]),
            )
        done += len(rows)
        context.report(name, done, len(encoded))


def _log_softmax(head: Head, hidden_ND: Tensor) -> Tensor:
    """Log-probabilities [N, V] over the real tokens."""
    bias_V = None if head.bias_V is None else head.bias_V[: head.tokens]
    logits_NV = torch.nn.functional.linear(hidden_ND, head.weight_VD[: head.tokens], bias_V)
    return logits_NV.float().log_softmax(-1)


def _harness(
    context: Context, model: Any, data: dict[str, list[dict[str, Any]]]
) -> dict[str, TaskScores]:
    """All lm-eval tasks in one call; what it gave is kept, so that a resumed cell has it."""
    tasks = {name: t for name, t in context.profile.tasks.items() if t.kind == "harness"}
    if not tasks:
        return {}
    kept = context.folder / "harness.json"
    try:
        read_json(kept)
    except (OSError, UsageError):
        context.report("lm-eval", 0, len(tasks))
        results = evaluate_harness(
            [(task, data.get(name)) for name, task in tasks.items()],
            model,
            context.tokenizer,
            online=context.profile.online,
        )
        write_json(kept, {name: vars(result) for name, result in results.items()})
    found = {}
    for name, result in read_json(kept).items():
        values = {
            metric: {
                "value": value,
                "n": result["n"],
                "signature": f"{result['signature']}|metric:{metric}",
                "higher_is_better": not _is_loss(metric),
                "scale": 1.0 if _is_loss(metric) else 100.0,
                "format": "%.2f" if _is_loss(metric) else "%.1f",
            }
            for metric, value in result["metrics"].items()
        }
        rows = [
            {"task": name, "metric": metric, "id": id_, "value": value}
            for metric, by_id in result["per_example"].items()
            for id_, value in by_id.items()
        ]
        found[name] = TaskScores(_summary(tasks[name], tasks[name].headline, values), rows)
    return found


def _is_loss(metric: str) -> bool:
    """Whether a metric of lm-eval falls as a model gets better; the others are shares."""
    return any(word in metric for word in ("perplexity", "bits_per_byte", "brier_score"))


def validation_rouge_l(context: Context, model: Any, encoded: Encoded) -> float:
    """Mean ROUGE-L of one sampled answer to each validation prompt."""
    specs = [t.generation for t in context.profile.tasks.values() if t.kind == "generation"]
    answers = complete(
        model,
        context.tokenizer,
        dict(zip(encoded.ids, encoded.prompts, strict=True)),
        specs[0].model_copy(update={"samples": 1}),
        seed=context.cell.seed + _DECODING,
    )
    references = [context.tokenizer.decode(ids[:-1]) for ids in encoded.responses]
    scores = metrics.get("rouge_l").per_example([a.text for a in answers], references)
    return sum(scores) / len(scores)


def _summary(task: TaskSpec, headline: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"kind": task.kind, "version": task.version, "headline": headline, "metrics": values}
