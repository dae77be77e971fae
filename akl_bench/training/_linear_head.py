"""Products with an output layer for a chunk of tokens, summed in float32, and their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor


class Layer:
    """An output layer cut to its real tokens, in the type that its products are taken in.

    Half-precision products keep their type on CUDA, where they can end in a float32 sum; elsewhere
    the factors are widened first.
    """

    def __init__(self, hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None, tokens: int):
        wide = torch.promote_types(hidden_ND.dtype, weight_VD.dtype)
        self.sum_dtype = torch.promote_types(wide, torch.float32)
        is_half = hidden_ND.dtype in (torch.bfloat16, torch.float16)
        dtype = hidden_ND.dtype if hidden_ND.is_cuda and is_half else self.sum_dtype
        self.rows = weight_VD.shape[0]
        self.hidden_ND = hidden_ND.detach().to(dtype)
        self.weight_VD = weight_VD[:tokens].detach().to(dtype)
        self.bias_V = None if bias_V is None else bias_V[:tokens].detach().to(self.sum_dtype)
        self._logits_NV: Tensor | None = None

    def logits(self, chunk: slice) -> Tensor:
        """Logits of a chunk of tokens, [n, tokens]; the next call, of no more, overwrites them."""
        hidden_ND = self.hidden_ND[chunk]
        if hidden_ND.dtype == self.sum_dtype:
            # One buffer for all chunks: allocating each anew would scatter the heap.
            if self._logits_NV is None:
                self._logits_NV = hidden_ND.new_empty(hidden_ND.shape[0], self.weight_VD.shape[0])
            z_NV = self._logits_NV[: hidden_ND.shape[0]]
            torch.mm(hidden_ND, self.weight_VD.T, out=z_NV)
        else:
            z_NV = self.product(hidden_ND, self.weight_VD.T)
        return z_NV if self.bias_V is None else z_NV.add_(self.bias_V)

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """Matrix product, summed and returned in `sum_dtype`."""
        if a.dtype == self.sum_dtype:
            return torch.mm(a, b)
        return torch.mm(a, b, out_dtype=self.sum_dtype)

    def add_product(self, total: Tensor, a: Tensor, b: Tensor) -> None:
        """Add a matrix product to a total of `sum_dtype`."""
        if a.dtype == self.sum_dtype:
            total.addmm_(a, b)
        else:
            total += torch.mm(a, b, out_dtype=self.sum_dtype)


class Gradients:
    """Gradients of a sum over tokens, gathered chunk by chunk; None where not wanted.

    Args:
        layer: The student's.
        wanted: Whether to take those of the hidden states, the weight and, where there is one, the
            bias.
    """

    def __init__(self, layer: Layer, wanted: list[bool]):
        self._layer = layer
        like = layer.hidden_ND
        rows = (layer.rows, like.shape[1]), (layer.rows,)
        shapes = [like.shape, *rows][: len(wanted)]
        # Zeros, because rows of padding get nothing added.
        self._sums = [
            torch.zeros(shape, dtype=layer.sum_dtype, device=like.device) if want else None
            for shape, want in zip(shapes, wanted, strict=True)
        ]

    def add(self, chunk: slice, grad_NV: Tensor) -> None:
        """Add what the gradient for a chunk's logits contributes."""
        layer = self._layer
        tokens = grad_NV.shape[1]
        hidden_ND, weight_VD, bias_V = [*self._sums, None][:3]
        factor_NV = grad_NV.to(layer.hidden_ND.dtype)
        if hidden_ND is not None:
            hidden_ND[chunk] = layer.product(factor_NV, layer.weight_VD)
        if weight_VD is not None:
            layer.add_product(weight_VD[:tokens], factor_NV.T, layer.hidden_ND[chunk])
        if bias_V is not None:
            bias_V[:tokens] += grad_NV.sum(0)

    def of_inputs(self) -> list[Tensor | None]:
        """The sums, in the order of `wanted`."""
        return self._sums


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


def attach(value: Tensor, inputs: list[Tensor], grads: list[Tensor | None]) -> Tensor:
    """The value with a graph that gives the inputs these gradients, times the incoming one.

    The gradients are scaled in place, so that one backward pass is all there can be.
    """
    attached: Tensor = _Attach.apply(value, grads, *inputs)  # type: ignore[no-untyped-call]  # of torch
    return attached
