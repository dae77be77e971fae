"""Selection among a student's weights by what it says: mean ROUGE-L on the validation prompts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from akl_bench import generation
from akl_bench.metrics.rouge_l import RougeL
from akl_bench.models.loading import load_tokenizer
from akl_bench.pipeline import shared
from akl_bench.pipeline.answer import DECODING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from akl_bench.pipeline.plan import CellPlan, Plan


def rouge_l(plan: Plan, cell: CellPlan) -> Callable[[PreTrainedModel], float]:
    """The mean ROUGE-L of one sampled answer to each validation prompt, of any model."""
    tasks = plan.profile.tasks.values()
    decoding = next(task.generation for task in tasks if task.kind == "generation")
    tokenizer = load_tokenizer(plan.profile.teacher, online=plan.profile.online)
    rows = shared.examples(plan, "validation")
    references = [tokenizer.decode(list(row.response[:-1])) for row in rows]

    def score(model: PreTrainedModel) -> float:
        answers = generation.registry.create(decoding.sampler).sample(
            model,
            tokenizer,
            {row.id: row.prompt for row in rows},
            decoding.model_copy(update={"samples": 1}),
            seed=cell.record.seed + DECODING,
        )
        scores = RougeL().per_example([answer.text for answer in answers], references)
        return sum(scores) / len(scores)

    return score
