"""A report as JUnit XML: a test suite per objective and student, a test case per metric."""

from datetime import datetime, timezone
from itertools import groupby
from xml.etree import ElementTree

from akl_bench.gate.comparison import Comparison, Report
from akl_bench.gate.verdicts import Verdict
from akl_bench.report.escape import xml_text

_ELEMENTS = {
    Verdict.REGRESSION: "failure",
    Verdict.MISSING: "failure",
    Verdict.INCOMPARABLE: "error",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.WARN: "skipped",
}


def junit(report: Report) -> str:
    """The XML; what an advisory metric lost is skipped, not failed."""
    root = ElementTree.Element("testsuites")
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    for index, (row, group) in enumerate(groupby(report.comparisons, key=lambda c: c.row)):
        cases = list(group)
        elements = [_element(c) for c in cases]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            {
                "name": xml_text(row),
                "package": "akl-bench",
                "id": str(index),
                "timestamp": now,
                "hostname": "localhost",
                "tests": str(len(cases)),
                "failures": str(elements.count("failure")),
                "errors": str(elements.count("error")),
                "skipped": str(elements.count("skipped")),
                "time": "0",
            },
        )
        # The schema of Ant wants this one first and the two below last, empty or not.
        ElementTree.SubElement(suite, "properties")
        for comparison, element in zip(cases, elements, strict=True):
            _case(suite, comparison, element)
        ElementTree.SubElement(suite, "system-out")
        ElementTree.SubElement(suite, "system-err")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _element(comparison: Comparison) -> str | None:
    element = _ELEMENTS.get(comparison.verdict)
    return element if element is None or comparison.fails else "skipped"


def _case(suite: ElementTree.Element, comparison: Comparison, element: str | None) -> None:
    column = comparison.column
    about = {
        "name": xml_text(column.metric),
        "classname": xml_text(f"{comparison.row}.{column.task}"),
    }
    case = ElementTree.SubElement(suite, "testcase", {**about, "time": "0"})
    if element is not None:
        message = xml_text(summary(comparison))
        outcome = ElementTree.SubElement(case, element, {"message": message})
        if element != "skipped":
            outcome.set("type", comparison.verdict.value)
            outcome.text = message


def summary(c: Comparison) -> str:
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
