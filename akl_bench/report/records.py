"""A table as data: CSV and JSON with raw values and the comparisons behind the daggers."""

import csv
import io
import json
from typing import Any

from akl_bench.report.columns import LR, OF_STUDENT
from akl_bench.report.compare import Comparison
from akl_bench.report.escape import csv_text
from akl_bench.report.frame import Row, RunFrame
from akl_bench.report.layout import of_students
from akl_bench.report.parts import Cell, Table

_FIELDS = ["objective", "student", "run", "lr", "task", "metric", "mean", "std", "seeds"]
_FIELDS += ["higher_is_better", "n", "baseline", "difference", "low", "high", "p", "p_holm"]
_FIELDS += ["significant", "signature"]
_COLUMN = ["task", "metric", "higher_is_better", "scale", "format", "signature", "n", "protocol"]


def as_csv(frame: RunFrame, table: Table) -> str:
    """One line per objective, student, run, point of a sweep, task and metric, raw.

    Learning rate; mean, standard deviation and seeds; where the table compares it, the baseline,
    the difference, its interval and p-values.
    """
    summary, rates = frame.summary(), of_students(frame, LR)
    columns = {column.key: column for column in frame.measured}
    several = any(row.run for row in frame.rows)
    fields = [name for name in _FIELDS if several or name != "run"]
    at = fields.index("lr")
    fields[at:at] = frame.axes
    text = io.StringIO()
    writer = csv.DictWriter(text, fields, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for key in frame.seed_values():
        row, task, metric = key
        comparison = table.comparisons.get(key)
        spread = summary.get(key)
        line = {
            **(_comparison(comparison) if comparison else {}),
            **row._asdict(),
            **dict(row.axes),
            "lr": _setting(rates.get(row, Cell())),
            **vars(columns[task, metric]),
            **(spread._asdict() if spread else {"seeds": 0}),
        }
        writer.writerow({k: csv_text(v) if isinstance(v, str) else v for k, v in line.items()})
    return text.getvalue()


def as_json(frame: RunFrame, table: Table) -> str:
    """Every value of every seed, what each column means, costs and comparisons."""
    content = {
        "columns": [{name: getattr(c, name) for name in _COLUMN} for c in frame.measured],
        "seeds_asked": [{**_row(row), "seeds": n} for row, n in frame.seeds.items()],
        "stamps": frame.stamps,
        "stale_cells": frame.stale,
        "values": [
            {
                **_row(cell.row),
                "seed": cell.seed,
                "task": column.task,
                "metric": column.metric,
                "value": number.value,
            }
            for cell, column, number in frame.numbers()
        ],
        "costs": [
            {
                **_row(cell.row),
                "seed": cell.seed,
                "lr": OF_STUDENT[LR](cell.student),
                **cell.student.made.model_dump(include={"seconds", "peak_memory_mib"}),
            }
            for cell in frame.cells
            if cell.student
        ],
        "comparisons": [
            {**_row(row), "task": task, "metric": metric, **_comparison(comparison)}
            for (row, task, metric), comparison in table.comparisons.items()
        ],
        "published": [row._asdict() for row in table.published],
        "notes": table.notes,
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _setting(cell: Cell) -> float | str | None:
    """A setting, or its range where seeds differ."""
    return cell.mean if cell.up_to is None else cell.number(LR)


def _row(row: Row) -> dict[str, Any]:
    return {**row._asdict(), "axes": dict(row.axes)}


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
