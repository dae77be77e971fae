"""The criterion: how good a student's answers to the validation prompts are.

One for all objectives, so that none is chosen by a loss of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from akl_bench import generation, metrics
from akl_bench.config import VALIDATION
from akl_bench.models.loading import load_tokenizer
from akl_bench.pipeline.answer import DECODING, task_prompts, task_records
from akl_bench.pipeline.scores import text
from akl_bench.training.loop import Selection

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from akl_bench.pipeline.plan import Plan


def criterion(plan: Plan, seed: int) -> Selection:
    """The profile's criterion for any model, the higher the better."""
    assert plan.validation is not None, "something is to be trained"
    spec, ((label, how),) = plan.validation.spec.generation, plan.validation.scores.items()
    metric = metrics.get(how.metric)
    tokenizer = load_tokenizer(plan.profile.teacher, online=plan.profile.online)
    records = task_records(plan, VALIDATION)
    prompts = task_prompts(plan, VALIDATION, tokenizer)
    sampler = generation.registry.create(spec.sampler)

    def score(model: PreTrainedModel) -> float:
        answers = sampler.sample(model, tokenizer, prompts, spec, seed=seed + DECODING)
        lines = [{"id": a.id, "sample": a.sample, "text": a.text} for a in answers]
        numbers, _ = text.score(metric, label, records, lines)
        value = numbers[label].value
        if value is None:
            return math.nan
        return value if metric.higher_is_better else -value

    return Selection(label, score)
