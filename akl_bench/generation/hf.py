"""Sampling with transformers' `generate`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from akl_bench.data.examples import eos_id
from akl_bench.generation.base import Answer, Sampler
from akl_bench.models.heads import output_head
from akl_bench.tasks import GenerationSpec


@dataclass(frozen=True)
class HF(Sampler):
    """transformers' own `generate`, on left-padded batches."""

    @torch.no_grad()
    def answer(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        prompts: Sequence[Sequence[int]],
        spec: GenerationSpec,
        seed: int,
    ) -> list[Answer]:
        """See `Sampler.answer`."""
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
        devices = [model.device] if model.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            generate: Any = model.generate
            output_RT = generate(
                input_BT.to(model.device),
                attention_mask=mask_BT.to(model.device),
                generation_config=config,
            )
        return [_answer(row_T[width:], tokenizer, eos) for row_T in output_RT.cpu()]


def _answer(response_T: Tensor, tokenizer: PreTrainedTokenizerBase, eos: int) -> Answer:
    ids = response_T.tolist()
    end = ids.index(eos) if eos in ids else len(ids)
    text = tokenizer.decode(ids[:end], skip_special_tokens=True)
    assert isinstance(text, str)
    return text.strip(), tuple(ids[:end]), end < len(ids)
