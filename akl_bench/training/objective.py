"""What a student minimises: temperature, vocabulary, token chunks, cross-entropy mix, reduction.

The loss and its gradients are computed together, chunk by chunk of tokens, in the forward pass;
the backward pass only scales them. So no [tokens, vocabulary] matrix of a whole batch ever exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from akl_bench.divergences import Divergence
from akl_bench.errors import UsageError
from akl_bench.training._chunk_loss import ChunkLoss
from akl_bench.training.logits import Head, LinearLogits, Logits


@dataclass(frozen=True)
class ObjectiveOutput:
    """A batch's part of the step's loss.

    Attributes:
        loss: Scalar: the sum over these tokens, divided by `total_tokens`. It supports one
            backward pass, which uses its gradients up.
        stats: Sums over these tokens, detached: "divergence" and "cross_entropy" where they are
            defined; on request "student_entropy", and with a teacher "akl_weight", "head_gap" and
            "tail_gap".
        signals: Sums over these tokens of what the divergence's state learns from.
    """

    loss: Tensor
    stats: dict[str, Tensor]
    signals: dict[str, Tensor]


@dataclass(frozen=True)
class Objective:
    """Loss = kd_ratio * divergence at `temperature` + (1 - kd_ratio) * cross-entropy at 1.

    The temperature divides the logits of both models. There is no factor T^2: the gradient shrinks
    as the temperature grows.

    Attributes:
        divergence: None for plain cross-entropy, whatever kd_ratio.
        kd_ratio: Share of the divergence, in [0, 1].
        temperature: Above 0.
        chunk_tokens: Tokens per chunk; None: chosen from the vocabulary.
        compiled: Fuse the work on a chunk's logits with `torch.compile`, which changes results by
            rounding only. Each kind of divergence compiles for seconds at first, on the CPU with a
            C++ compiler; docs/speed.md has where that pays. Divergences without a closed form or
            with state or progress, calls with `want_stats` or without a gradient, and single
            tokens are not compiled.

    Raises:
        UsageError: A value is out of range.
    """

    divergence: Divergence | None
    kd_ratio: float = 1.0
    temperature: float = 1.0
    chunk_tokens: int | None = None
    compiled: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.kd_ratio <= 1:
            raise UsageError(f"kd_ratio={self.kd_ratio} must lie between 0 and 1.")
        if not self.temperature > 0:
            raise UsageError(f"temperature={self.temperature} must be above 0.")
        if self.chunk_tokens is not None and self.chunk_tokens < 1:
            raise UsageError(f"chunk_tokens={self.chunk_tokens} must be at least 1.")

    def __call__(
        self,
        student: LinearLogits,
        labels_N: Tensor | None,
        teacher: Logits | None = None,
        *,
        total_tokens: int,
        state: Mapping[str, float] | None = None,
        progress: float = 0.0,
        want_stats: bool = False,
    ) -> ObjectiveOutput:
        """The loss of some response tokens, as their part of a step's mean.

        Args:
            student: Student's logits at the response positions.
            labels_N: Id of the token that follows each position; None: there is no cross-entropy.
            teacher: Teacher's logits at the same positions, over the same tokens.
            total_tokens: Response tokens of the *global* batch: any split of it into micro-batches
                and processes sums to one gradient.
            state: The divergence's state; None: its initial one.
            progress: Share of training done, in [0, 1].
            want_stats: Also collect the statistics that cost time.

        Returns:
            The loss, differentiable in what the student's logits come from, and statistics.

        Raises:
            UsageError: The teacher is missing, shapes or vocabularies do not fit, or `compiled` is
                on and torch.compile fails.
        """
        keywords: dict[str, Any] = {}
        if self.divergence is None:
            teacher = None
        else:
            if teacher is None:
                raise UsageError("a divergence needs the teacher's logits.")
            if "progress" in self.divergence.needs:
                keywords["progress"] = progress
            if "state" in self.divergence.needs:
                keywords["state"] = self.divergence.initial_state() if state is None else state
        chunk_loss = ChunkLoss(
            self.divergence, self.kd_ratio, self.temperature, keywords, want_stats, self.compiled
        )
        _check(student, teacher, labels_N)
        sums: dict[str, Tensor] = {}
        # Autocast would take the float32 products in half precision again.
        with torch.no_grad(), torch.autocast(student.device.type, enabled=False):
            size = self.chunk_tokens or student.default_chunk
            # An empty batch is one empty chunk, so that it has all sums, each 0.
            for start in range(0, max(1, student.rows), size):
                at = slice(start, start + size)
                z_NV = student.chunk(at)
                teacher_z_NV = None if teacher is None else teacher.chunk(at)
                label_chunk_N = None if labels_N is None else labels_N[at]
                grad_NV = z_NV if student.wants_grad else None
                chunk_loss(z_NV, teacher_z_NV, label_chunk_N, sums, grad_NV)
                if grad_NV is not None:
                    student.add_grad(at, grad_NV)
            loss = chunk_loss.loss(sums)
        if student.wants_grad:
            loss = student.attach(loss)
        prefix = "signal "
        return ObjectiveOutput(
            loss / total_tokens,
            {name: total for name, total in sums.items() if not name.startswith(prefix)},
            {name[len(prefix) :]: total for name, total in sums.items() if name.startswith(prefix)},
        )


def linear_divergence(
    divergence: Divergence,
    hidden_ND: Tensor,
    weight_VD: Tensor,
    teacher_hidden_NE: Tensor,
    teacher_weight_VE: Tensor,
    *,
    temperature: float = 1.0,
    chunk_tokens: int | None = None,
    bias_V: Tensor | None = None,
    teacher_bias_V: Tensor | None = None,
    vocab_size: int | None = None,
    compiled: bool = False,
) -> Tensor:
    """Mean divergence over tokens, from last hidden states and output layers; never holds [N, V].

    Args:
        divergence: One that needs no labels and no state; with those use `Objective`.
        hidden_ND: Student's last hidden states.
        weight_VD: Student's output layer.
        teacher_hidden_NE: Teacher's states, of any width.
        teacher_weight_VE: Teacher's output layer.
        temperature: Divides the logits of both; no factor T^2.
        chunk_tokens: Tokens per chunk; None: chosen from the vocabulary.
        bias_V: Student's output bias.
        teacher_bias_V: Teacher's output bias.
        vocab_size: Number of real tokens, where the layers have padding rows.
        compiled: As in `Objective`.

    Returns:
        A scalar in nats, differentiable (once) in hidden_ND, weight_VD and bias_V.

    Raises:
        UsageError: Shapes or vocabularies do not fit, the divergence needs labels, or `compiled` is
            on and torch.compile fails.
    """
    return Objective(divergence, 1.0, temperature, chunk_tokens, compiled)(
        LinearLogits(hidden_ND, Head(weight_VD, bias_V, vocab_size)),
        None,
        LinearLogits(
            teacher_hidden_NE, Head(teacher_weight_VE, teacher_bias_V, vocab_size), of="teacher"
        ),
        total_tokens=hidden_ND.shape[0],
    ).loss


def _check(student: LinearLogits, teacher: Logits | None, labels_N: Tensor | None) -> None:
    if teacher is not None and teacher.rows != student.rows:
        raise UsageError(f"{student.rows} student positions, {teacher.rows} teacher.")
    if teacher is not None and teacher.tokens != student.tokens:
        raise UsageError(
            f"the student has {student.tokens} tokens and the teacher {teacher.tokens}; where one "
            "layer has padding rows, pass vocab_size, the number of real tokens."
        )
    if labels_N is not None and labels_N.shape != (student.rows,):
        raise UsageError(f"{tuple(labels_N.shape)} labels for {student.rows} positions.")
