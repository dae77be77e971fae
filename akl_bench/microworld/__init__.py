"""The embedded default world: seeded grammar, tokenizer, shipped teacher and exact judge."""

from pathlib import Path

from akl_bench.microworld.grammar import (
    GRAMMAR_VERSION,
    is_valid,
    kind_of,
    mode_of,
    modes,
    understands,
)
from akl_bench.microworld.splits import HARNESS_SPLITS, SPLITS, records

TEACHER = Path(__file__).parent / "teacher"

__all__ = [
    "GRAMMAR_VERSION",
    "HARNESS_SPLITS",
    "SPLITS",
    "TEACHER",
    "is_valid",
    "kind_of",
    "mode_of",
    "modes",
    "records",
    "understands",
]
