"""Claim 2: which gap closes first, by half-times and the area between two curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import trapezoid

from akl_bench.papers.akl.claims.card import Floats, Part, Table, Verdict, lies, shown, weakest
from akl_bench.papers.akl.claims.runs import Trained, Untested, of_run
from akl_bench.papers.akl.claims.toy import SETTING, Toy
from akl_bench.papers.akl.objectives import FKL, OBJECTIVES, RKL, SHORT
from akl_bench.report.figures import figure, looks, save
from akl_bench.statistics import summary

_LOOKS = looks(OBJECTIVES)


class Closing(NamedTuple):
    """How the head's gap closes beside the tail's.

    Attributes:
        head, tail: Updates until the gap is half of what it was, between points by a straight
            line; the last update where it never is.
        area: Mean of (head gap / its start - tail gap / its start) until both are half closed:
            below 0 where the head is ahead.
    """

    head: float
    tail: float
    area: float


def closing(updates: Floats, head: Floats, tail: Floats) -> Closing:
    """Compare two curves [T] of gaps, at `updates` that begin with 0."""
    head, tail = head / head[0], tail / tail[0]
    first, second = (_half_time(updates, gap) for gap in (head, tail))
    end = max(first, second)
    x = np.append(updates[updates < end], end)
    return Closing(first, second, float(trapezoid(np.interp(x, updates, head - tail), x) / end))


def _half_time(updates: Floats, gap: Floats) -> float:
    closed = np.flatnonzero(gap <= 0.5)
    if closed.size == 0:
        return float(updates[-1])
    i = int(closed[0])
    part = (gap[i - 1] - 0.5) / (gap[i - 1] - gap[i])
    return float(updates[i - 1] + part * (updates[i] - updates[i - 1]))


class Race(NamedTuple):
    """FKL's students beside RKL's, pair by pair of starts or seeds.

    Attributes:
        verdict: Supported where FKL halves the head first and RKL the tail.
        within: Head's half-time over the tail's, each objective's and one by the other.
        across: FKL's half-time over RKL's, for the head and the tail.
    """

    verdict: Verdict
    within: str
    across: str


def race(fkl: Mapping[int, Closing], rkl: Mapping[int, Closing]) -> Race:
    """Judge by the intervals of mean log ratios, over the starts or seeds that both have."""
    pairs = sorted(fkl.keys() & rkl.keys())
    # [objective, start, head or tail]
    logs = np.log([[side[start][:2] for start in pairs] for side in (fkl, rkl)])
    one, other = logs[..., 0] - logs[..., 1]
    within = [summary(ratios) for ratios in (one, other, one - other)]
    across = [summary(ratios) for ratios in (logs[0] - logs[1]).T]
    return Race(
        weakest([lies(within[0], below=0), lies(within[1], above=0)]),
        "FKL {}, RKL {}, FKL's over RKL's {}".format(*(shown(r, unit=np.exp) for r in within)),
        "head {}, tail {}".format(*(shown(r, unit=np.exp) for r in across)),
    )


def closing_row(name: str, closings: Iterable[Closing]) -> list[str]:
    """A row of the table: means over starts or seeds."""
    head, tail, area = np.array(list(closings)).T
    ratio = shown(summary(np.log(head / tail)), unit=np.exp)
    return [name, f"{head.mean():.1f}", f"{tail.mean():.1f}", ratio, shown(summary(area), "+.3f")]


def toys(trained: Sequence[Toy]) -> Part:
    """Every start of every toy."""
    closings = {
        f"{toy.setting.name}: ": {
            objective: [
                closing(np.arange(len(head)), head, tail)
                for head, tail in zip(s.head.T, s.tail.T, strict=True)
            ]
            for objective, s in toy.students.items()
        }
        for toy in trained
    }
    return _part(
        SETTING,
        {
            case: {objective: dict(enumerate(each)) for objective, each in by_objective.items()}
            for case, by_objective in closings.items()
        },
        figure="claims-toy-gaps",
        data={case.removesuffix(": "): by_objective for case, by_objective in closings.items()},
        draw=partial(_draw_toys, trained),
    )


@of_run
def run(run: Trained) -> Part:
    """Every seed of a run, from its training curves."""
    run.need(FKL, RKL)
    curves = {name: run.curves(name) for name in OBJECTIVES}
    seeds = curves[FKL].keys() & curves[RKL].keys()
    if not seeds:
        raise Untested("no train.jsonl of FKL and RKL for one seed")
    closings = {
        name: {seed: closing(*curve) for seed, curve in by_seed.items()}
        for name, by_seed in curves.items()
        if by_seed
    }
    return _part(
        run.label,
        {"": closings},
        [f"From the training batches, about 50 points a run; seeds: {len(seeds)}."],
        figure=f"{run.slug}-gaps",
        data={SHORT[name]: by_seed for name, by_seed in closings.items()},
        draw=partial(_draw_run, curves),
    )


def _part(
    setting: str,
    closings: Mapping[str, Mapping[str, Mapping[int, Closing]]],
    notes: Sequence[str] = (),
    **part: Any,
) -> Part:
    """From closings by case, objective, and start or seed."""
    races = {case: race(each[FKL], each[RKL]) for case, each in closings.items()}
    within, across = ("; ".join(f"{case}{race[i]}" for case, race in races.items()) for i in (1, 2))
    rows = [
        closing_row(f"{case}{SHORT[objective]}", each.values())
        for case, by_objective in closings.items()
        for objective, each in by_objective.items()
    ]
    heads = ["student", "head, updates", "tail, updates", "head / tail", "area, head - tail"]
    return Part(
        setting,
        weakest(race.verdict for race in races.values()),
        f"half-time of the head over that of the tail: {within}",
        [f"Between the two, FKL's half-time over RKL's: {across}.", *notes],
        table=Table(heads, rows),
        **part,
    )


def _draw_toys(trained: Sequence[Toy], path: Path) -> None:
    """Head and tail gap, each as a share of its start, while they close."""
    with figure(10.0, 4.6) as made:
        grid = made.subplots(2, len(trained), sharey=True, squeeze=False)
        for name, row in zip((FKL, RKL), grid, strict=True):
            colour = _LOOKS[name].color
            for axes, toy in zip(row, trained, strict=True):
                s = toy.students[name]
                for gap, label, dash in ((s.head, "head", "-"), (s.tail, "tail", "--")):
                    left = (gap / gap[0])[:26]
                    band, x = (left.min(1), left.max(1)), range(len(left))
                    axes.fill_between(x, *band, color=colour, alpha=0.12, linewidth=0)
                    axes.plot(x, left.mean(1), color=colour, linestyle=dash, label=label, lw=1.8)
                axes.axhline(0.5, color="0.6", linewidth=0.8)
                axes.set(title=f"{SHORT[name]}: {toy.setting.name}", xlim=(0, 25), ylim=(0, 1.05))
        for axes in grid[-1]:
            axes.set_xlabel("updates")
        for axes in grid[:, 0]:
            axes.set_ylabel("gap left (shaded: all starts)")
            axes.legend(loc="upper right")
        save(made, path)


def _draw_run(
    curves: Mapping[str, Mapping[int, tuple[Floats, Floats, Floats]]], path: Path
) -> None:
    """Head and tail gap, each as a share of its start; a line is a seed."""
    drawn = [name for name in OBJECTIVES if curves[name]]
    with figure(2.5 * len(drawn), 2.9) as made:
        row = made.subplots(1, len(drawn), sharey=True, squeeze=False)[0]
        for axes, name in zip(row, drawn, strict=True):
            style: dict[str, Any] = {"color": _LOOKS[name].color, "lw": 1.1, "alpha": 0.8}
            for number, (updates, head, tail) in enumerate(curves[name].values()):
                labels = (None, None) if number else ("head", "tail")
                axes.plot(updates, head / head[0], "-", label=labels[0], **style)
                axes.plot(updates, tail / tail[0], "--", label=labels[1], **style)
            axes.axhline(0.5, color="0.6", linewidth=0.8)
            axes.set(title=SHORT[name], xlabel="updates", ylim=(0, 1.1), xlim=(0, None))
            axes.legend(loc="upper right")
        row[0].set_ylabel("gap left, share of its start")
        save(made, path)
