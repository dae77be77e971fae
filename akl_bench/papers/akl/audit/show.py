"""The audit as text, Markdown, LaTeX or JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from akl_bench.papers.akl.audit.cases import HandRow
from akl_bench.papers.akl.audit.measure import Result, Row
from akl_bench.papers.akl.output import as_json
from akl_bench.report.escape import latex_text, markdown_text, terminal_text
from akl_bench.report.text import aligned, latex_tabular, markdown_table

_HAND_TITLE = "by hand: p = (.40, .35, .15, .10), q = (.20, .48, .21, .11)"
_LEGEND = (
    "w: mean share of KL(p||q); loss: nats per token; other head: tokens whose head set is not the "
    "paper's; dw: distance of w from the paper's; cos: cosine with the paper's gradient for the "
    "student's logits, mean and least over tokens and of all tokens as one vector; norm: ratio of "
    "those vectors' norms; w near 1/2: tokens with w within .05 of it, where the variant is just "
    "symmetric_kl; permuted: largest change of a value, in nats, when the vocabulary is permuted; "
    "at p = q: largest value / norm of the gradient."
)


_Table = tuple[str, list[str], list[list[str]]]  # title, heads, rows


def render(hand: Sequence[HandRow], results: Sequence[Result], format: str) -> str:
    """All tables of an audit in one of the formats text, markdown, latex, json."""
    if format == "json":
        cases = {
            case.name: {
                "about": case.about,
                "tokens": case.tokens,
                "vocab_size": case.vocab_size,
                "variants": rows,
            }
            for case, rows in ((result.case, result.rows) for result in results)
        }
        return as_json({"by_hand": hand, "cases": cases})
    lines: list[str] = []
    for title, heads, rows in (_by_hand(hand), *map(_measured, results)):
        match format:
            case "markdown":
                lines += [markdown_text(title), "", *markdown_table(heads, rows), ""]
            case "latex":
                lines += [f"% {latex_text(title)}", *latex_tabular([[heads], rows]), ""]
            case _:
                lines += [terminal_text(title), *aligned([[heads], rows]), ""]
    escaped = {"markdown": markdown_text(_LEGEND), "latex": f"% {latex_text(_LEGEND)}"}
    return "\n".join([*lines, escaped.get(format, _LEGEND)]) + "\n"


def _by_hand(hand: Sequence[HandRow]) -> _Table:
    rows = []
    for row in hand:
        head = "-" if row.head is None else f"{{{', '.join(map(str, row.head))}}}"
        rows.append([row.variant, head, f"{row.w:.6f}", f"{row.loss:.6f}", _tiny(row.permuted)])
    return _HAND_TITLE, ["variant", "head", "w", "loss", "permuted"], rows


_COLUMNS: dict[str, Callable[[Row], str]] = {
    "variant": lambda row: row.variant,
    "w": lambda row: f"{row.w:.3f}",
    "loss": lambda row: f"{row.loss:.4g}",
    "other head": lambda row: _share(row.other_head),
    "dw mean": lambda row: f"{row.dw_mean:.3f}",
    "dw max": lambda row: f"{row.dw_max:.3f}",
    "cos mean": lambda row: _number(row.cosine_mean),
    "cos min": lambda row: _number(row.cosine_min),
    "cos all": lambda row: _number(row.cosine),
    "norm": lambda row: _number(row.norm),
    "w near 1/2": lambda row: _share(row.near_half),
    "permuted": lambda row: _tiny(row.permuted),
    "at p = q": lambda row: f"{_tiny(row.value_at_equality)} / {_tiny(row.gradient_at_equality)}",
}


def _measured(result: Result) -> _Table:
    case = result.case
    title = f"{case.name} ({case.tokens} tokens, V = {case.vocab_size}): {case.about}"
    rows = [[cell(row) for cell in _COLUMNS.values()] for row in result.rows]
    return title, list(_COLUMNS), rows


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}%"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _tiny(value: float) -> str:
    """One digit; what float32 rounds away counts as 0."""
    if math.isnan(value):
        return "NaN"
    return "0" if value < 1e-5 else f"{value:.0e}" if value < 1e-3 else f"{value:.2g}"
