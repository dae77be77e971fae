"""The inputs on which the laws of a divergence are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from akl_bench.divergences.base import Divergence

_INF = float("inf")


@dataclass(frozen=True)
class Case:
    """Logits of both models, and what a divergence may need besides.

    Attributes:
        name: What to print where this case is the worst.
        zp_NV: Teacher's logits.
        zq_NV: Student's logits.
        labels_N: One label per token, of a token that the teacher allows.
        step: 0 for the initial state, 1 for the state some optimiser steps later.
    """

    name: str
    zp_NV: Tensor
    zq_NV: Tensor
    labels_N: Tensor
    step: int = 0

    def to(self, dtype: torch.dtype) -> Case:
        return replace(self, zp_NV=self.zp_NV.to(dtype), zq_NV=self.zq_NV.to(dtype))

    def logs(self) -> tuple[Tensor, Tensor]:
        return self.zp_NV.log_softmax(-1), self.zq_NV.log_softmax(-1)

    def keywords(self, divergence: Divergence) -> dict[str, Any]:
        """What the divergence needs, by keyword."""
        given: dict[str, tuple[str, Callable[[], Any]]] = {
            "labels": ("labels_N", lambda: self.labels_N),
            "progress": ("progress", lambda: 0.3 + 0.4 * self.step),
            "state": ("state", lambda: _state(divergence, self.step)),
        }
        wanted = (given[need] for need in divergence.needs)
        return {keyword: value() for keyword, value in wanted}


def ordinary(divergence: Divergence, dtype: torch.dtype = torch.float64) -> Iterator[Case]:
    """Flat, normal, peaked and close pairs over three vocabulary sizes."""
    generator = torch.Generator().manual_seed(20240402)
    for size in (2, 7, 97):
        for name, scale, noise in (
            ("flat", 0.1, 0.1),
            ("normal", 1.0, 1.0),
            ("peaked", 4.0, 3.0),
            ("close", 2.0, 1e-2),
        ):
            zp_NV = _normal(generator, 5, size) * scale
            zq_NV = 0.7 * zp_NV + noise * _normal(generator, 5, size)
            if name == "close":
                zq_NV = zp_NV + noise * _normal(generator, 5, size)
            yield from _steps(divergence, f"{name}, V={size}", zp_NV.to(dtype), zq_NV.to(dtype))


def extreme(divergence: Divergence, dtype: torch.dtype = torch.float64) -> Iterator[Case]:
    """One-hot, -inf and +-1e4 logits, a padded vocabulary, a vocabulary of one token."""
    generator = torch.Generator().manual_seed(1951)
    normal_NV, other_NV = _normal(generator, 6, 12), _normal(generator, 6, 12)
    hot_NV, next_NV = _one_hot(12, 0), _one_hot(12, 1)
    signs_NV = 1e4 * normal_NV.sign()
    holes_NV = torch.zeros(6, 12, dtype=torch.float64)
    holes_NV[:, 3::4] = -_INF
    pairs = {
        "both one-hot, same token": (hot_NV, hot_NV),
        "both one-hot, other token": (hot_NV, next_NV),
        "one-hot teacher": (hot_NV, normal_NV),
        "one-hot student": (normal_NV, hot_NV),
        "+-1e4 logits": (signs_NV, 1e4 * other_NV.sign()),
        "+-1e4 logits, opposed": (signs_NV, -signs_NV),
        "+1e4 on one token of the student": (normal_NV, 1e4 * (next_NV == 0) + other_NV),
        "-inf in the teacher": (normal_NV + holes_NV, other_NV),
        "-inf in the student": (normal_NV, other_NV + holes_NV),
        "padded vocabulary": (normal_NV + holes_NV, other_NV + holes_NV),
        "one token in the vocabulary": (normal_NV[:, :1], other_NV[:, :1]),
    }
    for name, (zp_NV, zq_NV) in pairs.items():
        yield from _steps(divergence, name, zp_NV.to(dtype), zq_NV.to(dtype))


def padded(case: Case, extra: int = 3) -> Case:
    """The same case with rows of the vocabulary that both models mask."""
    columns = (0, extra)
    return replace(
        case,
        zp_NV=torch.nn.functional.pad(case.zp_NV, columns, value=-_INF),
        zq_NV=torch.nn.functional.pad(case.zq_NV, columns, value=-_INF),
    )


def large(divergence: Divergence, size: int = 151_936) -> Iterator[Case]:
    """Two tokens over Qwen's vocabulary: a peaked and a long-tailed pair, float32."""
    generator = torch.Generator().manual_seed(151_936)
    scale_N1 = torch.tensor([[3.0], [1.0]])
    zp_NV = scale_N1 * torch.randn(2, size, generator=generator)
    zq_NV = 0.8 * zp_NV + 0.5 * torch.randn(2, size, generator=generator)
    yield from _steps(divergence, f"V={size}", zp_NV, zq_NV)


def _steps(divergence: Divergence, name: str, zp_NV: Tensor, zq_NV: Tensor) -> Iterator[Case]:
    labels_N = zp_NV.argmax(-1)
    labels_N[::2] = zp_NV[::2].topk(min(2, zp_NV.shape[-1]), dim=-1).indices[:, -1]
    labels_N = labels_N.where(zp_NV.gather(-1, labels_N[:, None])[:, 0] > -_INF, zp_NV.argmax(-1))
    yield Case(name, zp_NV, zq_NV, labels_N)
    if "state" in divergence.needs:
        yield Case(f"{name}, later state", zp_NV, zq_NV, labels_N, step=1)


def _state(divergence: Divergence, step: int) -> dict[str, float]:
    """The initial state, or the one after ten steps on ordinary tokens."""
    state = divergence.initial_state()
    generator = torch.Generator().manual_seed(10)
    for number in range(10 * step):
        zp_NV, zq_NV = _normal(generator, 32, 16), _normal(generator, 32, 16)
        case = Case("", zp_NV, zq_NV, zp_NV.argmax(-1))
        keywords: dict[str, Any] = {"state": state}
        if "labels" in divergence.needs:
            keywords["labels_N"] = case.labels_N
        if "progress" in divergence.needs:
            keywords["progress"] = number / 10
        logs = case.logs()
        d_N = divergence.per_token(*logs, **keywords)
        signals = divergence.signals(*logs, d_N, **keywords)
        means = {key: float(value_N.mean()) for key, value_N in signals.items()}
        state = divergence.next_state(state, signals=means, progress=number / 10)
    return state


def _normal(generator: torch.Generator, tokens: int, size: int) -> Tensor:
    return torch.randn(tokens, size, generator=generator, dtype=torch.float64)


def _one_hot(size: int, token: int) -> Tensor:
    logits_NV = torch.full((6, size), -_INF, dtype=torch.float64)
    logits_NV[:, token] = 0.0
    return logits_NV
