"""Tokenizers, teachers and students, ready to use: in memory, in eval mode, data only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from akl_bench.config import ModelRef
from akl_bench.errors import UsageError
from akl_bench.models.locate import check_checkpoint, locate
from akl_bench.models.shapes import fresh_model, keep_layers

# A bar for each of the many small models of a sweep would drown the sweep's own progress.
transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # of transformers
# Its own annotations leave out what `output_loading_info` returns.
_AutoModel: Any = AutoModelForCausalLM


def load_tokenizer(ref: "ModelRef", *, online: bool = False) -> PreTrainedTokenizerBase:
    """The tokenizer of the checkpoint that `ref` names; see `tokenizer_in`."""
    return tokenizer_in(locate(ref, online=online))


def tokenizer_in(folder: Path) -> PreTrainedTokenizerBase:
    """A checkpoint's tokenizer, with a pad token (the end token where it has none).

    Raises:
        UsageError: No tokenizer in the checkpoint, or one without an end token.
    """
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder}: no usable tokenizer: {error}") from error
    if tokenizer.eos_token_id is None:
        raise UsageError(f"{folder}: the tokenizer has no eos_token; responses would never end.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(
    ref: "ModelRef", *, dtype: torch.dtype, device: torch.device | str, online: bool = False
) -> PreTrainedModel:
    """The model that `ref` names, only `ref.layers` where these are given; see `model_in`."""
    return model_in(locate(ref, online=online), ref.layers, dtype=dtype, device=device)


def model_in(
    folder: Path,
    layers: Sequence[int] | None = None,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> PreTrainedModel:
    """A checkpoint's causal language model in eval mode, whole or only some layers of it.

    Weights come from safetensors files only. Dropout stays as the checkpoint configures it and is
    idle until somebody calls `.train()`.

    Raises:
        UsageError: Missing, unsafe or incomplete checkpoint, or not a causal language model.
    """
    check_checkpoint(folder)
    try:
        model, info = _AutoModel.from_pretrained(
            folder,
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UsageError(f"{folder}: not loadable as a causal language model: {error}") from error
    # transformers fills absent weights with noise and only warns.
    if info["missing_keys"]:
        raise UsageError(
            f"{folder}: weights are missing: {', '.join(sorted(info['missing_keys']))}"
        )
    return _ready(model if layers is None else keep_layers(model, layers), device)


def build_student(
    ref: "ModelRef",
    teacher_ref: "ModelRef",
    *,
    seed: int,
    dtype: torch.dtype,
    device: torch.device | str,
    online: bool = False,
) -> PreTrainedModel:
    """The student before training, in eval mode.

    `random`: the teacher's architecture with its configuration overridden by `ref.architecture` and
    weights drawn from `seed`. `teacher`: the teacher with only `ref.layers`, their weights copied.
    Any other source: that checkpoint.

    Raises:
        UsageError: As `load_model`, or an architecture or layers that the model cannot have.
    """
    if ref.source == "teacher":
        ref = teacher_ref.model_copy(update={"layers": ref.layers})
    if ref.source != "random":
        return load_model(ref, dtype=dtype, device=device, online=online)
    folder = locate(teacher_ref, online=online)
    # The caller's random state is its own: initialisation must not shift data order or sampling.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        student = fresh_model(folder, ref.architecture or {}, dtype=dtype)
    return _ready(student, device)


def _ready(model: Any, device: torch.device | str) -> PreTrainedModel:
    ready: PreTrainedModel = model.to(device).eval()
    return ready
