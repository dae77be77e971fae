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
    return next(filter(None, beside))[: max(0, left)]


def best_point(scores: Mapping[int, float | None]) -> int:
    """The point with the best score; of equal ones that nearest to the start."""
    return max(scores, key=lambda point: (_value(scores[point]), -abs(point), -point))


def _value(score: float | None) -> float:
    return float("-inf") if score is None else score
