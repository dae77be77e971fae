"""What claims and audit write alike."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from typing import Any


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
