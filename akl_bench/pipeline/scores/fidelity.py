"""How close a model is to the teacher on the responses of a task."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from akl_bench.artifacts import records
from akl_bench.data.batches import collate, length_batches
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.metrics.fidelity import fidelity
from akl_bench.models.heads import output_head
from akl_bench.models.loading import load_tokenizer
from akl_bench.models.vocabulary import check_vocabularies
from akl_bench.pipeline import shared
from akl_bench.training.logits import Head, LinearLogits
from akl_bench.training.teachers.cached import Cached
from akl_bench.training.teachers.live import hidden_states

if TYPE_CHECKING:
    from akl_bench.executors.base import Report
    from akl_bench.pipeline.model import Model
    from akl_bench.pipeline.plan import Plan
    from akl_bench.pipeline.scores.text import Scored

_BATCH = 16
_CHUNK = 256


def score(plan: Plan, task: str, model: Model, report: Report) -> Scored:
    """Compare a model with the teacher, token by token; there are no rows, but means over tokens.

    Raises:
        VocabularyError: The model has another vocabulary than the teacher.
    """
    profile = plan.profile
    check_vocabularies(load_tokenizer(profile.teacher, online=profile.online), model.tokenizer)
    chunks = _log_probabilities(plan, task, model, partial(report, task))
    means = fidelity(chunks, AdaptiveKL().head_mask)
    tokens = int(means.pop("tokens"))
    numbers = {}
    for name, value in means.items():
        is_share = name == "top1_agreement"
        numbers[name] = records.Metric(
            # A student that excludes a token of the teacher's is infinitely far: no number.
            value=value if math.isfinite(value) else None,
            n=tokens,
            signature=f"fidelity|{name}|mu:{AdaptiveKL().mu}",
            higher_is_better=is_share,
            scale=100.0 if is_share else 1.0,
            format="%.1f" if is_share else "%.3f",
        )
    return numbers, []


@torch.no_grad()
def _log_probabilities(
    plan: Plan, task: str, model: Model, progress: partial[None]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Teacher's and model's log-probabilities [n, V] at the response positions, chunk by chunk."""
    name = f"task-{task}"
    examples = shared.examples(plan, name)
    place = shared.teacher_place(plan, name)
    teacher = Cached().open(place)
    weight_VD, bias_V = output_head(model.model)
    head = Head(weight_VD, bias_V, shared.vocab_size(plan))
    pad_id = model.tokenizer.pad_token_id
    assert isinstance(pad_id, int), "models.load_tokenizer guarantees a pad token"
    done = 0
    for rows in length_batches(examples, _BATCH):
        batch = collate(rows, pad_id)
        p, q = teacher.logits(batch), LinearLogits(hidden_states(model.model, batch), head)
        for start in range(0, p.rows, _CHUNK):
            at = slice(start, start + _CHUNK)
            yield p.chunk(at).log_softmax(-1), q.chunk(at).log_softmax(-1)
        done += len(rows)
        progress(done, len(examples))
