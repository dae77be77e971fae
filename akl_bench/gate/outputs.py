"""A report as it is printed: text, Markdown, JUnit XML, and what GitHub Actions shows."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from akl_bench.gate.comparison import Comparison, Report
from akl_bench.gate.policy import Tier
from akl_bench.gate.verdicts import Verdict
from akl_bench.report import escape
from akl_bench.report.text import Markup, aligned, markdown_table


class _Look(NamedTuple):
    """How a verdict is told: colour of a terminal, element of JUnit, level of an annotation."""

    colour: int
    element: str | None = None
    level: str = ""


# The worst first.
_LOOKS = {
    Verdict.INCOMPARABLE: _Look(31, "error", "error"),
    Verdict.MISSING: _Look(31, "failure", "error"),
    Verdict.REGRESSION: _Look(31, "failure", "error"),
    Verdict.WARN: _Look(33, "skipped", "warning"),
    Verdict.INCONCLUSIVE: _Look(33, "skipped", "notice"),
    Verdict.IMPROVED: _Look(32),
    Verdict.PASS: _Look(32),
}
_HEADER = ["verdict", "objective", "task/metric", "tier", "mode", "baseline", "now", "change"]
_HEADER += ["interval", "margin", "p"]
_LEGEND = (
    "change and interval: positive is better, whatever the metric's direction; p: of a loss, "
    "adjusted within its tier"
)
# GitHub shows no more of them for a step.
_ANNOTATIONS = 10
_SUMMARY_BYTES = 1 << 20


def text(report: Report, *, everything: bool = False, styled: bool = False) -> str:
    """A table of what deserves a look, or of everything, and the outcome."""
    shown = _by_urgency(report, everything=everything)
    lines = []
    if shown:
        table = [_HEADER, *(_cells(comparison, styled) for comparison in shown)]
        head, *rows = aligned([table], left=len(_HEADER))
        lines.append(head)
        for comparison, row in zip(shown, rows, strict=True):
            lines.append(row)
            if comparison.explanation:
                lines.append(f"  {escape.terminal_text(comparison.explanation)}")
        lines += ["", _LEGEND]
    for title, entries in _about(report):
        lines += [f"{title}:", *(f"  {escape.terminal_text(entry)}" for entry in entries)]
    return "\n".join([*lines, report.headline]) + "\n"


def markdown(report: Report, *, everything: bool = True) -> str:
    """The same as Markdown."""
    lines = [f"### akl-bench {report.headline}", ""]
    shown = _by_urgency(report, everything=everything)
    if shown:
        heads = [*_HEADER, "note"]
        rows = [(*_cells(comparison), comparison.explanation) for comparison in shown]
        lines += markdown_table(heads, rows, left=len(heads))
        lines += ["", _LEGEND, ""]
    for title, entries in _about(report):
        lines += [f"{title}:", "", *(f"- {escape.markdown_text(entry)}" for entry in entries), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _by_urgency(report: Report, *, everything: bool) -> list[Comparison]:
    """Comparisons with the worst first; without `everything` only those that deserve a look."""
    quiet = {Verdict.PASS, Verdict.IMPROVED}
    advisory = {*quiet, Verdict.INCONCLUSIVE}
    chosen = [
        c
        for c in report.comparisons
        if everything or c.verdict not in (quiet if c.fails else advisory)
    ]
    tiers, verdicts = [*Tier], [*_LOOKS]
    return sorted(chosen, key=lambda c: (tiers.index(c.tier), verdicts.index(c.verdict)))


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
        Markup(f"\x1b[{_LOOKS[c.verdict].colour}m{name}\x1b[0m") if styled else name,
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


def junit(report: Report) -> str:
    """The XML; what an advisory metric lost is skipped, not failed."""
    root = ElementTree.Element("testsuites")
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    for index, (row, group) in enumerate(groupby(report.comparisons, key=lambda c: c.row)):
        about = {"name": escape.xml_text(row), "package": "akl-bench", "id": str(index)}
        about |= {"timestamp": now, "hostname": "localhost"}
        suite = ElementTree.SubElement(root, "testsuite", about)
        # The schema of Ant wants this one first and the two below last, empty or not.
        ElementTree.SubElement(suite, "properties")
        elements = [_case(suite, comparison) for comparison in group]
        suite.set("tests", str(len(elements)))
        for name, element in (("failures", "failure"), ("errors", "error"), ("skipped",) * 2):
            suite.set(name, str(elements.count(element)))
        suite.set("time", "0")
        ElementTree.SubElement(suite, "system-out")
        ElementTree.SubElement(suite, "system-err")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _case(suite: ElementTree.Element, c: Comparison) -> str | None:
    """Add a comparison to its suite; return the element that says how it came out."""
    about = {
        "name": escape.xml_text(c.column.metric),
        "classname": escape.xml_text(f"{c.row}.{c.column.task}"),
    }
    case = ElementTree.SubElement(suite, "testcase", {**about, "time": "0"})
    element = _LOOKS[c.verdict].element
    if element is None:
        return None
    element = element if c.fails else "skipped"
    outcome = ElementTree.SubElement(case, element, {"message": escape.xml_text(_summary(c))})
    if element != "skipped":
        outcome.set("type", c.verdict.value)
        outcome.text = outcome.get("message")
    return element


def _summary(c: Comparison) -> str:
    """A comparison in one line: verdict, numbers, and why."""
    parts = [c.verdict.value]
    if c.estimate is not None:
        sides = f"{c.shown(c.baseline.mean)} -> {c.shown(c.candidate.mean)}"
        change = f"change {c.shown(c.estimate.difference, '+')}"
        seeds = f"{c.baseline.seeds} and {c.candidate.seeds} seeds"
        parts.append(f"{sides} ({change}, margin {c.shown(c.estimate.margin)}, {seeds})")
    if c.explanation:
        parts.append(c.explanation)
    return ": ".join(parts)


def annotations(report: Report) -> Iterator[str]:
    """At most ten workflow commands, the worst first."""
    shown = _by_urgency(report, everything=False)
    for comparison in shown[:_ANNOTATIONS]:
        level = _LOOKS[comparison.verdict].level
        column = comparison.column
        title = escape.command_property(f"{comparison.row} {column.task}/{column.metric}")
        yield f"::{level} title={title}::{escape.command_text(_summary(comparison))}"


def write_summary(report: Report, path: Path) -> None:
    """Append the report to the step summary, at most 1 MiB."""
    whole = markdown(report, everything=False).encode()
    if len(whole) > _SUMMARY_BYTES:
        note = b"\n\nCut here; --markdown writes the whole report.\n"
        whole = whole[: _SUMMARY_BYTES - len(note)].rpartition(b"\n")[0] + note
    with path.open("ab") as file:
        file.write(whole)


def inert(text: str) -> str:
    """Lines between which GitHub's runner obeys no command."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text}::{token}::\n"
