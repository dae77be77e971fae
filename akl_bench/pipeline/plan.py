"""What a run is made of: cells, the artifacts of each, and what they share; each with its key."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from akl_bench import divergences, generation, metrics
from akl_bench.artifacts.files import digest
from akl_bench.artifacts.keys import code, libraries, plugin_code
from akl_bench.artifacts.records import CellRecord, Fields, Measured, RunRecord, Student
from akl_bench.artifacts.store import (
    COMPLETIONS,
    TEACHER,
    UNTRAINED,
    Artifact,
    CellFolder,
    Run,
    cell_name,
    folder_name,
    read_seal,
)
from akl_bench.config import ModelRef, Profile
from akl_bench.errors import UsageError
from akl_bench.executors.base import Machine
from akl_bench.models.census import fingerprint
from akl_bench.pipeline.inputs import Inputs
from akl_bench.pipeline.objectives import SFT, ObjectiveSpec
from akl_bench.tasks import TaskSpec
from akl_bench.training import devices, sources, teachers
from akl_bench.training.schedule import Precision, resolve_precision

_TORCH = ("torch", "transformers", "tokenizers", "numpy")
# What decides nothing about a student: where it is told to go on, and what its fields have resolved.
_FREE_TRAINING = {"checkpoint_every", "precision"}
_TEXT_LIBRARIES = ("rouge-score", "nltk", "rapidfuzz", "numpy")
# How a run's teacher is compared with: always exactly, whatever it is trained with.
FIDELITY_TEACHER = "cached"
# Module of pipeline.scores, name of the artifact, and the libraries, for kinds that score a model.
_OF_MODELS = {"harness": (*_TORCH, "lm_eval"), "fidelity": _TORCH}


@dataclass(frozen=True)
class ScorePlan:
    """How a score of a task is measured.

    Attributes:
        fields: All of its key but what is measured.
        protocol: What must agree for two such numbers to be comparable.
    """

    fields: Fields
    protocol: Fields

    @property
    def measured(self) -> Measured:
        """As run.json and the seals have it."""
        return Measured(measure=digest(self.fields), protocol=self.protocol)


@dataclass(frozen=True)
class TaskPlan:
    """How a task is answered and scored.

    Attributes:
        spec: The task.
        completions: All of their key but the model and the seed; None where nothing is generated.
        scores: By name: the metric, or the task's kind where the model itself is scored.
    """

    spec: TaskSpec
    completions: Fields | None
    scores: dict[str, ScorePlan]


@dataclass(frozen=True)
class CellPlan:
    """A cell, and what its model is.

    Attributes:
        record: As run.json has it.
        model: The key fields of the student to train, or what identifies any other model.
        objective: What trains the student; None where nothing is to be trained.
    """

    record: CellRecord
    model: Fields
    objective: ObjectiveSpec | None


@dataclass(frozen=True)
class Plan:
    """Everything that the stages need; small enough to be sent to every cell.

    Attributes:
        folder: The run's folder.
        profile: The resolved profile.
        machine: Where cells run.
        precision: Of training, resolved.
        cells: Those asked for, and those of earlier calls that are trained.
        others: Cells of earlier calls that are not trained yet and were not asked for now.
        tasks: By name.
        shared: What cells share, by name.
    """

    folder: Path
    profile: Profile
    machine: Machine
    precision: Precision
    cells: tuple[CellPlan, ...]
    others: tuple[CellRecord, ...]
    tasks: dict[str, TaskPlan]
    shared: dict[str, Artifact]

    def place(self, cell: CellPlan) -> CellFolder:
        """Where a cell's artifacts lie."""
        return CellFolder(Run(self.folder).cells / cell.record.name)

    def student(self, cell: CellPlan) -> Artifact | None:
        """The student of a cell that trains one."""
        is_trained = cell.record.kind == "trained"
        return Artifact(self.place(cell).student, cell.model) if is_trained else None

    def model_id(self, cell: CellPlan) -> str | None:
        """What the model of a cell is, by content; None where its student is not trained."""
        student = self.student(cell)
        if student is None:
            return digest(cell.model)
        seal = student.sealed()
        return seal.record.content if seal and isinstance(seal.record, Student) else None

    def completions(self, cell: CellPlan, task: str, model: str) -> Artifact:
        """A cell's answers to a task that generates, given what its model is."""
        fields = {**(self.tasks[task].completions or {}), "model": model, "seed": cell.record.seed}
        return Artifact(self.place(cell).completions(task), fields)

    def scores(self, cell: CellPlan, task: str, name: str, of: str) -> Artifact:
        """A cell's score, given what is scored: the hash of its answers, or what its model is."""
        fields = {**self.tasks[task].scores[name].fields, "of": of}
        return Artifact(self.place(cell).scores(task, name), fields)

    def artifacts(self, cell: CellPlan) -> Iterator[tuple[str, Artifact | None]]:
        """All that a cell is made of, by name, in the order of making; None: not to be told yet."""
        if cell.record.kind == "trained":
            yield "student", self.student(cell)
        model = self.model_id(cell)
        for task, plan in self.tasks.items():
            of = model
            if plan.completions is not None:
                answers = self.completions(cell, task, model) if model else None
                yield f"completions {task}", answers
                seal = answers.sealed() if answers else None
                of = seal.files[COMPLETIONS] if seal else None
            for name in plan.scores:
                yield f"scores {task} {name}", self.scores(cell, task, name, of) if of else None

    def missing(self, cell: CellPlan) -> list[str]:
        """Names of what a cell has not; a damaged artifact is set aside."""
        return [name for name, a in self.artifacts(cell) if a is None or a.whole() is None]

    def needs(self, cell: CellPlan, missing: str) -> list[str]:
        """Names of what is shared that an artifact of a cell is made from."""
        stage, *where = missing.split(" ", 2)
        if stage == "student":
            assert cell.objective is not None, "only cells that are to be trained lack students"
            sets = [train_set(cell.objective.source), "validation"]
            names = ["models", *(f"examples-{name}" for name in sets)]
            if cell.objective.loss == SFT:
                return names
            names.append("head")
            return names + [f"states-{n}" for n in sets if f"states-{n}" in self.shared]
        task = where[0]
        if stage == "scores" and self.tasks[task].spec.kind == "fidelity":
            return ["models", "head", f"examples-task-{task}", f"states-task-{task}"]
        return [name] if (name := f"rows-{task}") in self.shared else []

    @cached_property
    def run_record(self) -> RunRecord:
        """What run.json is to say."""
        return RunRecord(
            profile=self.profile,
            cells=(*(cell.record for cell in self.cells), *self.others),
            scores={
                task: {name: score.measured for name, score in plan.scores.items()}
                for task, plan in self.tasks.items()
            },
        )


def make(
    inputs: Inputs,
    objectives: Sequence[ObjectiveSpec],
    folder: Path,
    machine: Machine,
    *,
    checkpoints: Mapping[str, Path] | None = None,
) -> Plan:
    """Plan a run.

    Args:
        inputs: What it starts from.
        objectives: What to train with; none: nothing is trained.
        folder: The run's folder; the cells that it has by now are part of the plan.
        machine: Where cells run.
        checkpoints: Folders of models to be scored, by the label of their row.

    Raises:
        UsageError: An unknown plug-in, or labels that clash.
    """
    return _Planner(inputs, folder, machine).plan(objectives, checkpoints or {})


def train_set(source: str) -> str:
    """Name of the examples that a source has prepared."""
    name = sources.registry.spec_of(sources.registry.create(source))
    return "train" if name == "fixed" else folder_name(f"train-{name}")


class _Planner:
    """The parts of keys that several artifacts have in common."""

    def __init__(self, inputs: Inputs, folder: Path, machine: Machine):
        self._inputs, self._folder, self._machine = inputs, folder, machine
        self._profile = inputs.profile
        self._precision = resolve_precision(inputs.profile.training, has_bf16=machine.has_bf16)
        self._teacher = _model(inputs.profile.teacher, inputs.hashes["teacher"])
        # Of the teacher's own states and answers.
        self._run_teacher = {
            "teacher": self._teacher,
            "precision": self._precision,
            "device": machine.device,
        }

    def plan(
        self, objectives: Sequence[ObjectiveSpec], checkpoints: Mapping[str, Path]
    ) -> Plan:
        cells = {_identity(cell.record): cell for cell in self._asked(objectives, checkpoints)}
        others = []
        run = Run(self._folder)
        for record in run.read().cells if run.exists() else ():
            if _identity(record) not in cells:
                if (kept := self._kept(record)) is None:
                    others.append(record)
                else:
                    cells[_identity(record)] = kept
        return Plan(
            self._folder,
            self._profile,
            self._machine,
            self._precision,
            tuple(cells.values()),
            tuple(others),
            {name: self._task(task) for name, task in self._profile.tasks.items()},
            self._shared([objective.source for objective in objectives]),
        )

    def _asked(
        self, objectives: Sequence[ObjectiveSpec], checkpoints: Mapping[str, Path]
    ) -> Iterator[CellPlan]:
        """Teacher and untrained students first, then seed by seed."""
        profile = self._profile
        known = {UNTRAINED, TEACHER, *(objective.label for objective in objectives)}
        for label, path in checkpoints.items():
            if label in known or label.partition("(")[0] in (SFT, *divergences.names()):
                raise UsageError(f"--label {label}: rows of that name are made otherwise; choose another.")
        seeds = profile.seeds
        if objectives:
            for seed in seeds:
                yield self._cell("teacher", TEACHER, "", seed, self._run_teacher)
                for name in profile.students:
                    fields = {"student": self._student(name), "teacher": self._teacher, "seed": seed}
                    yield self._cell("untrained", UNTRAINED, name, seed, fields)
        for label, path in checkpoints.items():
            content = fingerprint(ModelRef(source="path", path=str(path)))
            for seed in seeds:
                fields = {"checkpoint": content, "device": self._machine.device}
                yield self._cell("checkpoint", label, "", seed, fields, path=str(path))
        for seed in seeds:
            for name in profile.students:
                for objective in objectives:
                    fields = self._trained(objective, name, seed)
                    yield self._cell("trained", objective.label, name, seed, fields, objective)

    def _cell(
        self,
        kind: Literal["teacher", "untrained", "trained", "checkpoint"],
        label: str,
        student: str,
        seed: int,
        model: Fields,
        objective: ObjectiveSpec | None = None,
        path: str = "",
    ) -> CellPlan:
        record = CellRecord(
            objective=label,
            student=student,
            seed=seed,
            kind=kind,
            name=cell_name(label, student, seed, digest([label, model])),
            path=path,
        )
        return CellPlan(record, model, objective)

    def _kept(self, record: CellRecord) -> CellPlan | None:
        """A cell of an earlier call, measured as all others are now; None: it has no model yet."""
        if record.kind == "teacher":
            return self._cell("teacher", TEACHER, "", record.seed, self._run_teacher)
        if record.kind == "checkpoint":
            path = Path(record.path)
            if not path.is_dir():
                return None
            fields = {
                "checkpoint": fingerprint(ModelRef(source="path", path=record.path)),
                "device": self._machine.device,
            }
            return self._cell("checkpoint", record.objective, "", record.seed, fields, path=record.path)
        if record.student not in self._profile.students:
            return None
        if record.kind == "untrained":
            fields = {
                "student": self._student(record.student),
                "teacher": self._teacher,
                "seed": record.seed,
            }
            return self._cell("untrained", UNTRAINED, record.student, record.seed, fields)
        seal = read_seal(CellFolder(Run(self._folder).cells / record.name).student)
        return CellPlan(record, seal.fields, None) if seal is not None else None

    def _student(self, name: str) -> Fields:
        return _model(self._profile.students[name], self._inputs.hashes.get(f"student-{name}"))

    def _trained(self, objective: ObjectiveSpec, student: str, seed: int) -> Fields:
        profile, training = self._profile, self._profile.training
        teacher, shares = (
            plugin_code(type(registry.create(spec)))
            for registry, spec in ((teachers.registry, training.teacher), (devices.registry, training.devices))
        )
        fields: Fields = {
            "objective": objective.label,
            "student": self._student(student),
            "seed": seed,
            "data": {
                "train_set": train_set(objective.source),
                **{name: self._examples(name) for name in ("train", "validation")},
            },
            **self._run_teacher,
            "training": training.model_dump(mode="json", exclude=_FREE_TRAINING),
            "code": {
                "training": code("akl_bench.pipeline.train"),
                **objective.code,
                "teacher": teacher,
                "devices": shares,
            },
            "libraries": libraries(*_TORCH, "accelerate", *(["peft"] if training.lora else [])),
        }
        if training.select == "rouge_l":
            decoding = next(t.generation for t in profile.tasks.values() if t.kind == "generation")
            fields["selection"] = {
                "decoding": decoding.model_dump(mode="json"),
                "code": code("akl_bench.pipeline.selection"),
            }
        return fields

    def _examples(self, name: str) -> Fields:
        """What tokenised examples come from."""
        data = self._profile.data
        return {
            "rows": self._inputs.hashes[name],
            "prompt": self._profile.prompt,
            "lengths": [data.max_prompt_tokens, data.max_response_tokens],
        }

    def _task(self, task: TaskSpec) -> TaskPlan:
        protocol: Fields = {
            "kind": task.kind,
            "version": task.version,
            "stamps": [n for n in ("smoke", "dry_models") if getattr(self._profile, n)],
        }
        rows = self._inputs.hashes.get(f"task-{task.name}")
        if task.kind == "generation":
            answered: Fields = {
                "rows": rows,
                "prompt": self._profile.prompt,
                "max_prompt_tokens": self._profile.data.max_prompt_tokens,
                "generation": task.generation.model_dump(mode="json"),
            }
            sampler = type(generation.registry.create(task.generation.sampler))
            completions = {
                **answered,
                "task": task.name,
                "device": self._machine.device,
                "code": {
                    "answer": code("akl_bench.pipeline.answer"),
                    "sampler": plugin_code(sampler),
                },
                "libraries": libraries(*_TORCH),
            }
            return TaskPlan(task, completions, self._text_scores(task, protocol | answered))
        measured: Fields = {"rows": rows, "lm_eval": task.lm_eval}
        if task.kind == "fidelity":
            measured = {**self._examples(f"task-{task.name}"), "teacher": self._teacher}
        fields = {
            "task": task.name,
            **protocol,
            **measured,
            "device": self._machine.device,
            "code": code(f"akl_bench.pipeline.scores.{task.kind}"),
            "libraries": libraries(*_OF_MODELS[task.kind]),
        }
        if task.kind == "fidelity":
            fields["precision"] = self._precision
        return TaskPlan(task, None, {task.kind: ScorePlan(fields, protocol | measured)})

    def _text_scores(self, task: TaskSpec, protocol: Fields) -> dict[str, ScorePlan]:
        scores = {}
        for spec in task.metrics:
            metric = metrics.get(spec)
            plugin = plugin_code(type(metric))
            fields = {
                "task": task.name,
                "metric": metrics.registry.portable(spec),
                "rows": protocol["rows"],
                "protocol": digest(protocol),
                "code": {"score": code("akl_bench.pipeline.scores.text"), "metric": plugin},
                "libraries": libraries(*_TEXT_LIBRARIES),
            }
            is_file = ".py:" in spec
            own = {**protocol, "file": plugin} if is_file else protocol
            scores[metrics.registry.spec_of(metric)] = ScorePlan(fields, own)
        return scores

    def _shared(self, wanted_sources: Sequence[str]) -> dict[str, Artifact]:
        profile = self._profile
        tokens = {"tokenizer": self._teacher["content"], "code": code("akl_bench.data.examples")}
        fields: dict[str, Fields] = {
            "models": {
                "teacher": self._teacher,
                "students": {name: self._student(name) for name in profile.students},
                "lora": profile.training.lora is not None,
            },
            "head": self._run_teacher,
        }
        for name in self._inputs.tasks:
            fields[f"rows-{name}"] = {"rows": self._inputs.hashes[f"task-{name}"]}
        sets = {"validation": profile.training.teacher}
        for name, task in profile.tasks.items():
            if task.kind == "fidelity":
                sets[f"task-{name}"] = FIDELITY_TEACHER
        for name in sets:
            fields[f"examples-{name}"] = {**self._examples(name), **tokens}
        for source in dict.fromkeys(wanted_sources):
            name = train_set(source)
            sets[name] = profile.training.teacher
            fields[f"examples-{name}"] = {**self._examples("train"), **tokens, **self._from(source)}
        for name, spec in sets.items():
            teacher = teachers.registry.create(spec)
            if teacher.has_cache:
                fields[f"states-{name}"] = {
                    "examples": digest(fields[f"examples-{name}"]),
                    **self._run_teacher,
                    "spec": spec,
                    "code": plugin_code(type(teacher)),
                    "libraries": libraries(*_TORCH),
                }
        shared = Run(self._folder).shared
        return {
            name: Artifact(shared / f"{name}-{digest(own)[:8]}", own)
            for name, own in fields.items()
        }

    def _from(self, spec: str) -> Fields:
        """What a source's examples depend on besides the rows."""
        source = sources.registry.create(spec)
        if spec == "fixed":
            return {}
        fields: Fields = {"source": spec, "source_code": plugin_code(type(source))}
        if "teacher text" not in source.needs:
            return fields
        return {
            **fields,
            **self._run_teacher,
            "sampling_code": code("akl_bench.generation.hf"),
            "libraries": libraries(*_TORCH),
        }


def _model(ref: ModelRef, content: str | None) -> Fields:
    """A model by its content, wherever that lies; or how it is made, where it has none yet."""
    return {"content": content} if content else ref.model_dump(mode="json", exclude_none=True)


def _identity(record: CellRecord) -> tuple[Any, ...]:
    return record.objective, record.student, record.seed
