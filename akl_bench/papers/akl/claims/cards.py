"""All cards: which parts each claim has, and the rule that decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from akl_bench.papers.akl.claims import gaps, optimum, scores, weights
from akl_bench.papers.akl.claims.card import Card, Part, Verdict
from akl_bench.papers.akl.claims.runs import Trained, trained
from akl_bench.papers.akl.claims.toy import train_all
from akl_bench.papers.akl.objectives import NEAR

_NEED = (
    "akl-bench run forward_kl reverse_kl 'symmetric_kl(weight=0.5)' 'adaptive_kl(mu=0.5)' --seeds 5"
)
_INTERVALS = "Intervals are 95 % t-intervals over training seeds (toys: over starts)."


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
    students, long_students = trained(runs), trained(longer)
    toys = train_all()
    together: dict[str, list[Trained]] = {}
    for run in (*students, *long_students):
        together.setdefault(run.label, []).append(run)

    def parts(one: Callable[[Trained], Part], *toy: Part) -> list[Part]:
        tried = [*toy, *map(one, students)]
        return tried if students or not hint else [*tried, _needed()]

    ends = [optimum.toys(toys), *map(optimum.runs, together.values())]
    return [
        Card(
            1,
            "FKL and RKL reach the same optimum after enough steps.",
            f"Toys: supported where the total variation between the FKL and the RKL student at the "
            f"end lies below {optimum.SAME}, refuted where it lies above. Runs: the relative "
            f"difference of their distances from the teacher, KL(p||q) and KL(q||p), lies within "
            f"+-{optimum.MARGIN:.0%} or outside; of several budgets the longest decides. "
            f"{_INTERVALS} An interval across the limit is inconclusive.",
            ends if together or not hint else [*ends, _needed()],
        ),
        Card(
            2,
            "Early on FKL closes the head first, RKL the tail.",
            "The head is AKL's: the fewest tokens with more than half of the teacher's mass; a gap "
            "is the sum of |p - q|. Half-time: the updates until a gap is half of what it was. "
            "Supported where the interval of head / tail lies below 1 for FKL and above 1 for RKL; "
            "refuted where either lies on the other side. Beside it stand the weaker readings: "
            "FKL's ratio over RKL's, each half-time of one over the other's, and the area between "
            "the curves until both are half closed. Intervals are those of mean logarithms.",
            parts(gaps.run, gaps.toys(toys)),
        ),
        Card(
            3,
            "AKL scores higher than FKL, RKL and the half-half mix.",
            "Paired t-test over seeds of the mean of all headline scores of the generation and "
            "lm-eval tasks; Holm over the three rivals, and apart from that over all single tasks. "
            f"Supported where AKL is significantly better (p <= {scores.ALPHA}) than all "
            "three; refuted where it is significantly worse than one, or where the interval leaves "
            f"no room for a gain of {scores.POINT:.0f} point over one.",
            parts(scores.scores),
        ),
        Card(
            4,
            "AKL gives more diverse responses at equal quality.",
            "Diversity: distinct_n, self_bleu, coverage; quality: the headline scores of the "
            "generation tasks. Against one rival: supported where quality is not a point lower, a "
            "measure of diversity is significantly better (Holm over all of the card) and none is "
            "significantly worse; refuted where quality is at least a point lower, or no measure "
            "is better and one is worse, or none leaves room for a gain of a point. The card needs "
            "all three rivals; one refutes it.",
            parts(scores.diversity),
        ),
        Card(
            5,
            f"AKL is not the half-half mix: w is mostly farther than {NEAR} from 1/2.",
            "Supported where less than half of the cases (toys: states while a tenth of the gap is "
            "left; runs: held-out tokens for students trained with AKL) have such a w, refuted "
            "where more than half do. Where p - q has one sign on the head and the other on the "
            "tail, w is 1/2 exactly.",
            parts(weights.run, weights.toys(toys)),
        ),
    ]


def _needed() -> Part:
    return Part("runs", Verdict.UNTESTED, f"needs a run: {_NEED}; then name its folder")
