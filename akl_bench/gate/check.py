"""A check: comparability first, then a verdict on every metric of every objective."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Literal

from akl_bench.errors import BaselineError, UsageError
from akl_bench.gate import verdicts
from akl_bench.gate.baseline import Baseline
from akl_bench.gate.comparability import changes, made_with, of_columns, summary
from akl_bench.gate.comparison import EXACT, Comparison, Report, Side
from akl_bench.gate.policy import Policy
from akl_bench.gate.snapshot import WEIGHTS, Row, Snapshot
from akl_bench.gate.verdicts import Verdict
from akl_bench.report.frame import Column

Mode = Literal["auto"] | verdicts.Mode


def check(
    baseline: Baseline,
    candidate: Snapshot,
    policy: Policy,
    *,
    mode: Mode = "auto",
    only: Sequence[str] = (),
    strict: bool = False,
) -> Report:
    """Compare a run with a baseline.

    Args:
        baseline: The baseline.
        candidate: The run.
        policy: Margins, tiers and level.
        mode: "exact" asks for the same bits; "auto" passes objectives that have them, and tests
            the others as far as their seeds allow; docs/ci.md has the rest.
        only: Globs over "objective/student": other rows are left out. Empty: all rows.
        strict: Whether inconclusive metrics fail.

    Raises:
        UsageError: `only` matches no row of the baseline.
        BaselineError: Nothing was compared.
    """
    rows = [row for row in baseline.run.rows if row.seeds]
    wanted = [row for row in rows if not only or any(row.matches(glob) for glob in only)]
    if not wanted:
        names = ", ".join(row.name for row in rows)
        raise UsageError(f"--only {' '.join(only)} matches none of the baseline's rows: {names}.")
    work = _Check(baseline, candidate, policy, mode)
    for row in wanted:
        work.compare(row)
    if not work.comparisons:
        raise BaselineError("Nothing was compared: no metric of the baseline has a direction.")
    work.judge()
    return Report(
        tuple(work.comparisons),
        tuple(changes(baseline.run, candidate)),
        (*work.of_all, *summary(work.of_columns)),
        tuple(_notes(baseline.run, candidate, len(rows) - len(wanted))),
        strict,
    )


@dataclass
class _Check:
    """The comparisons so far; those with an estimate wait for their tier to be judged."""

    baseline: Baseline
    candidate: Snapshot
    policy: Policy
    mode: Mode
    comparisons: list[Comparison] = field(default_factory=list)

    def __post_init__(self) -> None:
        runs = self.baseline.run, self.candidate
        self.of_all = list(made_with(*runs)) if self.mode == EXACT else []
        self.of_columns = of_columns(*runs)
        self.others = {row.name: row for row in self.candidate.rows}

    def compare(self, row: Row) -> None:
        """Add the comparisons of a row."""
        other = self.others.get(row.name)
        columns = [c for c in self.baseline.run.columns if row.numbers(c)]
        mode = self.mode
        if mode == EXACT:
            columns = [WEIGHTS, *columns] if any(row.weights) else columns
        else:
            if other and mode == "auto" and _same_bits(row, other, columns):
                mode = EXACT
            columns = [c for c in columns if c.higher_is_better is not None]
        for column in columns:
            self._add(row, other, column, mode)

    def _add(self, row: Row, other: Row | None, column: Column, mode: Mode) -> None:
        used, estimate = "", None
        if other is None:
            verdict, reason = Verdict.MISSING, "the run has no such objective and student"
        elif obstacle := self._obstacle(other, column):
            verdict, reason = obstacle
        elif mode == EXACT:
            used, (verdict, reason) = EXACT, _same(row, other, column)
        else:
            before, after = row.numbers(column), other.numbers(column)
            estimate = verdicts.estimate(
                before,
                after,
                mode=verdicts.mode_for(len(before), len(after)) if mode == "auto" else mode,
                design=self.baseline.design,
                alpha=self.policy.alpha,
                margin=self.policy.margin(column, fmean(before.values())),
                higher_is_better=bool(column.higher_is_better),
            )
            used, verdict, reason = estimate.mode, Verdict.PASS, ""
        tier = self.policy.tier(column, row.objective)
        sides = _side(row, column), _side(other, column)
        made = Comparison(row.name, column, tier, verdict, used, *sides, estimate, reason=reason)
        self.comparisons.append(made)

    def _obstacle(self, other: Row, column: Column) -> tuple[Verdict, str] | None:
        """Why a metric cannot be compared; None where it can."""
        if other.unfinished or not other.seeds:
            return Verdict.MISSING, f"not finished: seed {_list(other.unfinished)}"
        if column is not WEIGHTS:
            measured = other.by_seed(column)
            if not measured:
                return Verdict.MISSING, "not measured"
            if bad := [seed for seed, value in measured.items() if value is None]:
                return Verdict.MISSING, f"no number at seed {_list(bad)}"
        lines = [*self.of_all, *self.of_columns.get(column.key, ())]
        if not lines:
            return None
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        return Verdict.INCOMPARABLE, f"{lines[0]}{more}"

    def judge(self) -> None:
        """Settle the verdicts of the estimates, tier by tier."""
        waiting = {i: c.estimate for i, c in enumerate(self.comparisons) if c.estimate}
        tiers = {i: self.comparisons[i].tier for i in waiting}
        # Alpha bounds any false alarm in the whole check: tiers that can raise one share it.
        sharing = len({tier for tier in tiers.values() if tier.fails})
        for tier in set(tiers.values()):
            estimates = {i: e for i, e in waiting.items() if tiers[i] is tier}
            alpha = self.policy.alpha / (sharing if tier.fails else 1)
            judged = verdicts.judge([*estimates.values()], alpha, self.policy.adjust)
            for i, (verdict, p, detectable) in zip(estimates, judged, strict=True):
                made = replace(self.comparisons[i], verdict=verdict, p=p, detectable=detectable)
                self.comparisons[i] = made


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _side(row: Row | None, column: Column) -> Side:
    values = row.numbers(column).values() if row else ()
    seeds = row.seeds if row and column is WEIGHTS else values
    return Side(fmean(values) if values else None, len(seeds))


def _same_bits(row: Row, other: Row, columns: Sequence[Column]) -> bool:
    """Whether every seed of the candidate has the baseline's weights and values."""
    known = bool(other.seeds) and set(other.seeds) <= set(row.seeds)
    return known and not any(_differing(row, other, column) for column in (WEIGHTS, *columns))


def _same(row: Row, other: Row, column: Column) -> tuple[Verdict, str]:
    """Whether the seeds that both have agree to the bit."""
    shared = set(row.seeds) & set(other.seeds)
    if not shared:
        return Verdict.MISSING, "no seed in common with the baseline"
    differing = _differing(row, other, column)
    if not differing:
        return Verdict.PASS, ""
    seed, sides = next(iter(differing.items()))
    shown = "" if column is WEIGHTS else ": {!r} -> {!r}".format(*sides)
    where = f"{len(differing)} of {len(shared)} seeds, first at seed {seed}{shown}"
    return Verdict.REGRESSION, f"bits differ at {where}"


def _differing(row: Row, other: Row, column: Column) -> dict[int, tuple[object, object]]:
    """Both sides at the seeds of both that have other bits."""
    before, now = (
        dict(zip(r.seeds, r.weights, strict=True)) if column is WEIGHTS else r.by_seed(column)
        for r in (row, other)
    )
    sides = {seed: (before[seed], now.get(seed)) for seed in other.seeds if seed in row.seeds}
    return {seed: (one, two) for seed, (one, two) in sides.items() if one != two}


def _notes(baseline: Snapshot, candidate: Snapshot, left_out: int) -> list[str]:
    notes = []
    if left_out:
        notes.append(f"{left_out} rows of the baseline left out by --only")
    known = {row.name for row in baseline.rows}
    if new := [row.name for row in candidate.rows if row.name not in known]:
        notes.append(f"not in the baseline: {', '.join(new)}")
    if new := [task for task in candidate.protocols if task not in baseline.protocols]:
        notes.append(f"tasks that are not in the baseline: {', '.join(new)}")
    if stamps := dict.fromkeys((*baseline.stamps, *candidate.stamps)):
        notes.append(f"{' and '.join(stamps)}: a check of the machinery, no evidence")
    return notes
