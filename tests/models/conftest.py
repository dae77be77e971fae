"""Toy checkpoints on disk: a teacher with a tokenizer, made in milliseconds."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from akl_bench.config import ModelRef
from akl_bench.models.toys import _train_tokenizer

TEXTS = ("the quick brown fox", "jumps over the lazy dog", "the dog and the fox")


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    return _train_tokenizer(TEXTS)


@pytest.fixture
def save_teacher(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> Callable[..., tuple[ModelRef, LlamaForCausalLM]]:
    """Save a Llama of 5 layers (overridable) and return its reference and the model itself."""

    def save(name: str = "teacher", **overrides: object) -> tuple[ModelRef, LlamaForCausalLM]:
        settings = {
            "vocab_size": len(tokenizer),
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 5,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "tie_word_embeddings": True,
            "bos_token_id": 0,
            "eos_token_id": 0,
        }
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(**(settings | overrides))).eval()
        folder = tmp_path / name
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return ModelRef(source="path", path=str(folder)), model

    return save
