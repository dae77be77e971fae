"""How the laws measure a divergence: value, gradient by each path, relative error."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from akl_bench.divergences import gradients
from akl_bench.divergences.base import Divergence
from akl_bench.testing.divergence_cases import Case


def value(divergence: Divergence, case: Case) -> Tensor:
    with torch.no_grad():
        return divergence.per_token(*case.logs(), **case.keywords(divergence))


def value_and_grad(
    divergence: Divergence, case: Case, keywords: dict[str, Any] | None = None
) -> tuple[Tensor, Tensor]:
    """Value per token and its gradient with respect to the student's logits, by autograd."""
    keywords = case.keywords(divergence) if keywords is None else keywords
    leaf_NV = case.zq_NV.clone().requires_grad_()
    logp_NV = case.zp_NV.log_softmax(-1)
    value_N = divergence.per_token(logp_NV, leaf_NV.log_softmax(-1), **keywords)
    (grad_NV,) = torch.autograd.grad(value_N.sum(), leaf_NV)
    return value_N.data, grad_NV


def paths(divergence: Divergence, case: Case) -> list[tuple[str, Tensor, Tensor]]:
    """Value and gradient by autograd, and by the closed form where there is one."""
    measured = [("autograd", *value_and_grad(divergence, case))]
    if divergence.has_closed_form:
        keywords = case.keywords(divergence)
        measured.append(
            ("closed form", *gradients.value_and_grad(divergence, *case.logs(), **keywords))
        )
    return measured


def error(given: Tensor, true: Tensor, floor: float = 1.0) -> float:
    """Largest gap per token, relative to its norm where that is above `floor`."""
    given, true = given.reshape(len(given), -1).double(), true.reshape(len(true), -1).double()
    scale_N = true.norm(dim=-1).clamp(min=floor)
    return float(((given - true).norm(dim=-1) / scale_N).max())


class Frozen(TorchFunctionMode):
    """Records what `.detach()` returns while on, or gives the record back in the same order.

    With the record given back, a divergence is a function whose detached factors are constants:
    the one whose derivative autograd takes.
    """

    def __init__(self, record: list[Tensor], replay: bool):
        super().__init__()
        self._record, self._replay, self._next = record, replay, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is not torch.Tensor.detach:
            return result
        if not self._replay:
            self._record.append(result.clone())
            return result
        self._next += 1
        return self._record[self._next - 1]


class ExactLogSoftmax(TorchFunctionMode):
    """While on, a log-softmax of float32 is taken in float64 and rounded once.

    On a CPU torch sums the vocabulary's exponentials in a few running float32 sums, as many as a
    vector register has lanes. Over 151,936 tokens that shifts a whole row by 2e-5 with AVX2 (and by
    half of it with AVX-512): more than a formula's own error, and not the formula's fault.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        is_float32 = bool(args) and getattr(args[0], "dtype", None) is torch.float32
        if is_float32 and getattr(func, "__name__", "") == "log_softmax":
            return func(args[0].double(), *args[1:], **(kwargs or {})).float()
        return func(*args, **(kwargs or {}))
