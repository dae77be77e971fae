"""How students are trained, and how the best of several trainings is told."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from akl_bench.strict import Strict
from akl_bench.tasks import GenerationSpec

_Beta = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Rate = float | Literal["tuned"]


class LoraSettings(Strict):
    """Low-rank adapters (arXiv 2106.09685): W + alpha / rank * B A, where only A and B are trained.

    Merged into the weights when training ends, so that the student is an ordinary checkpoint.
    """

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1, description="of the adapters' input")
    modules: Literal["all-linear"] | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default="all-linear", description="names of layers; all-linear: all but the output head"
    )


class TrainingConfig(Strict):
    """The training budget, the same for every objective."""

    steps: int | None = Field(default=None, ge=1)
    epochs: float | None = Field(default=None, gt=0)
    batch_size: int = Field(ge=1, description="examples per optimiser step")
    micro_batch_size: int | None = Field(
        default=None, ge=1, description="examples per forward pass; the gradient does not change"
    )
    lr: Rate = Field(description="tuned: each objective at the best of its own trials")
    min_lr: float = Field(default=0.0, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[_Beta, _Beta] = (0.9, 0.999)
    clip_norm: float = Field(default=1.0, gt=0)
    kd_ratio: float = Field(
        default=1.0, ge=0, le=1, description="loss = kd_ratio * divergence + rest * cross-entropy"
    )
    temperature: float = Field(default=1.0, gt=0)
    dropout: bool = Field(default=False, description="keep the student's own dropout")
    lora: LoraSettings | None = Field(
        default=None, description="train low-rank adapters instead of all weights"
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="auto: bf16 mixed precision on CUDA, fp32 elsewhere"
    )
    validate_every: int = Field(default=0, ge=0, description="steps; 0: only at the end")
    select: Literal["best", "last"] = Field(
        default="last", description="which of the validated weights; best: by `criterion`"
    )
    checkpoint_every: int = Field(default=100, ge=1, description="steps")
    teacher: str = Field(
        default="cached", description="how the teacher's logits come: `akl-bench ls teachers`"
    )
    devices: str = Field(default="one", description="what shares the work of a step")
    compiled: bool = Field(
        default=False, description="fuse the objective's work with torch.compile, where it can be"
    )

    @field_validator("lr", mode="before")
    @classmethod
    def _a_rate_or_tuned(cls, value: Any) -> Any:
        try:
            is_rate = 0 < float(value) < math.inf
        except (TypeError, ValueError):
            is_rate = value == "tuned"
        if not is_rate:
            raise ValueError(f"expected a number above 0, or tuned; got {value!r:.40}")
        return value

    @model_validator(mode="after")
    def _one_budget(self) -> "TrainingConfig":
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give steps or epochs, one of the two")
        return self

    @model_validator(mode="after")
    def _dropout_is_on_or_off(self) -> "TrainingConfig":
        if self.lora and self.lora.dropout and not self.dropout:
            raise ValueError("lora.dropout needs dropout: true, which turns all dropout on")
        return self


class Criterion(Strict):
    """How good a student's answers to the validation prompts are; the same for all objectives."""

    metric: str = Field(default="rouge_l", description="`akl-bench ls metrics`")
    generation: GenerationSpec = GenerationSpec()


class Tuning(Strict):
    """Trials of learning rates in factors of 2; each objective and student has equally many."""

    start: float = Field(gt=0, description="the trials begin with a quarter of it, it, and 4 of it")
    trials: int = Field(default=5, ge=1)
    seeds: tuple[Seed, ...] = Field(
        default=(900_001,), min_length=1, description="of each trial; none is a seed of the run"
    )
