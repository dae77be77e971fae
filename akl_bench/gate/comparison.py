"""The outcome of a check, as data; the outputs print it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from akl_bench.gate.policy import Tier
from akl_bench.gate.verdicts import Estimate, Verdict
from akl_bench.report.frame import Column

EXACT: Literal["exact"] = "exact"
_SCHEMA = 1
_OUTCOMES = {0: "passed", 1: "failed", 3: "not possible", 4: "inconclusive"}


@dataclass(frozen=True)
class Side:
    """Mean over seeds in raw units, and how many seeds there are."""

    mean: float | None
    seeds: int


@dataclass(frozen=True)
class Comparison:
    """One metric of one objective and student.

    Attributes:
        tier: How much it counts.
        mode: How it was compared; "" where it was not.
        p: Adjusted p of a loss.
        detectable: Loss that would have been found with 80 % power after the adjustment.
        reason: Why, where numbers do not say it.
    """

    row: str
    column: Column
    tier: Tier
    verdict: Verdict
    mode: str
    baseline: Side
    candidate: Side
    estimate: Estimate | None = None
    p: float | None = None
    detectable: float | None = None
    reason: str = ""

    @property
    def fails(self) -> bool:
        """Whether a bad verdict fails the check; bits that differ always do."""
        return self.tier.fails or self.mode == EXACT

    def scaled(self, value: float | None) -> float | None:
        """A raw number in the unit that tables show."""
        return None if value is None else value * abs(self.column.scale)

    def shown(self, value: float | None, sign: str = "") -> str:
        """A raw number as tables show it, with a sign where asked; "-" for none."""
        scaled = self.scaled(value)
        return "-" if scaled is None else f"%{sign}{self.column.format[1:]}" % scaled

    @property
    def more_seeds(self) -> int | None:
        """Further candidate seeds that would settle an unchanged student."""
        unsettled = self.verdict is Verdict.INCONCLUSIVE
        return self.estimate.more_seeds if self.estimate and unsettled else None

    @property
    def explanation(self) -> str:
        """One line of why the verdict is what it is; "" where the numbers say it."""
        if self.verdict is not Verdict.INCONCLUSIVE or self.estimate is None:
            return self.reason
        if self.detectable is None:
            return "no spread over seeds to judge this loss by; more seeds are needed"
        detectable = f"a loss of {self.shown(self.detectable)} would have been found"
        more = self.more_seeds
        if more is None:
            return f"{detectable}; only more baseline seeds or a wider margin can settle this"
        seeds = "seed" if more == 1 else "seeds"
        return f"{detectable}; {more} more {seeds} should settle this if nothing changed"

    def as_json(self) -> dict[str, Any]:
        """Everything that it has; numbers in the unit that tables show."""
        e = self.estimate
        interval = [*map(self.scaled, (e.low, e.high))] if e and e.low is not None else None
        return {
            "row": self.row,
            "task": self.column.task,
            "metric": self.column.metric,
            "tier": self.tier.value,
            "verdict": self.verdict.value,
            "mode": self.mode or None,
            "baseline": {"mean": self.scaled(self.baseline.mean), "seeds": self.baseline.seeds},
            "candidate": {"mean": self.scaled(self.candidate.mean), "seeds": self.candidate.seeds},
            "difference": self.scaled(e.difference) if e else None,
            "interval": interval,
            "p": self.p,
            "margin": self.scaled(e.margin) if e else None,
            "detectable": self.scaled(self.detectable),
            "more_seeds": self.more_seeds,
            "reason": self.explanation or None,
        }


@dataclass(frozen=True)
class Report:
    """All comparisons of a check.

    Attributes:
        comparisons: Row by row as the baseline has them.
        changed: What the candidate is about, one line each: code, libraries, training.
        incomparable: Fields of the measurement that differ, one line each.
        notes: What was left out.
        strict: Whether inconclusive metrics fail.
    """

    comparisons: tuple[Comparison, ...]
    changed: tuple[str, ...] = ()
    incomparable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    strict: bool = False

    @property
    def exit_code(self) -> int:
        """0 pass; 1 regression or missing; 3 incomparable; 4 inconclusive, where strict."""
        bad = {c.verdict for c in self.comparisons if c.fails}
        if Verdict.INCOMPARABLE in bad:
            return 3
        if bad & {Verdict.REGRESSION, Verdict.MISSING}:
            return 1
        if all(c.mode == "" for c in self.comparisons):
            return 3
        return 4 if self.strict and Verdict.INCONCLUSIVE in bad else 0

    @property
    def headline(self) -> str:
        """The outcome in one line."""
        counted, advisory = (
            ", ".join(f"{n} {verdict}" for verdict, n in self._counts(fails).items())
            for fails in ((True,), (False,))
        )
        return f"check {_OUTCOMES[self.exit_code]}: {counted or 'nothing that can fail'}" + (
            f"; advisory: {advisory}" if advisory else ""
        )

    def _counts(self, fails: Collection[bool] = (True, False)) -> dict[str, int]:
        """Number of comparisons by verdict, of those that can fail or not."""
        counted = Counter(c.verdict for c in self.comparisons if c.fails in fails)
        return {verdict.value: counted[verdict] for verdict in Verdict if counted[verdict]}

    def as_json(self) -> dict[str, Any]:
        """Everything that it has as JSON values."""
        return {
            "schema": _SCHEMA,
            "outcome": self.headline,
            "exit_code": self.exit_code,
            "counts": self._counts(),
            "incomparable": list(self.incomparable),
            "changed": list(self.changed),
            "notes": list(self.notes),
            "comparisons": [c.as_json() for c in self.comparisons],
        }
