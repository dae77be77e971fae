"""Names beside points, placed so that they cover nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from akl_bench.report.plots.style import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_RINGS, _TURNS = 9, 24
_LINE = 1.5  # half the width that a line is given, in points

_Box = tuple[float, float, float, float]  # left, bottom, right, top, in pixels


def label(
    axes: Axes,
    points: Sequence[Point],
    named: Sequence[Point],
    line: Sequence[tuple[float, float]] = (),
) -> None:
    """Write names beside points, each where it covers no name, marker, error bar or the line.

    Call it when the limits of the axes are final.
    """
    canvas: Any = axes.figure.canvas
    canvas.draw()
    renderer = canvas.get_renderer()
    per_point = axes.figure.dpi / 72
    frame = axes.get_window_extent(renderer)
    taken = [box for point in points for box in _boxes(axes, point, per_point)]
    taken += _along(axes, line, _LINE * per_point)
    for point in named:
        x, y = axes.transData.transform((point.x, point.y))
        text = axes.annotate(
            point.name,
            (point.x, point.y),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=8,
            color=point.look.ink,
            ha="center",
            va="center",
            zorder=6,
        )
        box = text.get_window_extent(renderer)
        size = (box.width / per_point, box.height / per_point)
        offsets_C3 = _offsets(*size, 0.6 * point.look.size + 2)
        centres_C2 = (x, y) + offsets_C3[:, :2] * per_point
        half = (box.width / 2, box.height / 2)
        places_C4 = np.concatenate([centres_C2 - half, centres_C2 + half], axis=1)
        covered_C = _overlap(places_C4, np.array(taken)).sum(axis=1)
        inside_C = _overlap(places_C4, np.array([[*frame.min, *frame.max]]))[:, 0]
        outside_C = box.width * box.height - inside_C
        cost_C = 6 * (covered_C + outside_C) + 0.7 * per_point**2 * offsets_C3[:, 2]
        dx, dy, distance = (float(v) for v in offsets_C3[int(cost_C.argmin())])
        text.set_position((dx, dy))
        # A space around it keeps the next name apart.
        width, height = box.width + 4 * per_point, box.height + 2 * per_point
        taken.append(_rectangle(x + dx * per_point, y + dy * per_point, width, height))
        if distance > 0:
            axes.annotate(
                "",
                (point.x, point.y),
                xytext=_edge(dx, dy, *size),
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": "#AAAAAA", "lw": 0.6, "shrinkB": 3},
                zorder=2,
            )


def _boxes(axes: Axes, point: Point, per_point: float) -> Iterator[_Box]:
    """What a marker and its error bars cover."""
    x, y = axes.transData.transform((point.x, point.y))
    radius, thin = 0.6 * point.look.size * per_point, _LINE * per_point
    yield (x - radius, y - radius, x + radius, y + radius)
    low = axes.transData.transform((point.x - point.x_spread, point.y - point.y_spread))
    high = axes.transData.transform((point.x + point.x_spread, point.y + point.y_spread))
    yield (low[0], y - thin, high[0], y + thin)
    yield (x - thin, low[1], x + thin, high[1])


def _along(axes: Axes, line: Sequence[tuple[float, float]], half: float) -> Iterator[_Box]:
    """A line as a row of small squares."""
    pixels = [axes.transData.transform(place) for place in line]
    for start, end in pairwise(pixels):
        steps = int(math.hypot(*(end - start)) / (2 * half)) + 1
        for step in range(steps):
            x, y = start + (end - start) * step / steps
            yield (x - half, y - half, x + half, y + half)


def _rectangle(x: float, y: float, width: float, height: float) -> _Box:
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _overlap(one_A4: NDArray[np.float64], other_B4: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas [A, B] that two sets of boxes share."""
    low = np.maximum(one_A4[:, None, :2], other_B4[None, :, :2])
    high = np.minimum(one_A4[:, None, 2:], other_B4[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    area: NDArray[np.float64] = sides[..., 0] * sides[..., 1]
    return area


def _offsets(width: float, height: float, first: float) -> NDArray[np.float64]:
    """Centres of a label around its point and how far they are, in points: [places, 3]."""
    gap_R = first + 9.0 * np.arange(_RINGS)
    angle_T = np.arange(_TURNS) * 2 * np.pi / _TURNS
    # Along a rounded rectangle around the point: the text touches the ring, not its centre.
    across_T, up_T = np.cos(angle_T), np.sin(angle_T)
    x_RT = across_T * gap_R[:, None] + width / 2 * np.clip(1.6 * across_T, -1, 1)
    y_RT = up_T * gap_R[:, None] + height / 2 * np.clip(1.6 * up_T, -1, 1)
    far_RT = np.broadcast_to(gap_R[:, None] - first, x_RT.shape)
    # Rounded, so that a tie is a tie on every machine.
    return np.asarray(np.stack([x_RT, y_RT, far_RT], axis=-1).reshape(-1, 3).round(6))


def _edge(dx: float, dy: float, width: float, height: float) -> tuple[float, float]:
    """The point of a label's box that is nearest to its marker, as an offset."""
    return (
        max(dx - width / 2, min(0.0, dx + width / 2)),
        max(dy - height / 2, min(0.0, dy + height / 2)),
    )
