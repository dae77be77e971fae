"""Tables as aligned text, Markdown and LaTeX: the one writer behind all of them.

Cells are escaped here; what a caller has written in the language of the output itself is `Markup`.
The first columns, `left` of them, are flush left; the others hold numbers and are flush right.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby

from akl_bench.report.escape import latex_text, markdown_text, terminal_text

Row = Sequence[str]
_STYLE = re.compile("\033\\[[0-9;]*m")


class Markup(str):
    """A cell in the language of the output (styled, bold), which is not escaped."""

    __slots__ = ()


def aligned(
    groups: Sequence[Sequence[Row]],
    *,
    left: int = 1,
    width: int | None = None,
    gap: int = 2,
    over: Row = (),
) -> list[str]:
    """Lines of aligned columns for a terminal; Markup may style a cell.

    Args:
        groups: Rows with a rule between one group and the next; the head is a group.
        left: Number of columns that are flush left.
        width: A wider table comes in parts with a blank line between them, each with its share of
            the numbers beside the columns on the left.
        gap: Blanks between two columns.
        over: A title for each column; neighbours of the same title share it, above a rule.
    """
    escaped = [[_escaped(row, terminal_text) for row in rows] for rows in groups]
    titles = [terminal_text(title) for title in over]
    columns = zip(*chain.from_iterable(escaped), strict=True)
    widths = [max(map(_length, column)) for column in columns]
    for i, title in enumerate(titles):
        widths[i] = max(widths[i], *map(len, _pieces(title)))
    lines: list[str] = []
    for part in _parts(widths, left, width, gap):
        rule = "─" * (sum(widths[i] for i in part) + gap * (len(part) - 1))
        lines += [""] if lines else []
        lines += _titles([(titles[i], widths[i]) for i in part], gap) if titles else []
        for index, rows in enumerate(escaped):
            lines += [rule] if index else []
            for row in rows:
                cells = [(i, row[i], " " * (widths[i] - _length(row[i]))) for i in part]
                padded = (cell + room if i < left else room + cell for i, cell, room in cells)
                lines.append((" " * gap).join(padded).rstrip())
    return lines


def _titles(columns: Sequence[tuple[str, int]], gap: int) -> list[str]:
    """Lines of titles over columns of these widths, each centred over those that share it."""
    stacks = []
    for title, members in groupby(columns, lambda column: column[0]):
        widths = [width for _, width in members]
        room = sum(widths) + gap * (len(widths) - 1)
        folded = [""]
        for piece in _pieces(title):
            if folded[-1] and len((folded[-1] + piece).rstrip()) > room:
                folded.append("")
            folded[-1] += piece
        stacks.append([line.strip().center(room) for line in folded])
        stacks[-1].append(("─" if title else " ") * room)
    height = max(map(len, stacks))
    full = [[" " * len(stack[0])] * (height - len(stack)) + stack for stack in stacks]
    return [(" " * gap).join(line).rstrip() for line in zip(*full, strict=True)]


def _pieces(title: str) -> list[str]:
    """The parts of a title between which a line may end: after a blank or an underscore."""
    return re.findall(r"[^ _]*[ _]?", title)


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


def _parts(widths: Sequence[int], left: int, width: int | None, gap: int) -> Iterator[list[int]]:
    """Columns by part: those on the left and as many others as fit beside them."""
    lead = [*range(len(widths))[:left]]
    part = lead
    for index in range(left, len(widths)):
        used = sum(widths[i] + gap for i in part)
        if width is not None and part != lead and used + widths[index] > width:
            yield part
            part = lead
        part = [*part, index]
    yield part
