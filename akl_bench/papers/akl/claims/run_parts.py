"""What a run says of the first two claims: where FKL and RKL end, and how they get there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from akl_bench.papers.akl.claims import run_figures
from akl_bench.papers.akl.claims.card import (
    AKL,
    FKL,
    MIX,
    RKL,
    SHORT,
    Part,
    Table,
    Verdict,
    both,
    inside,
    shown,
)
from akl_bench.papers.akl.claims.closing import CLOSING_HEADS, closing, closing_row, race
from akl_bench.papers.akl.claims.runs import Trained
from akl_bench.statistics import Summary, summary

# Relative difference of two students' divergence from the teacher below which they are one.
MARGIN = 0.05
_MEASURES = ("kl_pq", "kl_qp")


def untested(run: Trained, objectives: Sequence[str], needs: str) -> Part | None:
    """A part that says what the run lacks; None where it lacks nothing."""
    lacking = run.lacks(objectives)
    if not lacking:
        return None
    why = f"{run.folder} has no sealed cell of {', '.join(lacking)}; {needs}"
    return Part(run.label, Verdict.UNTESTED, why)


def optimum(runs: Sequence[Trained]) -> Part:
    """Claim 1 from runs of one profile and student: the one of the most steps decides."""
    rows: list[list[str]] = []
    data = {}
    decided: tuple[Verdict, str] | None = None
    for run in sorted(runs, key=Trained.steps):
        verdicts, distances = [], []
        for column in run.columns(*_MEASURES, kind="fidelity"):
            by_objective = {name: run.values(name, column) for name in (FKL, RKL, MIX, AKL)}
            fkl, rkl = by_objective[FKL], by_objective[RKL]
            seeds = sorted(fkl.keys() & rkl.keys())
            if not seeds:
                continue
            more = summary([rkl[seed] / fkl[seed] - 1 for seed in seeds])
            verdicts.append(inside(more.low, more.high, MARGIN))
            distances.append(f"{column.metric} {_percent(more)}")
            ends = [f"{_mean(values):.4f}" if values else "-" for values in by_objective.values()]
            name = f"{run.steps()} steps: {column.metric}"
            rows.append([name, *ends, _percent(more), str(len(seeds))])
            data[f"{run.folder.name}: {column.metric}"] = {
                "steps": run.steps(),
                **{SHORT[name]: values for name, values in by_objective.items()},
            }
        if distances:
            why = f"after {run.steps()} steps, RKL's distance over FKL's, less 1: "
            decided = (both(verdicts), why + ", ".join(distances))
    label = runs[0].label
    if decided is None:
        need = "it needs sealed cells of FKL and RKL and a fidelity task"
        return Part(label, Verdict.UNTESTED, f"{runs[0].folder}: {need}")
    heads = ["distance from the teacher", *(SHORT[name] for name in (FKL, RKL, MIX, AKL))]
    return Part(
        label,
        *decided,
        Table([*heads, "RKL / FKL - 1", "seeds"], rows),
        [
            "Nats per token on held-out responses, mean over seeds; kl_pq is KL(p||q). Students "
            "too small to be the teacher have no common optimum to reach."
        ],
        data,
        f"claims-{runs[0].slug}-optimum",
        partial(run_figures.optimum, sorted(runs, key=Trained.steps)),
    )


def gaps(run: Trained) -> Part:
    """Claim 2 from the training curves of a run."""
    if (missing := untested(run, (FKL, RKL), "train them")) is not None:
        return missing
    curves = {
        name: {seed: c for seed, cell in run.cells(name).items() if len((c := run.curve(cell))[0])}
        for name in (FKL, RKL, MIX, AKL)
    }
    seeds = sorted(curves[FKL].keys() & curves[RKL].keys())
    if not seeds:
        why = f"{run.folder} has no train.jsonl of FKL and RKL for one seed"
        return Part(run.label, Verdict.UNTESTED, why)
    each = {
        name: {seed: closing(*curve[:3]) for seed, curve in by_seed.items()}
        for name, by_seed in curves.items()
    }
    made = race(*([each[name][seed] for seed in seeds] for name in (FKL, RKL)))
    rows = [closing_row(SHORT[o], list(by_seed.values())) for o, by_seed in each.items() if by_seed]
    return Part(
        run.label,
        made.verdict,
        f"half-time of the head over that of the tail: {made.within}; seeds: {len(seeds)}",
        Table(CLOSING_HEADS, rows),
        [
            f"Between the two, FKL's half-time over RKL's: {made.across}.",
            "From the training batches, about 50 points a run.",
        ],
        {SHORT[o]: {s: c._asdict() for s, c in by_seed.items()} for o, by_seed in each.items()},
        f"claims-{run.slug}-gaps",
        partial(run_figures.gaps, curves),
    )


def _mean(values: dict[int, float]) -> float:
    return sum(values.values()) / len(values)


def _percent(values: Summary) -> str:
    assert values.mean is not None, "there is at least one"
    return shown(values.mean, values.low, values.high, "+.1%")
