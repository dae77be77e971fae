"""Pictures of one number against another: diversity, coverage, cost."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from akl_bench.artifacts.store import TEACHER, UNTRAINED
from akl_bench.report.figures import figure
from akl_bench.report.frame import Column, Row, RunFrame, is_named, is_reference
from akl_bench.report.plots.labels import label
from akl_bench.report.plots.style import Point, looks, name_of, scatter, unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DIVERSITY = ("distinct_n(n=2)", "distinct_n", "self_bleu")
_PANELS = 3
_FEW_LABELS = 10
# How far off the trained rows a reference is still shown, in their range.
_FAR = {TEACHER: 1.5, UNTRAINED: 0.35}
# How far off the middle half of many trained rows one of them is still shown, in its width.
_OUTLIER = 5.0
_MANY = 8


class _Axis(NamedTuple):
    """Values by row (one per seed), in shown units."""

    title: str
    values: dict[Row, list[float]]
    higher_is_better: bool


def diversity(frame: RunFrame) -> list[tuple[str, _Axis, _Axis]]:
    """Panels of quality against diversity: one per task that measures both."""
    panels = []
    for name, task in frame.tasks.items():
        columns = [c for c in frame.columns if c.task == name]
        quality = next((c for c in columns if is_named(c.metric, (task.headline,))), None)
        various = next(
            (c for wanted in _DIVERSITY for c in columns if is_named(c.metric, (wanted,))), None
        )
        if quality is not None and various is not None:
            panels.append((name, _axis(frame, various), _axis(frame, quality)))
    return panels


def coverage(frame: RunFrame) -> list[tuple[str, _Axis, _Axis]]:
    """Panels of coverage (recall of modes) against validity (precision)."""
    by_key = {column.key: column for column in frame.columns}
    return [
        (task, _axis(frame, by_key[task, "coverage"]), _axis(frame, by_key[task, "validity"]))
        for task in frame.tasks
        if (task, "validity") in by_key and (task, "coverage") in by_key
    ]


def cost(frame: RunFrame) -> list[tuple[str, _Axis, _Axis]]:
    """One panel: the first headline against seconds of training."""
    first = next((c for c in frame.shown if c.higher_is_better is not None), None)
    seconds = {
        row: [cell.student.made.seconds for cell in frame.of(row) if cell.student]
        for row in frame.rows
    }
    if first is None or not any(seconds.values()):
        return []
    return [(first.task, _Axis("seconds of training", seconds, False), _axis(frame, first))]


def _axis(frame: RunFrame, column: Column) -> _Axis:
    values = frame.seed_values()
    scaled = {
        row: [column.scale * value for value in values.get((row, *column.key), {}).values()]
        for row in frame.rows
    }
    return _Axis(unit(column.metric, column.scale), scaled, column.higher_is_better is not False)


def draw(
    frame: RunFrame, panels: Sequence[tuple[str, _Axis, _Axis]], *, title: str, front: bool
) -> Figure:
    """Panels of points with direct labels; `front` joins those that none beats on both axes."""
    columns = min(_PANELS, len(panels))
    rows = -(-len(panels) // columns)
    width = 5.2 if columns > 1 else 7.5
    with figure(width * columns, 4.6 * rows) as made:
        axes = made.subplots(rows, columns, squeeze=False)
        made.suptitle(title, x=0.01, ha="left", fontsize=11)
        drawn = []
        for place, (task, across, up) in zip(axes.flat, panels, strict=False):
            drawn.append(_panel(place, frame, task, across, up, front=front))
        for place in axes.flat[len(panels) :]:
            place.set_visible(False)
        made.draw_without_rendering()
        # Labels are put where they fit now; another layout would move the axes under them.
        made.set_layout_engine("none")
        for place, (points, named, line) in zip(axes.flat, drawn, strict=False):
            label(place, points, named, line)
    return made


def _points(frame: RunFrame, across: _Axis, up: _Axis) -> dict[Row, Point]:
    shown = looks(frame)
    points = {}
    for row in frame.rows:
        x, y = across.values[row], up.values[row]
        if x and y:
            points[row] = Point(
                float(np.mean(x)),
                float(np.mean(y)),
                _spread(x),
                _spread(y),
                name_of(row, frame),
                shown[row],
            )
    return points


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _panel(
    axes: Axes, frame: RunFrame, task: str, across: _Axis, up: _Axis, *, front: bool
) -> tuple[list[Point], list[Point], list[tuple[float, float]]]:
    """Draw one panel; return its points, those to name, and the front."""
    every = _points(frame, across, up)
    points, outside = _within(every)
    best = sorted((points[row].x, points[row].y) for row in _front(points, across, up))
    if front:
        axes.plot(*zip(*best, strict=True), color="#BBBBBB", linewidth=1.2, zorder=1)
    scatter(axes, list(points.values()))
    axes.set_title(task)
    arrows: dict[bool, Any] = {True: "better →", False: "← better"}
    below = f"{across.title}   ({arrows[across.higher_is_better]})"
    if outside:
        below += "".join(f"\nnot in view: {p.name} at ({p.x:.3g}, {p.y:.3g})" for p in outside)
    axes.set_xlabel(below)
    axes.set_ylabel(f"{up.title}   ({arrows[up.higher_is_better]})")
    axes.margins(0.14)
    return list(points.values()), _named(points, across, up), best if front else []


def _within(points: dict[Row, Point]) -> tuple[dict[Row, Point], list[Point]]:
    """The points to show, and those so far off that they would squeeze the others."""
    far = _outliers({r: p for r, p in points.items() if not is_reference(r.objective)})
    trained = [p for r, p in points.items() if not is_reference(r.objective) and r not in far]
    if not trained:
        return points, []
    far += [
        row
        for row, point in points.items()
        if is_reference(row.objective)
        and not all(
            _near(value(point), [value(p) for p in trained], _FAR[row.objective])
            for value in (attrgetter("x"), attrgetter("y"))
        )
    ]
    return {r: p for r, p in points.items() if r not in far}, [points[row] for row in far]


def _outliers(points: dict[Row, Point]) -> list[Row]:
    """Rows far outside the middle half of many, on either axis."""
    if len(points) < _MANY:
        return []
    far: list[Row] = []
    for value in (attrgetter("x"), attrgetter("y")):
        low, high = np.quantile([value(p) for p in points.values()], (0.25, 0.75))
        room = _OUTLIER * (high - low)
        far += [r for r, p in points.items() if not low - room <= value(p) <= high + room]
    return list(dict.fromkeys(far))


def _near(value: float, others: Sequence[float], far: float) -> bool:
    room = far * ((max(others) - min(others)) or abs(others[0]) or 1)
    return min(others) - room <= value <= max(others) + room


def _front(points: dict[Row, Point], across: _Axis, up: _Axis) -> list[Row]:
    """Trained rows that no other one beats on both axes."""
    signs = [1 if axis.higher_is_better else -1 for axis in (across, up)]
    at = {
        row: (signs[0] * p.x, signs[1] * p.y)
        for row, p in points.items()
        if not is_reference(row.objective)
    }
    return [
        row
        for row, mine in at.items()
        if not any(
            other != mine and other[0] >= mine[0] and other[1] >= mine[1] for other in at.values()
        )
    ]


def _named(points: dict[Row, Point], across: _Axis, up: _Axis) -> list[Point]:
    """The points to write names at: all of a few; else known ones, the front and the extremes."""
    if len(points) <= _FEW_LABELS:
        return list(points.values())
    # The known ones come first: what is placed early is placed well.
    chosen = {row for row, point in points.items() if point.look.known}
    chosen.update(_front(points, across, up))
    trained = [row for row in points if not is_reference(row.objective)]
    for value in (lambda row: points[row].x, lambda row: points[row].y):
        chosen.update((min(trained, key=value), max(trained, key=value)))
    return sorted((points[row] for row in points if row in chosen), key=lambda p: not p.look.known)
