"""A run as one table: text, Markdown, LaTeX, CSV or JSON."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from akl_bench.report.escape import csv_text, latex_text, markdown_text, terminal_text
from akl_bench.report.frame import Column, RunFrame, is_reference, summarise

# (objective, student, task, metric) -> mean, std, count
_Summary = Mapping[Any, Mapping[Any, Any]]
_BEST, _SECOND = "best", "second"


@dataclass(frozen=True)
class _Cell:
    """A value of the table: mean and standard deviation over seeds.

    `seeds` is the number of seeds that have a value, where some of the row's have none.
    """

    mean: float | None
    std: float | None
    seeds: int | None = None
    rank: str = ""

    def text(
        self, column: Column, plus_minus: str, escape: Callable[[str], str] = terminal_text
    ) -> str:
        if self.mean is None:
            return "-"
        shown = escape(_shown(column, self.mean))
        if self.std is not None:
            shown += f" {plus_minus} {escape(_shown(column, self.std))}"
        return shown if self.seeds is None else f"{shown} (seeds: {self.seeds})"


def _shown(column: Column, value: float) -> str:
    text = column.format % (column.scale * value)
    return text if re.search("[1-9]", text) else text.removeprefix("-")


@dataclass(frozen=True)
class _Row:
    objective: str
    student: str
    seeds: str
    cells: list[_Cell]


@dataclass(frozen=True)
class Table:
    """Rows in the order of the page: references first, then objectives, the best first."""

    columns: list[Column]
    rows: list[_Row]
    notes: list[str]
    students: bool


def build(frame: RunFrame, *, every_metric: bool = False) -> Table:
    """Lay out a run; objectives are ordered by the first column that has a direction."""
    columns = frame.columns if every_metric else frame.shown
    summary: _Summary = summarise(frame).to_dict("index")
    sealed = {row: _sealed(frame, row) for row in frame.rows}
    grid = {
        row: [_cell(summary, row, column, sealed[row]) for column in columns] for row in frame.rows
    }
    contest = [row for row in frame.rows if not is_reference(row[0])]
    for index, column in enumerate(columns):
        for row, rank in _ranks(grid, contest, index, column):
            grid[row][index] = replace(grid[row][index], rank=rank)
    lead = next((i for i, c in enumerate(columns) if c.higher_is_better is not None), None)

    def order(row: tuple[str, str]) -> tuple[str, float]:
        mean = grid[row][lead].mean if lead is not None else None
        if mean is None or lead is None:
            return (row[1], math.inf)
        return (row[1], -mean if columns[lead].higher_is_better else mean)

    references = [row for row in frame.rows if is_reference(row[0])]
    rows = [
        _Row(*row, f"{sealed[row]}/{frame.seeds[row]}", grid[row])
        for row in [*references, *sorted(contest, key=order)]
    ]
    notes = ["mean ± standard deviation over seeds; best bold, second underlined"]
    if any(row.seeds.partition("/")[0] == "1" for row in rows):
        notes.append("one seed: no spread, nothing here is significant")
    if frame.stale:
        notes.append(
            f"{frame.stale} cells made with other code, data or library versions are left out; "
            "the same run command renews them"
        )
    return Table(columns, rows, notes + frame.stamps, len({row.student for row in rows} - {""}) > 1)


def _cell(summary: _Summary, row: tuple[str, str], column: Column, sealed: int) -> _Cell:
    found = summary.get((*row, column.task, column.metric))
    if found is None:
        return _Cell(None, None)
    count = int(found["count"])
    return _Cell(_number(found["mean"]), _number(found["std"]), count if count < sealed else None)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _ranks(
    grid: dict[tuple[str, str], list[_Cell]],
    rows: Sequence[tuple[str, str]],
    index: int,
    column: Column,
) -> list[tuple[tuple[str, str], str]]:
    """Best and second of a column as shown; equal ones share their place."""
    if column.higher_is_better is None or len(rows) < 2:
        return []
    means = {row: mean for row in rows if (mean := grid[row][index].mean) is not None}
    shown = {
        row: _shown(column, mean)
        for row, mean in sorted(
            means.items(), key=lambda item: item[1], reverse=column.higher_is_better
        )
    }
    places = list(dict.fromkeys(shown.values()))[:2]
    return [
        (row, _BEST if value == places[0] else _SECOND)
        for row, value in shown.items()
        if value in places
    ]


def _sealed(frame: RunFrame, row: tuple[str, str]) -> int:
    values = frame.values
    mine = values[(values["objective"] == row[0]) & (values["student"] == row[1])]
    return int(mine["seed"].nunique())


def text(table: Table, *, styled: bool = False) -> str:
    """Plain text with aligned columns; `styled` adds terminal bold and underline."""
    heads = [["objective"], *([["student"]] if table.students else []), ["seeds"]]
    heads += [
        [terminal_text(c.task), f"{terminal_text(c.metric)} {c.arrow}".rstrip()]
        for c in table.columns
    ]
    body = [
        [terminal_text(part) for part in _lead(table, row)]
        + [cell.text(column, "±") for cell, column in zip(row.cells, table.columns, strict=True)]
        for row in table.rows
    ]
    columns = range(len(heads))
    widths = [max(len(t) for t in [*heads[i], *(line[i] for line in body)]) for i in columns]
    first = len(heads) - len(table.columns)

    def line(parts: Sequence[str], ranks: Sequence[str] | None = None) -> str:
        padded = []
        for i, part in enumerate(parts):
            aligned = part.ljust(widths[i]) if i < first else part.rjust(widths[i])
            if styled and ranks and i >= first and ranks[i - first]:
                code = "1" if ranks[i - first] == _BEST else "4"
                aligned = aligned.replace(part, f"\033[{code}m{part}\033[0m")
            padded.append(aligned)
        return "  ".join(padded).rstrip()

    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [line([h[0] if len(h) > 1 else "" for h in heads]), line([h[-1] for h in heads]), rule]
    for index, (row, parts) in enumerate(zip(table.rows, body, strict=True)):
        if index and is_reference(table.rows[index - 1].objective) > is_reference(row.objective):
            lines.append(rule)
        lines.append(line(parts, [cell.rank for cell in row.cells]))
    return "\n".join([*lines, "", *table.notes]) + "\n"


def markdown(table: Table) -> str:
    """A GitHub table; best bold, second underlined."""
    heads = ["objective", *(["student"] if table.students else []), "seeds"]
    heads += [
        f"{markdown_text(c.task)}<br>{markdown_text(c.metric)} {c.arrow}".rstrip()
        for c in table.columns
    ]
    lines = [
        _pipe(heads),
        _pipe(["---"] * (len(heads) - len(table.columns)) + ["--:"] * len(table.columns)),
    ]
    for row in table.rows:
        values = _styled(
            table, row, "±", markdown_text, lambda t: f"**{t}**", lambda t: f"<u>{t}</u>"
        )
        lines.append(_pipe([*map(markdown_text, _lead(table, row)), *values]))
    return "\n".join([*lines, "", *(f"{note}." for note in table.notes)]) + "\n"


def latex(table: Table) -> str:
    """A tabular of the package booktabs."""
    lead = 3 if table.students else 2
    tasks: list[tuple[str, int]] = []
    for column in table.columns:
        if tasks and tasks[-1][0] == column.task:
            tasks[-1] = (column.task, tasks[-1][1] + 1)
        else:
            tasks.append((column.task, 1))
    top, rules, at = [""] * lead, [], lead + 1
    for task, width in tasks:
        top.append(f"\\multicolumn{{{width}}}{{c}}{{{latex_text(task)}}}")
        rules.append(f"\\cmidrule(lr){{{at}-{at + width - 1}}}")
        at += width
    arrows = {True: " $\\uparrow$", False: " $\\downarrow$", None: ""}
    heads = ["Objective", *(["Student"] if table.students else []), "Seeds"]
    heads += [latex_text(c.metric) + arrows[c.higher_is_better] for c in table.columns]
    lines = [
        f"% {latex_text('; '.join(table.notes))}",
        f"\\begin{{tabular}}{{{'l' * lead}{'r' * len(table.columns)}}}",
        "\\toprule",
        " & ".join(top) + r" \\",
        " ".join(rules),
        " & ".join(heads) + r" \\",
        "\\midrule",
    ]
    for index, row in enumerate(table.rows):
        if index and is_reference(table.rows[index - 1].objective) > is_reference(row.objective):
            lines.append("\\midrule")
        values = _styled(
            table,
            row,
            "$\\pm$",
            latex_text,
            lambda t: f"\\textbf{{{t}}}",
            lambda t: f"\\underline{{{t}}}",
        )
        lines.append(" & ".join([*map(latex_text, _lead(table, row)), *values]) + r" \\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def csv(frame: RunFrame) -> str:
    """One line per objective, student, task and metric: raw mean, standard deviation, n."""
    summary = summarise(frame).reset_index().rename(columns={"count": "seeds"})
    about = {(c.task, c.metric): c for c in frame.columns}
    keys = list(zip(summary["task"], summary["metric"], strict=True))
    summary["higher_is_better"] = [about[key].higher_is_better for key in keys]
    summary["signature"] = [about[key].signature for key in keys]
    for name in ("objective", "student", "task", "metric", "signature"):
        summary[name] = summary[name].map(csv_text)
    content: str = summary.to_csv(index=False, lineterminator="\n")
    return content


def as_json(frame: RunFrame) -> str:
    """Every value of every seed, with what each column means."""
    values = frame.values.astype(object).where(frame.values.notna(), None)
    content = {
        "columns": [{**vars(column)} for column in frame.columns],
        "seeds_asked": [
            {"objective": objective, "student": student, "seeds": seeds}
            for (objective, student), seeds in frame.seeds.items()
        ],
        "stamps": frame.stamps,
        "stale_cells": frame.stale,
        "values": values.to_dict("records"),
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def render(
    frame: RunFrame, format: str, *, every_metric: bool = False, styled: bool = False
) -> str:
    """A run in one of the formats text, markdown, latex, csv, json."""
    if format == "csv":
        return csv(frame)
    if format == "json":
        return as_json(frame)
    table = build(frame, every_metric=every_metric)
    if format == "text":
        return text(table, styled=styled)
    return {"markdown": markdown, "latex": latex}[format](table)


def _lead(table: Table, row: _Row) -> list[str]:
    return [row.objective, *([row.student] if table.students else []), row.seeds]


def _styled(
    table: Table,
    row: _Row,
    plus_minus: str,
    escape: Callable[[str], str],
    bold: Callable[[str], str],
    underline: Callable[[str], str],
) -> list[str]:
    styles: dict[str, Callable[[str], str]] = {_BEST: bold, _SECOND: underline}
    return [
        styles.get(cell.rank, str)(cell.text(column, plus_minus, escape))
        for cell, column in zip(row.cells, table.columns, strict=True)
    ]


def _pipe(parts: Sequence[str]) -> str:
    return "| " + " | ".join(parts) + " |"
