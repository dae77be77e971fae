"""Mean rank of each objective over the tasks' headlines, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from akl_bench.report.figures import figure
from akl_bench.report.frame import Column, Row, RunFrame, is_named, is_reference
from akl_bench.report.plots.style import looks, name_of
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
    columns = _headlines(frame)
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


def _headlines(frame: RunFrame) -> list[Column]:
    """One column per task, so that a task with many metrics has one vote."""
    headlines: dict[str, Column] = {}
    for column in frame.columns:
        headline = frame.tasks[column.task].headline
        if column.higher_is_better is not None and is_named(column.metric, (headline,)):
            headlines.setdefault(column.task, column)
    return list(headlines.values())


def draw(frame: RunFrame, ranked: Ranks) -> Figure:
    """A dot and an interval per row, the best on top."""
    shown = looks(frame)
    count = len(ranked.rows)
    with figure(8.0, 1.5 + 0.24 * count) as made:
        place = made.subplots()
        for y, (row, interval) in enumerate(ranked.rows):
            look = shown[row]
            right = interval.value
            if interval.low is not None and interval.high is not None:
                # Resampled ranks crowd in the middle: with two seeds they can miss the rank itself.
                left, right = min(interval.value, interval.low), max(interval.value, interval.high)
                place.plot([left, right], [y, y], color=look.color, lw=1.6, alpha=0.7)
            place.plot(
                interval.value,
                y,
                look.marker,
                color=look.color,
                markerfacecolor="white" if interval.low is None else look.color,
                markersize=6.5,
            )[0].set_gid(f"tip:{name_of(row, frame)}")
            place.annotate(
                f"{interval.value:.1f}",
                (right, y),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color="#555555",
            )
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
            _critical(place, ranked.difference, count)
        made.suptitle("Ranks over tasks", x=0.01, ha="left", fontsize=11)
    return made


def _critical(place: object, difference: float, count: int) -> None:
    """The length below which two mean ranks are not told apart, as a bar on top."""
    from matplotlib.axes import Axes

    assert isinstance(place, Axes)
    end = min(1 + difference, count + 0.7)
    place.plot([1, end], [-1, -1], color="#444444", lw=2.5, solid_capstyle="butt")
    place.annotate(
        f"critical difference {difference:.1f} (Nemenyi, alpha 0.05)",
        (end, -1) if end < count / 2 else (1, -1),
        xytext=(5, 0) if end < count / 2 else (0, 8),
        ha="left",
        textcoords="offset points",
        va="center",
        fontsize=8,
        color="#444444",
    )
