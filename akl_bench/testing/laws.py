"""What the laws of all kinds of plug-ins share: how each is tried, and what is said of it.

The laws of a kind are the `LAWS` of `<kind>_laws.py`: by name, a function that yields every
violation it sees with the place, and the largest violation that is allowed.
"""

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from akl_bench.errors import UsageError

Seen = tuple[float, str]
"""A violation, and where."""
Law = tuple[Callable[..., Iterable[Seen]], float]

KINDS = {
    "divergence": "akl_bench.divergences",
    "metric": "akl_bench.metrics",
    "source": "akl_bench.training.sources",
    "teacher": "akl_bench.training.teachers",
    "sampler": "akl_bench.generation",
    "devices": "akl_bench.training.devices",
}
"""Every kind of plug-in that has laws, and the package that holds its registry."""


@dataclass(frozen=True)
class LawResult:
    """Outcome of one law.

    Attributes:
        law: Its name, which `exempt` may hold.
        passed: Whether the worst case is within the tolerance.
        worst: Largest violation or error seen, in the unit that `detail` names; NaN after a crash.
        tolerance: What `worst` may be.
        detail: Where the worst was seen; "" where nothing was.
        exempt: Why the plug-in breaks this law on purpose, or "".
    """

    law: str
    passed: bool
    worst: float
    tolerance: float
    detail: str
    exempt: str = ""


@dataclass(frozen=True)
class Report:
    """All laws tried on one plug-in."""

    spec: str
    results: tuple[LawResult, ...]

    @property
    def failures(self) -> tuple[LawResult, ...]:
        """Laws broken without a reason given."""
        return tuple(r for r in self.results if not (r.passed or r.exempt))

    @property
    def ok(self) -> bool:
        """Whether every law holds or is broken for a declared reason."""
        return not self.failures


def check(kind: str, plugin: Any, *more: Any) -> Report:
    """Try every law of a kind on a plug-in.

    Args:
        kind: One of `KINDS`.
        plugin: An object, or a spec as "akl(mu=0.5)" or "./mine.py:Mine". Its attribute `exempt`,
            where it has one, gives the reason for each law that it breaks on purpose.
        *more: What else the laws of that kind take.

    Raises:
        UsageError: Not a plug-in of that kind, or `exempt` names a law that does not exist.
    """
    registry = importlib.import_module(KINDS[kind]).registry
    module = importlib.import_module(f"akl_bench.testing.{kind}_laws")
    laws: dict[str, Law] = module.LAWS
    if isinstance(plugin, str):
        plugin = registry.create(plugin)
    exempt: Mapping[str, str] = getattr(plugin, "exempt", {})
    if unknown := set(exempt) - set(laws):
        raise UsageError(
            f"{type(plugin).__name__}.exempt names no law: {', '.join(sorted(unknown))}. "
            f"The laws are: {', '.join(laws)}."
        )
    remedy = getattr(module, "NAN_REMEDY", "")
    results = [
        _try(name, law, exempt.get(name, ""), remedy, plugin, *more) for name, law in laws.items()
    ]
    return Report(registry.spec_of(plugin), tuple(r for r in results if r is not None))


def _try(name: str, law: Law, exempt: str, nan_remedy: str, *subject: Any) -> LawResult | None:
    """None where the law says nothing of such a plug-in."""
    violations, tolerance = law
    try:
        seen = list(violations(*subject))
    except Exception as error:  # any crash of a plug-in is a broken law, not ours
        detail = f"{type(error).__name__}: {error}"
        return LawResult(name, False, math.nan, tolerance, detail, exempt)
    if not seen:
        return None
    worst, where = max(seen, key=lambda one: math.inf if math.isnan(one[0]) else one[0])
    if math.isnan(worst):
        where = f"{where.partition(': ')[0]}: NaN{nan_remedy}"
    return LawResult(name, worst <= tolerance, worst, tolerance, where if worst else "", exempt)


def broken(is_broken: bool, where: str) -> Seen:
    """For a law that holds or does not."""
    return float(is_broken), where
