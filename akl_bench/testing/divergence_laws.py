"""The laws that every divergence keeps; `akl_bench.testing.check_divergence` is the public name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from akl_bench import specs
from akl_bench.divergences import get, registry
from akl_bench.divergences.gradients import value_and_grad
from akl_bench.errors import UsageError
from akl_bench.testing import divergence_cases as cases
from akl_bench.testing import divergence_measure as measure

if TYPE_CHECKING:
    from torch import Tensor

    from akl_bench.divergences.base import Divergence
    from akl_bench.testing.divergence_cases import Case

_STEP = 1e-5  # of the central differences
_FLOAT32_FLOOR = 0.03  # a float32 log-probability near -10 is off by 5e-7: relative from here on


@dataclass(frozen=True)
class LawResult:
    """Outcome of one law.

    Attributes:
        law: Its name, which `exempt` may hold.
        passed: Whether the worst case is within the tolerance.
        worst: Largest violation or error seen, in the unit that `detail` names; NaN after a crash.
        tolerance: What `worst` may be.
        detail: Where the worst was seen.
        exempt: Why the divergence breaks this law on purpose, or "".
    """

    law: str
    passed: bool
    worst: float
    tolerance: float
    detail: str
    exempt: str = ""


@dataclass(frozen=True)
class Report:
    """All laws tried on one divergence."""

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


_Seen = tuple[float, str]  # a violation, and where


def check_divergence(divergence: Divergence | str) -> Report:
    """Try every law on a divergence, in float64 unless a law says otherwise.

    Args:
        divergence: An object, or a spec as "akl(mu=0.5)" or "./mine.py:Mine".

    Raises:
        UsageError: Not a divergence, or `exempt` names a law that does not exist.
    """
    if isinstance(divergence, str):
        divergence = get(divergence)
    unknown = set(divergence.exempt) - set(LAWS)
    if unknown:
        raise UsageError(
            f"{type(divergence).__name__}.exempt names no law: {', '.join(sorted(unknown))}. "
            f"The laws are: {', '.join(LAWS)}."
        )
    results = [_try(name, divergence) for name in LAWS]
    return Report(registry.spec_of(divergence), tuple(r for r in results if r is not None))


def _try(law: str, divergence: Divergence) -> LawResult | None:
    check, tolerance = LAWS[law]
    exempt = divergence.exempt.get(law, "")
    try:
        seen = list(check(divergence))
    except Exception as error:  # any crash of a plug-in is a broken law, not ours
        detail = f"{type(error).__name__}: {error}"
        return LawResult(law, False, math.nan, tolerance, detail, exempt)
    if not seen:
        return None
    worst, where = max(seen, key=lambda one: math.inf if math.isnan(one[0]) else one[0])
    if math.isnan(worst):
        case = where.partition(": ")[0]
        where = f"{case}: NaN (log-probabilities may be -inf: begin with self.inputs)"
    return LawResult(law, worst <= tolerance, worst, tolerance, where, exempt)


def _non_negative(divergence: Divergence) -> Iterator[_Seen]:
    for case in [*cases.ordinary(divergence), *cases.extreme(divergence)]:
        below_N = (-measure.value(divergence, case)).clamp(min=0.0)
        yield float(below_N.max()), f"{case.name}: below zero"


def _zero_at_equality(divergence: Divergence) -> Iterator[_Seen]:
    for case in [*cases.ordinary(divergence), *cases.extreme(divergence)]:
        value_N, grad_NV = measure.value_and_grad(
            divergence, replace(case, zq_NV=case.zp_NV.clone())
        )
        yield float(value_N.abs().max()), f"{case.name}: value at p = q"
        yield float(grad_NV.abs().max()), f"{case.name}: gradient at p = q"


def _permutation(divergence: Divergence) -> Iterator[_Seen]:
    generator = torch.Generator().manual_seed(7)
    for case in cases.ordinary(divergence):
        order_V = torch.randperm(case.zp_NV.shape[-1], generator=generator)
        labels_N = order_V.argsort()[case.labels_N]
        zp_NV, zq_NV = case.zp_NV[:, order_V], case.zq_NV[:, order_V]
        shuffled = replace(case, zp_NV=zp_NV, zq_NV=zq_NV, labels_N=labels_N)
        value_N, grad_NV = measure.value_and_grad(divergence, case)
        moved_N, moved_NV = measure.value_and_grad(divergence, shuffled)
        yield measure.error(moved_N, value_N), f"{case.name}: relative change of the value"
        error = measure.error(moved_NV, grad_NV[:, order_V])
        yield error, f"{case.name}: relative change of the gradient"


def _finite(divergence: Divergence) -> Iterator[_Seen]:
    for dtype in (torch.float32, torch.float64):
        for case in cases.extreme(divergence, dtype):
            for path, value_N, grad_NV in measure.paths(divergence, case):
                bad = (~value_N.isfinite()).sum() + (~grad_NV.isfinite()).sum()
                yield float(bad), f"{case.name}, {dtype}, {path}: values that are not finite"


def _padding(divergence: Divergence) -> Iterator[_Seen]:
    for case in cases.ordinary(divergence):
        size = case.zp_NV.shape[-1]
        value_N, grad_NV = measure.value_and_grad(divergence, case)
        for path, more_N, more_NV in measure.paths(divergence, cases.padded(case)):
            where = f"{case.name}, {path}"
            yield measure.error(more_N, value_N), f"{where}: value changes with masked rows"
            yield measure.error(more_NV[:, :size], grad_NV), f"{where}: so does the gradient"
            yield float(more_NV[:, size:].abs().max()), f"{where}: masked rows get some"


def _closed_form(divergence: Divergence) -> Iterator[_Seen]:
    if not divergence.has_closed_form:
        return
    for case in [*cases.ordinary(divergence), *cases.extreme(divergence)]:
        (_, value_N, grad_NV), (_, fast_N, fast_NV) = measure.paths(divergence, case)
        yield measure.error(fast_N, value_N), f"{case.name}: relative error of the value"
        yield measure.error(fast_NV, grad_NV), f"{case.name}: relative error of the gradient"


def _central_differences(divergence: Divergence) -> Iterator[_Seen]:
    frozen = " with the detached factors frozen" if divergence.detached else ""
    for case in cases.ordinary(divergence):
        if case.zp_NV.shape[-1] > 7:
            continue
        record: list[Tensor] = []
        keywords = case.keywords(divergence)
        with measure.Frozen(record, replay=False):
            grad_NV = measure.value_and_grad(divergence, case, keywords)[1]
        numeric_NV = torch.zeros_like(grad_NV)
        for column in range(grad_NV.shape[-1]):
            up_N, down_N = (
                _shifted(divergence, case, keywords, column, step, record)
                for step in (_STEP, -_STEP)
            )
            numeric_NV[:, column] = (up_N - down_N) / (2 * _STEP)
        yield measure.error(grad_NV, numeric_NV), f"{case.name}: relative error of autograd{frozen}"


def _shifted(
    divergence: Divergence,
    case: Case,
    keywords: dict[str, Any],
    column: int,
    step: float,
    record: list[Tensor],
) -> Tensor:
    zq_NV = case.zq_NV.clone()
    zq_NV[:, column] += step
    logs = replace(case, zq_NV=zq_NV).logs()
    if not divergence.detached:
        return divergence.per_token(*logs, **keywords)
    with measure.Frozen(record, replay=True):
        return divergence.per_token(*logs, **keywords)


def _float32(divergence: Divergence) -> Iterator[_Seen]:
    for case in [*cases.ordinary(divergence, torch.float32), *cases.large(divergence)]:
        exact = measure.paths(divergence, case.to(torch.float64))
        with measure.ExactLogSoftmax():
            rounded = measure.paths(divergence, case)
        for (path, value_N, grad_NV), (_, true_N, true_NV) in zip(rounded, exact, strict=True):
            where = f"{case.name}, {path}: relative error of the"
            yield measure.error(value_N, true_N, _FLOAT32_FLOOR), f"{where} value"
            yield measure.error(grad_NV, true_NV, _FLOAT32_FLOOR), f"{where} gradient"


def _teacher(divergence: Divergence) -> Iterator[_Seen]:
    for case in cases.ordinary(divergence):
        logp_NV, logq_NV = (log_NV.requires_grad_() for log_NV in case.logs())
        value_N = divergence.per_token(logp_NV, logq_NV, **case.keywords(divergence))
        grad = torch.autograd.grad(value_N.sum(), logp_NV, allow_unused=True)[0]
        worst = 0.0 if grad is None else float(grad.abs().max())
        yield worst, f"{case.name}: gradient that reaches the teacher"


def _symmetry(divergence: Divergence) -> Iterator[_Seen]:
    for case in cases.ordinary(divergence):
        if divergence.symmetric:
            swapped = replace(case, zp_NV=case.zq_NV, zq_NV=case.zp_NV)
            error = measure.error(
                measure.value(divergence, swapped), measure.value(divergence, case)
            )
            yield error, f"{case.name}: relative gap of D(p, q) and D(q, p)"


def _limits(divergence: Divergence) -> Iterator[_Seen]:
    for one, other in divergence.limits:
        first, second = _limit(divergence, one), _limit(divergence, other)
        for case in cases.ordinary(divergence):
            value_N, grad_NV = measure.value_and_grad(first, replace(case, step=0))
            true_N, true_NV = measure.value_and_grad(second, replace(case, step=0))
            yield measure.error(value_N, true_N), f"{one} = {other}, {case.name}: value"
            yield measure.error(grad_NV, true_NV), f"{one} = {other}, {case.name}: gradient"


def _limit(divergence: Divergence, spec: str) -> Divergence:
    """A spec of the class under test need not be registered: its file may lie anywhere."""
    parsed = specs.parse(spec)
    if parsed.name == registry.name_of(type(divergence)):
        return type(divergence)(**parsed.params)
    return get(spec)


def _independence(divergence: Divergence) -> Iterator[_Seen]:
    for case in cases.ordinary(divergence):
        logs, keywords = case.logs(), case.keywords(divergence)
        whole_N = divergence.per_token(*logs, **keywords)
        for row in range(len(whole_N)):
            alone = {
                key: value[row : row + 1] if key == "labels_N" else value
                for key, value in keywords.items()
            }
            one_N = divergence.per_token(*(log_NV[row : row + 1] for log_NV in logs), **alone)
            error = measure.error(one_N, whole_N[row : row + 1])
            yield error, f"{case.name}: relative change of a token computed alone"


def _deterministic(divergence: Divergence) -> Iterator[_Seen]:
    for case in cases.ordinary(divergence):
        logs = case.logs()
        copies = [log_NV.clone() for log_NV in logs]
        for (path, value_N, grad_NV), (_, again_N, again_NV) in zip(
            measure.paths(divergence, case), measure.paths(divergence, case), strict=True
        ):
            same = torch.equal(value_N, again_N) and torch.equal(grad_NV, again_NV)
            yield float(not same), f"{case.name}, {path}: differs on the second call"
        keywords = case.keywords(divergence)
        divergence.per_token(*logs, **keywords)
        value_and_grad(divergence, *logs, **keywords)
        kept = all(torch.equal(log_NV, copy) for log_NV, copy in zip(logs, copies, strict=True))
        yield float(not kept), f"{case.name}: the inputs were changed"


LAWS: dict[str, tuple[Callable[[Divergence], Iterator[_Seen]], float]] = {
    "non-negative": (_non_negative, 1e-10),
    "zero at p = q": (_zero_at_equality, 1e-10),
    "permutation": (_permutation, 1e-9),
    "finite": (_finite, 0.0),
    "padding": (_padding, 1e-9),
    "closed form": (_closed_form, 1e-6),
    "central differences": (_central_differences, 1e-6),
    "float32": (_float32, 1e-4),
    "teacher": (_teacher, 0.0),
    "symmetry": (_symmetry, 1e-9),
    "limits": (_limits, 1e-6),
    "independence": (_independence, 1e-9),
    "deterministic": (_deterministic, 0.0),
}
"""Every law by name: how it is tried, and the largest violation that it allows."""
