"""What a run says of AKL's scores and of the diversity of its responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from akl_bench.papers.akl.claims import run_figures
from akl_bench.papers.akl.claims.card import AKL, FKL, MIX, RKL, SHORT, Part, Table, Verdict, shown
from akl_bench.papers.akl.claims.run_parts import untested
from akl_bench.papers.akl.claims.runs import Contest, Trained, contest
from akl_bench.report.frame import Column
from akl_bench.statistics import holm

RIVALS = (FKL, RKL, MIX)
ALPHA = 0.05
# Points of 100 that matter: the gains that papers of this line report are about one.
POINT = 1.0
DIVERSITY = ("distinct_n", "self_bleu", "coverage")
_QUALITY = ("validity", "rouge_l")


def scores(run: Trained) -> Part:
    """Claim 3."""
    if (missing := untested(run, (AKL,), "train it")) is not None:
        return missing
    columns = run.headlines("generation", "harness")
    overall = _contests(run, [("overall", columns)])
    if not overall:
        why = f"{run.folder}: no seed has all headline scores of AKL and of FKL, RKL or the mix"
        return Part(run.label, Verdict.UNTESTED, why)
    by_task = _contests(run, [(column.task, [column]) for column in columns])
    total, tasks = _adjusted(overall), _adjusted(by_task)
    standings = {c.other: _standing(c, p) for c, p in zip(overall, total, strict=True)}
    lacking = [SHORT[name] for name in RIVALS if name not in standings]
    if all(standings.get(name) == "better" for name in RIVALS):
        verdict = Verdict.SUPPORTED
    elif {"worse", "no gain of a point"} & set(standings.values()):
        verdict = Verdict.REFUTED
    else:
        verdict = Verdict.OPEN
    why = "; ".join(
        f"AKL - {SHORT[c.other]} {_difference(c)} points ({standings[c.other]})" for c in overall
    )
    if lacking:
        why += f"; not compared with {', '.join(lacking)}"
    return Part(
        run.label,
        verdict,
        f"mean over {len(columns)} headline scores: {why}",
        _table([*overall, *by_task], [*total, *tasks]),
        [f"Points of 100. Overall: {', '.join(f'{c.task} {c.metric}' for c in columns)}."],
        {"contests": _plain([*overall, *by_task], [*total, *tasks])},
        f"claims-{run.slug}-scores",
        partial(run_figures.differences, [*overall, *by_task]),
    )


def diversity(run: Trained) -> Part:
    """Claim 4."""
    if (missing := untested(run, (AKL,), "train it")) is not None:
        return missing
    quality = run.headlines("generation") or run.columns(*_QUALITY, kind="generation")
    measures: dict[str, list[Column]] = {}
    for column in run.columns(*DIVERSITY, kind="generation"):
        measures.setdefault(column.metric, []).append(column)
    equal = {c.other: c for c in _contests(run, [("quality", quality)])}
    diverse = [c for c in _contests(run, list(measures.items())) if c.other in equal]
    if not diverse:
        need = "it needs a generation task with distinct_n, self_bleu or coverage and a quality"
        return Part(run.label, Verdict.UNTESTED, f"{run.folder}: {need}")
    adjusted = _adjusted(diverse)
    judged = {}
    for name, premise in equal.items():
        pairs = [(c, p) for c, p in zip(diverse, adjusted, strict=True) if c.other == name]
        judged[name] = _judge(premise, {c.measure: _standing(c, p) for c, p in pairs})
    verdicts = [verdict for verdict, _ in judged.values()]
    if Verdict.REFUTED in verdicts:
        verdict = Verdict.REFUTED
    elif len(judged) == len(RIVALS) and set(verdicts) == {Verdict.SUPPORTED}:
        verdict = Verdict.SUPPORTED
    else:
        verdict = Verdict.OPEN
    contests = [*equal.values(), *diverse]
    p_values = [*_adjusted(list(equal.values())), *adjusted]
    return Part(
        run.label,
        verdict,
        "; ".join(f"against {SHORT[name]}: {why}" for name, (_, why) in judged.items()),
        _table(contests, p_values),
        [
            "Points of 100, mean over the generation tasks; self_bleu with its sign turned, so "
            "that more is more diverse. Quality: "
            + ", ".join(f"{c.task} {c.metric}" for c in quality)
        ],
        {"contests": _plain(contests, p_values)},
        f"claims-{run.slug}-diversity",
        partial(run_figures.diversity, run, quality, measures),
    )


def _judge(quality: Contest, diverse: Mapping[str, str]) -> tuple[Verdict, str]:
    """AKL against one rival: quality first, then how it stands in each measure of diversity."""
    standings = set(diverse.values())
    said = ", ".join(f"{measure} {standing}" for measure, standing in diverse.items())
    why = f"quality {_difference(quality)}, {said}"
    low, high = quality.test.low, quality.test.high
    if low is None or high is None:
        return Verdict.OPEN, why
    if high < -POINT:
        return Verdict.REFUTED, f"{why} (quality is lower)"
    if "better" not in standings and ("worse" in standings or standings == {"no gain of a point"}):
        return Verdict.REFUTED, why
    if low > -POINT and "better" in standings and "worse" not in standings:
        return Verdict.SUPPORTED, why
    return Verdict.OPEN, why


def _contests(run: Trained, measures: Sequence[tuple[str, Sequence[Column]]]) -> list[Contest]:
    made = (contest(run, other, name, columns) for other in RIVALS for name, columns in measures)
    return [one for one in made if one is not None]


def _adjusted(contests: Sequence[Contest]) -> list[float | None]:
    return holm([c.test.p for c in contests])


def _standing(made: Contest, p: float | None) -> str:
    if p is not None and p <= ALPHA:
        return "better" if made.test.difference > 0 else "worse"
    if made.test.high is not None and made.test.high < POINT:
        return "no gain of a point"
    return "open"


def _difference(made: Contest) -> str:
    return shown(made.test.difference, made.test.low, made.test.high, "+.2f")


def _table(contests: Sequence[Contest], adjusted: Sequence[float | None]) -> Table:
    heads = ["measure: rival", "AKL", "rival", "AKL - rival", "p (Holm)", "detectable", "seeds"]
    rows = [
        [
            f"{c.measure}: {SHORT[c.other]}",
            f"{c.akl:.1f}",
            f"{c.rival:.1f}",
            _difference(c),
            "-" if p is None else f"{p:.3f}",
            "-" if c.detectable is None else f"{c.detectable:.1f}",
            str(c.seeds),
        ]
        for c, p in zip(contests, adjusted, strict=True)
    ]
    return Table(heads, rows)


def _plain(contests: Sequence[Contest], adjusted: Sequence[float | None]) -> list[dict[str, Any]]:
    return [
        {
            "measure": c.measure,
            "rival": c.other,
            **c.test._asdict(),
            "p_holm": p,
            "seeds": c.seeds,
            "detectable": c.detectable,
        }
        for c, p in zip(contests, adjusted, strict=True)
    ]
