"""How each task is measured: the keys of completions and scores, and what makes two comparable."""

from collections.abc import Mapping
from typing import Any

from akl_bench import generation, metrics
from akl_bench.artifacts.keys import code, libraries, plugin_code
from akl_bench.artifacts.records import Fields
from akl_bench.artifacts.store import Artifact
from akl_bench.pipeline.inputs import Inputs
from akl_bench.pipeline.plan import ScorePlan, TaskPlan, needs_of_fidelity
from akl_bench.tasks import TaskSpec

TORCH = ("torch", "transformers", "tokenizers", "numpy")
TEXT = ("rouge-score", "nltk", "rapidfuzz", "numpy")


def examples_of(inputs: Inputs, name: str) -> Fields:
    """What tokenised examples come from."""
    data = inputs.profile.data
    return {
        "rows": inputs.hashes[name],
        "prompt": inputs.profile.prompt,
        "lengths": [data.max_prompt_tokens, data.max_response_tokens],
    }


class Measures:
    """Plans the tasks of a run.

    Args:
        inputs: What it starts from.
        teacher: Key fields of the teacher as it runs: content, precision, device.
        shared: What cells share, by name.
    """

    def __init__(self, inputs: Inputs, teacher: Fields, shared: Mapping[str, Artifact]):
        self._inputs, self._profile = inputs, inputs.profile
        self._teacher, self._shared = teacher, shared

    def plan(self, task: TaskSpec) -> TaskPlan:
        """How a task is answered and scored."""
        protocol: Fields = {
            "kind": task.kind,
            "version": task.version,
            "stamps": [n for n in ("smoke", "dry_models") if getattr(self._profile, n)],
            "rows": self._inputs.hashes.get(f"task-{task.name}"),
        }
        if task.kind == "generation":
            sampler = generation.registry.create(task.generation.sampler)
            label = generation.registry.spec_of(sampler)
            protocol |= {
                "prompt": self._profile.prompt,
                "max_prompt_tokens": self._profile.data.max_prompt_tokens,
                "generation": {**task.generation.model_dump(mode="json"), "sampler": label},
            }
            # A file of one's own has no version that says when its numbers move.
            if ".py:" in task.generation.sampler:
                protocol["sampler_file"] = plugin_code(type(sampler))
            return TaskPlan(task, self._completions(task, protocol), self._text(task, protocol))
        if task.kind == "harness":
            protocol["lm_eval"] = task.lm_eval
            fields = self._of_model(task, protocol, "lm_eval")
        else:
            of_teacher = {name: self._teacher[name] for name in ("teacher", "precision")}
            protocol |= {**examples_of(self._inputs, f"task-{task.name}"), **of_teacher}
            needs = needs_of_fidelity(task.name)
            made_from = {name: self._shared[name].key for name in needs}
            fields = {**self._of_model(task, protocol), "made_from": made_from}
        return TaskPlan(task, None, {task.kind: ScorePlan(fields, protocol)})

    def _completions(self, task: TaskSpec, protocol: Fields) -> Fields:
        sampler = generation.registry.create(task.generation.sampler)
        return {
            "task": task.name,
            **protocol,
            "device": self._teacher["device"],
            "code": {
                "answer": code("akl_bench.pipeline.answer", "akl_bench.pipeline.model"),
                "sampler": plugin_code(type(sampler)),
            },
            "libraries": libraries(*TORCH),
        }

    def _text(self, task: TaskSpec, protocol: Fields) -> dict[str, ScorePlan]:
        scores = {}
        for spec in task.metrics:
            metric = metrics.get(spec)
            label, plugin = metrics.registry.spec_of(metric), plugin_code(type(metric))
            fields = {
                "task": task.name,
                "metric": label,
                **protocol,
                "code": {"score": code("akl_bench.pipeline.scores.text"), "metric": plugin},
                "libraries": libraries(*TEXT),
            }
            own: dict[str, Any] = {"file": plugin} if ".py:" in spec else {}
            plan = ScorePlan(fields, {**protocol, **own}, metrics.registry.portable(spec))
            scores[label] = plan
        return scores

    def _of_model(self, task: TaskSpec, protocol: Fields, *more: str) -> Fields:
        return {
            "task": task.name,
            **protocol,
            "device": self._teacher["device"],
            "code": code(f"akl_bench.pipeline.scores.{task.kind}", "akl_bench.pipeline.model"),
            "libraries": libraries(*TORCH, *more),
        }
