"""What a run over budgets answers: who is best where, how sure that is, and what cannot be said.

Intervals and groups here speak of new seeds *and* new prompts (hierarchical bootstrap), unlike the
marks of a table, which speak of the prompts at hand.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from scipy import stats

from akl_bench.artifacts.store import TEACHER
from akl_bench.errors import UsageError
from akl_bench.report.columns import Column
from akl_bench.report.compare import ALPHA, matrices, seed_scores
from akl_bench.report.frame import Row, RunFrame, is_reference
from akl_bench.report.names import axis_number, axis_order
from akl_bench.report.notes import on_rates
from akl_bench.report.parts import shown
from akl_bench.report.text import Markup, markdown_table
from akl_bench.statistics import Interval, hierarchical_bootstrap

STEPS = "training.steps"


@dataclass(frozen=True)
class Standing:
    """An objective at a point: a student and a budget.

    Attributes:
        value: Its mean with the interval for new seeds and new prompts.
        is_top: Whether it cannot be told from the best of the point.
        lr: The learning rate of its students.
    """

    row: Row
    value: Interval
    is_top: bool
    lr: float


@dataclass(frozen=True)
class Reach:
    """Steps until an objective has a share of the teacher's quality, by training seed.

    Attributes:
        steps: Sorted; infinite where a seed does not get there.
    """

    steps: tuple[float, ...]

    def text(self, budgets: Sequence[float]) -> str:
        """Median, and smallest and largest; a bound where that lies outside of the budgets."""

        def one(steps: float) -> str:
            if math.isinf(steps):
                return f"> {budgets[-1]:g}"
            return f"< {budgets[0]:g}" if steps <= budgets[0] else f"{steps:.0f}"

        low, middle, high = one(self.steps[0]), one(median(self.steps)), one(self.steps[-1])
        return middle if low == high else f"{middle} ({low} to {high})"


def points(frame: RunFrame, column: Column) -> dict[tuple[str, str], list[Standing]]:
    """Standings, the best first, by student and budget; budgets of a student in their order.

    Raises:
        UsageError: The run has no axis of steps, or no column to rank by.
    """
    rows = [row for row in frame.rows if not is_reference(row.objective)]
    made: dict[tuple[str, str], list[Standing]] = {}
    for row in sorted(rows, key=lambda row: (row.student, axis_order(row))):
        if [key for key, _ in row.axes] != [STEPS]:
            continue
        made.setdefault((row.student, dict(row.axes)[STEPS]), [])
    for student, steps in made:
        own = [r for r in rows if r.student == student and r.axes == ((STEPS, steps),)]
        made[student, steps] = standings(frame, own, column)
    if not made:
        raise UsageError(
            f"an answer needs a run with the one axis {STEPS}: `akl-bench run all --sweep "
            f"{STEPS}=300,1000,3000`."
        )
    return made


def standings(frame: RunFrame, rows: Sequence[Row], column: Column) -> list[Standing]:
    """Rows from best to worst, and which of them cannot be told from the best.

    The best is compared with each other row at alpha over the number of these comparisons.
    """
    by_row = {row: made for row in rows if (made := seed_scores(frame, row, column))}
    values = frame.seed_values()
    by_seed = {row: sorted(values[row, column.task, column.metric]) for row in by_row}
    scores = dict(zip(by_row, matrices(*by_row.values()), strict=True)) if by_row else {}
    sign = 1 if column.higher_is_better else -1
    ordered = sorted(scores, key=lambda row: -sign * scores[row].mean())
    ranked = []
    for row in ordered:
        own, best = scores[row], scores[ordered[0]]
        value = hierarchical_bootstrap(own, np.zeros_like(own))
        apart = Interval(0.0)
        if row != ordered[0]:
            confidence = 1 - ALPHA / (len(ordered) - 1)
            paired = [*by_seed[row]] == [*by_seed[ordered[0]]]
            apart = hierarchical_bootstrap(
                sign * best, sign * own, paired=paired, confidence=confidence
            )
        rates = [cell.student.fields["training"]["lr"] for cell in frame.of(row) if cell.student]
        ranked.append(Standing(row, value, apart.low is None or apart.low <= 0, median(rates)))
    return ranked


def reach(
    frame: RunFrame, by_steps: Mapping[float, Row], column: Column, target: float
) -> Reach | None:
    """Steps to a value, between two budgets by a straight line over log steps, seed by seed.

    None where a seed lacks a budget.
    """
    values = frame.seed_values()
    curves: dict[int, list[tuple[float, float]]] = {}
    for steps in sorted(by_steps):
        for seed, value in values.get((by_steps[steps], *column.key), {}).items():
            curves.setdefault(seed, []).append((steps, value))
    if not curves or any(len(curve) < len(by_steps) for curve in curves.values()):
        return None
    sign = 1 if column.higher_is_better else -1
    crossings = (_crossing([(n, sign * v) for n, v in c], sign * target) for c in curves.values())
    return Reach(tuple(sorted(crossings)))


def _crossing(curve: Sequence[tuple[float, float]], target: float) -> float:
    """Where a curve first has the target."""
    (first, value), *_ = curve
    if value >= target:
        return first
    for (n, low), (m, high) in pairwise(curve):
        if high >= target:
            share = (target - low) / (high - low)
            return math.exp(math.log(n) + share * (math.log(m) - math.log(n)))
    return math.inf


def markdown(frame: RunFrame, task: str, share: float) -> str:
    """The answer as Markdown.

    Args:
        frame: A run with an axis of steps.
        task: Whose headline decides.
        share: Of the teacher's quality, whose steps are counted.

    Raises:
        UsageError: No such axis, no such task, or a run without its teacher.
    """
    column = frame.headline(task)
    if column is None:
        known = ", ".join(dict.fromkeys(c.task for c in frame.columns))
        raise UsageError(f"{task} has no numbers in this run; its tasks are {known}.")
    made = points(frame, column)
    teachers = frame.seed_values().get((_teacher(frame), *column.key), {})
    if not teachers:
        raise UsageError(f"the run has no teacher's numbers of {task}; `akl-bench run` adds them.")
    teacher = sum(teachers.values()) / len(teachers)
    target = teacher * share if column.higher_is_better else teacher / share
    lines = [
        f"Ranked by {column.task} {column.metric}; the teacher has {shown(column, teacher)}. "
        "Intervals are 95 % for new seeds and, where the number is a mean over prompts, for new "
        "prompts. Bold: cannot be told from the best of its column (alpha "
        f"{ALPHA} over the objectives). Steps: median over seeds, and smallest and largest.",
        "",
        *(f"{note[:1].upper()}{note[1:]}.\n" for note in (*on_rates(frame), *frame.stamps)),
    ]
    for student in dict.fromkeys(student for student, _ in made):
        own = {steps: made[of, steps] for of, steps in made if of == student}
        lines += [f"### Student {student}", "", *_table(frame, own, column, target, share), ""]
        lines += [*_agreement(own), ""]
    return "\n".join(lines).rstrip() + "\n"


def _teacher(frame: RunFrame) -> Row:
    return next((row for row in frame.rows if row.objective == TEACHER), Row(TEACHER, ""))


def _table(
    frame: RunFrame,
    own: Mapping[str, list[Standing]],
    column: Column,
    target: float,
    share: float,
) -> list[str]:
    budgets = {steps: axis_number(steps) or 0.0 for steps in own}
    last = list(own)[-1]
    by_name: dict[str, dict[str, Standing]] = {}
    for steps, ranked in own.items():
        for standing in ranked:
            by_name.setdefault(standing.row.objective, {})[steps] = standing
    order = [standing.row.objective for standing in own[last]]
    heads = ["objective", *(f"{steps} steps" for steps in own), f"steps to {100 * share:g} %", "lr"]
    rows = []
    for name in [*order, *(name for name in by_name if name not in order)]:
        at = by_name[name]
        rows.append(
            [
                frame.names.get(name, name),
                *(_cell(at.get(steps), column) for steps in own),
                _reached(frame, at, budgets, column, target),
                " / ".join(f"{at[steps].lr:g}" if steps in at else "-" for steps in own),
            ]
        )
    return markdown_table(heads, rows, left=1)


def _cell(standing: Standing | None, column: Column) -> str:
    if standing is None:
        return "-"
    value, low, high = standing.value
    text = shown(column, value)
    if low is not None and high is not None:
        text += f" [{shown(column, low)}, {shown(column, high)}]"
    return Markup(f"**{text}**") if standing.is_top else text


def _reached(
    frame: RunFrame,
    at: Mapping[str, Standing],
    budgets: Mapping[str, float],
    column: Column,
    target: float,
) -> str:
    by_steps = {budgets[steps]: standing.row for steps, standing in at.items()}
    found = reach(frame, by_steps, column, target)
    return "-" if found is None else found.text(sorted(by_steps))


def _agreement(own: Mapping[str, list[Standing]]) -> list[str]:
    """What stays of the ranking from budget to budget, and how many are told apart at the end."""
    lines = []
    names = list(own)
    for one, other in pairwise(names):
        first = {s.row.objective: s.value.value for s in own[one]}
        second = {s.row.objective: s.value.value for s in own[other]}
        both = [name for name in first if name in second]
        if len(both) > 2:
            tau = stats.kendalltau([first[n] for n in both], [second[n] for n in both]).statistic
            if math.isfinite(tau):  # Else all are equal.
                agree = f"Ranks at {one} and {other} steps agree with Kendall's tau {tau:.2f}."
                lines.append(agree)
    last = own[names[-1]]
    top = [s.row.objective for s in last if s.is_top]
    lines.append(
        f"At {names[-1]} steps {len(top)} of {len(last)} objectives cannot be told from the best."
    )
    return lines
