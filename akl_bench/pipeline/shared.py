"""What cells share, as a stage reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file

from akl_bench import generation
from akl_bench.artifacts.store import read_seal
from akl_bench.data.examples import Example, read_examples
from akl_bench.pipeline.model import device, teacher_model
from akl_bench.tasks import GenerationSpec
from akl_bench.training.logits import Head
from akl_bench.training.teachers.base import Place

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from akl_bench.generation.base import Completion
    from akl_bench.pipeline.plan import Plan
    from akl_bench.training.sources.base import Writer

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

    def head() -> Head:
        tensors = load_file(_folder(plan, "head") / HEAD, device=str(device(plan)))
        return Head(tensors["weight"], tensors.get("bias"), vocab_size(plan))

    states = plan.shared.get(f"states-{name}")
    return Place(device(plan), states.folder if states else None, head, lambda: teacher_model(plan))


def writer(
    plan: Plan,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    part: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Writer:
    """A model that writes responses for a source; what is in `part` it does not write again."""
    # The end token is one more.
    limit = max(1, plan.profile.data.max_response_tokens - 1)

    def write(
        prompts: Mapping[str, Sequence[int]], *, seed: int, **settings: Any
    ) -> list[Completion]:
        spec = GenerationSpec(max_new_tokens=limit, **settings)
        sampler = generation.registry.create(spec.sampler)
        was_training = model.training
        model.train(False)
        answers = sampler.sample(
            model, tokenizer, prompts, spec, seed=seed, path=part, progress=progress
        )
        model.train(was_training)
        return answers

    return write


def _folder(plan: Plan, name: str) -> Path:
    return plan.shared[name].folder
