"""Claims 3 and 4: AKL's scores, and the diversity of its responses at equal quality."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from akl_bench.artifacts.store import TEACHER
from akl_bench.papers.akl.claims.card import LOOKS, Part, Verdict, lies, shown
from akl_bench.papers.akl.claims.runs import Trained, Untested, of_run
from akl_bench.papers.akl.objectives import AKL, FKL, MIX, OBJECTIVES, RKL, SHORT
from akl_bench.papers.akl.output import panels
from akl_bench.report.frame import Column
from akl_bench.statistics import Difference, holm, paired_t, smallest_detectable

RIVALS = (FKL, RKL, MIX)
ALPHA = 0.05
# Points of 100 that matter: the gains that papers of this line report are about one.
POINT = 1.0
DIVERSITY = ("distinct_n", "self_bleu", "coverage")
_QUALITY = ("validity", "rouge_l")
BETTER, WORSE, NO_GAIN = "better", "worse", "no gain of a point"
_SAYS = {BETTER: Verdict.SUPPORTED, WORSE: Verdict.REFUTED, NO_GAIN: Verdict.REFUTED}


@dataclass(frozen=True)
class Contest:
    """AKL against another objective in one measure, in points of 100, the higher the better."""

    measure: str  # the task or metric, or "overall"
    rival: str  # the objective that AKL is compared with
    akl: float  # its mean, and the rival's, over the common seeds
    other: float
    test: Difference  # paired over training seeds
    p_holm: float | None  # its p-value, adjusted over all contests that were made together
    seeds: int  # those both have
    detectable: float | None  # smallest true difference found with 80 % power, adjusted like p

    @property
    def standing(self) -> str:
        """How AKL stands, in words."""
        if self.p_holm is not None and self.p_holm <= ALPHA:
            return BETTER if self.test.difference > 0 else WORSE
        return NO_GAIN if self.test.high is not None and self.test.high < POINT else "open"

    @property
    def difference(self) -> str:
        """AKL less its rival."""
        return shown(self.test, "+.2f")


def contests(
    run: Trained, measures: Mapping[str, Sequence[Column]], rivals: Iterable[str] = RIVALS
) -> list[Contest]:
    """Compare means over a measure's columns, where a seed has all of them on both sides."""
    sides = {}
    for rival, (measure, columns) in product(rivals, measures.items()):
        both = [run.means(name, columns, signed=True) for name in (AKL, rival)]
        if seeds := sorted(both[0].keys() & both[1].keys()):
            sides[measure, rival] = np.array([[side[s] for s in seeds] for side in both])
    tests = [paired_t(*pair) for pair in sides.values()]
    adjusted = holm([test.p for test in tests])
    made = []
    for (names, pair), test, p in zip(sides.items(), tests, adjusted, strict=True):
        n, detectable = pair.shape[1], None
        if test.se is not None and test.df is not None:
            detectable = smallest_detectable(test.se, test.df, alpha=ALPHA / len(tests))
        akl, other = map(float, pair.mean(1))
        made.append(Contest(*names, akl, other, test, p, n, detectable))
    return made


@of_run
def scores(run: Trained) -> Part:
    """Claim 3."""
    run.need(AKL)
    columns = run.headlines("generation", "harness")
    overall = contests(run, {"overall": columns})
    if not overall:
        raise Untested("no seed has all headline scores of AKL and of FKL, RKL or the mix")
    by_task = contests(run, {column.task: [column] for column in columns})
    lacking = [SHORT[name] for name in RIVALS if name not in {c.rival for c in overall}]
    why = [f"AKL - {SHORT[c.rival]} {c.difference} points ({c.standing})" for c in overall]
    why += [f"not compared with {', '.join(lacking)}"] if lacking else []
    verdicts = [_SAYS.get(c.standing, Verdict.OPEN) for c in overall]
    compared, draw = [*overall, *by_task], partial(_draw_scores, [*overall, *by_task])
    return _part("scores", run, verdicts, compared, why, columns, draw)


@of_run
def diversity(run: Trained) -> Part:
    """Claim 4."""
    run.need(AKL)
    quality = run.headlines("generation") or run.columns(*_QUALITY, kind="generation")
    measures: dict[str, list[Column]] = {}
    for column in run.columns(*DIVERSITY, kind="generation"):
        measures.setdefault(column.metric, []).append(column)
    equal = {c.rival: c for c in contests(run, {"quality": quality})}
    diverse = contests(run, measures, equal)
    if not diverse:
        raise Untested("no generation task with distinct_n, self_bleu or coverage and a quality")
    own = {name: [c for c in diverse if c.rival == name] for name in equal}
    judged = {name: _judge(premise, own[name]) for name, premise in equal.items()}
    verdicts, compared = [verdict for verdict, _ in judged.values()], [*equal.values(), *diverse]
    why = [f"against {SHORT[name]}: {why}" for name, (_, why) in judged.items()]
    draw = partial(_draw_diversity, run, quality, measures)
    return _part("diversity", run, verdicts, compared, why, quality, draw)


def _judge(quality: Contest, diverse: Sequence[Contest]) -> tuple[Verdict, str]:
    """AKL against one rival: quality first, then how it stands in each measure of diversity."""
    standings = {c.standing for c in diverse}
    said = ", ".join(f"{c.measure} {c.standing}" for c in diverse)
    why = f"quality {quality.difference}, {said}"
    is_equal = lies(quality.test, above=-POINT)
    if quality.test.high is None:
        return Verdict.OPEN, why
    if is_equal is Verdict.REFUTED:
        return Verdict.REFUTED, f"{why} (quality is lower)"
    if BETTER not in standings:
        nothing = WORSE in standings or standings == {NO_GAIN}
        return Verdict.REFUTED if nothing else Verdict.OPEN, why
    return Verdict.OPEN if WORSE in standings else is_equal, why


def _part(
    claim: str,
    run: Trained,
    verdicts: Sequence[Verdict],
    compared: Sequence[Contest],
    why: Sequence[str],
    columns: Sequence[Column],
    draw: Callable[[Path], None],
) -> Part:
    """By a verdict per rival; where one is lacking, the others can only refute."""
    lacking = [Verdict.OPEN] * (len(RIVALS) - len(verdicts))
    rows = [
        [
            f"{c.measure}: {SHORT[c.rival]}",
            f"{c.akl:.1f}",
            f"{c.other:.1f}",
            c.difference,
            "-" if c.p_holm is None else f"{c.p_holm:.3f}",
            "-" if c.detectable is None else f"{c.detectable:.1f}",
            str(c.seeds),
        ]
        for c in compared
    ]
    of = ", ".join(f"{c.task} {c.metric}" for c in columns)
    facts: Any = {"contests": "; ".join(why), "columns": of, "count": len(columns)}
    return run.where.part(claim, [*verdicts, *lacking], rows, {"contests": compared}, draw, **facts)


def _draw_scores(compared: Sequence[Contest], path: Path) -> None:
    """AKL less each rival, by task, with intervals."""
    measures = list(dict.fromkeys(c.measure for c in compared))
    with panels(path, 7.5, 0.42 * len(measures) + 1.3, 1, 1, legend=3) as ((axes,),):
        for i, name in enumerate(RIVALS):
            look = LOOKS[name]
            ours = [c for c in compared if c.rival == name]
            own = {measures.index(c.measure) + (i - 1) * 0.22: c for c in ours}
            for y, c in own.items():
                if c.test.low is not None and c.test.high is not None:
                    axes.plot((c.test.low, c.test.high), (y, y), color=look.color, linewidth=1.4)
            x = [c.test.difference for c in own.values()]
            label = f"AKL - {SHORT[name]}" if own else None
            axes.plot(x, list(own), look.marker, color=look.color, ms=5, label=label)
        axes.axvline(0, color="0.5", linewidth=0.8)
        axes.set(yticks=range(len(measures)), yticklabels=measures)
        axes.set_ylim(len(measures) - 0.5, -0.5)
        axes.set_xlabel("points of 100, above 0: AKL is better; bar: 95 % interval over seeds")


def _draw_diversity(
    run: Trained, quality: Sequence[Column], measures: Mapping[str, Sequence[Column]], path: Path
) -> None:
    """Quality against each measure of diversity; a small sign is a seed, a large one the mean."""
    with panels(path, 3.3 * len(measures), 3.4, 1, len(measures), legend=5) as (row,):
        for axes, (metric, columns) in zip(row, measures.items(), strict=True):
            for name in (*OBJECTIVES, TEACHER):
                x, y = run.means(name, quality), run.means(name, columns)
                points = np.array([(x[seed], y[seed]) for seed in x if seed in y])
                if len(points) and name == TEACHER:
                    axes.plot(*points.mean(0), "*", color="0.45", markersize=11, label="teacher")
                elif len(points):
                    color, marker = LOOKS[name][:2]
                    axes.scatter(*points.T, s=10, color=color, marker=marker, alpha=0.5)
                    axes.plot(*points.mean(0), marker, color=color, ms=5, label=SHORT[name])
            lower = columns[0].higher_is_better is False
            axes.set(title=f"{metric}{' (lower: more diverse)' if lower else ''}, %")
            if lower:
                axes.invert_yaxis()
            axes.set_xlabel(f"quality ({quality[0].metric}), %")
