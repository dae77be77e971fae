"""The model of a cell: loaded where a stage needs it, at most once."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from akl_bench.models.loading import build_student, load_tokenizer, model_in, tokenizer_in
from akl_bench.pipeline import shared
from akl_bench.pipeline.train import MODEL

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from akl_bench.pipeline.plan import CellPlan, Plan


class Model:
    """What answers and is scored.

    Attributes:
        id: What it is, by content.
    """

    def __init__(self, plan: Plan, cell: CellPlan, id: str):
        self.id = id
        self._plan, self._record = plan, cell.record
        trained = plan.place(cell).student / MODEL
        places = {"trained": trained, "checkpoint": Path(cell.record.path)}
        # The folder of a checkpoint; the teacher and the untrained student are made from the
        # profile.
        self._folder = places.get(cell.record.kind)

    @cached_property
    def model(self) -> PreTrainedModel:
        """In eval mode, on its device; trained ones in float32."""
        profile, device = self._plan.profile, shared.device(self._plan)
        if self._folder is not None:
            return model_in(self._folder, dtype=torch.float32, device=device)
        if self._record.kind == "teacher":
            return shared.teacher_model(self._plan)
        return build_student(
            profile.students[self._record.student],
            profile.teacher,
            seed=self._record.seed,
            dtype=torch.float32,
            device=device,
            online=profile.online,
        )

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Its own, or the teacher's where it has none."""
        if self._folder is not None:
            return tokenizer_in(self._folder)
        return load_tokenizer(self._plan.profile.teacher, online=self._plan.profile.online)
