"""One cell: train -> answer -> score; what has its seal is not made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from akl_bench import metrics
from akl_bench.artifacts.files import read_jsonl, write_jsonl
from akl_bench.artifacts.records import Scores
from akl_bench.artifacts.store import COMPLETIONS, ROWS
from akl_bench.errors import AklBenchError
from akl_bench.models.vocabulary import VocabularyError
from akl_bench.pipeline.answer import answer, task_records
from akl_bench.pipeline.plan import is_validated
from akl_bench.pipeline.provenance import made_here

if TYPE_CHECKING:
    from akl_bench.executors.base import Report
    from akl_bench.pipeline.model import Model
    from akl_bench.pipeline.plan import CellPlan, Plan
    from akl_bench.pipeline.scores.text import Scored


def run_cell(plan: Plan, cell: CellPlan, report: Report) -> None:
    """Make what a cell has not.

    Raises:
        AklBenchError: Training diverged, or a task could not be scored; the other tasks are.
    """
    from akl_bench.pipeline.model import Model

    student = plan.student(cell)
    if student is not None and student.sealed() is None:
        _train(plan, cell, report)
    id_ = plan.model_id(cell)
    assert id_ is not None, "it is trained by now"
    model = Model(plan, cell, id_)
    problems = []
    for task in plan.tasks:
        try:
            _task(plan, cell, task, model, report)
        except AklBenchError as error:
            problems.append(f"{task}: {error}")
    if problems:
        raise AklBenchError("; ".join(problems))


def _train(plan: Plan, cell: CellPlan, report: Report) -> None:
    from akl_bench.pipeline.train import train

    selection = None
    if cell.objective is not None and is_validated(cell.objective, plan.profile):
        from akl_bench.pipeline.criterion import criterion

        selection = criterion(plan, cell.record.seed)
    train(plan, cell, selection, report)


def _task(plan: Plan, cell: CellPlan, task: str, model: Model, report: Report) -> None:
    """Answer and score a task."""
    planned = plan.tasks[task]
    of = model.id
    if planned.completions is not None:
        answers = plan.completions(cell, task, model.id)
        if answers.sealed() is None:
            answer(plan, cell, task, model, report)
        seal = answers.sealed()
        assert seal is not None, "it was made just now"
        of = seal.files[COMPLETIONS]
    artifacts = {name: plan.scores(cell, task, name, of) for name in planned.scores}
    missing = {name: artifact for name, artifact in artifacts.items() if artifact.sealed() is None}
    if not missing:
        return
    report(task, 0, 0)
    score = _scorer(plan, cell, task, model, report)
    for name, artifact in missing.items():
        how = planned.scores[name]
        with artifact.make(made_here(how.fields["libraries"])) as making:
            note = ""
            try:
                numbers, examples = score(name)
            except VocabularyError as error:
                # Of students that is found before they are trained.
                numbers, examples, note = {}, [], str(error)
            write_jsonl(making.folder / ROWS, examples, durable=False)
            making.record = Scores(task=task, metrics=numbers, note=note, **dict(how.measured))


def _scorer(
    plan: Plan, cell: CellPlan, task: str, model: Model, report: Report
) -> Callable[[str], Scored]:
    """What scores a task, given the name of a score."""
    planned = plan.tasks[task]
    if planned.spec.kind == "fidelity":
        from akl_bench.pipeline.scores import fidelity

        return lambda name: fidelity.score(plan, task, model, report)
    shared = plan.shared.get(f"rows-{task}")
    rows = read_jsonl(shared.folder / ROWS) if shared else None
    if planned.spec.kind == "harness":
        from akl_bench.pipeline.scores import harness

        return lambda name: harness.score(planned.spec, rows, model, online=plan.profile.online)
    from akl_bench.pipeline.scores import text

    records = task_records(plan, task)
    completions = read_jsonl(plan.place(cell).completions(task) / COMPLETIONS)

    def score(name: str) -> Scored:
        metric = metrics.get(planned.scores[name].metric)
        return text.score(metric, name, records, completions)

    return score
