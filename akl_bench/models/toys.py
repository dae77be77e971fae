"""Dry models: a hub model's architecture at toy width with random weights, made offline."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from akl_bench.artifacts.files import new_folder
from akl_bench.config import ModelRef, Profile
from akl_bench.errors import UsageError

# Part of a hub name -> transformers model type. The first match counts.
_FAMILIES = {
    "gpt2": "gpt2",
    "opt-": "opt",
    "tinyllama": "llama",
    "smollm": "llama",
    "llama": "llama",
    "mistral": "mistral",
    "qwen3": "qwen3",
    "qwen": "qwen2",
}
_VOCABULARY = 1024
_END = "<|endoftext|>"


def dry(ref: "ModelRef", folder: Path, *, teacher: bool, texts: Iterable[str]) -> "ModelRef":
    """Write a toy checkpoint for `ref` into `folder`, if none is there; return the reference to it.

    The architecture class is the hub model's; teacher and student differ in width and depth, as
    real ones do. The tokenizer is a byte-level BPE (the kind that GPT-2 has) trained on `texts`:
    any text has an encoding, and the same texts give teacher and student the same one.

    Raises:
        UsageError: The architecture of that hub model is not known here.
    """
    toy = ref.model_copy(update={"source": "path", "path": str(folder), "name": None})
    if (folder / "config.json").is_file():
        return toy
    name = (ref.name or "").lower()
    family = next((kind for part, kind in _FAMILIES.items() if part in name), None)
    if family is None:
        raise UsageError(
            f"No dry model for '{ref.name}': known families are {', '.join(_FAMILIES)}."
        )
    tokenizer = _train_tokenizer(texts)
    width, layers = (48, 3) if teacher else (32, 2)
    config = AutoConfig.for_model(family)
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": width // 2,
        "intermediate_size": 2 * width,
        "ffn_dim": 2 * width,
        "word_embed_proj_dim": width,
        "layer_types": None,
    }
    known = config.to_dict().keys() | config.attribute_map.keys()
    settings = {config.attribute_map.get(k, k): v for k, v in shape.items() if k in known}
    ends = dict.fromkeys(("bos_token_id", "eos_token_id"), tokenizer.eos_token_id)
    config = AutoConfig.for_model(family, **settings, **ends)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(teacher))
        auto_model: Any = AutoModelForCausalLM
        model = auto_model.from_config(config, dtype=torch.float32)
    with new_folder(folder) as scratch:
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
    return toy


def dry_profile(profile: "Profile", folder: Path, texts: Sequence[str]) -> "Profile":
    """A profile whose teacher and students are toy checkpoints in a folder, made where missing."""
    teacher = dry(profile.teacher, folder / "teacher", teacher=True, texts=texts)
    students = {
        name: dry(ref, folder / f"student-{name}", teacher=False, texts=texts)
        for name, ref in profile.students.items()
        if ref.source not in ("teacher", "random")
    }
    update = {"teacher": teacher, "students": {**profile.students, **students}}
    return profile.model_copy(update=update)


def _train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerBase:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=[_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # of transformers
        tokenizer_object=backend,
        bos_token=_END,
        eos_token=_END,
        unk_token=_END,
        clean_up_tokenization_spaces=False,
    )
