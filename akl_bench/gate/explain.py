"""The items that fell most: what a regression looks like in single answers."""

from akl_bench.errors import UsageError
from akl_bench.gate.comparison import Comparison, Report
from akl_bench.gate.snapshot import Items, items_of, name_of
from akl_bench.gate.verdicts import Verdict
from akl_bench.report.escape import terminal_text
from akl_bench.report.frame import RunFrame

_ITEMS = 10
_TEXT = 200


def explain(report: Report, name: str, before: Items, frame: RunFrame) -> str:
    """The ten items that fell most, of every metric of a row that did not pass.

    Args:
        report: The check.
        name: Row as the report names it: "objective/student/key=value" (or the objective alone).
        before: The baseline's items.
        frame: The candidate.

    Raises:
        UsageError: No such row, or its scores are not what was sealed.
    """
    rows = {name_of(row): row for row in frame.rows}
    cells_by_row = {
        title: cells
        for title, row in rows.items()
        if name in (title, row.objective) and (cells := frame.finished(row))
    }
    if not cells_by_row:
        raise UsageError(f"--explain {name}: no such row. Rows here: {', '.join(rows)}.")
    lines = []
    for title, cells in cells_by_row.items():
        fallen = [c for c in report.comparisons if c.row == title and _fell(c)]
        lines.append(f"{terminal_text(title)}: {len(fallen)} metrics fell")
        for comparison in fallen:
            task, metric = comparison.column.key
            old = before.get(title, {}).get(task, {}).get(metric, {})
            new = items_of(cells, comparison.column)
            # The first answer to every prompt.
            answers = {line["id"]: line["text"] for line in reversed(cells[0].answers(task))}
            lines += _items(comparison, old, new, answers)
    return "\n".join(lines) + "\n"


def _fell(comparison: Comparison) -> bool:
    known = comparison.column.higher_is_better is not None and comparison.candidate.mean is not None
    return known and comparison.verdict in (Verdict.REGRESSION, Verdict.WARN, Verdict.INCONCLUSIVE)


def _items(
    comparison: Comparison, old: dict[str, float], new: dict[str, float], answers: dict[str, str]
) -> list[str]:
    sign = 1 if comparison.column.higher_is_better else -1
    changes = sorted((sign * (new[id_] - old[id_]), id_) for id_ in old.keys() & new.keys())
    fallen = [(change, id_) for change, id_ in changes if change < 0]
    title = f"  {terminal_text(comparison.column.task)}/{terminal_text(comparison.column.metric)}"
    if not changes:
        return [f"{title}: no single items: it is a number of the whole set, or the files are gone"]
    lines = [f"{title}: {len(fallen)} of {len(changes)} items fell"]
    for change, id_ in fallen[:_ITEMS]:
        sides = f"{comparison.shown(old[id_])} -> {comparison.shown(new[id_])}"
        lines.append(f"    {terminal_text(id_)}: {sides} ({comparison.shown(change, '+')})")
        if id_ in answers:
            lines.append(f"      > {terminal_text(answers[id_][:_TEXT])}")
    return lines
