"""Pictures of the toys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from akl_bench.papers.akl.claims.card import AKL, FKL, NEAR, RKL, SHORT
from akl_bench.papers.akl.claims.draw import COLOURS, DASHES, figure
from akl_bench.papers.akl.claims.toy import Toy


def optimum(trained: Sequence[Toy], path: Path) -> None:
    """Students of the first start after one step, some, and all; and their way to p."""
    with figure(path, 10.0, 2.1 * len(trained) + 0.4) as made:
        rows = made.subplots(len(trained), 4, squeeze=False)
        for axes, toy in zip(rows, trained, strict=True):
            setting = toy.setting
            for place, step in zip(axes, (1, 10, setting.steps), strict=False):
                place.fill_between(setting.x_V, setting.p_V, color="0.86", linewidth=0)
                for name, s in toy.students.items():
                    place.plot(setting.x_V, s.q_TV[step], label=SHORT[name], **_line(name))
                place.set(title=f"{setting.name}, step {step}", ylim=(0, 1.15 * setting.p_V.max()))
                place.set(xlim=(0, 100), yticks=[])
            way = axes[-1]
            for name, s in toy.students.items():
                steps = np.unique(np.geomspace(1, setting.steps + 1, 60).astype(int)) - 1
                way.plot(steps, s.kl_pq[steps].mean(1), **_line(name))
            way.set(title=f"KL(p||q), nats, mean of {toy.students[FKL].head.shape[1]} starts")
            way.set(xlim=(0, setting.steps), yscale="log")
        rows[-1, -1].set_xlabel("updates")
        for place in rows[-1, :-1]:
            place.set_xlabel("token (teacher p shaded)")
        handles = rows[0, 0].get_legend_handles_labels()
        made.legend(*handles, loc="outside lower center", ncols=4)


def gaps(trained: Sequence[Toy], path: Path) -> None:
    """Head and tail gap, each as a share of its start, while they close."""
    with figure(path, 10.0, 4.6) as made:
        grid = made.subplots(2, len(trained), sharey=True, squeeze=False)
        for name, row in zip((FKL, RKL), grid, strict=True):
            for axes, toy in zip(row, trained, strict=True):
                s = toy.students[name]
                for gap, label, dash in ((s.head, "head", "-"), (s.tail, "tail", "--")):
                    left = (gap / gap[0])[:26]
                    low, high = left.min(1), left.max(1)
                    x = np.arange(len(left))
                    colour = COLOURS[name]
                    axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
                    axes.plot(x, left.mean(1), color=colour, linestyle=dash, label=label, lw=1.8)
                axes.axhline(0.5, color="0.6", linewidth=0.8)
                axes.set(title=f"{SHORT[name]}: {toy.setting.name}", xlim=(0, 25), ylim=(0, 1.05))
        for axes in grid[-1]:
            axes.set_xlabel("updates")
        for axes in grid[:, 0]:
            axes.set_ylabel("gap left (shaded: all starts)")
            axes.legend(loc="upper right")


def weights(trained: Sequence[Toy], path: Path) -> None:
    """AKL's weight over the updates."""
    with figure(path, 10.0, 2.5) as made:
        row = made.subplots(1, len(trained), sharey=True, squeeze=False)[0]
        for axes, toy in zip(row, trained, strict=True):
            w = toy.students[AKL].w[:51]
            axes.axhspan(0.5 - NEAR, 0.5 + NEAR, color="0.88", zorder=0)
            axes.plot(w, color=COLOURS[FKL], alpha=0.35, linewidth=0.7)
            axes.plot(w.mean(1), color=COLOURS[AKL], linewidth=1.8)
            axes.set(title=toy.setting.name, xlim=(0, 50), ylim=(0, 1), xlabel="updates")
        row[0].set_ylabel("w (blue: single starts)")
        row[0].text(49, 0.5 + NEAR + 0.02, "within .05 of 1/2", ha="right", color="0.35")


def _line(name: str) -> dict[str, Any]:
    return {"color": COLOURS[name], "linestyle": DASHES[name], "linewidth": 1.4}
