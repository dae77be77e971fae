"""Footnotes on what a table shows: at which learning rates, and what it leaves out."""

from collections.abc import Sequence

from akl_bench.report.columns import LR, OF_STUDENT, named
from akl_bench.report.frame import Column, RunFrame


def tuning(frame: RunFrame) -> list[str]:
    """Whether each objective had a learning rate of its own."""
    lr: float | str = frame.profile.training.lr
    if isinstance(lr, str):
        return ["each objective at a learning rate of its own, tuned with equally many trials"]
    trained = [cell for cell in frame.cells if cell.student]
    rates = {OF_STUDENT[LR](cell.student) for cell in trained if cell.student}
    if len({cell.row.objective for cell in trained}) < 2 or len(rates) > 1:
        return []
    return [
        "one learning rate for all, not tuned: ranks may tell how fast an objective learns at it"
    ]


def about(frame: RunFrame, columns: Sequence[Column], *, is_asked: bool) -> list[str]:
    """What a column is a mean of, and which columns of the profile are not here."""
    notes = [f"accuracy: {c.signature}" for c in columns if c == frame.accuracy]
    if is_asked:
        return notes
    absent = [name for name in frame.profile.table if not named(frame.every, name)]
    if absent:
        notes.append(f"the run has no number of {', '.join(absent)}, which its profile shows")
    return notes
