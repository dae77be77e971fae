"""Other shapes of a given model: fewer of its layers, or its configuration with overrides."""

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from akl_bench.errors import UsageError, did_you_mean


def keep_layers(model: PreTrainedModel, layers: Sequence[int]) -> PreTrainedModel:
    """A new model of the same class with only `layers` (0-based, increasing), weights copied.

    Raises:
        UsageError: No layers, out of range, or not strictly increasing.
    """
    total = model.config.num_hidden_layers
    kept = tuple(layers)
    if not kept or list(kept) != sorted(set(kept)) or kept[0] < 0 or kept[-1] >= total:
        raise UsageError(
            f"layers {list(kept)}: expected increasing layer numbers between 0 and {total - 1}."
        )
    stack = _layer_stack(model, total)
    pattern = re.compile(rf"{re.escape(stack)}\.(\d+)\.(.+)")
    weights = {}
    for name, weight in model.state_dict().items():
        match = pattern.fullmatch(name)
        if match is None:
            weights[name] = weight
        elif (old := int(match[1])) in kept:
            weights[f"{stack}.{kept.index(old)}.{match[2]}"] = weight
    config = copy.deepcopy(model.config)
    _set_layers(config, kept)
    student: Any = type(model)(config)
    student.to(model.dtype)
    student.load_state_dict(weights, strict=True)
    student.tie_weights()
    return cast(PreTrainedModel, student)


def fresh_model(folder: Path, overrides: Mapping[str, Any], **options: Any) -> PreTrainedModel:
    """A model with random weights and the configuration in a folder, but for `overrides`.

    Raises:
        UsageError: As `with_overrides`.
    """
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    auto_model: Any = AutoModelForCausalLM  # it has no annotation for `from_config`
    model: PreTrainedModel = auto_model.from_config(
        with_overrides(config, overrides), trust_remote_code=False, **options
    )
    return model


def with_overrides(config: PretrainedConfig, overrides: Mapping[str, Any]) -> PretrainedConfig:
    """A copy of `config` with `overrides`, and the fields that follow from them made to fit.

    Raises:
        UsageError: A key that this architecture does not have, or a shape that cannot be.
    """
    fresh = copy.deepcopy(config)
    known = fresh.to_dict().keys() | fresh.attribute_map.keys()
    for key in overrides:
        if key not in known:
            hint = did_you_mean(key, known)
            raise UsageError(f"architecture: {config.model_type} has no '{key}'.{hint}")
    layers_before = fresh.num_hidden_layers
    settings = dict(overrides)
    layers = settings.pop("num_hidden_layers", layers_before)
    if not 1 <= layers <= layers_before:
        raise UsageError(
            f"architecture: num_hidden_layers is {layers}; the teacher has {layers_before}."
        )
    _set_layers(fresh, range(layers))
    for key, value in settings.items():
        setattr(fresh, key, value)
    if "num_key_value_heads" not in settings and (
        getattr(fresh, "num_key_value_heads", None) == config.num_attention_heads
    ):
        fresh.num_key_value_heads = fresh.num_attention_heads
    if fresh.hidden_size % fresh.num_attention_heads:
        raise UsageError(
            f"architecture: hidden_size {fresh.hidden_size} is not divisible by "
            f"num_attention_heads {fresh.num_attention_heads}."
        )
    groups = getattr(fresh, "num_key_value_heads", None) or fresh.num_attention_heads
    if fresh.num_attention_heads % groups:
        raise UsageError(
            f"architecture: num_attention_heads {fresh.num_attention_heads} is not divisible by "
            f"num_key_value_heads {groups}."
        )
    # A saved configuration spells out head_dim, which would keep the teacher's.
    if getattr(fresh, "head_dim", None) is not None and "head_dim" not in settings:
        fresh.head_dim = fresh.hidden_size // fresh.num_attention_heads
    return fresh


def _set_layers(config: PretrainedConfig, kept: Sequence[int]) -> None:
    """Set the number of layers, and cut every per-layer list (layer_types and the like) to them."""
    total = config.num_hidden_layers
    for key, value in list(vars(config).items()):
        if "layer" in key and isinstance(value, list) and len(value) == total:
            setattr(config, key, [value[layer] for layer in kept])
    config.num_hidden_layers = len(kept)


def _layer_stack(model: PreTrainedModel, total: int) -> str:
    """Name of the module list that holds the decoder layers."""
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == total:
            return str(name)
    raise UsageError(f"{type(model).__name__}: it has no list of {total} layers to keep some of.")
