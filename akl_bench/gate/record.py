"""A report as JSON values."""

from typing import Any

from akl_bench.gate.comparison import Comparison, Report

SCHEMA = 1


def record(report: Report) -> dict[str, Any]:
    """Everything that the report has; numbers in the unit that tables show."""
    return {
        "schema": SCHEMA,
        "outcome": report.headline,
        "exit_code": report.exit_code,
        "counts": report.counts,
        "incomparable": list(report.incomparable),
        "changed": list(report.changed),
        "notes": list(report.notes),
        "comparisons": [_comparison(c) for c in report.comparisons],
    }


def _comparison(c: Comparison) -> dict[str, Any]:
    e = c.estimate
    return {
        "row": c.row,
        "task": c.column.task,
        "metric": c.column.metric,
        "tier": c.tier.value,
        "verdict": c.verdict.value,
        "mode": c.mode or None,
        "baseline": {"mean": c.scaled(c.baseline.mean), "seeds": c.baseline.seeds},
        "candidate": {"mean": c.scaled(c.candidate.mean), "seeds": c.candidate.seeds},
        "difference": c.scaled(e.difference) if e else None,
        "interval": [c.scaled(e.low), c.scaled(e.high)] if e and e.low is not None else None,
        "p": c.p,
        "margin": c.scaled(e.margin) if e else None,
        "detectable": c.scaled(c.detectable),
        "more_seeds": c.more_seeds,
        "reason": c.explanation or None,
    }
