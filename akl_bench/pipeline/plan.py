"""What a run is made of: cells, the artifacts of each, and what they share; each with its key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akl_bench.artifacts.files import digest
from akl_bench.artifacts.keys import differences
from akl_bench.artifacts.records import (
    CellRecord,
    Fields,
    Measured,
    RunRecord,
    Student,
    Tuned,
    point_of,
)
from akl_bench.artifacts.store import (
    COMPLETIONS,
    Artifact,
    CellFolder,
    Run,
    folder_name,
    read_seal,
)
from akl_bench.config import VALIDATION, Profile
from akl_bench.executors.base import Machine
from akl_bench.pipeline.objectives import SFT, ObjectiveSpec
from akl_bench.tasks import TaskSpec
from akl_bench.training import sources
from akl_bench.training.schedule import Precision
from akl_bench.training.sources.base import Source

# Of two students that agree in these one takes the other's place in a run.
_PLACE = ("objective", "student", "seed")


@dataclass(frozen=True)
class ScorePlan:
    """How a score of a task is measured.

    Attributes:
        fields: All of its key but what is measured.
        protocol: What must agree for two such numbers to be comparable.
        metric: Spec that builds the metric in any process, where it is one.
    """

    fields: Fields
    protocol: Fields
    metric: str = ""

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
class TrialPlan:
    """A training that tells how good a learning rate is.

    Attributes:
        objective: What trains the student.
        student: Name of the student in the profile.
        seed: Training and decoding seed.
        axes: What a sweep sets for it.
        artifact: What it makes.
    """

    objective: ObjectiveSpec
    student: str
    seed: int
    axes: Fields
    artifact: Artifact

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.artifact.folder.parent.name

    @property
    def label(self) -> str:
        """How it is named to people."""
        axes = (f"{name}={text}" for name, text in point_of(self.axes))
        lr = self.artifact.fields["training"]["lr"]
        parts = (self.objective.label, self.student, *axes, f"lr {lr:g}", f"seed {self.seed}")
        return f"trial of {', '.join(parts)}"

    @property
    def place(self) -> CellFolder:
        """Where it keeps checkpoints and its log."""
        return CellFolder(self.artifact.folder.parent)


@dataclass(frozen=True)
class Plan:
    """Everything that the stages need; small enough to be sent to every cell.

    Attributes:
        folder: The run's folder.
        profile: The resolved profile, what a sweep sets in it.
        axes: What a sweep sets.
        machine: Where cells run.
        precision: Of training, resolved.
        cells: Those asked for, and those of earlier calls that are trained.
        others: Cells of earlier calls that are not trained yet and were not asked for now.
        waiting: Cells that are planned once a learning rate is chosen.
        trials: Those to make next.
        trials_left: Number of trials until all rates are chosen.
        tuned: The learning rates that were chosen.
        tasks: By name.
        validation: How the criterion is measured; None where nothing is to be trained.
        shared: What cells share, by name.
        sources: What makes each training set, by the set's name.
    """

    folder: Path
    profile: Profile
    axes: Fields
    machine: Machine
    precision: Precision
    cells: tuple[CellPlan, ...]
    others: tuple[CellRecord, ...]
    waiting: tuple[CellRecord, ...]
    trials: tuple[TrialPlan, ...]
    trials_left: int
    tuned: tuple[Tuned, ...]
    tasks: dict[str, TaskPlan]
    validation: TaskPlan | None
    shared: dict[str, Artifact]
    sources: dict[str, str]

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

    def why(self, cell: CellPlan, name: str, artifact: Artifact | None) -> str:
        """Why an artifact of a cell is not there: the first field that differs from one that is."""
        if artifact is None:
            return "what it is made from is not there yet"
        places = [artifact.folder]
        if name == "student":
            # Students of other settings lie in cells of their own.
            beside = self.place(cell).folder.parent.glob(f"*-s{cell.record.seed}-????????")
            places = [CellFolder(folder).student for folder in beside]
        for seal in filter(None, map(read_seal, places)):
            same = (seal.fields.get(part) == artifact.fields.get(part) for part in _PLACE)
            if name != "student" or all(same):
                return next(differences(seal.fields, artifact.fields), "its files were changed")
        return "not made yet"

    def needs(self, cell: CellPlan, missing: str) -> list[str]:
        """Names of what is shared that an artifact of a cell is made from."""
        stage, *where = missing.split(" ", 2)
        if stage == "student":
            assert cell.objective is not None, "only cells that are to be trained lack students"
            validates = is_validated(cell.objective, self.profile)
            rows = [f"rows-{VALIDATION}"] if validates else []
            return ["models", *needs_of_student(cell.objective, self.shared), *rows]
        task = where[0]
        if stage == "scores" and self.tasks[task].spec.kind == "fidelity":
            return ["models", *needs_of_fidelity(task)]
        return [name] if (name := f"rows-{task}") in self.shared else []

    def needs_of_trial(self, trial: TrialPlan) -> list[str]:
        """Names of what is shared that a trial is made from."""
        names = needs_of_student(trial.objective, self.shared)
        return ["models", *names, f"rows-{VALIDATION}"]


def run_record(plans: Sequence[Plan], before: RunRecord | None) -> RunRecord:
    """What run.json is to say.

    Args:
        plans: That of the run as its profile has it, then that of each point of its axes.
        before: What it said.
    """
    base = plans[0]
    cells = {cell.record.name: cell.record for plan in plans for cell in plan.cells}
    waiting = {record.name: record for plan in plans for record in plan.waiting}
    others = {record.name: record for record in base.others if record.name not in cells}
    # A rate that is chosen anew is not known until then.
    unknown = {_tuning_of(record) for record in waiting.values()}
    known = [t for t in (before.tuned if before else ()) if _tuning_of(t) not in unknown]
    tuned = {_tuning_of(t): t for t in [*known, *(t for plan in plans for t in plan.tuned)]}
    return RunRecord(
        profile=base.profile,
        cells=(*cells.values(), *waiting.values(), *others.values()),
        tuned=tuple(tuned.values()),
        completions={t: digest(p.completions) for t, p in base.tasks.items() if p.completions},
        scores={
            task: {name: score.measured for name, score in plan.scores.items()}
            for task, plan in base.tasks.items()
        },
    )


def identity(record: CellRecord) -> tuple[Any, ...]:
    """What it is of a run: of two cells that agree in it, the later takes the other's place."""
    return record.objective, record.student, record.seed, digest(record.axes)


def _tuning_of(record: CellRecord | Tuned) -> tuple[str, str, str]:
    return record.objective, record.student, digest(record.axes)


def train_set(spec: str) -> str:
    """Name of the examples that a source has prepared; one for all that take the rows as is."""
    source = sources.registry.create(spec)
    if type(source).prepare is Source.prepare:
        return "train"
    return folder_name(f"train-{sources.registry.spec_of(source)}")


def is_validated(objective: ObjectiveSpec, profile: Profile) -> bool:
    """Whether students are scored by the criterion while they are trained."""
    adapts = type(sources.registry.create(objective.source)).next_state is not Source.next_state
    return adapts or profile.training.select == "best"


def needs_of_student(objective: ObjectiveSpec, shared: Mapping[str, Artifact]) -> list[str]:
    """Names of what is shared that students of an objective are made from."""
    name = train_set(objective.source)
    states = [f"states-{name}"] if f"states-{name}" in shared else []
    return [f"examples-{name}", *(["head", *states] if objective.loss != SFT else [])]


def needs_of_fidelity(task: str) -> list[str]:
    """Names of what is shared that the scores of a fidelity task are made from."""
    return ["head", f"examples-task-{task}", f"states-task-{task}"]
