"""The audit as text, Markdown, LaTeX or JSON, and its picture."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from akl_bench.errors import UsageError
from akl_bench.papers.akl.audit.cases import TEXTS, HandRow
from akl_bench.papers.akl.audit.measure import PAPER, Result, Row
from akl_bench.papers.akl.output import as_json, panels
from akl_bench.report import figures
from akl_bench.report.escape import latex_text, markdown_text, terminal_text
from akl_bench.report.text import aligned, latex_tabular, markdown_table

# Of a curve: enough for the eye, and few enough for a small file.
_POINTS = 401
_Table = tuple[str, list[str], list[list[str]]]  # title, heads, rows


def render(hand: Sequence[HandRow], results: Sequence[Result], format: str) -> str:
    """All tables of an audit in one of the formats text, markdown, latex, json."""
    if format == "json":
        keys = ("about", "tokens", "vocab_size", "variants")
        of = {c.name: dict(zip(keys, (*c[1:4], rows), strict=True)) for c, rows, *_ in results}
        return as_json({"by_hand": hand, "cases": of})
    lines: list[str] = []
    for title, heads, rows in (_by_hand(hand), *map(_measured, results)):
        match format:
            case "markdown":
                lines += [markdown_text(title), "", *markdown_table(heads, rows), ""]
            case "latex":
                lines += [f"% {latex_text(title)}", *latex_tabular([[heads], rows]), ""]
            case _:
                lines += [terminal_text(title), *aligned([[heads], rows]), ""]
    legend: str = TEXTS["legend"]
    escaped = {"markdown": markdown_text(legend), "latex": f"% {latex_text(legend)}"}
    return "\n".join([*lines, escaped.get(format, legend)]) + "\n"


def _by_hand(hand: Sequence[HandRow]) -> _Table:
    rows = []
    for row in hand:
        head = "-" if row.head is None else f"{{{', '.join(map(str, row.head))}}}"
        rows.append([row.variant, head, f"{row.w:.6f}", f"{row.loss:.6f}", _tiny(row.permuted)])
    return TEXTS["by_hand"], ["variant", "head", "w", "loss", "permuted"], rows


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


def check(path: Path) -> None:
    """Say before the work, not after it, that a picture cannot be drawn.

    Raises:
        UsageError: The file's suffix is that of no format.
        MissingDependencyError: matplotlib is not installed.
    """
    if path.suffix[1:] not in figures.FORMATS:
        suffixes = ", ".join(f".{format}" for format in figures.FORMATS)
        raise UsageError(f"--figure {path}: name a file that ends in {suffixes}.")
    figures.check()


def draw(result: Result, path: Path) -> None:
    """Draw the shares of tokens below a weight, and below an angle between gradients."""
    looks = figures.looks("adaptive_kl" if name == PAPER else name for name in result.w_N)
    with panels(path, 9.0, 4.2, 1, 2, legend=6, sharey=True) as ((weight, angle),):
        for (name, w_N), look in zip(result.w_N.items(), looks.values(), strict=True):
            style = {"color": look.color, "linestyle": look.dash}
            _shares(weight, w_N, label=name, **style)
            if name != PAPER:
                cosine_N = result.cosine_N[name]
                degrees_N = cosine_N[~cosine_N.isnan()].clamp(-1, 1).arccos().rad2deg()
                _shares(angle, degrees_N, **style)
        weight.axvspan(0.45, 0.55, color="0.92", zorder=0)
        weight.set(xlim=(-0.02, 1.02), ylim=(0, 1.02), ylabel="share of tokens at or below")
        weight.set_xlabel("w, the share of KL(p||q); shaded: within .05 of 1/2")
        weight.set_title("weights")
        angle.set(xlim=(-2, 92), xticks=range(0, 91, 15))
        angle.set_xlabel("angle to the paper's gradient for the logits, degrees (up to 90)")
        angle.set_title("gradients")


def _shares(axes: Any, value_N: torch.Tensor, **style: Any) -> None:
    share_K = torch.linspace(0, 1, _POINTS, dtype=value_N.dtype)
    axes.plot(value_N.quantile(share_K).numpy(), share_K.numpy(), linewidth=1.8, **style)
