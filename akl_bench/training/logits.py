"""Logits that come chunk by chunk: what the objective takes from the student and the teacher."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from akl_bench.errors import UsageError

# Each chunk streams the output layers through the cache: on the CPU 128 tokens pay for that, more
# of them only where the vocabulary is small. docs/speed.md has the measurements.
_CPU_TOKENS = 128
_CPU_BYTES = 8 << 20
_DEVICE_BYTES = 256 << 20


class Logits(Protocol):
    """Logits at N response positions that need not exist all at once.

    Attributes:
        rows: N.
        tokens: V, the number of real tokens.
    """

    rows: int
    tokens: int

    def chunk(self, at: slice) -> Tensor:
        """Logits [n, V] of some rows, float32 (or wider), at temperature 1.

        The next call may overwrite them.
        """
        ...


@dataclass(frozen=True)
class Head:
    """One model's output layer: logits = hidden @ weight^T + bias.

    Attributes:
        weight_VD: [V, D], the live parameter, tied to the embedding or not.
        bias_V: [V], or None.
        vocab_size: Number of real tokens. Further rows are padding: they have probability 0 and
            get no gradient. None: all rows are real.
    """

    weight_VD: Tensor
    bias_V: Tensor | None = None
    vocab_size: int | None = None

    @property
    def tokens(self) -> int:
        """Number of real tokens."""
        rows: int = self.weight_VD.shape[0]
        return rows if self.vocab_size is None else self.vocab_size


class LinearLogits:
    """Logits of an output layer, summed in float32, and the gradients of what is made of them.

    Half-precision products keep their type on CUDA, where they can end in a float32 sum; elsewhere
    the factors are widened first. Gradients are gathered chunk by chunk, for the hidden states, the
    weight and the bias, as far as these want some.

    Args:
        hidden_ND: Last hidden states, at response positions only.
        head: The output layer.
        of: Whose they are, for messages.

    Raises:
        UsageError: The shapes do not fit.
    """

    def __init__(self, hidden_ND: Tensor, head: Head, *, of: str = "student"):
        layer_rows, width = head.weight_VD.shape
        if hidden_ND.ndim != 2 or hidden_ND.shape[1] != width:
            raise UsageError(
                f"{of}: hidden states {tuple(hidden_ND.shape)} do not fit the output layer "
                f"{(layer_rows, width)}; expected [tokens, {width}]."
            )
        if not 0 < head.tokens <= layer_rows:
            raise UsageError(
                f"{of}: vocab_size={head.tokens}, but its layer has {layer_rows} rows."
            )
        self.rows, self.tokens = hidden_ND.shape[0], head.tokens
        self._inputs = [hidden_ND, head.weight_VD] + ([] if head.bias_V is None else [head.bias_V])
        wide = torch.promote_types(hidden_ND.dtype, head.weight_VD.dtype)
        self._sum_dtype = torch.promote_types(wide, torch.float32)
        is_half = hidden_ND.dtype in (torch.bfloat16, torch.float16)
        dtype = hidden_ND.dtype if hidden_ND.is_cuda and is_half else self._sum_dtype
        self._hidden_ND = hidden_ND.detach().to(dtype)
        self._weight_VD = head.weight_VD[: head.tokens].detach().to(dtype)
        self._bias_V = (
            None if head.bias_V is None else head.bias_V[: head.tokens].detach().to(self._sum_dtype)
        )
        self._logits_NV: Tensor | None = None
        # Zeros, because rows of padding get nothing added.
        self._grads = [
            torch.zeros(x.shape, dtype=self._sum_dtype, device=x.device)
            if torch.is_grad_enabled() and x.requires_grad
            else None
            for x in self._inputs
        ]

    @property
    def device(self) -> torch.device:
        """Where they are computed."""
        return self._hidden_ND.device

    @property
    def wants_grad(self) -> bool:
        """Whether anything that the logits come from is to be trained."""
        return any(grad is not None for grad in self._grads)

    @property
    def default_chunk(self) -> int:
        """Rows at a time that are fast and fit."""
        row = self.tokens * self._sum_dtype.itemsize
        if self._hidden_ND.device.type == "cpu":
            return max(_CPU_TOKENS, _CPU_BYTES // row)
        return max(1, _DEVICE_BYTES // row)

    def chunk(self, at: slice) -> Tensor:
        """See `Logits`; the caller may write into what it gets."""
        hidden_ND = self._hidden_ND[at]
        if hidden_ND.dtype == self._sum_dtype:
            # One buffer for all chunks: allocating each anew would scatter the heap. A longer chunk
            # than the first makes it anew.
            if self._logits_NV is None or len(self._logits_NV) < len(hidden_ND):
                self._logits_NV = hidden_ND.new_empty(len(hidden_ND), self.tokens)
            z_NV = self._logits_NV[: len(hidden_ND)]
            torch.mm(hidden_ND, self._weight_VD.T, out=z_NV)
        else:
            z_NV = self._product(hidden_ND, self._weight_VD.T)
        return z_NV if self._bias_V is None else z_NV.add_(self._bias_V)

    def add_grad(self, at: slice, grad_NV: Tensor) -> None:
        """Take the gradient for the logits of a chunk."""
        hidden_ND, weight_VD, bias_V = [*self._grads, None][:3]
        factor_NV = grad_NV.to(self._hidden_ND.dtype)
        if hidden_ND is not None:
            hidden_ND[at] = self._product(factor_NV, self._weight_VD)
        if weight_VD is not None:
            total_VD, states_ND = weight_VD[: self.tokens], self._hidden_ND[at]
            if factor_NV.dtype == self._sum_dtype:
                total_VD.addmm_(factor_NV.T, states_ND)
            else:
                total_VD += self._product(factor_NV.T, states_ND)
        if bias_V is not None:
            bias_V[: self.tokens] += grad_NV.sum(0)

    def attach(self, value: Tensor) -> Tensor:
        """The value with a graph that gives the gathered gradients, times the incoming one.

        They are scaled in place, so that one backward pass is all there can be.
        """
        attached: Tensor = _Attach.apply(value, self._grads, *self._inputs)  # type: ignore[no-untyped-call]  # of torch
        return attached

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        if a.dtype == self._sum_dtype:
            return torch.mm(a, b)
        return torch.mm(a, b, out_dtype=self._sum_dtype)


class _Attach(torch.autograd.Function):
    """A value whose gradients are known already."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, grads: list[Tensor | None], *inputs: Tensor) -> Tensor:
        ctx.grads = grads
        ctx.dtypes = [x.dtype for x in inputs]
        return value.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.grads is None:
            raise RuntimeError("The gradients of this loss were used up by its first backward().")
        grads, ctx.grads = ctx.grads, None
        scaled = [
            None if g is None else g.mul_(grad).to(dtype)
            for g, dtype in zip(grads, ctx.dtypes, strict=True)
        ]
        return None, None, *scaled
