"""Sampling with transformers' `generate`: seeded by batch, resumable, order-independent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from akl_bench.artifacts.files import append_jsonl, recover_jsonl, write_jsonl
from akl_bench.data.examples import eos_id
from akl_bench.generation.base import Completion, Sampler
from akl_bench.models.heads import output_head

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from akl_bench.tasks import GenerationSpec


@dataclass(frozen=True)
class HF(Sampler):
    """transformers' own `generate`.

    Prompts are sorted by length and decoded in left-padded batches, all samples of a prompt in one.
    Each batch draws from a seed of its own, made of the seed and the ids in it: what it gives does
    not depend on what ran before.
    """

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
        """See `Sampler.sample`."""
        done = {
            (row["id"], row["sample"]): Completion(**{**row, "ids": tuple(row["ids"])})
            for row in (recover_jsonl(path) if path else [])
        }
        per_batch = max(1, spec.batch_size // spec.samples)
        finished = 0
        for ids in _batches(prompts, per_batch):
            wanted = [(id_, sample) for id_ in ids for sample in range(spec.samples)]
            if not all(key in done for key in wanted):
                answers = _sample(model, tokenizer, [prompts[id_] for id_ in ids], spec, seed, ids)
                rows = [
                    Completion(id_, sample, *answer)
                    for (id_, sample), answer in zip(wanted, answers, strict=True)
                ]
                if cut := done.keys() & wanted:
                    # The last batch of the file, cut in the middle: written again, whole.
                    done = {key: row for key, row in done.items() if key not in cut}
                    if path is not None:
                        write_jsonl(path, map(asdict, done.values()))
                done.update({(row.id, row.sample): row for row in rows})
                if path is not None:
                    append_jsonl(path, map(asdict, rows))
            finished += len(ids)
            progress(finished, len(prompts))
        return [done[id_, sample] for id_ in prompts for sample in range(spec.samples)]


def _batches(prompts: Mapping[str, Sequence[int]], size: int) -> Iterator[list[str]]:
    order = sorted(prompts, key=lambda id_: (-len(prompts[id_]), id_))
    for start in range(0, len(order), size):
        yield order[start : start + size]


@torch.no_grad()
def _sample(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    spec: GenerationSpec,
    seed: int,
    ids: Sequence[str],
) -> list[tuple[str, tuple[int, ...], bool]]:
    from transformers import GenerationConfig

    eos, pad = eos_id(tokenizer), tokenizer.pad_token_id
    width = max(map(len, prompts))
    input_BT = torch.full((len(prompts), width), pad)
    mask_BT = torch.zeros_like(input_BT)
    for row, prompt in enumerate(prompts):
        input_BT[row, width - len(prompt) :] = torch.tensor(prompt)
        mask_BT[row, width - len(prompt) :] = 1
    rows = output_head(model)[0].shape[0]
    sampling = {"temperature": spec.temperature, "top_p": spec.top_p, "top_k": spec.top_k}
    config = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        max_new_tokens=spec.max_new_tokens,
        do_sample=spec.do_sample,
        num_return_sequences=spec.samples,
        no_repeat_ngram_size=spec.no_repeat_ngram_size,
        eos_token_id=eos,
        pad_token_id=pad,
        # Rows of a padded vocabulary are no tokens.
        suppress_tokens=list(range(max(tokenizer.get_vocab().values()) + 1, rows)) or None,
        **(sampling if spec.do_sample else {}),
    )
    key = hashlib.sha256("\n".join([str(seed), *ids]).encode()).digest()
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int.from_bytes(key[:8], "big") >> 1)
        generate: Any = model.generate
        output_RT = generate(
            input_BT.to(model.device),
            attention_mask=mask_BT.to(model.device),
            generation_config=config,
        )
    return [_answer(row_T[width:], tokenizer, eos) for row_T in output_RT.cpu()]


def _answer(
    response_T: Tensor, tokenizer: PreTrainedTokenizerBase, eos: int
) -> tuple[str, tuple[int, ...], bool]:
    """Text, ids and whether it is finished."""
    ids = response_T.tolist()
    end = ids.index(eos) if eos in ids else len(ids)
    text = tokenizer.decode(ids[:end], skip_special_tokens=True)
    assert isinstance(text, str)
    return text.strip(), tuple(ids[:end]), end < len(ids)
