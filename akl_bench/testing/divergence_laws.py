"""The laws that every divergence keeps, in float64 unless a law says otherwise."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from akl_bench import specs
from akl_bench.divergences import get, registry
from akl_bench.divergences.base import Divergence
from akl_bench.divergences.gradients import value_and_grad
from akl_bench.testing import divergence_cases as cases
from akl_bench.testing import divergence_measure as measure
from akl_bench.testing.divergence_cases import Case
from akl_bench.testing.laws import Law, Seen, broken

NAN_REMEDY = " (log-probabilities may be -inf: begin with self.inputs)"

_STEP = 1e-5  # of the central differences
_FLOAT32_FLOOR = 0.03  # a float32 log-probability near -10 is off by 5e-7: relative from here on


def _non_negative(divergence: Divergence) -> Iterator[Seen]:
    for case in [*cases.ordinary(divergence), *cases.extreme(divergence)]:
        below_N = (-measure.value(divergence, case)).clamp(min=0.0)
        yield float(below_N.max()), f"{case.name}: below zero"


def _zero_at_equality(divergence: Divergence) -> Iterator[Seen]:
    for case in [*cases.ordinary(divergence), *cases.extreme(divergence)]:
        value_N, grad_NV = measure.value_and_grad(
            divergence, replace(case, zq_NV=case.zp_NV.clone())
        )
        yield float(value_N.abs().max()), f"{case.name}: value at p = q"
        yield float(grad_NV.abs().max()), f"{case.name}: gradient at p = q"


def _permutation(divergence: Divergence) -> Iterator[Seen]:
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


def _finite(divergence: Divergence) -> Iterator[Seen]:
    for dtype in (torch.float32, torch.float64):
        for case in cases.extreme(divergence, dtype):
            for path, value_N, grad_NV in measure.paths(divergence, case):
                bad = (~value_N.isfinite()).sum() + (~grad_NV.isfinite()).sum()
                yield float(bad), f"{case.name}, {dtype}, {path}: values that are not finite"


def _padding(divergence: Divergence) -> Iterator[Seen]:
    for case in cases.ordinary(divergence):
        size = case.zp_NV.shape[-1]
        value_N, grad_NV = measure.value_and_grad(divergence, case)
        for path, more_N, more_NV in measure.paths(divergence, cases.padded(case)):
            where = f"{case.name}, {path}"
            yield measure.error(more_N, value_N), f"{where}: value changes with masked rows"
            yield measure.error(more_NV[:, :size], grad_NV), f"{where}: so does the gradient"
            yield float(more_NV[:, size:].abs().max()), f"{where}: masked rows get some"


def _closed_form(divergence: Divergence) -> Iterator[Seen]:
    if not divergence.has_closed_form:
        return
    for case in [*cases.ordinary(divergence), *cases.extreme(divergence)]:
        (_, value_N, grad_NV), (_, fast_N, fast_NV) = measure.paths(divergence, case)
        yield measure.error(fast_N, value_N), f"{case.name}: relative error of the value"
        yield measure.error(fast_NV, grad_NV), f"{case.name}: relative error of the gradient"


def _central_differences(divergence: Divergence) -> Iterator[Seen]:
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


def _float32(divergence: Divergence) -> Iterator[Seen]:
    for case in [*cases.ordinary(divergence, torch.float32), *cases.large(divergence)]:
        exact = measure.paths(divergence, case.to(torch.float64))
        with measure.ExactLogSoftmax():
            rounded = measure.paths(divergence, case)
        for (path, value_N, grad_NV), (_, true_N, true_NV) in zip(rounded, exact, strict=True):
            where = f"{case.name}, {path}: relative error of the"
            yield measure.error(value_N, true_N, _FLOAT32_FLOOR), f"{where} value"
            yield measure.error(grad_NV, true_NV, _FLOAT32_FLOOR), f"{where} gradient"


def _teacher(divergence: Divergence) -> Iterator[Seen]:
    for case in cases.ordinary(divergence):
        logp_NV, logq_NV = (log_NV.requires_grad_() for log_NV in case.logs())
        value_N = divergence.per_token(logp_NV, logq_NV, **case.keywords(divergence))
        grad = torch.autograd.grad(value_N.sum(), logp_NV, allow_unused=True)[0]
        worst = 0.0 if grad is None else float(grad.abs().max())
        yield worst, f"{case.name}: gradient that reaches the teacher"


def _symmetry(divergence: Divergence) -> Iterator[Seen]:
    for case in cases.ordinary(divergence):
        if divergence.symmetric:
            swapped = replace(case, zp_NV=case.zq_NV, zq_NV=case.zp_NV)
            error = measure.error(
                measure.value(divergence, swapped), measure.value(divergence, case)
            )
            yield error, f"{case.name}: relative gap of D(p, q) and D(q, p)"


def _limits(divergence: Divergence) -> Iterator[Seen]:
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


def _independence(divergence: Divergence) -> Iterator[Seen]:
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


def _deterministic(divergence: Divergence) -> Iterator[Seen]:
    for case in cases.ordinary(divergence):
        logs = case.logs()
        copies = [log_NV.clone() for log_NV in logs]
        for (path, value_N, grad_NV), (_, again_N, again_NV) in zip(
            measure.paths(divergence, case), measure.paths(divergence, case), strict=True
        ):
            same = torch.equal(value_N, again_N) and torch.equal(grad_NV, again_NV)
            yield broken(not same, f"{case.name}, {path}: differs on the second call")
        keywords = case.keywords(divergence)
        divergence.per_token(*logs, **keywords)
        value_and_grad(divergence, *logs, **keywords)
        kept = all(torch.equal(log_NV, copy) for log_NV, copy in zip(logs, copies, strict=True))
        yield broken(not kept, f"{case.name}: the inputs were changed")


LAWS: dict[str, Law] = {
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
