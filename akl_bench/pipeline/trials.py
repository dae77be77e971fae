"""Trials of learning rates: which are made, which come next."""

from collections.abc import Callable, Sequence
from statistics import fmean

from akl_bench.artifacts.records import Trial
from akl_bench.pipeline.plan import TrialPlan
from akl_bench.recipe import Tuning
from akl_bench.training.tuning import next_points, rate


def search(
    tuning: Tuning, trials_at: Callable[[float], Sequence[TrialPlan]]
) -> tuple[int, list[TrialPlan], dict[int, float | None]]:
    """Follow the search for a learning rate as far as its trials are made.

    Args:
        tuning: Where it starts and how long it is.
        trials_at: The trials of a rate, one for each seed.

    Returns:
        Number of trials that were made; those to make next; and the score at each point of the
        grid, the mean over seeds, None where one diverged.
    """
    made = 0
    waiting: list[TrialPlan] = []
    scores: dict[int, float | None] = {}
    while not waiting and (points := next_points(scores, tuning.trials)):
        for point in points:
            by_seed: list[float | None] = []
            for trial in trials_at(rate(tuning.start, point)):
                seal = trial.artifact.sealed()
                if seal is not None and isinstance(seal.record, Trial):
                    by_seed.append(seal.record.score)
                else:
                    waiting.append(trial)
            made += len(by_seed)
            known = [score for score in by_seed if score is not None]
            scores[point] = fmean(known) if known and len(known) == len(by_seed) else None
    return made, waiting, scores
