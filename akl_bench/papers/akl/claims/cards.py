"""All cards: which parts each claim has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from akl_bench.papers.akl.claims import gaps, optimum, scores, weights
from akl_bench.papers.akl.claims.card import Card, Part, Verdict
from akl_bench.papers.akl.claims.runs import Trained, trained
from akl_bench.papers.akl.claims.toy import train_all
from akl_bench.papers.akl.objectives import NEAR
from akl_bench.strict import read_yaml

_NEED = (
    "akl-bench run forward_kl reverse_kl 'symmetric_kl(weight=0.5)' 'adaptive_kl(mu=0.5)' --seeds 5"
)
_NEEDED = Part("runs", Verdict.UNTESTED, f"needs a run: {_NEED}; then name its folder")
_LIMITS = {
    "same": optimum.SAME,
    "margin": optimum.MARGIN,
    "alpha": scores.ALPHA,
    "point": scores.POINT,
    "near": NEAR,
}


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
        together.setdefault(run.label, []).append(run)

    def tried(one: Callable[[Trained], Part]) -> list[Part]:
        return [one(run) for run in students]

    ends = [optimum.runs(group) for group in together.values()]
    parts = {
        "optimum": ([optimum.toys(toys)], ends),
        "gaps": ([gaps.toys(toys)], tried(gaps.run)),
        "scores": ([], tried(scores.scores)),
        "diversity": ([], tried(scores.diversity)),
        "weights": ([weights.toys(toys)], tried(weights.run)),
    }
    needed = [_NEEDED] if hint else []
    return [
        Card(
            number,
            texts["claim"].format(**_LIMITS),
            texts["rule"].format(**_LIMITS),
            [*parts[name][0], *(parts[name][1] or needed)],
        )
        for number, (name, texts) in enumerate(
            read_yaml(Path(__file__).with_name("claims.yaml")).items(), start=1
        )
    ]
