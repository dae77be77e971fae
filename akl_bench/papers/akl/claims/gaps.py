"""Claim 2: which gap closes first, by half-times and the area between two curves."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import trapezoid

from akl_bench.papers.akl.claims.card import (
    LOOKS,
    Floats,
    Part,
    Verdict,
    Where,
    lies,
    shown,
    weakest,
)
from akl_bench.papers.akl.claims.runs import Curve, Trained, Untested, of_run
from akl_bench.papers.akl.claims.toy import WHERE, Toy
from akl_bench.papers.akl.objectives import FKL, OBJECTIVES, RKL, SHORT
from akl_bench.papers.akl.output import panels
from akl_bench.statistics import summary


class Closing(NamedTuple):
    """How the head's gap closes beside the tail's.

    Head and tail are the updates until the gap is half of what it was, between points by a
    straight line; the last update where it never is.
    """

    head: float
    tail: float
    area: float  # mean of both gaps' shares left, head - tail, until both are half closed


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
    """FKL's students beside RKL's, pair by pair of starts or seeds."""

    verdict: Verdict  # supported where FKL halves the head first and RKL the tail
    within: str  # head's half-time over the tail's, each objective's and one by the other
    across: str  # FKL's half-time over RKL's, for the head and the tail


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
        toy.setting.name: {
            objective: [
                closing(np.arange(len(head), dtype=float), head, tail)
                for head, tail in zip(s.head.T, s.tail.T, strict=True)
            ]
            for objective, s in toy.students.items()
        }
        for toy in trained
    }
    by_start = {
        f"{toy}: ": {objective: dict(enumerate(each)) for objective, each in of_toy.items()}
        for toy, of_toy in closings.items()
    }
    return _part(WHERE, by_start, closings, partial(_draw_toys, trained))


@of_run
def run(run: Trained) -> Part:
    """Every seed of a run, from its training curves."""
    run.need(FKL, RKL)
    curves = {name: each for name in OBJECTIVES if (each := run.curves(name))}
    seeds = len(curves.get(FKL, {}).keys() & curves.get(RKL, {}).keys())
    if not seeds:
        raise Untested("no train.jsonl of FKL and RKL for one seed")
    closings = {
        name: {seed: closing(*curve) for seed, curve in by_seed.items()}
        for name, by_seed in curves.items()
    }
    data = {SHORT[name]: by_seed for name, by_seed in closings.items()}
    return _part(run.where, {"": closings}, data, partial(_draw_run, curves), seeds=seeds)


def _part(
    where: Where,
    closings: Mapping[str, Mapping[str, Mapping[int, Closing]]],
    data: Mapping[str, Any],
    draw: Callable[[Path], None],
    **facts: Any,
) -> Part:
    """From closings by case, objective, and start or seed."""
    races = {case: race(each[FKL], each[RKL]) for case, each in closings.items()}
    within, across = ("; ".join(f"{case}{race[i]}" for case, race in races.items()) for i in (1, 2))
    rows = [
        closing_row(f"{case}{SHORT[objective]}", each.values())
        for case, by_objective in closings.items()
        for objective, each in by_objective.items()
    ]
    verdicts = [race.verdict for race in races.values()]
    return where.part("gaps", verdicts, rows, data, draw, within=within, across=across, **facts)


def _draw_toys(trained: Sequence[Toy], path: Path) -> None:
    grid = []
    for name in (FKL, RKL):
        sides = [(toy.setting.name, toy.students[name]) for toy in trained]
        begun = [(f"{SHORT[name]}: {toy}", s.head[:26], s.tail[:26]) for toy, s in sides]
        grid.append([(title, name, np.arange(len(h)), h, t) for title, h, t in begun])
    _draw(grid, "starts", path)


def _draw_run(curves: Mapping[str, Mapping[int, Curve]], path: Path) -> None:
    row = []
    for name, by_seed in curves.items():
        # Seeds that were trained for longer are shown as far as the others go.
        x = min((updates for updates, *_ in by_seed.values()), key=len)
        gaps = [[np.interp(x, c[0], c[i]) for c in by_seed.values()] for i in (1, 2)]
        row.append((SHORT[name], name, x, *(np.array(gap).T for gap in gaps)))
    _draw([row], "seeds", path)


def _draw(grid: Sequence[Sequence[tuple[Any, ...]]], students: str, path: Path) -> None:
    """Head and tail gap, each as a share of its start, while they close.

    Args:
        grid: Panels: title, objective, updates [T], head gap [T, I], tail gap [T, I].
        students: What the I are.
        path: The file.
    """
    size = len(grid), len(grid[0])
    with panels(path, 2.5 * size[1], 1.7 * size[0] + 1.2, *size, sharey=True) as rows:
        for place, (title, name, x, head, tail) in zip(rows.flat, chain(*grid), strict=True):
            colour = LOOKS[name].color
            for gap, label, dash in ((head, "head", "-"), (tail, "tail", "--")):
                left = gap / gap[0]
                place.fill_between(x, left.min(1), left.max(1), color=colour, alpha=0.12, lw=0)
                place.plot(x, left.mean(1), color=colour, linestyle=dash, label=label, lw=1.8)
            place.axhline(0.5, color="0.6", linewidth=0.8)
            place.set(title=title, xlim=(0, x[-1]), ylim=(0, 1.05))
        for place in rows[-1]:
            place.set_xlabel("updates")
        for place in rows[:, 0]:
            place.set_ylabel(f"gap left (shaded: all {students})")
            place.legend(loc="upper right")
