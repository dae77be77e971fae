"""Pictures of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from akl_bench.artifacts.store import TEACHER
from akl_bench.papers.akl.claims.card import AKL, FKL, MIX, NEAR, RKL, SHORT
from akl_bench.papers.akl.claims.closing import Floats
from akl_bench.papers.akl.claims.runs import Contest, Trained
from akl_bench.report.figures import GREY, figure, looks, save
from akl_bench.report.frame import Column

_KINDS = (FKL, RKL, MIX, AKL)
_LOOKS = looks(_KINDS)


def optimum(runs: Sequence[Trained], path: Path) -> None:
    """Distance from the teacher, both ways, by objective and budget; a point is a seed."""
    with figure(7.5, 3.2) as made:
        row = made.subplots(1, 2)
        for axes, metric, title in zip(row, ("kl_pq", "kl_qp"), ("p||q", "q||p"), strict=True):
            for place, run in enumerate(runs):
                for column in run.columns(metric, kind="fidelity")[:1]:
                    for i, name in enumerate(_KINDS):
                        values = list(run.values(name, column).values())
                        x = np.full(len(values), place + (i - 1.5) * 0.17)
                        label = SHORT[name] if place == 0 else None
                        _points(axes, x, values, name, label=label)
            axes.set(title=f"KL({title}) from the teacher, nats per token")
            axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
            axes.set(xticks=range(len(runs)), xticklabels=[f"{r.steps()} steps" for r in runs])
            axes.set_xlim(-0.6, len(runs) - 0.4)
        made.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        save(made, path)


def gaps(
    curves: Mapping[str, Mapping[int, tuple[Floats, Floats, Floats, Floats]]], path: Path
) -> None:
    """Head and tail gap, each as a share of its start; a line is a seed."""
    shown = [name for name in _KINDS if curves[name]]
    with figure(2.5 * len(shown), 2.9) as made:
        row = made.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, name in zip(row, shown, strict=True):
            for number, curve in enumerate(curves[name].values()):
                for gap, label, dash in ((curve[1], "head", "-"), (curve[2], "tail", "--")):
                    axes.plot(
                        curve[0],
                        gap / gap[0],
                        color=_LOOKS[name].color,
                        linestyle=dash,
                        linewidth=1.1,
                        alpha=0.8,
                        label=None if number else label,
                    )
            axes.axhline(0.5, color="0.6", linewidth=0.8)
            axes.set(title=SHORT[name], xlabel="updates", ylim=(0, 1.1), xlim=(0, None))
            axes.legend(loc="upper right")
        row[0].set_ylabel("gap left, share of its start")
        save(made, path)


def differences(contests: Sequence[Contest], path: Path) -> None:
    """AKL less each rival, by task, with intervals."""
    measures = list(dict.fromkeys(c.measure for c in contests))
    with figure(7.5, 0.42 * len(measures) + 1.3) as made:
        axes = made.subplots()
        for i, name in enumerate((FKL, RKL, MIX)):
            for c in (c for c in contests if c.other == name):
                y = measures.index(c.measure) + (i - 1) * 0.22
                label = f"AKL - {SHORT[name]}" if c.measure == measures[0] else None
                if c.test.low is not None and c.test.high is not None:
                    axes.plot(
                        (c.test.low, c.test.high), (y, y), color=_LOOKS[name].color, linewidth=1.4
                    )
                _points(axes, [c.test.difference], [y], name, label=label)
        axes.axvline(0, color="0.5", linewidth=0.8)
        axes.set(yticks=range(len(measures)), yticklabels=measures)
        axes.set_ylim(len(measures) - 0.5, -0.5)
        axes.set_xlabel("points of 100, above 0: AKL is better; bar: 95 % interval over seeds")
        made.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        save(made, path)


def diversity(
    run: Trained,
    quality: Sequence[Column],
    measures: Mapping[str, Sequence[Column]],
    path: Path,
) -> None:
    """Quality against each measure of diversity; a small sign is a seed, a large one the mean."""
    with figure(3.3 * len(measures), 3.4) as made:
        row = made.subplots(1, len(measures), squeeze=False)[0]
        for axes, (metric, columns) in zip(row, measures.items(), strict=True):
            for name in _KINDS:
                x, y = _means(run, name, quality), _means(run, name, columns)
                seeds = sorted(x.keys() & y.keys())
                xs, ys = [x[s] for s in seeds], [y[s] for s in seeds]
                if seeds:
                    axes.scatter(
                        xs,
                        ys,
                        s=10,
                        color=_LOOKS[name].color,
                        marker=_LOOKS[name].marker,
                        alpha=0.5,
                    )
                    _points(axes, [np.mean(xs)], [np.mean(ys)], name, label=SHORT[name])
            x, y = (_means(run, TEACHER, c, student="") for c in (quality, columns))
            if x and y:
                place = [np.mean(list(v.values())) for v in (x, y)]
                axes.plot(*place, "*", color="0.45", markersize=11, label="teacher")
            lower = columns[0].higher_is_better is False
            axes.set(title=f"{metric}{' (lower: more diverse)' if lower else ''}, %")
            if lower:
                axes.invert_yaxis()
            axes.set_xlabel(f"quality ({quality[0].metric}), %")
        made.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
        save(made, path)


def weights(groups: Mapping[str, Sequence[Floats]], path: Path) -> None:
    """Share of held-out tokens below a weight; a line is a seed."""
    styles: Mapping[str, Any] = {
        "before training": {"color": GREY, "linestyle": "--"},
        "after training": {"color": _LOOKS[AKL].color, "linestyle": "-"},
    }
    with figure(5.0, 3.2) as made:
        axes = made.subplots()
        axes.axvspan(0.5 - NEAR, 0.5 + NEAR, color="0.88", zorder=0)
        for name, group in groups.items():
            for number, w_N in enumerate(group):
                # A grid of 201 weights instead of a step per token keeps the file small.
                x = np.linspace(0, 1, 201)
                share = np.searchsorted(np.sort(w_N), x, side="right") / w_N.size
                label = None if number else name
                axes.plot(x, share, linewidth=1.4, label=label, **styles[name])
        axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share of held-out tokens at or below")
        axes.set_xlabel("w, AKL's share of KL(p||q); shaded: within .05 of 1/2")
        axes.legend(loc="upper left")
        save(made, path)


def _means(
    run: Trained, objective: str, columns: Sequence[Column], student: str | None = None
) -> dict[int, float]:
    """Mean over columns by seed, in percent."""
    of = run if student is None else Trained(run.folder, run.frame, student)
    by_column = [of.values(objective, column) for column in columns]
    seeds = set.intersection(*map(set, by_column)) if by_column else set()
    return {seed: 100 * float(np.mean([v[seed] for v in by_column])) for seed in sorted(seeds)}


def _points(axes: Any, x: Any, y: Any, name: str, *, label: str | None) -> None:
    axes.plot(
        x,
        y,
        _LOOKS[name].marker,
        color=_LOOKS[name].color,
        markersize=5,
        linestyle="none",
        label=label,
    )
