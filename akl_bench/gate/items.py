"""Values of single items: mean over seeds, by objective, task and metric; for `--explain`."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from akl_bench.artifacts.files import file_digest, read_jsonl
from akl_bench.artifacts.store import Run, read_seal
from akl_bench.errors import UsageError
from akl_bench.gate.snapshot import Row, Snapshot

# row name -> task -> metric -> item -> mean over seeds
Items = dict[str, dict[str, dict[str, dict[str, float]]]]
_SCORES = "scores.jsonl"


def means(folder: Path, run: Snapshot) -> Items:
    """Values of all items that have a direction.

    Raises:
        UsageError: A cell's scores are not what was sealed.
    """
    return {row.name: row_means(folder, run, row) for row in run.rows if row.seeds}


def row_means(folder: Path, run: Snapshot, row: Row) -> dict[str, dict[str, dict[str, float]]]:
    """As `means`, of one row."""
    wanted = {column.key for column in run.columns if column.direction}
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for cell in sealed_cells(folder, row):
        for entry in read_jsonl(cell / _SCORES):
            key = entry["task"], entry["metric"]
            if key in wanted and entry["value"] is not None:
                values.setdefault(key, defaultdict(list))[entry["id"]].append(entry["value"])
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (task, metric), by_id in values.items():
        found.setdefault(task, {})[metric] = {
            id_: math.fsum(seen) / len(seen) for id_, seen in sorted(by_id.items())
        }
    return found


def sealed_cells(folder: Path, row: Row) -> list[Path]:
    """Folders of a row's sealed cells, by seed; their scores are what was sealed."""
    found = []
    cells: list[dict[str, Any]] = Run(folder).read()["cells"]
    for cell in sorted(cells, key=lambda cell: int(cell["seed"])):
        if (cell["objective"], cell["student"]) != row.key or cell["seed"] not in row.seeds:
            continue
        path = Run(folder).cells / cell["name"]
        record = read_seal(path)
        if record is None or record["files"].get(_SCORES) != file_digest(path / _SCORES):
            raise UsageError(f"{path / _SCORES} changed since the seal; see `akl-bench show`.")
        found.append(path)
    return found
