"""A table as text, Markdown, LaTeX, HTML, CSV or JSON."""

import textwrap
from collections.abc import Callable
from itertools import chain
from typing import Any

from akl_bench.report.escape import latex_text, markdown_text, terminal_text
from akl_bench.report.frame import Column, RunFrame
from akl_bench.report.layout import BETTER, WORSE, Cell, Table, build
from akl_bench.report.records import as_csv, as_json
from akl_bench.report.text import Markup, aligned, latex_tabular, markdown_table

_BEST = "¹"
_NOTE_WIDTH = 100


def render(
    frame: RunFrame,
    format: str,
    *,
    styled: bool = False,
    width: int | None = None,
    siunitx: bool = False,
    **options: Any,
) -> str:
    r"""A run in one of the formats text, markdown, latex, html, csv, json.

    Args:
        frame: The run or runs.
        format: One of the six; csv and json always have all metrics.
        styled: Terminal bold (text).
        width: Split the table into parts that are no wider (text).
        siunitx: Numbers as `\num{}` (LaTeX).
        options: As in `layout.build`.
    """
    table = build(frame, detailed=format in ("csv", "json"), **options)
    match format:
        case "text":
            return text(table, styled=styled, width=width)
        case "markdown":
            return markdown(table)
        case "latex":
            return latex(table, siunitx=siunitx)
        case "html":
            from akl_bench.report.page import table_fragment

            return table_fragment(table)
        case "csv":
            return as_csv(frame, table)
        case _:
            return as_json(frame, table)


def text(table: Table, *, styled: bool = False, width: int | None = None) -> str:
    """Plain text with aligned columns.

    Without styles, a superscript marks what is bold elsewhere. A table wider than `width` comes in
    parts, one below the other.
    """

    def mark(cell: Cell) -> str:
        return cell.mark + (_BEST if cell.best and not styled else "")

    # Numbers stay aligned: each leaves room for the marks of any other in its column.
    room = {
        column: max((len(mark(line.cells[i])) for line in table.rows), default=0)
        for i, column in enumerate(table.columns)
    }

    def value(cell: Cell, column: Column) -> str:
        shown = terminal_text(cell.number(column)) + mark(cell).ljust(room[column])
        return Markup(f"\033[1m{shown}\033[0m") if cell.best and styled else shown

    heads = [[head] for head in table.heads] + [_head_lines(column) for column in table.columns]
    height = max(map(len, heads))
    levels = zip(*([""] * (height - len(head)) + head for head in heads), strict=True)
    lines = aligned([[*levels], *_groups(table, value)], left=len(table.heads), width=width)
    notes = [
        textwrap.fill(note, width or _NOTE_WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for note in map(terminal_text, table.footnotes(*(() if styled else (_BEST,))))
    ]
    return "\n".join([*lines, "", *notes]) + "\n"


def _groups(table: Table, value: Callable[[Cell, Column], str]) -> list[list[list[str]]]:
    """Rows of cells by group."""
    return [
        [[*table.lead(line), *map(value, line.cells, table.columns)] for line in lines]
        for _, lines in table.groups
    ]


def _head_lines(column: Column) -> list[str]:
    n = f"n={column.n}" if column.n else ""
    return [*_folded(column.task), f"{column.metric} {column.arrow}".rstrip(), n]


def _folded(name: str, width: int = 12) -> list[str]:
    """A long name on several lines, broken after underscores."""
    lines = [""]
    for piece in name.replace("_", "_\0").split("\0"):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return lines


def markdown(table: Table) -> str:
    """A GitHub table."""
    heads = list(table.heads)
    for column in table.columns:
        parts = [markdown_text(column.task), f"{markdown_text(column.metric)} {column.arrow}"]
        parts += [f"n={column.n}"] if column.n else []
        heads.append(Markup("<br>".join(part.rstrip() for part in parts)))

    def value(cell: Cell, column: Column) -> str:
        text = markdown_text(cell.number(column)) + cell.mark
        return Markup(f"**{text}**" if cell.best else text)

    rows = [*chain.from_iterable(_groups(table, value))]
    lines = markdown_table(heads, rows, left=len(table.heads))
    notes = [f"- {markdown_text(note)}." for note in table.footnotes()]
    return "\n".join([*lines, "", *notes]) + "\n"


def latex(table: Table, *, siunitx: bool = False) -> str:
    """A tabular of the package booktabs (and siunitx), with its notes below."""
    lead = len(table.heads)
    top, rules, at = [""] * lead, [], lead + 1
    for task, span in table.tasks:
        top.append(Markup(f"\\multicolumn{{{span}}}{{c}}{{{latex_text(task)}}}"))
        rules.append(f"\\cmidrule(lr){{{at}-{at + span - 1}}}")
        at += span
    arrows = {True: " $\\uparrow$", False: " $\\downarrow$", None: ""}
    first, *others = (head.capitalize() for head in table.heads)
    # LaTeX reads the rules under the tasks before the first cell of the next row.
    heads = [Markup(" ".join(rules) + "\n" + latex_text(first)), *others]
    heads += [Markup(latex_text(c.metric) + arrows[c.higher_is_better]) for c in table.columns]
    sizes = [""] * lead + [Markup(f"$n={c.n}$" if c.n else "") for c in table.columns]
    marks = {BETTER: r"\textsuperscript{\dag}", WORSE: r"\textsuperscript{\ddag}", "": ""}

    def value(cell: Cell, column: Column) -> str:
        number = _latex_number(cell, column, siunitx) + marks[cell.mark]
        return Markup(f"\\textbf{{{number}}}" if cell.best else number)

    notes = "; ".join(latex_text(note) for note in table.footnotes())
    lines = [
        f"% Needs the packages {'booktabs and siunitx' if siunitx else 'booktabs'}.",
        *(["\\sisetup{separate-uncertainty=true}"] if siunitx else []),
        *latex_tabular([[top, heads, sizes], *_groups(table, value)], left=lead),
        "",
        f"{{\\footnotesize {notes}.\\par}}",
    ]
    return "\n".join(lines) + "\n"


def _latex_number(cell: Cell, column: Column, siunitx: bool) -> str:
    if not siunitx or cell.mean is None:
        return latex_text(cell.number(column))
    number, _, rest = latex_text(cell.number(column, "+-")).partition(" (")
    return f"\\num{{{number}}}" + (f" ({rest}" if rest else "")
