"""What a budget comes to: steps, learning rates, precision."""

import math
from typing import Literal

from akl_bench.recipe import TrainingConfig

Precision = Literal["fp32", "bf16"]


def total_steps(config: "TrainingConfig", examples: int) -> int:
    """Optimiser steps of the budget on that many examples."""
    if config.steps is not None:
        return config.steps
    assert config.epochs is not None, "one of the two is given"
    return max(1, math.ceil(config.epochs * examples / config.batch_size))


def learning_rate(config: "TrainingConfig", step: int, steps: int) -> float:
    """Linear warm-up to `lr`, then a cosine to `min_lr` (or constant)."""
    assert config.lr != "tuned", "whoever trains knows the rate"
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    return config.min_lr + (config.lr - config.min_lr) * (1 + math.cos(math.pi * done)) / 2


def resolve_precision(config: "TrainingConfig", *, has_bf16: bool) -> Precision:
    """The precision of a profile on a machine; `auto` is bf16 where a GPU has it."""
    if config.precision == "auto":
        return "bf16" if has_bf16 else "fp32"
    return config.precision
