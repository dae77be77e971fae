"""The objective on the logits of one chunk of tokens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from akl_bench.divergences import Divergence
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.divergences.gradients import value_and_grad
from akl_bench.errors import UsageError

# Of one [rows, vocabulary] buffer, as torch's operators like it and as fused code does;
# docs/speed.md has the measurements.
_CACHED_BYTES = 1 << 19
_FUSED_BYTES = 1 << 21


@dataclass(frozen=True)
class ChunkLoss:
    """Loss, statistics and gradient of a chunk.

    Attributes:
        divergence: None for plain cross-entropy.
        kd_ratio: Share of the divergence.
        temperature: Divides both models' logits in the divergence.
        keywords: State and progress, as far as the divergence needs them.
        want_stats: Also collect the statistics that cost time.
        compiled: Fuse what is done to a block, where the divergence allows it.
    """

    divergence: Divergence | None
    kd_ratio: float
    temperature: float
    keywords: Mapping[str, Any]
    want_stats: bool
    compiled: bool = False

    def __call__(
        self,
        z_NV: Tensor,
        teacher_z_NV: Tensor | None,
        labels_N: Tensor | None,
        sums: dict[str, Tensor],
        grad_NV: Tensor | None,
    ) -> None:
        """Add this chunk to `sums`, and write the gradient of its summed loss.

        Args:
            z_NV: Student's logits at temperature 1.
            teacher_z_NV: Teacher's logits; None: no divergence.
            labels_N: The next tokens; None: no cross-entropy.
            sums: Sums over tokens by name; those of signals begin with "signal ".
            grad_NV: Takes the gradient with respect to z_NV; may be z_NV itself. None: not wanted.
        """
        body, buffer_bytes = ChunkLoss._block, _CACHED_BYTES
        if self.compiled and grad_NV is not None and self._is_fusible:
            kind: Any = type(self.divergence)  # mypy takes its instances' __hash__ for its own
            body, buffer_bytes = _fused(kind), _FUSED_BYTES
        # On the CPU a divergence runs on as many rows as stay in cache between its passes.
        rows, width = z_NV.shape
        cached = buffer_bytes // (width * z_NV.element_size())
        size = max(1, cached) if z_NV.device.type == "cpu" else max(1, rows)
        # An empty chunk still names all its sums.
        for start in range(0, max(1, rows), size):
            block = slice(start, start + size)
            z_block_NV, grad_block_NV = z_NV[block], None
            if grad_NV is not None:
                # Compiled code gave wrong sums where two of its arguments were views of one memory.
                grad_block_NV = z_block_NV if grad_NV is z_NV else grad_NV[block]
            # torch.compile makes code of its own for one row, which is not worth it.
            run = body if z_block_NV.shape[0] > 1 else ChunkLoss._block
            of_block = run(
                self,
                z_block_NV,
                None if teacher_z_NV is None else teacher_z_NV[block],
                None if labels_N is None else labels_N[block],
                grad_block_NV,
            )
            for name, total in of_block.items():
                sums[name] = sums[name] + total if name in sums else total

    @property
    def _is_fusible(self) -> bool:
        """Autograd is not; statistics, and state that changes every step, would compile anew."""
        if self.divergence is None or self.want_stats or self.keywords:
            return False
        return self.divergence.has_closed_form

    def loss(self, sums: Mapping[str, Tensor]) -> Tensor:
        """The summed loss of the chunks in `sums`."""
        shares = {"divergence": self.kd_ratio, "cross_entropy": self._cross_entropy_ratio}
        # 0 times infinity would not be 0.
        parts = [share * sums[name] for name, share in shares.items() if name in sums and share]
        return sum(parts[1:], parts[0])

    @property
    def _cross_entropy_ratio(self) -> float:
        return 1.0 if self.divergence is None else 1 - self.kd_ratio

    def _block(
        self,
        z_NV: Tensor,
        teacher_z_NV: Tensor | None,
        labels_N: Tensor | None,
        grad_NV: Tensor | None,
    ) -> dict[str, Tensor]:
        """The sums of a block; its gradient goes to grad_NV, which may be z_NV."""
        sums: dict[str, Tensor] = {}
        found_NV = logq_NV = None
        if self.divergence is not None and teacher_z_NV is not None:
            logp_NV = log_softmax(teacher_z_NV, self.temperature)
            logq_NV = log_softmax(z_NV, self.temperature)
            # A share of 0 leaves no gradient, whatever the divergence is.
            wanted = grad_NV is not None and self.kd_ratio > 0
            found_NV = self._distil(self.divergence, logp_NV, logq_NV, labels_N, sums, wanted)
        if labels_N is not None:
            if logq_NV is None or self.temperature != 1:
                logq_NV = log_softmax(z_NV)
            if self.want_stats:
                sums["student_entropy"] = -(logq_NV.exp() * logq_NV).nansum(-1).sum()
            label_N1 = labels_N.unsqueeze(-1)
            cross_entropy_N1 = -logq_NV.gather(-1, label_N1)
            sums["cross_entropy"] = cross_entropy_N1.sum()
            ratio = self._cross_entropy_ratio
            if ratio and grad_NV is not None:
                q_NV = logq_NV.exp_().mul_(ratio)
                q_NV.scatter_add_(-1, label_N1, torch.full_like(cross_entropy_N1, -ratio))
                found_NV = q_NV if found_NV is None else found_NV.add_(q_NV)
        if grad_NV is not None and found_NV is not None:
            grad_NV.copy_(found_NV)
        return sums

    def _distil(
        self,
        divergence: Divergence,
        logp_NV: Tensor,
        logq_NV: Tensor,
        labels_N: Tensor | None,
        sums: dict[str, Tensor],
        want_grad: bool,
    ) -> Tensor | None:
        keywords = dict(self.keywords)
        if "labels" in divergence.needs:
            keywords["labels_N"] = labels_N
        grad_NV = None
        if want_grad:
            d_N, grad_NV = value_and_grad(divergence, logp_NV, logq_NV, **keywords)
            if self.kd_ratio != self.temperature:
                grad_NV.mul_(self.kd_ratio / self.temperature)
        else:
            d_N = divergence.per_token(logp_NV, logq_NV, **keywords)
        sums["divergence"] = d_N.sum()
        if "state" in divergence.needs:
            for name, value_N in divergence.signals(logp_NV, logq_NV, d_N, **keywords).items():
                sums[f"signal {name}"] = value_N.sum()
        if self.want_stats:
            akl = divergence if isinstance(divergence, AdaptiveKL) else AdaptiveKL()
            w_N, head_gap_N, tail_gap_N = akl.weights(logp_NV, logq_NV)
            sums["akl_weight"] = w_N.sum()
            sums["head_gap"] = head_gap_N.sum()
            sums["tail_gap"] = tail_gap_N.sum()
        return grad_NV


def log_softmax(z_NV: Tensor, temperature: float = 1.0) -> Tensor:
    """Log-probabilities of logits divided by the temperature."""
    return (z_NV if temperature == 1 else z_NV / temperature).log_softmax(-1)


@cache
def _fused(kind: type[Divergence]) -> Callable[..., dict[str, Tensor]]:
    """`ChunkLoss._block` compiled, for one kind of divergence."""
    from torch._dynamo import config  # a second to import
    from torch._dynamo.exc import TorchDynamoException

    # torch makes up to 8 variants of a code object, by types and numbers, and then, with a warning,
    # runs it as it is: each kind gets its own.
    code = ChunkLoss._block.__code__.replace(co_name=f"_block_of_{kind.__name__}")
    compiled = torch.compile(FunctionType(code, globals()), dynamic=True)

    def body(*arguments: Any) -> dict[str, Tensor]:
        try:
            # Left symbolic, a number such as the ratio in `full_like` stays that of the first call.
            with config.patch(specialize_float=True):
                sums: dict[str, Tensor] = compiled(*arguments)
        except TorchDynamoException as error:
            reason = str(error).strip().partition("\n")[0]
            raise UsageError(
                f"torch.compile failed for {kind.__name__}: {reason}. Leave `compiled` off; on the "
                "CPU it needs a C++ compiler, whose name may stand in CXX."
            ) from error
        return sums

    return body
