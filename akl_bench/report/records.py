"""A table as data: CSV and JSON with raw values and the comparisons behind the daggers."""

import csv
import io
import json
import math
from typing import Any

from akl_bench.report.certainty import decoding_shares, detectable
from akl_bench.report.columns import CLIPPED, LR, OF_STUDENT
from akl_bench.report.compare import Comparison
from akl_bench.report.escape import csv_text
from akl_bench.report.frame import Row, RowKey, RunFrame
from akl_bench.report.layout import of_students
from akl_bench.report.parts import Cell, Table

_FIELDS = ["objective", "student", "run", "lr", "task", "metric", "mean", "std", "seeds"]
_FIELDS += ["higher_is_better", "n", "baseline", "difference", "low", "high", "p", "p_holm"]
_FIELDS += ["detectable", "significant", "best", "decoding_std", "training_std", "signature"]
_COLUMN = ["task", "metric", "higher_is_better", "scale", "format", "signature", "n", "protocol"]


def as_csv(frame: RunFrame, table: Table) -> str:
    """One line per objective, student, run, point of a sweep, task and metric, raw.

    Learning rate; mean, standard deviation and seeds; where the table compares it, the baseline,
    the difference, its interval and p-values. `best`: not told apart from the best of its column.
    `decoding_std` and `training_std`: the parts of the standard deviation over seeds.
    """
    summary, rates = frame.summary(), of_students(frame, LR)
    columns = {column.key: column for column in frame.measured}
    several = any(row.run for row in frame.rows)
    fields = [name for name in _FIELDS if several or name != "run"]
    at = fields.index("lr")
    fields[at:at] = frame.axes
    best = _best(table)
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
            **_parts(table, key),
            "best": best.get(key),
        }
        writer.writerow({k: csv_text(v) if isinstance(v, str) else v for k, v in line.items()})
    return text.getvalue()


def as_json(frame: RunFrame, table: Table) -> str:
    """Every value of every seed, what each column means, costs and comparisons."""
    least, shares = detectable(table.comparisons), decoding_shares(table.spreads)
    content = {
        "columns": [
            {
                **{name: getattr(c, name) for name in _COLUMN},
                "detectable": least.get(c.key),
                "decoding_share": shares.get(c.key),
            }
            for c in frame.measured
        ],
        "seeds_asked": [{**_row(row), "seeds": n} for row, n in frame.seeds.items()],
        "tuned": [
            {**_row(row), "lr": tuned.lr, "scores": tuned.scores, "at_edge": tuned.at_edge}
            for row, tuned in frame.tuned.items()
        ],
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
                "clipped": OF_STUDENT[CLIPPED](cell.student),
                **cell.student.made.model_dump(include={"seconds", "peak_memory_mib"}),
            }
            for cell in frame.cells
            if cell.student
        ],
        "comparisons": [
            {**_row(row), "task": task, "metric": metric, **_comparison(comparison)}
            for (row, task, metric), comparison in table.comparisons.items()
        ],
        "best": [
            {**_row(row), "task": task, "metric": metric}
            for (row, task, metric), is_best in _best(table).items()
            if is_best
        ],
        "spreads": [
            {**_row(key[0]), "task": key[1], "metric": key[2], **_parts(table, key)}
            for key in table.spreads
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


def _best(table: Table) -> dict[RowKey, bool]:
    """Whether each value of the table is among the best of its column."""
    return {
        (line.row, *column.key): cell.best
        for line in table.rows
        for column, cell in zip(table.columns, line.cells, strict=True)
        if line.group == "objective"
        and cell.mean is not None
        and column.higher_is_better is not None
    }


def _parts(table: Table, key: RowKey) -> dict[str, float]:
    """What decoding and training do to a seed's value, as standard deviations; {} if unknown."""
    spread = table.spreads.get(key)
    if spread is None:
        return {}
    return {
        "decoding_std": math.sqrt(spread.decoding),
        "training_std": math.sqrt(spread.training),
    }


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
        "detectable": comparison.detectable,
        "significant": comparison.significant,
    }
