"""Makes the plan of a run: what each key is made from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from akl_bench import divergences
from akl_bench.artifacts.files import digest
from akl_bench.artifacts.keys import code, libraries, plugin_code
from akl_bench.artifacts.records import CellRecord, Fields, Tuned
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
from akl_bench.errors import UsageError
from akl_bench.executors.base import Machine
from akl_bench.models.census import content_hash
from akl_bench.models.locate import check_checkpoint
from akl_bench.pipeline.inputs import Inputs
from akl_bench.pipeline.measures import TORCH, Measures, examples_of
from akl_bench.pipeline.objectives import SFT, ObjectiveSpec
from akl_bench.pipeline.plan import (
    CellPlan,
    Plan,
    TrialPlan,
    identity,
    is_validated,
    needs_of_student,
    train_set,
)
from akl_bench.pipeline.sharing import Sharing, writing
from akl_bench.pipeline.trials import search
from akl_bench.recipe import Rate
from akl_bench.training import devices, sources, teachers
from akl_bench.training.tuning import best_point, rate

# Settings that decide nothing about a student, or that another field has resolved.
_FREE_TRAINING = {"checkpoint_every", "precision"}


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
        UsageError: An unknown plug-in, or labels that clash.
    """
    planner = _Planner(inputs, folder, machine, axes or {})
    return planner.plan(objectives, checkpoints or {}, trains, elsewhere)


class _Planner:
    """The parts of keys that several artifacts have in common."""

    def __init__(self, inputs: Inputs, folder: Path, machine: Machine, axes: Fields):
        self._inputs, self._folder, self._machine, self._axes = inputs, folder, machine, axes
        self._profile = inputs.profile
        self._common = Sharing(inputs, folder, machine)

    def plan(
        self,
        objectives: Sequence[ObjectiveSpec],
        checkpoints: Mapping[str, Path],
        trains: bool,
        elsewhere: Collection[tuple[Any, ...]],
    ) -> Plan:
        profile = self._profile
        wanted = {train_set(objective.source): objective.source for objective in objectives}
        self._shared = self._common.plan(wanted)
        measures = Measures(self._inputs, self._common.run_teacher, self._shared)
        self._validation = measures.plan(profile.validation) if objectives else None
        # Learning rates: chosen ones, and what tells the others.
        trials: list[TrialPlan] = []
        tuned: list[Tuned] = []
        waiting: list[CellRecord] = []
        trials_left = 0
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
                # Named after what is not known yet; the cell of the chosen rate takes its place.
                unknown = profile.training.lr
                made_up = (self._trained(objective, student, s, unknown) for s in profile.seeds)
                waiting += [cell.record for cell in made_up]
        asked = self._asked(objectives, checkpoints)
        cells = {identity(cell.record): cell for cell in asked}
        elsewhere = {*elsewhere, *map(identity, waiting)}
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
            precision=self._common.precision,
            cells=tuple(cells.values()),
            others=tuple(others),
            waiting=tuple(waiting),
            trials=tuple(trials),
            trials_left=trials_left,
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
        made, waiting, scores = search(
            tuning,
            lambda lr: [self._trial(objective, student, seed, lr) for seed in tuning.seeds],
        )
        if waiting:
            return made, waiting, None
        # Where all diverge, so will the student, and its cell says so.
        lr = rate(tuning.start, best_point(scores))
        by_rate = {rate(tuning.start, point): score for point, score in scores.items()}
        about: Fields = {"objective": objective.label, "student": student, "axes": self._axes}
        return made, [], Tuned(**about, lr=lr, scores=by_rate)

    def _trial(self, objective: ObjectiveSpec, student: str, seed: int, lr: float) -> TrialPlan:
        fields = {**self._training(objective, student, seed, lr), "criterion": self._criterion()}
        name = cell_name(objective.label, student, seed, digest(fields))
        folder = Run(self._folder).trials / name / TRIAL
        return TrialPlan(objective, student, seed, self._axes, Artifact(folder, fields))

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
                if (lr := self._lr.get((objective.label, student))) is not None:
                    yield self._trained(objective, student, seed, lr)

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
            before, now = kept.model[name], self._common.run_teacher[name]
            if before != now:
                raise UsageError(
                    f"{self._folder} has students trained with {name} {before}; here it is {now}. "
                    "Name another folder with --out, or train where they were trained."
                )

    def _teacher_cell(self, seed: int) -> CellPlan:
        return _cell(self._common.run_teacher, objective=TEACHER, seed=seed, kind="teacher")

    def _untrained(self, student: str, seed: int) -> CellPlan:
        fields = {
            "student": self._common.student(student),
            "teacher": self._common.teacher,
            "seed": seed,
        }
        return _cell(fields, objective=UNTRAINED, student=student, seed=seed, kind="untrained")

    def _checkpoint(self, label: str, path: Path, seed: int) -> CellPlan:
        check_checkpoint(path)
        if not any(path.glob("tokenizer*")) and not (path / "vocab.json").is_file():
            raise UsageError(f"{path} has no tokenizer; copy its files (tokenizer.json) there.")
        fields = {"checkpoint": content_hash(path), "device": self._machine.device}
        return _cell(fields, objective=label, seed=seed, kind="checkpoint", path=str(path))

    def _trained(self, objective: ObjectiveSpec, student: str, seed: int, lr: Rate) -> CellPlan:
        label = objective.label
        fields = self._training(objective, student, seed, lr)
        if is_validated(objective, self._profile):
            fields["criterion"] = self._criterion()
        about = {"objective": label, "student": student, "seed": seed, "axes": self._axes}
        return _cell(fields, objective, kind="trained", **about)

    def _training(self, objective: ObjectiveSpec, student: str, seed: int, lr: Rate) -> Fields:
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
            "student": self._common.student(student),
            "seed": seed,
            "data": {
                "train_set": train_set(objective.source),
                "train": examples_of(self._inputs, "train"),
            },
            **self._common.run_teacher,
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
            fields["writing"] = writing()
        return fields


def _cell(model: Fields, spec: ObjectiveSpec | None = None, **about: Any) -> CellPlan:
    """A cell whose folder is named after the key of its model."""
    own = {"student": "", **about}
    # What cells of two points have in common they do not share: each has a folder of its own.
    axes = [own["axes"]] if own.get("axes") else []
    key = digest([own["objective"], model, *axes])
    name = cell_name(own["objective"], own["student"], own["seed"], key)
    return CellPlan(CellRecord(name=name, **own), model, spec)
