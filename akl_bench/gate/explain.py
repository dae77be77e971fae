"""The items that fell most: what a regression looks like in single answers."""

from pathlib import Path

from akl_bench.artifacts.files import file_digest, read_jsonl
from akl_bench.artifacts.store import read_seal
from akl_bench.errors import UsageError
from akl_bench.gate.comparison import Comparison, Report
from akl_bench.gate.items import Items, row_means, sealed_cells
from akl_bench.gate.snapshot import Row, Snapshot
from akl_bench.gate.verdicts import Verdict
from akl_bench.report.escape import terminal_text as plain

_ITEMS = 10
_TEXT = 200


def explain(report: Report, name: str, before: Items, folder: Path, run: Snapshot) -> str:
    """The ten items that fell most, of every metric of a row that did not pass.

    Args:
        report: The check.
        name: Row as the report names it: "objective/student" (or the objective alone).
        before: The baseline's items.
        folder: The candidate's run.
        run: The candidate.

    Raises:
        UsageError: No such row, or its scores are not what was sealed.
    """
    rows = [row for row in run.rows if name in (row.name, row.objective) and row.seeds]
    if not rows:
        raise UsageError(
            f"--explain {name}: no such row. Rows here: {', '.join(r.name for r in run.rows)}."
        )
    lines = []
    for row in rows:
        bad = [c for c in report.comparisons if c.row == row.name and _fell(c)]
        lines.append(f"{plain(row.name)}: {len(bad)} metrics fell")
        now = row_means(folder, run, row)
        answers = _answers(folder, row)
        for comparison in bad:
            task, metric = comparison.column.key
            old = before.get(row.name, {}).get(task, {}).get(metric, {})
            new = now.get(task, {}).get(metric, {})
            lines += _items(comparison, old, new, answers.get(task, {}))
    return "\n".join(lines) + "\n"


def _fell(comparison: Comparison) -> bool:
    if comparison.column.direction is None or comparison.candidate.mean is None:
        return False
    return comparison.verdict in (Verdict.REGRESSION, Verdict.WARN, Verdict.INCONCLUSIVE)


def _items(
    comparison: Comparison, old: dict[str, float], new: dict[str, float], answers: dict[str, str]
) -> list[str]:
    sign = 1 if comparison.column.direction == "higher" else -1
    changes = sorted((sign * (new[id_] - old[id_]), id_) for id_ in old.keys() & new.keys())
    fallen = [(change, id_) for change, id_ in changes if change < 0]
    title = f"  {plain(comparison.column.task)}/{plain(comparison.column.metric)}"
    if not changes:
        return [f"{title}: a number of the whole set; no single items"]
    lines = [f"{title}: {len(fallen)} of {len(changes)} items fell"]
    for change, id_ in fallen[:_ITEMS]:
        sides = f"{comparison.shown(old[id_])} -> {comparison.shown(new[id_])}"
        lines.append(f"    {plain(id_)}: {sides} ({comparison.shown(change, '+')})")
        if id_ in answers:
            lines.append(f"      > {plain(answers[id_][:_TEXT])}")
    return lines


def _answers(folder: Path, row: Row) -> dict[str, dict[str, str]]:
    """First answer of the first seed to every prompt, by task."""
    cell = sealed_cells(folder, row)[0]
    record = read_seal(cell)
    assert record is not None, "sealed_cells has read the seal"
    found: dict[str, dict[str, str]] = {}
    for task in record["tasks"]:
        path = cell / f"completions-{task}.jsonl"
        if path.exists() and file_digest(path) == record["files"].get(path.name):
            first: dict[str, str] = {}
            for answer in read_jsonl(path):
                first.setdefault(str(answer["id"]), str(answer["text"]))
            found[task] = first
    return found
