"""Training curves: means over seeds, step by step."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from akl_bench.report.figures import GREY
from akl_bench.report.frame import RunFrame, is_reference
from akl_bench.report.plots.style import looks, name_of, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_PANELS = {
    "loss": "loss, nats a token (each objective's own)",
    "cross_entropy": "cross-entropy on the data, nats a token",
    "student_entropy": "student's entropy, nats a token",
    "head_gap": "head gap: |p - q| over the teacher's head",
    "tail_gap": "tail gap: |p - q| over the rest",
    "akl_weight": "AKL weight: the head's share of both gaps",
}
_SMOOTH = 40  # a curve keeps about that many independent points
_POINTS = 160  # more than that are not seen


def curves(frame: RunFrame) -> dict[str, dict[Any, NDArray[np.float64]]]:
    """By panel and row: array [seeds, steps, 2] of step and smoothed value."""
    logs = {row: [cell.train_log() for cell in frame.of(row)] for row in frame.rows}
    by_panel: dict[str, dict[Any, Any]] = {}
    for key, (row, of_row) in product(_PANELS, logs.items()):
        points = [[[line["step"], line[key]] for line in log if key in line] for log in of_row]
        series = [_smooth(np.array(of_seed)) for of_seed in points if of_seed]
        if series:
            # Seeds of one row have one budget; a copy that lacks steps is left out.
            longest = max(map(len, series))
            by_panel.setdefault(key, {})[row] = np.stack([s for s in series if len(s) == longest])
    return by_panel


def _smooth(steps_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Running mean over a window of 1/40 of the steps, shorter at the ends, at a few steps."""
    n = len(steps_values)
    half = n // _SMOOTH // 2
    sums = np.concatenate([[0.0], np.cumsum(steps_values[:, 1])])
    low = np.maximum(np.arange(n) - half, 0)
    high = np.minimum(np.arange(n) + half + 1, n)
    smooth = np.stack([steps_values[:, 0], (sums[high] - sums[low]) / (high - low)], axis=1)
    kept = np.linspace(0, n - 1, min(n, _POINTS)).round().astype(int)
    return np.asarray(smooth[kept])


def draw(frame: RunFrame) -> Figure | None:
    """One panel per quantity; known objectives in colour with their range over seeds."""
    from matplotlib.lines import Line2D

    by_panel = curves(frame)
    if not by_panel:
        return None
    shown = looks(frame)
    title = "Training; mean over seeds, shaded from the smallest to the largest"
    with panels(len(by_panel), title, width=4.4, height=3.2) as (made, axes):
        for place, (key, by_row) in zip(axes, by_panel.items(), strict=True):
            for row, series in by_row.items():
                look = shown[row]
                steps, values = series[0, :, 0], series[:, :, 1]
                (line,) = place.plot(
                    steps,
                    values.mean(axis=0),
                    color=look.color,
                    linewidth=1.8 if look.known else 0.8,
                    alpha=1 if look.known else 0.55,
                    zorder=4 if look.known else 2,
                    marker=look.marker if look.known else None,
                    markevery=(0.1 + 0.04 * (len(place.lines) % 5), 0.25),
                    markersize=4.5,
                )
                line.set_gid(f"tip:{name_of(row, frame)}")
                if look.known and len(values) > 1:
                    low, high = values.min(axis=0), values.max(axis=0)
                    place.fill_between(steps, low, high, color=look.color, alpha=0.12, lw=0)
            if key == "loss" and all((series[:, :, 1] > 0).all() for series in by_row.values()):
                # Objectives measure in different units: only their ratios compare.
                place.set_yscale("log")
            place.set_title(_PANELS[key])
            place.set_xlabel("optimiser step")
            place.margins(x=0.02)
        trained = {row: look for row, look in shown.items() if not is_reference(row.objective)}
        style: Any = {"linewidth": 1.8, "markersize": 4.5}
        entries = {
            name_of(row, frame): Line2D([], [], color=look.color, marker=look.marker, **style)
            for row, look in trained.items()
            if look.known
        }
        if others := sum(not look.known for look in trained.values()):
            entries[f"{others} others"] = Line2D([], [], color=GREY, linewidth=0.8)
        columns = min(6, len(entries))
        made.legend([*entries.values()], [*entries], loc="outside lower left", ncols=columns)
    return made
