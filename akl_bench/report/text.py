"""Tables as aligned text, Markdown and LaTeX: the one writer behind all of them.

Cells are escaped here; what a caller has written in the language of the output itself is `Markup`.
The first columns, `left` of them, are flush left; the others hold numbers and are flush right.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from akl_bench.report.escape import latex_text, markdown_text, terminal_text

Row = Sequence[str]
_GAP = 2
_STYLE = re.compile("\033\\[[0-9;]*m")


class Markup(str):
    """A cell in the language of the output (styled, bold), which is not escaped."""

    __slots__ = ()


def aligned(
    groups: Sequence[Sequence[Row]], *, left: int = 1, width: int | None = None
) -> list[str]:
    """Lines of aligned columns for a terminal; Markup may style a cell.

    Args:
        groups: Rows with a rule between one group and the next; the head is a group.
        left: Number of columns that are flush left.
        width: A wider table comes in parts with a blank line between them, each with its share of
            the numbers beside the columns on the left.
    """
    escaped = [[_escaped(row, terminal_text) for row in rows] for rows in groups]
    columns = zip(*chain.from_iterable(escaped), strict=True)
    widths = [max(map(_length, column)) for column in columns]
    lines: list[str] = []
    for part in _parts(widths, left, width):
        rule = "─" * (sum(widths[i] for i in part) + _GAP * (len(part) - 1))
        lines += [""] if lines else []
        for index, rows in enumerate(escaped):
            lines += [rule] if index else []
            for row in rows:
                cells = [(i, row[i], " " * (widths[i] - _length(row[i]))) for i in part]
                padded = (cell + room if i < left else room + cell for i, cell, room in cells)
                lines.append((" " * _GAP).join(padded).rstrip())
    return lines


def markdown_table(heads: Row, rows: Sequence[Row], *, left: int = 1) -> list[str]:
    """Lines of a GitHub table."""
    rule = [Markup("---" if index < left else "--:") for index in range(len(heads))]
    return [f"| {' | '.join(_escaped(row, markdown_text))} |" for row in (heads, rule, *rows)]


def latex_tabular(groups: Sequence[Sequence[Row]], *, left: int = 1) -> list[str]:
    """Lines of a tabular of the package booktabs, with a rule between groups as in `aligned`."""
    count = max(map(len, chain.from_iterable(groups)))
    lines = [f"\\begin{{tabular}}{{{'l' * left}{'r' * (count - left)}}}", "\\toprule"]
    for index, rows in enumerate(groups):
        lines += ["\\midrule"] if index else []
        lines += [" & ".join(_escaped(row, latex_text)) + r" \\" for row in rows]
    return [*lines, "\\bottomrule", "\\end{tabular}"]


def _escaped(row: Row, escape: Callable[[str], str]) -> list[str]:
    return [cell if isinstance(cell, Markup) else escape(cell) for cell in row]


def _length(cell: str) -> int:
    return len(_STYLE.sub("", cell))


def _parts(widths: Sequence[int], left: int, width: int | None) -> Iterator[list[int]]:
    """Columns by part: those on the left and as many others as fit beside them."""
    lead = [*range(len(widths))[:left]]
    part = lead
    for index in range(left, len(widths)):
        used = sum(widths[i] + _GAP for i in part)
        if width is not None and part != lead and used + widths[index] > width:
            yield part
            part = lead
        part = [*part, index]
    yield part
