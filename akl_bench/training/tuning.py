"""Which learning rates are tried, and which is taken: a search on a grid in factors of 2."""

from collections.abc import Mapping

_FIRST = (0, -2, 2)


def rate(start: float, point: int) -> float:
    """The learning rate at a point of the grid."""
    return start * 2.0**point


def next_points(scores: Mapping[int, float | None], trials: int) -> list[int]:
    """Points of the grid to try next; none when so many trials were made.

    First a quarter, one and four times the start; then again and again the points beside the best
    so far that were not tried, so that the grid is refined where it is good and grows where the
    best lies at its edge.

    Args:
        scores: What was tried, the higher the better; None where training diverged.
        trials: How many are made in all.
    """
    left = trials - len(scores)
    if not scores:
        return list(_FIRST)[:left]
    middle = best_point(scores)
    reach = range(1, len(scores) + 1)
    beside = ([p for p in (middle - d, middle + d) if p not in scores] for d in reach)
    # Where one trial is left, it is made on the better side.
    near = sorted(
        next(filter(None, beside)), key=lambda p: _beyond(scores, middle, p), reverse=True
    )
    return near[: max(0, left)]


def _beyond(scores: Mapping[int, float | None], middle: int, point: int) -> float:
    """The best that is known on the same side of the middle as a point."""
    side = [_value(score) for p, score in scores.items() if (p - middle) * (point - middle) > 0]
    return max(side, default=float("-inf"))


def best_point(scores: Mapping[int, float | None]) -> int:
    """The point with the best score; of equal ones that nearest to the start.

    Where training diverged everywhere it is the smallest, so that the search goes down.
    """
    if all(score is None for score in scores.values()):
        return min(scores)
    return max(scores, key=lambda point: (_value(scores[point]), -abs(point), -point))


def _value(score: float | None) -> float:
    return float("-inf") if score is None else score
