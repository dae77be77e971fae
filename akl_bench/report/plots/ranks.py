"""Mean rank of each objective over the tasks' headlines, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from akl_bench.report.frame import Row, RunFrame, is_reference
from akl_bench.report.plots.style import looks, name_of, panels
from akl_bench.statistics import Interval, critical_difference, rank_intervals

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Ranks(NamedTuple):
    """Rows from best to worst with their intervals; the smallest difference that can be told."""

    rows: list[tuple[Row, Interval]]
    tasks: list[str]
    difference: float | None


def ranks(frame: RunFrame) -> Ranks | None:
    """Rank the rows that have all headlines; None with fewer than two of them or no task."""
    # One column per task, so that a task with many metrics has one vote.
    headlines = (frame.headline(task) for task in frame.tasks)
    columns = [c for c in headlines if c and c.higher_is_better is not None]
    values = frame.seed_values()
    scores: dict[Row, np.ndarray[tuple[int, int], np.dtype[np.float64]]] = {}
    for row in frame.rows:
        by_task = [values.get((row, *column.key), {}) for column in columns]
        seeds = sorted(set.intersection(*map(set, by_task))) if by_task else []
        if seeds and not is_reference(row.objective):
            scores[row] = np.array([[by_seed[seed] for by_seed in by_task] for seed in seeds])
    if len(scores) < 2:
        return None
    better = [bool(c.higher_is_better) for c in columns]
    intervals = rank_intervals(list(scores.values()), higher_is_better=better)
    difference = None
    if len(columns) > 1:
        means = np.stack([array.mean(axis=0) for array in scores.values()])
        difference = critical_difference(means * np.where(better, 1, -1)).difference
    ordered = sorted(zip(scores, intervals, strict=True), key=lambda pair: pair[1].value)
    return Ranks(ordered, [c.task for c in columns], difference)


def draw(frame: RunFrame) -> Figure | None:
    """A dot and an interval per row, the best on top."""
    ranked = ranks(frame)
    if ranked is None:
        return None
    shown = looks(frame)
    count = len(ranked.rows)
    small: Any = {"textcoords": "offset points", "va": "center", "fontsize": 8}
    with panels(1, "Ranks over tasks", width=8.0, height=1.5 + 0.24 * count) as (made, (place,)):
        for y, (row, (rank, low, high)) in enumerate(ranked.rows):
            look, right = shown[row], rank
            if low is not None and high is not None:
                # Resampled ranks crowd in the middle: with two seeds they can miss the rank itself.
                left, right = min(rank, low), max(rank, high)
                place.plot([left, right], [y, y], color=look.color, lw=1.6, alpha=0.7)
            face = "white" if low is None else look.color
            (dot,) = place.plot(
                rank, y, look.marker, color=look.color, markerfacecolor=face, markersize=6.5
            )
            dot.set_gid(f"tip:{name_of(row, frame)}")
            place.annotate(f"{rank:.1f}", (right, y), xytext=(5, 0), color="#555555", **small)
        place.set_yticks(range(count), [name_of(row, frame) for row, _ in ranked.rows])
        for text, (row, _) in zip(place.get_yticklabels(), ranked.rows, strict=True):
            text.set_color(shown[row].ink)
        place.set_ylim(count - 0.4, -1.6 if ranked.difference else -0.6)
        place.set_xlim(0.5, count + 0.9)
        place.set_xlabel(
            f"mean rank over {len(ranked.tasks)} tasks' headlines, 1 is best\n"
            "bars: 95 % over training seeds"
        )
        place.grid(axis="y", visible=False)
        if ranked.difference:
            # The length below which two mean ranks are not told apart, as a bar on top.
            end = min(1 + ranked.difference, count + 0.7)
            place.plot([1, end], [-1, -1], color="#444444", lw=2.5, solid_capstyle="butt")
            at, off = ((end, -1), (5, 0)) if end < count / 2 else ((1, -1), (0, 8))
            label = f"critical difference {ranked.difference:.1f} (Nemenyi, alpha 0.05)"
            place.annotate(label, at, xytext=off, ha="left", color="#444444", **small)
    return made
