"""What cells share, and the parts of keys that several artifacts have in common."""

from collections.abc import Mapping
from pathlib import Path

from akl_bench import generation
from akl_bench.artifacts.files import digest
from akl_bench.artifacts.keys import code, libraries, plugin_code
from akl_bench.artifacts.records import Fields
from akl_bench.artifacts.store import Artifact, Run
from akl_bench.config import ModelRef
from akl_bench.executors.base import Machine
from akl_bench.pipeline.inputs import Inputs
from akl_bench.pipeline.measures import TORCH, examples_of
from akl_bench.pipeline.plan import train_set
from akl_bench.tasks import GenerationSpec
from akl_bench.training import sources, teachers
from akl_bench.training.schedule import resolve_precision

# Students are compared with the exact teacher, whatever they are trained with.
_FIDELITY_TEACHER = "cached"


class Sharing:
    """Plans what the cells of a run share.

    Attributes:
        precision: Of training, resolved.
        teacher: Key fields of the teacher.
        run_teacher: Those of the teacher's own states and answers.
    """

    def __init__(self, inputs: Inputs, folder: Path, machine: Machine):
        self._inputs, self._profile, self._folder = inputs, inputs.profile, folder
        self.precision = resolve_precision(inputs.profile.training, has_bf16=machine.has_bf16)
        self.teacher = _model(inputs.profile.teacher, inputs.hashes["teacher"])
        self.run_teacher = {
            "teacher": self.teacher,
            "precision": self.precision,
            "device": machine.device,
        }

    def student(self, name: str) -> Fields:
        """Key fields of a student before training."""
        return _model(self._profile.students[name], self._inputs.hashes.get(f"student-{name}"))

    def plan(self, wanted: Mapping[str, str]) -> dict[str, Artifact]:
        """What cells share, by name.

        Args:
            wanted: What makes each training set, by the set's name.
        """
        profile = self._profile
        tokens = {
            "tokenizer": self.teacher["content"],
            "code": code("akl_bench.data.examples", "akl_bench.data.prompts"),
            "libraries": libraries("tokenizers", "transformers"),
        }
        loading = {"loading": code("akl_bench.pipeline.model"), "libraries": libraries(*TORCH)}
        fields: dict[str, Fields] = {
            "models": {
                "teacher": self.teacher,
                "students": {name: self.student(name) for name in profile.students},
                "lora": profile.training.lora is not None,
                "code": code("akl_bench.models.lora", "akl_bench.models.vocabulary"),
                **loading,
            },
            "head": {**self.run_teacher, "code": code("akl_bench.models.heads"), **loading},
        }
        for name in self._inputs.tasks:
            fields[f"rows-{name}"] = {"rows": self._inputs.hashes[f"task-{name}"]}
        sets = {}
        for name, task in profile.tasks.items():
            if task.kind == "fidelity":
                sets[f"task-{name}"] = _FIDELITY_TEACHER
        for name in sets:
            fields[f"examples-{name}"] = {**examples_of(self._inputs, name), **tokens}
        for name, source in wanted.items():
            sets[name] = profile.training.teacher
            fields[f"examples-{name}"] = {
                **examples_of(self._inputs, "train"),
                **tokens,
                **self._from(source),
            }
        for name, spec in sets.items():
            teacher = teachers.registry.create(spec)
            if teacher.has_cache:
                fields[f"states-{name}"] = {
                    "examples": digest(fields[f"examples-{name}"]),
                    **self.run_teacher,
                    "spec": spec if ".py:" in spec else teachers.registry.spec_of(teacher),
                    "code": plugin_code(type(teacher)),
                    **loading,
                }
        shared = Run(self._folder).shared
        return {
            name: Artifact(shared / f"{name}-{digest(own)[:8]}", own)
            for name, own in fields.items()
        }

    def _from(self, spec: str) -> Fields:
        """What a source's examples depend on besides the rows."""
        if train_set(spec) == "train":
            return {}
        source = sources.registry.create(spec)
        name = sources.registry.spec_of(source)
        fields: Fields = {"source": name, "source_code": plugin_code(type(source))}
        if "teacher text" not in source.needs:
            return fields
        return {
            **fields,
            **self.run_teacher,
            "writing": writing(),
            "libraries": libraries(*TORCH),
        }


def _model(ref: ModelRef, content: str | None) -> Fields:
    """A model by its content, wherever that lies; or how it is made, where it has none yet."""
    return {"content": content} if content else ref.model_dump(mode="json", exclude_none=True)


def writing() -> Fields:
    """How models write for sources; what a source itself decides is in its code."""
    spec = GenerationSpec()
    return {
        "settings": spec.model_dump(mode="json"),
        "code": code("akl_bench.pipeline.shared"),
        "sampler": plugin_code(type(generation.registry.create(spec.sampler))),
    }
