"""A metric of a task's completions."""

from collections.abc import Sequence
from typing import Any

from akl_bench.artifacts import records
from akl_bench.data.records import Record
from akl_bench.metrics.base import Metric, Sample, evaluate

Scored = tuple[dict[str, records.Metric], list[dict[str, Any]]]


def score(
    metric: Metric, label: str, rows: Sequence[Record], completions: Sequence[dict[str, Any]]
) -> Scored:
    """Apply a metric to completions; gives the number, and a row for each example."""
    by_id = {row.id: row for row in rows}
    samples = [
        Sample(a["id"], a["text"], by_id[a["id"]].outputs, by_id[a["id"]].instruction, a["sample"])
        for a in completions
    ]
    result = evaluate(metric, samples, expected_ids=by_id)
    number = records.Metric(
        value=result.value,
        n=result.n,
        draws=result.draws,
        signature=result.signature,
        higher_is_better=metric.higher_is_better,
        scale=metric.scale,
        format=metric.format,
    )
    examples = []
    by_sample = result.per_sample or {}
    for id_, value in (result.per_example or {}).items():
        draws = {"draws": list(by_sample[id_])} if id_ in by_sample else {}
        examples.append({"metric": label, "id": id_, "value": value, **draws})
    return {label: number}, examples
