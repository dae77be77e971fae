"""A table as text, Markdown, LaTeX, HTML, CSV or JSON."""

import textwrap
from collections.abc import Callable, Iterator, Sequence

from akl_bench.report.escape import latex_text, markdown_text, terminal_text
from akl_bench.report.footnotes import BETTER, WORSE
from akl_bench.report.frame import Column, RunFrame
from akl_bench.report.layout import BEST, SECOND, Cell, Line, Table, build
from akl_bench.report.records import as_json, csv

_SUPERSCRIPTS = {BEST: "¹", SECOND: "²", "": ""}
_GAP = 2
_NOTE_WIDTH = 100


def render(
    frame: RunFrame,
    format: str,
    *,
    every_metric: bool = False,
    baseline: str | None = None,
    pooled: bool = False,
    published: bool = False,
    styled: bool = False,
    width: int | None = None,
    siunitx: bool = False,
) -> str:
    r"""A run in one of the formats text, markdown, latex, html, csv, json.

    Args:
        frame: The run or runs.
        format: One of the six.
        every_metric: Every metric, not only the headlines; csv and json always have all.
        baseline: As in `layout.build`.
        pooled: Test with one spread for all objectives.
        published: Add published numbers.
        styled: Terminal bold and underline (text).
        width: Split the table into parts that are no wider (text).
        siunitx: Numbers as `\num{}` (LaTeX).
    """
    table = build(
        frame,
        every_metric=every_metric,
        baseline=baseline,
        pooled=pooled,
        published=published,
        detailed=format in ("csv", "json"),
    )
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
            return csv(frame, table)
        case _:
            return as_json(frame, table)


def text(table: Table, *, styled: bool = False, width: int | None = None) -> str:
    """Plain text with aligned columns.

    Without styles, superscripts tell the best and the second. A table wider than `width` comes in
    parts, one below the other.
    """
    heads = [[terminal_text(head)] for head in table.heads]
    columns = [_head_lines(column) for column in table.columns]
    body = [[terminal_text(part) for part in table.lead(line)] for line in table.rows]
    for i, column in enumerate(table.columns):
        for line, cell in zip(body, _aligned_marks(table, i, column, styled), strict=True):
            line.append(cell)
    heads += columns
    height = max(len(head) for head in heads)
    heads = [[""] * (height - len(head)) + head for head in heads]
    widths = [max(map(len, [*heads[i], *(line[i] for line in body)])) for i in range(len(heads))]
    lead = len(table.heads)
    parts = [
        _text_part(table, heads, body, widths, [*range(lead), *chosen], styled)
        for chosen in _parts(widths, lead, width)
    ]
    notes = [
        textwrap.fill(note, width or _NOTE_WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for note in _notes(table, styled)
    ]
    return "\n\n".join(parts) + "\n\n" + "\n".join(notes) + "\n"


def _notes(table: Table, styled: bool) -> list[str]:
    ranks = "best bold, second underlined" if styled else "¹ best, ² second"
    return [terminal_text(note) for note in [table.notes[0], ranks, *table.notes[1:]]]


def _head_lines(column: Column) -> list[str]:
    n = f"n={column.n}" if column.n else ""
    return [
        *_folded(terminal_text(column.task)),
        f"{terminal_text(column.metric)} {column.arrow}".rstrip(),
        n,
    ]


def _folded(name: str, width: int = 12) -> list[str]:
    """A long name on several lines, broken after underscores."""
    lines = [""]
    for piece in name.replace("_", "_\0").split("\0"):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return lines


def _aligned_marks(table: Table, index: int, column: Column, styled: bool) -> Iterator[str]:
    """The cells of a column, with room for marks after each number where one has any."""
    cells = [line.cells[index] for line in table.rows]
    marks = [cell.mark + ("" if styled else _SUPERSCRIPTS[cell.rank]) for cell in cells]
    room = max(map(len, marks), default=0)
    for cell, mark in zip(cells, marks, strict=True):
        yield terminal_text(cell.number(column)) + mark.ljust(room)


def _parts(widths: Sequence[int], lead: int, width: int | None) -> list[list[int]]:
    """Columns of numbers, cut into parts that fit beside the leading columns."""
    parts: list[list[int]] = [[]]
    fixed = sum(widths[:lead]) + _GAP * (lead - 1)
    used = fixed
    for i in range(lead, len(widths)):
        if width is not None and parts[-1] and used + _GAP + widths[i] > width:
            parts.append([])
            used = fixed
        parts[-1].append(i)
        used += _GAP + widths[i]
    return parts


def _text_part(
    table: Table,
    heads: Sequence[Sequence[str]],
    body: Sequence[Sequence[str]],
    widths: Sequence[int],
    chosen: Sequence[int],
    styled: bool,
) -> str:
    lead = len(table.heads)

    def joined(parts: Sequence[str], cells: Sequence[Cell] | None = None) -> str:
        padded = []
        for i in chosen:
            part = parts[i].ljust(widths[i]) if i < lead else parts[i].rjust(widths[i])
            rank = cells[i - lead].rank if styled and cells and i >= lead else ""
            if rank:
                code = "1" if rank == BEST else "4"
                part = part.replace(parts[i], f"\033[{code}m{parts[i]}\033[0m")
            padded.append(part)
        return (" " * _GAP).join(padded).rstrip()

    rule = "─" * (sum(widths[i] for i in chosen) + _GAP * (len(chosen) - 1))
    lines = [joined([head[level] for head in heads]) for level in range(len(heads[0]))]
    lines.append(rule)
    for before, line, parts in zip([None, *table.rows], table.rows, body, strict=False):
        if before is not None and before.group != line.group:
            lines.append(rule)
        lines.append(joined(parts, line.cells))
    return "\n".join(lines)


def markdown(table: Table) -> str:
    """A GitHub table; best bold, second underlined."""
    heads = list(table.heads)
    for column in table.columns:
        parts = [markdown_text(column.task), f"{markdown_text(column.metric)} {column.arrow}"]
        parts += [f"n={column.n}"] if column.n else []
        heads.append("<br>".join(part.rstrip() for part in parts))
    aligned = ["---"] * len(table.heads) + ["--:"] * len(table.columns)
    lines = [_pipe(heads), _pipe(aligned)]

    def cell(cell: Cell, column: Column) -> str:
        return markdown_text(cell.number(column)) + cell.mark

    for line in table.rows:
        values = _ranked(table, line, cell, lambda t: f"**{t}**", lambda t: f"<u>{t}</u>")
        lines.append(_pipe([*map(markdown_text, table.lead(line)), *values]))
    notes = [markdown_text(note) for note in _notes(table, styled=True)]
    return "\n".join([*lines, "", *(f"- {note}." for note in notes)]) + "\n"


def latex(table: Table, *, siunitx: bool = False) -> str:
    """A tabular of the package booktabs (and siunitx), with its notes below."""
    lead = len(table.heads)
    groups: list[tuple[str, int]] = []
    for column in table.columns:
        if groups and groups[-1][0] == column.task:
            groups[-1] = (column.task, groups[-1][1] + 1)
        else:
            groups.append((column.task, 1))
    top, rules, at = [""] * lead, [], lead + 1
    for task, span in groups:
        top.append(f"\\multicolumn{{{span}}}{{c}}{{{latex_text(task)}}}")
        rules.append(f"\\cmidrule(lr){{{at}-{at + span - 1}}}")
        at += span
    arrows = {True: " $\\uparrow$", False: " $\\downarrow$", None: ""}
    heads = [head.capitalize() for head in table.heads]
    heads += [latex_text(c.metric) + arrows[c.higher_is_better] for c in table.columns]
    sizes = [""] * lead + [f"$n={c.n}$" if c.n else "" for c in table.columns]
    packages = "booktabs and siunitx" if siunitx else "booktabs"
    setup = ["\\sisetup{separate-uncertainty=true}"] if siunitx else []
    lines = [
        f"% Needs the packages {packages}.",
        *setup,
        f"\\begin{{tabular}}{{{'l' * lead}{'r' * len(table.columns)}}}",
        "\\toprule",
        " & ".join(top) + r" \\",
        " ".join(rules),
        " & ".join(heads) + r" \\",
        " & ".join(sizes) + r" \\",
        "\\midrule",
    ]

    def cell(cell: Cell, column: Column) -> str:
        marks = {BETTER: r"\textsuperscript{\dag}", WORSE: r"\textsuperscript{\ddag}", "": ""}
        return _latex_number(cell, column, siunitx) + marks[cell.mark]

    for before, line in zip([None, *table.rows], table.rows, strict=False):
        if before is not None and before.group != line.group:
            lines.append("\\midrule")
        values = _ranked(
            table, line, cell, lambda t: f"\\textbf{{{t}}}", lambda t: f"\\underline{{{t}}}"
        )
        lines.append(" & ".join([*map(latex_text, table.lead(line)), *values]) + r" \\")
    notes = "; ".join(latex_text(note) for note in _notes(table, styled=True))
    lines += ["\\bottomrule", "\\end{tabular}", "", f"{{\\footnotesize {notes}.\\par}}"]
    return "\n".join(lines) + "\n"


def _latex_number(cell: Cell, column: Column, siunitx: bool) -> str:
    plain = latex_text(cell.number(column, "+-"))
    if not siunitx or cell.mean is None:
        return plain.replace("+-", r"$\pm$")
    number, _, rest = plain.partition(" (")
    return f"\\num{{{number}}}" + (f" ({rest}" if rest else "")


def _ranked(
    table: Table,
    line: Line,
    text: Callable[[Cell, Column], str],
    best: Callable[[str], str],
    second: Callable[[str], str],
) -> list[str]:
    styles: dict[str, Callable[[str], str]] = {BEST: best, SECOND: second}
    return [
        styles.get(cell.rank, str)(text(cell, column))
        for cell, column in zip(line.cells, table.columns, strict=True)
    ]


def _pipe(parts: Sequence[str]) -> str:
    return "| " + " | ".join(parts) + " |"
