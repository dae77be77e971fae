import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from akl_bench.data.batches import encode
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.microworld import records
from akl_bench.microworld.tokenizer import build_tokenizer


@pytest.fixture(scope="session")
def tokenizer():
    return build_tokenizer()


@pytest.fixture(scope="session")
def encoded(tokenizer):
    rows = records("train", 40, seed=5)
    found = [Record(r["id"], r["instruction"], r["input"], (r["output"],)) for r in rows]
    return encode(
        found,
        Prompt("{{ instruction }} :"),
        tokenizer,
        max_prompt_tokens=32,
        max_response_tokens=32,
    )


def llama(tokenizer, *, width, layers, seed, dropout=0.0):
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        attention_dropout=dropout,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="session")
def teacher(tokenizer):
    return llama(tokenizer, width=32, layers=2, seed=0)


@pytest.fixture
def new_student(tokenizer):
    return lambda dropout=0.0: llama(tokenizer, width=16, layers=1, seed=1, dropout=dropout)
