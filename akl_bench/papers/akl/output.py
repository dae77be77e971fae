"""What claims and audit write alike: JSON, and panels in a file."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from akl_bench.report import figures


def as_json(content: Any) -> str:
    """Dataclasses (their fields with a repr) and named tuples as objects.

    NaN and infinity, which JSON lacks, are null.
    """
    return json.dumps(_plain(content), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _plain(node: Any) -> Any:
    if is_dataclass(node):
        node = {field.name: getattr(node, field.name) for field in fields(node) if field.repr}
    elif hasattr(node, "_asdict"):
        node = node._asdict()
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_plain(value) for value in node]
    return None if isinstance(node, float) and not math.isfinite(node) else node


@contextmanager
def panels(
    path: Path, width: float, height: float, rows: int, columns: int, legend: int = 0, **grid: Any
) -> Iterator[Any]:
    """Axes [rows, columns] to draw on; then the first one's legend below them, and the file.

    Width and height are inches; the legend is so many columns wide, 0: none; `grid` says more.
    """
    with figures.figure(width, height) as made:
        axes = made.subplots(rows, columns, squeeze=False, **grid)
        yield axes
        if legend:
            entries = axes[0, 0].get_legend_handles_labels()
            made.legend(*entries, loc="outside lower center", ncols=legend)
        figures.save(made, path)
