"""Makes the plan of a run: what each key is made from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from akl_bench import divergences, generation
from akl_bench.artifacts.files import digest
from akl_bench.artifacts.keys import code, libraries, plugin_code
from akl_bench.artifacts.records import CellRecord, Fields, Trial, Tuned
from akl_bench.artifacts.store import (
    TEACHER,
    TRIAL,
    UNTRAINED,
    Artifact,
    CellFolder,
    Run,
    cell_name,
    read_seal,
)
from akl_bench.config import ModelRef
from akl_bench.errors import UsageError
from akl_bench.executors.base import Machine
from akl_bench.models.census import content_hash
from akl_bench.models.locate import check_checkpoint
from akl_bench.pipeline.inputs import Inputs
from akl_bench.pipeline.measures import TORCH, Measures, examples_of
from akl_bench.pipeline.objectives import SFT, ObjectiveSpec
from akl_bench.pipeline.plan import CellPlan, Plan, TrialPlan, needs_of_student, train_set
from akl_bench.tasks import GenerationSpec
from akl_bench.training import devices, sources, teachers
from akl_bench.training.schedule import resolve_precision
from akl_bench.training.tuning import best_point, next_points, rate

# Settings that decide nothing about a student, or that another field has resolved.
_FREE_TRAINING = {"checkpoint_every", "precision"}
# Students are compared with the exact teacher, whatever they are trained with.
_FIDELITY_TEACHER = "cached"


def make(
    inputs: Inputs,
    objectives: Sequence[ObjectiveSpec],
    folder: Path,
    machine: Machine,
    *,
    checkpoints: Mapping[str, Path] | None = None,
    axes: Fields | None = None,
    trains: bool = True,
    elsewhere: Collection[tuple[Any, ...]] = (),
) -> Plan:
    """Plan a run, or a point of its axes.

    Args:
        inputs: What it starts from.
        objectives: What to train with; none: nothing is trained.
        folder: The run's folder; the cells that it has by now are part of the plan.
        machine: Where cells run.
        checkpoints: Folders of models to be scored, by the label of their row.
        axes: What a sweep has set in the profile; its point has no cells but those it trains.
        trains: Whether it trains; else objectives add no cells but those of teacher and untrained
            students.
        elsewhere: Identities of cells that belong to other plans of the run.

    Raises:
        UsageError: An unknown plug-in, labels that clash, or no learning rate at which an objective
            trains.
    """
    planner = _Planner(inputs, folder, machine, axes or {})
    return planner.plan(objectives, checkpoints or {}, trains, elsewhere)


class _Planner:
    """The parts of keys that several artifacts have in common."""

    def __init__(self, inputs: Inputs, folder: Path, machine: Machine, axes: Fields):
        self._inputs, self._folder, self._machine, self._axes = inputs, folder, machine, axes
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
        self,
        objectives: Sequence[ObjectiveSpec],
        checkpoints: Mapping[str, Path],
        trains: bool,
        elsewhere: Collection[tuple[Any, ...]],
    ) -> Plan:
        profile = self._profile
        wanted = {train_set(objective.source): objective.source for objective in objectives}
        self._shared = self._plan_shared(wanted)
        measures = Measures(self._inputs, self._run_teacher, self._shared)
        self._validation = measures.plan(profile.validation) if objectives else None
        # Learning rates: chosen ones, and what tells the others.
        trials: list[TrialPlan] = []
        tuned: list[Tuned] = []
        trials_left = cells_left = 0
        self._lr: dict[tuple[str, str], float] = {}
        for objective, student in product(objectives if trains else (), profile.students):
            if profile.training.lr != "tuned":
                self._lr[objective.label, student] = profile.training.lr
                continue
            made, more, chosen = self._tune(objective, student)
            trials += more
            if chosen is not None:
                tuned.append(chosen)
                self._lr[objective.label, student] = chosen.lr
            else:
                trials_left += profile.trials - made
                cells_left += len(profile.seeds)
        asked = self._asked(objectives, checkpoints)
        cells = {identity(cell.record): cell for cell in asked}
        others = []
        run = Run(self._folder)
        # Those of an earlier call are measured in the run's own plan.
        for record in run.read().cells if run.exists() and not self._axes else ():
            if identity(record) not in cells and identity(record) not in elsewhere:
                if (kept := self._kept(record)) is None:
                    others.append(record)
                    continue
                if objectives and record.kind == "trained":
                    self._check_same_machine(kept)
                cells[identity(record)] = kept
        return Plan(
            folder=self._folder,
            profile=profile,
            axes=self._axes,
            machine=self._machine,
            precision=self._precision,
            cells=tuple(cells.values()),
            others=tuple(others),
            trials=tuple(trials),
            trials_left=trials_left,
            cells_left=cells_left,
            tuned=tuple(tuned),
            tasks={name: measures.plan(task) for name, task in profile.tasks.items()},
            validation=self._validation,
            shared=self._shared,
            sources=wanted,
        )

    def _tune(
        self, objective: ObjectiveSpec, student: str
    ) -> tuple[int, list[TrialPlan], Tuned | None]:
        """Trials that were made, those to make next, and the rate that they have shown."""
        tuning = self._profile.tuning
        assert tuning is not None, "the profile is checked"
        scores: dict[int, float | None] = {}
        made, waiting = 0, []
        while points := next_points(scores, tuning.trials):
            for point in points:
                lr = rate(tuning.start, point)
                trials = [self._trial(objective, student, seed, lr) for seed in tuning.seeds]
                seals = [trial.artifact.sealed() for trial in trials]
                by_seed = [s.record.score for s in seals if s and isinstance(s.record, Trial)]
                made += len(by_seed)
                if len(by_seed) < len(trials):
                    waiting += [t for t, seal in zip(trials, seals, strict=True) if seal is None]
                    continue
                known = [score for score in by_seed if score is not None]
                scores[point] = fmean(known) if len(known) == len(trials) else None
            if waiting:
                return made, waiting, None
        by_rate = {rate(tuning.start, point): score for point, score in scores.items()}
        # Where all diverge, so will the student, and its cell says so.
        chosen = Tuned(
            objective=objective.label,
            student=student,
            axes=self._axes,
            lr=rate(tuning.start, best_point(scores)),
            scores=by_rate,
        )
        return made, [], chosen

    def _trial(self, objective: ObjectiveSpec, student: str, seed: int, lr: float) -> TrialPlan:
        fields = {**self._training(objective, student, seed, lr), "criterion": self._criterion()}
        name = cell_name(objective.label, student, seed, digest(fields))
        folder = Run(self._folder).trials / name / TRIAL
        return TrialPlan(objective, student, seed, Artifact(folder, fields))

    def _criterion(self) -> Fields:
        """How the criterion is measured."""
        assert self._validation is not None, "something is to be trained"
        (score,) = self._validation.scores.values()
        return {
            "completions": self._validation.completions,
            "score": score.fields,
            "code": code("akl_bench.pipeline.criterion"),
        }

    def _asked(
        self, objectives: Sequence[ObjectiveSpec], checkpoints: Mapping[str, Path]
    ) -> Iterator[CellPlan]:
        """Teacher and untrained students first, then seed by seed."""
        profile = self._profile
        own = {UNTRAINED, TEACHER, *(objective.label for objective in objectives)}
        run = Run(self._folder)
        before = run.read().cells if run.exists() and checkpoints else ()
        own |= {record.objective for record in before if record.kind != "checkpoint"}
        for label in checkpoints:
            if label in own or label.partition("(")[0] in (SFT, *divergences.names()):
                raise UsageError(f"--label {label}: that is the name of another row; choose one.")
        for seed in profile.seeds if objectives and not self._axes else ():
            yield self._teacher_cell(seed)
            for name in profile.students:
                yield self._untrained(name, seed)
        for label, path in checkpoints.items():
            for seed in profile.seeds:
                yield self._checkpoint(label, path, seed)
        for seed in profile.seeds:
            for student, objective in product(profile.students, objectives):
                if (objective.label, student) in self._lr:
                    yield self._trained(objective, student, seed)

    def _kept(self, record: CellRecord) -> CellPlan | None:
        """A cell of an earlier call, measured as all others are now; None: it has no model."""
        if record.kind == "teacher":
            return self._teacher_cell(record.seed)
        if record.kind == "checkpoint":
            path = Path(record.path)
            return self._checkpoint(record.objective, path, record.seed) if path.is_dir() else None
        if record.student not in self._profile.students:
            return None
        if record.kind == "untrained":
            return self._untrained(record.student, record.seed)
        seal = read_seal(CellFolder(Run(self._folder).cells / record.name).student)
        return CellPlan(record, seal.fields, None) if seal is not None else None

    def _check_same_machine(self, kept: CellPlan) -> None:
        """Students that stand beside each other are trained alike."""
        for name in ("device", "precision"):
            before, now = kept.model[name], self._run_teacher[name]
            if before != now:
                raise UsageError(
                    f"{self._folder} has students trained with {name} {before}; here it is {now}. "
                    "Name another folder with --out, or train where they were trained."
                )

    def _teacher_cell(self, seed: int) -> CellPlan:
        return _cell(self._run_teacher, objective=TEACHER, seed=seed, kind="teacher")

    def _untrained(self, student: str, seed: int) -> CellPlan:
        fields = {"student": self._student(student), "teacher": self._teacher, "seed": seed}
        return _cell(fields, objective=UNTRAINED, student=student, seed=seed, kind="untrained")

    def _checkpoint(self, label: str, path: Path, seed: int) -> CellPlan:
        check_checkpoint(path)
        if not any(path.glob("tokenizer*")) and not (path / "vocab.json").is_file():
            raise UsageError(f"{path} has no tokenizer; copy its files (tokenizer.json) there.")
        fields = {"checkpoint": content_hash(path), "device": self._machine.device}
        return _cell(fields, objective=label, seed=seed, kind="checkpoint", path=str(path))

    def _student(self, name: str) -> Fields:
        return _model(self._profile.students[name], self._inputs.hashes.get(f"student-{name}"))

    def _trained(self, objective: ObjectiveSpec, student: str, seed: int) -> CellPlan:
        label = objective.label
        fields = self._training(objective, student, seed, self._lr[label, student])
        if self._profile.training.select == "best":
            fields["criterion"] = self._criterion()
        about = {"objective": label, "student": student, "seed": seed, "axes": self._axes}
        return _cell(fields, objective, kind="trained", **about)

    def _training(self, objective: ObjectiveSpec, student: str, seed: int, lr: float) -> Fields:
        """What a training depends on."""
        training = self._profile.training
        teacher = teachers.registry.create(training.teacher)
        machines = devices.registry.create(training.devices)
        samples = "student samples" in sources.registry.create(objective.source).needs
        if samples and teacher.has_cache and objective.loss != SFT:
            raise UsageError(
                f"{objective.label}: the student's own text cannot be cached; set "
                "training.teacher=live."
            )
        fields: Fields = {
            "objective": objective.label,
            "student": self._student(student),
            "seed": seed,
            "data": {
                "train_set": train_set(objective.source),
                "train": examples_of(self._inputs, "train"),
            },
            **self._run_teacher,
            "training": {
                **training.model_dump(mode="json", exclude=_FREE_TRAINING),
                "lr": lr,
                "teacher": teachers.registry.spec_of(teacher),
                "devices": devices.registry.spec_of(machines),
            },
            "code": {
                "training": code("akl_bench.pipeline.train"),
                **objective.code,
                "teacher": plugin_code(type(teacher)),
                "devices": plugin_code(type(machines)),
            },
            "libraries": libraries(*TORCH, "accelerate", *(["peft"] if training.lora else [])),
            "made_from": {
                name: self._shared[name].key for name in needs_of_student(objective, self._shared)
            },
        }
        if samples:
            fields["writing"] = _writing()
        return fields

    def _plan_shared(self, wanted: Mapping[str, str]) -> dict[str, Artifact]:
        profile = self._profile
        tokens = {
            "tokenizer": self._teacher["content"],
            "code": code("akl_bench.data.examples", "akl_bench.data.prompts"),
            "libraries": libraries("tokenizers", "transformers"),
        }
        loading = {"loading": code("akl_bench.pipeline.model"), "libraries": libraries(*TORCH)}
        fields: dict[str, Fields] = {
            "models": {
                "teacher": self._teacher,
                "students": {name: self._student(name) for name in profile.students},
                "lora": profile.training.lora is not None,
                "code": code("akl_bench.models.lora", "akl_bench.models.vocabulary"),
                **loading,
            },
            "head": {**self._run_teacher, "code": code("akl_bench.models.heads"), **loading},
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
                    **self._run_teacher,
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
            **self._run_teacher,
            "writing": _writing(),
            "libraries": libraries(*TORCH),
        }


def _model(ref: ModelRef, content: str | None) -> Fields:
    """A model by its content, wherever that lies; or how it is made, where it has none yet."""
    return {"content": content} if content else ref.model_dump(mode="json", exclude_none=True)


def _writing() -> Fields:
    """How models write for sources; what a source itself decides is in its code."""
    spec = GenerationSpec()
    return {
        "settings": spec.model_dump(mode="json"),
        "code": code("akl_bench.pipeline.shared"),
        "sampler": plugin_code(type(generation.registry.create(spec.sampler))),
    }


def identity(record: CellRecord) -> tuple[Any, ...]:
    """What it is of a run: of two cells that agree in it, the later takes the other's place."""
    return record.objective, record.student, record.seed, digest(record.axes)


def _cell(model: Fields, spec: ObjectiveSpec | None = None, **about: Any) -> CellPlan:
    """A cell whose folder is named after the key of its model."""
    own = {"student": "", **about}
    key = digest([own["objective"], model])
    name = cell_name(own["objective"], own["student"], own["seed"], key)
    return CellPlan(CellRecord(name=name, **own), model, spec)
