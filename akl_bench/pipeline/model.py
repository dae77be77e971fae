"""The model of a cell: loaded where a stage needs it, at most once."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from akl_bench.errors import AklBenchError
from akl_bench.models.loading import (
    build_student,
    load_model,
    load_tokenizer,
    model_in,
    tokenizer_in,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from akl_bench.pipeline.plan import CellPlan, Plan


def device(plan: Plan) -> torch.device:
    """Where models run.

    Raises:
        AklBenchError: It is not what was planned: a GPU that was lent is gone, or the reverse.
    """
    here = "cuda" if torch.cuda.is_available() else "cpu"
    if here != plan.machine.device:
        raise AklBenchError(
            f"this cell was planned for {plan.machine.device} and finds only {here}. Fix the "
            "driver or CUDA_VISIBLE_DEVICES, or start the command again to plan anew."
        )
    return torch.device(here)


def teacher_model(plan: Plan) -> PreTrainedModel:
    """The teacher: in bfloat16 where training is, else in float32."""
    profile = plan.profile
    dtype = torch.bfloat16 if plan.precision == "bf16" else torch.float32
    return load_model(profile.teacher, dtype=dtype, device=device(plan), online=profile.online)


class Model:
    """What answers and is scored.

    Attributes:
        id: What it is, by content.
    """

    def __init__(self, plan: Plan, cell: CellPlan, id: str):
        self.id = id
        self._plan, self._record = plan, cell.record
        places = {"trained": plan.place(cell).model, "checkpoint": Path(cell.record.path)}
        # The folder of a checkpoint; the teacher and the untrained student are made from the
        # profile.
        self._folder = places.get(cell.record.kind)

    @cached_property
    def model(self) -> PreTrainedModel:
        """In eval mode, on its device; trained ones in float32."""
        profile, where = self._plan.profile, device(self._plan)
        if self._folder is not None:
            return model_in(self._folder, dtype=torch.float32, device=where)
        if self._record.kind == "teacher":
            return teacher_model(self._plan)
        return build_student(
            profile.students[self._record.student],
            profile.teacher,
            seed=self._record.seed,
            dtype=torch.float32,
            device=where,
            online=profile.online,
        )

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Its own, or the teacher's where it has none."""
        if self._folder is not None:
            return tokenizer_in(self._folder)
        return load_tokenizer(self._plan.profile.teacher, online=self._plan.profile.online)
