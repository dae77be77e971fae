"""What cells share, as a stage reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors.torch import load_file

from akl_bench.artifacts.store import read_seal
from akl_bench.data.examples import Example, read_examples
from akl_bench.pipeline.model import device, teacher_model
from akl_bench.training.logits import Head
from akl_bench.training.teachers.base import Place

if TYPE_CHECKING:
    from pathlib import Path

    from akl_bench.pipeline.plan import Plan

EXAMPLES, HEAD = "examples.npz", "head.safetensors"


def vocab_size(plan: Plan) -> int:
    """Number of tokens that teacher and students share."""
    seal = read_seal(_folder(plan, "models"))
    assert seal is not None and seal.record.kind == "shared", "made before any cell"
    return int(seal.record.about["vocab_size"])


def examples(plan: Plan, name: str) -> list[Example]:
    """Tokenised examples of a set."""
    return read_examples(_folder(plan, f"examples-{name}") / EXAMPLES)


def teacher_place(plan: Plan, name: str) -> Place:
    """What a teacher may use on a set of examples."""
    cache = plan.shared.get(f"states-{name}")

    def head() -> Head:
        tensors = load_file(_folder(plan, "head") / HEAD, device=str(device(plan)))
        return Head(tensors["weight"], tensors.get("bias"), vocab_size(plan))

    return Place(device(plan), cache.folder if cache else None, head, lambda: teacher_model(plan))


def _folder(plan: Plan, name: str) -> Path:
    return plan.shared[name].folder
