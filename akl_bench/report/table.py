"""A table as text, Markdown, LaTeX, HTML, CSV or JSON."""

import textwrap
from collections.abc import Callable
from itertools import chain
from typing import Any

from akl_bench.report.escape import latex_text, markdown_text, terminal_text
from akl_bench.report.frame import Column, RunFrame
from akl_bench.report.layout import build
from akl_bench.report.parts import BETTER, WORSE, Cell, Table
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
        format: One of the six; csv and json always have all metrics, and full names.
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

    # Numbers stay aligned: each leaves room for the marks of any other in its column, and a blank.
    room = {
        column: max((len(mark(line.cells[i])) for line in table.rows), default=0) or 1
        for i, column in enumerate(table.columns)
    }

    def value(cell: Cell, column: Column) -> str:
        shown = terminal_text(cell.number(column))
        if styled and cell.best:
            shown = f"\033[1m{shown}\033[0m"
        return Markup(shown + mark(cell).ljust(room[column]))

    lead = len(table.heads)
    over = [""] * lead
    for group in table.tasks:
        over += [f"{group.task} n={group.n}" if group.n else group.task] * group.columns
    rows = [_levels(table), *_groups(table, value)]
    # A blank after each number is half of the gap.
    lines = aligned(rows, left=lead, width=width, gap=1, over=over)
    notes = table.footnotes(*(() if styled else (_BEST,)))
    if table.hidden:
        notes.append(f"{table.hidden} more columns: --all, --columns NAME,NAME, --cost")
    folded = [
        textwrap.fill(note, width or _NOTE_WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for note in map(terminal_text, notes)
    ]
    return "\n".join([*lines, "", *folded]) + "\n"


def _groups(table: Table, value: Callable[[Cell, Column], str]) -> list[list[list[str]]]:
    """Rows of cells by group."""
    return [
        [[*table.lead(line), *map(value, line.cells, table.columns)] for line in lines]
        for _, lines in table.groups
    ]


def _levels(table: Table) -> list[list[str]]:
    """The heads of all columns on as many lines as the tallest needs."""
    heads = [[head] for head in table.heads] + [_head(table, column) for column in table.columns]
    height = max(map(len, heads))
    padded = ([""] * (height - len(head)) + head for head in heads)
    return [[*level] for level in zip(*padded, strict=True)]


def _head(table: Table, column: Column) -> list[str]:
    """Name, parameters and direction of a metric, and its n where that is not its task's."""
    name, parenthesis, params = column.metric.partition("(")
    lines = [name, parenthesis + params] if params else [name]
    lines[-1] += f" {column.arrow}" if column.arrow else ""
    return lines + ([f"n={n}"] if (n := table.size(column)) else [])


def markdown(table: Table) -> str:
    """A GitHub table."""
    # No cell can span several columns: the first of a task has its title.
    titles: list[list[str]] = []
    for task, span, n in table.tasks:
        titles += [[task, f"n={n}" if n else ""], *[["", ""]] * (span - 1)]
    under = [*zip(*_levels(table), strict=True)][len(table.heads) :]
    stacks = ([*map(_unbroken, [*one, *other])] for one, other in zip(titles, under, strict=True))
    heads = [*table.heads, *(Markup("<br>".join(stack)) for stack in stacks)]

    def value(cell: Cell, column: Column) -> str:
        text = markdown_text(cell.number(column)) + cell.mark
        return Markup(f"**{text}**" if cell.best else text)

    rows = [*chain.from_iterable(_groups(table, value))]
    lines = markdown_table(heads, rows, left=len(table.heads))
    notes = [f"- {markdown_text(note)}." for note in table.footnotes()]
    return "\n".join([*lines, "", *notes]) + "\n"


def _unbroken(text: str) -> str:
    """Markdown without a blank to break a line at."""
    return markdown_text(text).replace(" ", "\u00a0")


def latex(table: Table, *, siunitx: bool = False) -> str:
    """A tabular of the package booktabs, shrunk where a line is too short, with its notes below."""
    lead = len(table.heads)
    tasks, sizes, rules, at = [""] * lead, [""] * lead, [], lead + 1
    for task, span, n in table.tasks:
        over = f"\\multicolumn{{{span}}}{{c}}"
        tasks.append(Markup(f"{over}{{{latex_text(task)}}}"))
        sizes.append(Markup(f"{over}{{{f'$n={n}$' if n else ''}}}"))
        rules += [f"\\cmidrule(lr){{{at}-{at + span - 1}}}"] if task else []
        at += span
    levels = _levels(table)
    # LaTeX reads the rules under the tasks before the first cell of the next row.
    levels[0][0] = Markup(" ".join(rules) + "\n" + latex_text(levels[0][0]))
    marks = {BETTER: r"\textsuperscript{\dag}", WORSE: r"\textsuperscript{\ddag}", "": ""}

    def value(cell: Cell, column: Column) -> str:
        number = _latex_number(cell, column, siunitx) + marks[cell.mark]
        return Markup(f"\\textbf{{{number}}}" if cell.best else number)

    notes = "; ".join(latex_text(note) for note in table.footnotes())
    packages = ["booktabs", "graphicx", *(["siunitx"] if siunitx else [])]
    lines = [
        f"% Needs the packages {', '.join(packages)}.",
        *(["\\sisetup{separate-uncertainty=true}"] if siunitx else []),
        "{\\footnotesize\\setlength{\\tabcolsep}{3pt}%",
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
        *latex_tabular([[tasks, sizes, *levels], *_groups(table, value)], left=lead),
        "}\\par}",
        "",
        f"{{\\footnotesize {notes}.\\par}}",
    ]
    return "\n".join(lines) + "\n"


def _latex_number(cell: Cell, column: Column, siunitx: bool) -> str:
    if not siunitx or cell.mean is None:
        return latex_text(cell.number(column))
    number, _, rest = latex_text(cell.number(column, " +- ")).partition(" (")
    return f"\\num{{{number}}}" + (f" ({rest}" if rest else "")
