"""A trial: a training that tells how good a learning rate is; its student is not kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from akl_bench.artifacts.records import Trial
from akl_bench.pipeline.criterion import criterion
from akl_bench.pipeline.provenance import made_here
from akl_bench.pipeline.train import Subject, fit
from akl_bench.training.loop import TrainingDivergedError

if TYPE_CHECKING:
    from akl_bench.executors.base import Report
    from akl_bench.pipeline.plan import Plan, TrialPlan


def run_trial(plan: Plan, trial: TrialPlan, report: Report) -> None:
    """Train and seal the score; that training diverged is a result, too."""
    fields, checkpoints = trial.artifact.fields, trial.place.checkpoints
    subject = Subject(trial.objective, trial.student, trial.seed, fields)
    lr, measured = fields["training"]["lr"], criterion(plan, trial.seed)
    with trial.artifact.make(made_here(fields["libraries"])) as making:
        try:
            _, trained = fit(plan, subject, measured, making.folder, checkpoints, report)
            making.record = Trial(lr=lr, score=trained.score, clipped=trained.clipped)
        except TrainingDivergedError as error:
            making.record = Trial(lr=lr, score=None, note=str(error))
    shutil.rmtree(checkpoints, ignore_errors=True)
