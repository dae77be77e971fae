"""A model, a tokenizer and examples that are small enough to try a plug-in on within seconds."""

from functools import cache

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from akl_bench.data.examples import Example, encode
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.microworld import TEACHER, records
from akl_bench.models.loading import tokenizer_in

# Rows of the output layer beyond the tokenizer's: padding, and no tokens.
PADDING = 9


@cache
def tokenizer() -> PreTrainedTokenizerBase:
    """The microworld's."""
    return tokenizer_in(TEACHER)


def llama(seed: int = 0) -> LlamaForCausalLM:
    """Two layers of 32, float32, in eval mode."""
    config = LlamaConfig(
        vocab_size=len(tokenizer()) + PADDING,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=None,
        eos_token_id=tokenizer().eos_token_id,
        pad_token_id=tokenizer().pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    model.eval()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    return model


def examples(n: int) -> list[Example]:
    """Instructions of the microworld with their answers."""
    rows = records("train", n, seed=5)
    return encode(
        [Record(r["id"], r["instruction"], r["input"], (r["output"],)) for r in rows],
        Prompt("{{ instruction }} :"),
        tokenizer(),
        max_prompt_tokens=32,
        max_response_tokens=32,
    )
