"""What GitHub Actions shows: annotations, the step summary, and a log that runs no commands."""

import secrets
from collections.abc import Iterator
from pathlib import Path

from akl_bench.gate.comparison import Report
from akl_bench.gate.junit import summary
from akl_bench.gate.text import by_urgency, markdown
from akl_bench.gate.verdicts import Verdict
from akl_bench.report.escape import command_property, command_text

# GitHub shows no more of them for a step.
_ANNOTATIONS = 10
_SUMMARY_BYTES = 1 << 20
_LEVELS = {Verdict.WARN: "warning", Verdict.INCONCLUSIVE: "notice"}


def annotations(report: Report) -> Iterator[str]:
    """At most ten workflow commands, the worst first."""
    shown = by_urgency(report, everything=False)
    for comparison in shown[:_ANNOTATIONS]:
        level = _LEVELS.get(comparison.verdict, "error")
        column = comparison.column
        title = command_property(f"{comparison.row} {column.task}/{column.metric}")
        yield f"::{level} title={title}::{command_text(summary(comparison))}"


def write_summary(report: Report, path: Path) -> None:
    """Append the report to the step summary, at most 1 MiB."""
    whole = markdown(report, everything=False).encode()
    if len(whole) > _SUMMARY_BYTES:
        note = b"\n\nCut here; --markdown writes all of it.\n"
        whole = whole[: _SUMMARY_BYTES - len(note)].rpartition(b"\n")[0] + note
    with path.open("ab") as file:
        file.write(whole)


def inert(text: str) -> str:
    """Lines between which GitHub's runner obeys no command."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text}::{token}::\n"
