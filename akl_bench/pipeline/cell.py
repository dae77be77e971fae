"""One cell: train -> answer -> score; what has its seal is not made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from akl_bench import metrics
from akl_bench.artifacts.files import read_jsonl, write_jsonl
from akl_bench.artifacts.records import Scores
from akl_bench.artifacts.store import COMPLETIONS, ROWS
from akl_bench.errors import AklBenchError
from akl_bench.pipeline.answer import answer, task_records
from akl_bench.pipeline.provenance import made_here

if TYPE_CHECKING:
    from akl_bench.executors.base import Report
    from akl_bench.pipeline.model import Model
    from akl_bench.pipeline.plan import CellPlan, Plan
    from akl_bench.pipeline.scores.text import Scored


def run_cell(plan: Plan, cell: CellPlan, report: Report) -> None:
    """Make what a cell has not.

    Args:
        plan: The run's.
        cell: One of its cells.
        report: Told the stage and how far it is.

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

    criterion = None
    if plan.profile.training.select == "rouge_l":
        from akl_bench.pipeline.selection import rouge_l

        criterion = rouge_l(plan, cell)
    train(plan, cell, report, criterion)


def _task(plan: Plan, cell: CellPlan, task: str, model: Model, report: Report) -> None:
    """Answer and score a task."""
    of = model.id
    if plan.tasks[task].completions is not None:
        answers = plan.completions(cell, task, model.id)
        if answers.sealed() is None:
            answer(plan, cell, task, model, report)
        seal = answers.sealed()
        assert seal is not None, "it was made just now"
        of = seal.files[COMPLETIONS]
    for name, planned in plan.tasks[task].scores.items():
        artifact = plan.scores(cell, task, name, of)
        if artifact.sealed() is None:
            report(task, 0, 0)
            with artifact.make(made_here(planned.fields["libraries"])) as making:
                numbers, examples = _score(plan, cell, task, name, model, report)
                write_jsonl(making.folder / ROWS, examples)
                measured = planned.measured
                making.record = Scores(
                    task=task,
                    measure=measured.measure,
                    protocol=measured.protocol,
                    metrics=numbers,
                )


def _score(
    plan: Plan, cell: CellPlan, task: str, name: str, model: Model, report: Report
) -> Scored:
    spec = plan.tasks[task].spec
    if spec.kind == "generation":
        from akl_bench.pipeline.scores import text

        metric = metrics.get(plan.tasks[task].scores[name].fields["metric"])
        completions = read_jsonl(plan.place(cell).completions(task) / COMPLETIONS)
        return text.score(metric, name, task_records(plan, task), completions)
    if spec.kind == "fidelity":
        from akl_bench.pipeline.scores import fidelity

        return fidelity.score(plan, task, model, report)
    from akl_bench.pipeline.scores import harness

    rows: list[dict[str, Any]] | None = None
    if f"rows-{task}" in plan.shared:
        rows = read_jsonl(plan.shared[f"rows-{task}"].folder / ROWS)
    return harness.score(spec, rows, model, online=plan.profile.online)
