"""The embedded worlds: seeded grammar, tokenizer, shipped teachers and exact judge."""

from pathlib import Path

from akl_bench.microworld.grammar import GRAMMAR_VERSION as GRAMMAR_VERSION
from akl_bench.microworld.grammar import is_valid as is_valid
from akl_bench.microworld.grammar import kind_of as kind_of
from akl_bench.microworld.grammar import mode_of as mode_of
from akl_bench.microworld.grammar import modes as modes
from akl_bench.microworld.grammar import understands as understands
from akl_bench.microworld.splits import HARNESS_SPLITS as HARNESS_SPLITS
from akl_bench.microworld.splits import SPLITS as SPLITS
from akl_bench.microworld.splits import records as records
from akl_bench.microworld.worlds import WORLDS as WORLDS
from akl_bench.microworld.worlds import World as World
from akl_bench.microworld.worlds import world_of as world_of

TEACHER = Path(__file__).parent / "teacher"
