"""All cards: which parts each claim has."""

from collections.abc import Sequence
from pathlib import Path

from akl_bench.papers.akl.claims import gaps, optimum, scores, weights
from akl_bench.papers.akl.claims.card import TEXTS, Card, Part, Verdict
from akl_bench.papers.akl.claims.runs import Trained, trained
from akl_bench.papers.akl.claims.toy import train_all
from akl_bench.papers.akl.objectives import NEAR

_NEED = (
    "akl-bench run forward_kl reverse_kl 'symmetric_kl(weight=0.5)' 'adaptive_kl(mu=0.5)' --seeds 5"
)
_NEEDED = Part("runs", Verdict.UNTESTED, f"needs a run: {_NEED}; then name its folder")
_LIMITS = {"same": optimum.SAME, "margin": optimum.MARGIN, "near": NEAR}
_LIMITS |= {"alpha": scores.ALPHA, "point": scores.POINT}
_OF_TOYS = {"optimum": optimum.toys, "gaps": gaps.toys, "weights": weights.toys}
_OF_RUNS = {"gaps": gaps.run, "weights": weights.run}
_OF_RUNS |= {"scores": scores.scores, "diversity": scores.diversity}


def cards(
    runs: Sequence[Path] = (), longer: Sequence[Path] = (), *, hint: bool = True
) -> list[Card]:
    """Test every claim on the toys and on runs.

    Args:
        runs: Folders of runs; none: the toys only.
        longer: Runs that are only asked where FKL and RKL end (claim 1).
        hint: Where there is no run, say which one is needed.

    Raises:
        UsageError: A folder holds no run.
    """
    students, toys = trained(runs), train_all()
    together: dict[str, list[Trained]] = {}
    for run in (*students, *trained(longer)):
        together.setdefault(run.where.label, []).append(run)
    made = []
    for number, (name, texts) in enumerate(TEXTS.items(), start=1):
        claim, rule = (texts[key].format(**_LIMITS) for key in ("claim", "rule"))
        parts = [_OF_TOYS[name](toys)] if name in _OF_TOYS else []
        if name in _OF_RUNS:
            tried = [_OF_RUNS[name](run) for run in students]
        else:
            tried = [optimum.runs(group) for group in together.values()]
        made.append(Card(number, claim, rule, [*parts, *(tried or [_NEEDED] * hint)]))
    return made
