"""An lm-eval task of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from akl_bench.artifacts import records
from akl_bench.metrics.harness import evaluate_harness

if TYPE_CHECKING:
    from akl_bench.pipeline.model import Model
    from akl_bench.pipeline.scores.text import Scored
    from akl_bench.tasks import TaskSpec

# Metrics of lm-eval that fall as a model gets better; the others are shares.
_LOSSES = ("perplexity", "bits_per_byte", "brier_score")


def score(
    task: TaskSpec, rows: Sequence[dict[str, Any]] | None, model: Model, *, online: bool
) -> Scored:
    """Score a model on one task alone: with others beside it, batches and last digits would differ.

    Without rows lm-eval fetches its own data.
    """
    result = evaluate_harness(task, rows, model.model, model.tokenizer, online=online)
    numbers = {}
    for metric, value in result.metrics.items():
        is_loss = any(word in metric for word in _LOSSES)
        numbers[metric] = records.Metric(
            value=value,
            n=result.n,
            signature=f"{result.signature}|metric:{metric}",
            higher_is_better=not is_loss,
            scale=1.0 if is_loss else 100.0,
            format="%.2f" if is_loss else "%.1f",
        )
    examples = [
        {"metric": metric, "id": id_, "value": value}
        for metric, by_id in result.per_example.items()
        for id_, value in by_id.items()
    ]
    return numbers, examples
