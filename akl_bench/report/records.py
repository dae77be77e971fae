"""A table as data: CSV and JSON with raw values and the comparisons behind the daggers."""

import json
from typing import Any

from akl_bench.report.compare import Comparison
from akl_bench.report.escape import csv_text
from akl_bench.report.frame import RunFrame, summarise
from akl_bench.report.layout import Table


def csv(frame: RunFrame, table: Table) -> str:
    """One line per objective, student, run, task and metric, raw.

    Mean, standard deviation and seeds; where the table compares it, the baseline, the difference,
    its interval and p-values.
    """
    summary = summarise(frame).reset_index().rename(columns={"count": "seeds"})
    about = {(c.task, c.metric): c for c in frame.columns}
    compared = {
        tuple(key): _comparison(comparison) for key, comparison in table.comparisons.items()
    }
    fields = ["baseline", "difference", "low", "high", "p", "p_holm", "significant"]
    extra: dict[str, list[Any]] = {
        name: [] for name in ("higher_is_better", "n", *fields, "signature")
    }
    for row in summary.itertuples(index=False):
        column = about[row.task, row.metric]
        key = ((row.objective, row.student, row.run), row.task, row.metric)
        comparison = compared.get(key, {})
        extra["higher_is_better"].append(column.higher_is_better)
        extra["n"].append(column.n)
        extra["signature"].append(column.signature)
        for name in fields:
            extra[name].append(comparison.get(name))
    for name, values in extra.items():
        summary[name] = values
    for name in ("objective", "student", "run", "task", "metric", "baseline", "signature"):
        summary[name] = summary[name].map(csv_text, na_action="ignore")
    if not summary["run"].any():
        del summary["run"]
    content: str = summary.to_csv(index=False, lineterminator="\n")
    return content


def as_json(frame: RunFrame, table: Table) -> str:
    """Every value of every seed, what each column means, costs and comparisons."""
    values = frame.values.astype(object).where(frame.values.notna(), None)
    content = {
        "protocol": frame.protocol,
        "columns": [{**vars(column)} for column in frame.columns],
        "seeds_asked": [{**row._asdict(), "seeds": n} for row, n in frame.seeds.items()],
        "stamps": frame.stamps,
        "stale_cells": frame.stale,
        "values": values.to_dict("records"),
        "costs": [
            {
                **cell.row._asdict(),
                "seed": cell.seed,
                "seconds": cell.record.get("seconds", {}),
                "peak_memory_mib": cell.record.get("peak_memory_mib"),
            }
            for cell in frame.cells
        ],
        "comparisons": [
            {**row._asdict(), "task": task, "metric": metric, **_comparison(comparison)}
            for (row, task, metric), comparison in table.comparisons.items()
        ],
        "published": [row._asdict() for row in table.published],
        "notes": table.notes,
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _comparison(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain values."""
    evidence = comparison.evidence
    assert evidence is not None, "csv and json are built in detail"
    return {
        "baseline": comparison.baseline.objective,
        "better": comparison.better,
        "seeds": list(comparison.seeds),
        "test": comparison.test,
        **evidence._asdict(),
        "p": comparison.p,
        "record": evidence.record._asdict(),
        "p_holm": comparison.p_holm,
        "significant": comparison.significant,
    }
