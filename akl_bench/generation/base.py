"""What a sampler is, and what it gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from akl_bench.artifacts.files import append_jsonl, recover_jsonl, write_jsonl

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from akl_bench.tasks import GenerationSpec

# Text, ids and whether it is finished, as `Completion` has them.
Answer = tuple[str, tuple[int, ...], bool]


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

    Prompts are sorted by length and answered in batches, all samples of a prompt in one. Each batch
    draws from a seed of its own, made of the seed and the ids in it: what it gives does not depend
    on what ran before.

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
        done = {
            (row["id"], row["sample"]): Completion(**{**row, "ids": tuple(row["ids"])})
            for row in (recover_jsonl(path) if path else [])
        }
        order = sorted(prompts, key=lambda id_: (-len(prompts[id_]), id_))
        size = max(1, spec.batch_size // spec.samples)
        for start in range(0, len(order), size):
            ids = order[start : start + size]
            wanted = [(id_, sample) for id_ in ids for sample in range(spec.samples)]
            if not all(key in done for key in wanted):
                key = hashlib.sha256("\n".join([str(seed), *ids]).encode()).digest()
                batch_seed = int.from_bytes(key[:8], "big") >> 1
                batch = [prompts[id_] for id_ in ids]
                answers = self.answer(model, tokenizer, batch, spec, batch_seed)
                rows = [
                    Completion(id_, sample, *answer)
                    for (id_, sample), answer in zip(wanted, answers, strict=True)
                ]
                if cut := done.keys() & wanted:
                    # The last batch of the file, cut in the middle: written again, whole.
                    done = {key: row for key, row in done.items() if key not in cut}
                    if path is not None:
                        write_jsonl(path, map(vars, done.values()))
                done.update({(row.id, row.sample): row for row in rows})
                if path is not None:
                    append_jsonl(path, map(vars, rows))
            progress(start + len(ids), len(prompts))
        return [done[id_, sample] for id_ in prompts for sample in range(spec.samples)]

    def answer(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        prompts: Sequence[Sequence[int]],
        spec: GenerationSpec,
        seed: int,
    ) -> list[Answer]:
        """The answers to a batch of prompts: all samples of the first, then of the next.

        Args:
            model: A model in eval mode.
            tokenizer: Its tokenizer.
            prompts: Token ids.
            spec: How to sample.
            seed: With the other arguments it fixes every token.
        """
        raise NotImplementedError
