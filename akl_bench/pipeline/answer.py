"""The second stage of a cell: its model's completions of a task, sealed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from akl_bench import generation
from akl_bench.artifacts.files import digest, read_jsonl
from akl_bench.artifacts.records import Completions
from akl_bench.artifacts.store import COMPLETIONS, ROWS
from akl_bench.data.examples import token_ids
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.pipeline.provenance import made_here

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from akl_bench.executors.base import Report
    from akl_bench.pipeline.model import Model
    from akl_bench.pipeline.plan import CellPlan, Plan

# Decoding draws from another stream than training of the same seed.
DECODING = 1_000_003


def task_records(plan: Plan, task: str) -> list[Record]:
    """The records of a generation task."""
    rows = read_jsonl(plan.shared[f"rows-{task}"].folder / ROWS)
    return [Record(**{**row, "outputs": tuple(row["outputs"])}) for row in rows]


def task_prompts(
    plan: Plan, task: str, tokenizer: PreTrainedTokenizerBase
) -> dict[str, tuple[int, ...]]:
    """The prompts of a generation task by the ids of its records."""
    prompt, limit = Prompt(plan.profile.prompt), plan.profile.data.max_prompt_tokens
    # A prompt that is too long keeps its first tokens, as in the MiniLLM protocol.
    return {
        record.id: token_ids(tokenizer, prompt.render(record))[:limit]
        for record in task_records(plan, task)
    }


def answer(plan: Plan, cell: CellPlan, task: str, model: Model, report: Report) -> None:
    """Let a model answer the prompts of a task that generates, and seal what it says."""
    spec, fields = plan.tasks[task].spec.generation, plan.tasks[task].completions
    assert fields is not None, "only tasks that generate come here"
    prompts = task_prompts(plan, task, model.tokenizer)
    artifact = plan.completions(cell, task, model.id)
    artifact.part.parent.mkdir(parents=True, exist_ok=True)
    with artifact.make(made_here(fields["libraries"])) as making:
        generation.registry.create(spec.sampler).sample(
            model.model,
            model.tokenizer,
            prompts,
            spec,
            seed=cell.record.seed + DECODING,
            path=artifact.part,
            progress=partial(report, task),
        )
        artifact.part.rename(making.folder / COMPLETIONS)
        making.record = Completions(
            task=task, n=len(prompts) * spec.samples, measure=digest(fields)
        )
