"""A report for people: a text table, and the same as Markdown."""

from akl_bench.gate.comparison import Comparison, Report
from akl_bench.gate.verdicts import Verdict
from akl_bench.report.escape import markdown_text, terminal_text
from akl_bench.report.text import Markup, aligned, markdown_table

_HEADER = (
    "verdict",
    "objective",
    "task/metric",
    "tier",
    "mode",
    "baseline",
    "now",
    "change",
    "interval",
    "margin",
    "p",
)
_COLOURS = {
    Verdict.PASS: 32,
    Verdict.IMPROVED: 32,
    Verdict.WARN: 33,
    Verdict.INCONCLUSIVE: 33,
    Verdict.REGRESSION: 31,
    Verdict.MISSING: 31,
    Verdict.INCOMPARABLE: 31,
}
# The order in which they matter to whoever reads.
URGENCY = (
    Verdict.INCOMPARABLE,
    Verdict.MISSING,
    Verdict.REGRESSION,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.IMPROVED,
    Verdict.PASS,
)
_LEGEND = (
    "change and interval: better is positive, whatever the metric's direction; p: of a loss, "
    "adjusted over its tier"
)


def text(report: Report, *, everything: bool = False, styled: bool = False) -> str:
    """A table of what deserves a look, or of everything, and the outcome."""
    shown = by_urgency(report, everything=everything)
    lines = []
    if shown:
        table = [_HEADER, *(_cells(comparison, styled) for comparison in shown)]
        head, *rows = aligned([table], left=len(_HEADER))
        lines.append(head)
        for comparison, row in zip(shown, rows, strict=True):
            lines.append(row)
            if comparison.explanation:
                lines.append(f"  {terminal_text(comparison.explanation)}")
        lines += ["", _LEGEND]
    for title, entries in _about(report):
        lines += [f"{title}:", *(f"  {terminal_text(entry)}" for entry in entries)]
    return "\n".join([*lines, report.headline]) + "\n"


def markdown(report: Report, *, everything: bool = True) -> str:
    """The same as Markdown."""
    lines = [f"### akl-bench {report.headline}", ""]
    shown = by_urgency(report, everything=everything)
    if shown:
        heads = (*_HEADER, "note")
        rows = [(*_cells(comparison), comparison.explanation) for comparison in shown]
        lines += markdown_table(heads, rows, left=len(heads))
        lines += ["", _LEGEND, ""]
    for title, entries in _about(report):
        lines += [f"{title}:", "", *(f"- {markdown_text(entry)}" for entry in entries), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def by_urgency(report: Report, *, everything: bool) -> list[Comparison]:
    """Comparisons with the worst first; without `everything` only those that deserve a look."""
    quiet = {Verdict.PASS, Verdict.IMPROVED}
    advisory = {*quiet, Verdict.INCONCLUSIVE}
    chosen = [
        c
        for c in report.comparisons
        if everything or c.verdict not in (quiet if c.fails else advisory)
    ]
    order = list(type(chosen[0].tier)) if chosen else []
    return sorted(chosen, key=lambda c: (order.index(c.tier), URGENCY.index(c.verdict)))


def _cells(c: Comparison, styled: bool = False) -> tuple[str, ...]:
    interval = change = margin = "-"
    if c.estimate is not None:
        change = c.shown(c.estimate.difference, "+")
        margin = c.shown(c.estimate.margin)
        if c.estimate.low is not None:
            interval = f"{c.shown(c.estimate.low, '+')} .. {c.shown(c.estimate.high, '+')}"
    sides = [f"{c.shown(side.mean)} (n={side.seeds})" for side in (c.baseline, c.candidate)]
    name = c.verdict.value
    return (
        Markup(f"\x1b[{_COLOURS[c.verdict]}m{name}\x1b[0m") if styled else name,
        c.row,
        f"{c.column.task}/{c.column.metric}",
        c.tier.value,
        c.mode or "-",
        *sides,
        change,
        interval,
        margin,
        "-" if c.p is None else f"{c.p:.2g}",
    )


def _about(report: Report) -> list[tuple[str, tuple[str, ...]]]:
    sections = [
        ("Not comparable", report.incomparable),
        ("What changed", report.changed),
        ("Notes", report.notes),
    ]
    return [(title, entries) for title, entries in sections if entries]
