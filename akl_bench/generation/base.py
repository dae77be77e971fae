"""What a sampler is, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from akl_bench.tasks import GenerationSpec


@dataclass(frozen=True)
class Completion:
    """One sampled answer.

    Attributes:
        id: The prompt's id.
        sample: 0 .. samples - 1.
        text: The answer without special tokens and surrounding white space.
        ids: Its token ids, without the end token.
        finished: Whether the end token came before the limit.
    """

    id: str
    sample: int
    text: str
    ids: tuple[int, ...]
    finished: bool


@dataclass(frozen=True)
class Sampler:
    """Base of all samplers: a frozen dataclass whose fields are the sampler's parameters.

    Attributes:
        aliases: Other names of the plug-in.
    """

    aliases: ClassVar[tuple[str, ...]] = ()

    def sample(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        prompts: Mapping[str, Sequence[int]],
        spec: GenerationSpec,
        *,
        seed: int,
        path: Path | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Completion]:
        """Answer every prompt `spec.samples` times.

        What it gives follows from its arguments alone, so that an interrupted file goes on with the
        same answers.

        Args:
            model: A model in eval mode.
            tokenizer: Its tokenizer.
            prompts: Token ids of every prompt, by its id.
            spec: How to sample.
            seed: Decoding seed.
            path: JSONL to append to, and to resume from; None keeps nothing.
            progress: Called with (prompts done, all prompts).

        Returns:
            The answers in the order of `prompts`, then of samples.
        """
        raise NotImplementedError
