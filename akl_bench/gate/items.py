"""Values of single items: mean over seeds, by objective, task and metric; for `--explain`."""

import math
from collections.abc import Sequence

from akl_bench.artifacts.cells import Cell
from akl_bench.gate.snapshot import finished, name_of
from akl_bench.report.frame import RunFrame

# row name -> task -> metric -> item -> mean over seeds
Items = dict[str, dict[str, dict[str, dict[str, float]]]]


def means(frame: RunFrame) -> Items:
    """Values of all items that have a direction.

    Raises:
        UsageError: A cell's scores are not what was sealed.
    """
    items: Items = {}
    for row in frame.rows:
        cells = finished(frame, row)
        for column in frame.columns:
            by_id = of_metric(cells, *column.key) if column.higher_is_better is not None else {}
            if by_id:
                by_task = items.setdefault(name_of(row.objective, row.student), {})
                by_task.setdefault(column.task, {})[column.metric] = by_id
    return items


def of_metric(cells: Sequence[Cell], task: str, metric: str) -> dict[str, float]:
    """As `means`, of one metric of a row's cells."""
    values: dict[str, list[float]] = {}
    for cell in cells:
        for example in cell.examples(task, metric):
            if example["value"] is not None:
                values.setdefault(example["id"], []).append(example["value"])
    return {id_: math.fsum(seen) / len(seen) for id_, seen in sorted(values.items())}
