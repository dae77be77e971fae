"""Divergences as they are published: whole [N, V] probabilities, autograd, a full sort for AKL.

As in DSKD's public code, tokens that either model rules out (an infinite logit) are masked, and the
teacher's entropy is part of forward KL.

Written for comparison in speed and memory; the tests of the package check values elsewhere.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]  # teacher and student logits -> sum over tokens


def _ruled_out(teacher_z: Tensor, z: Tensor) -> Tensor:
    return teacher_z.isinf() | z.isinf()


def _total(terms: Tensor, ruled_out: Tensor) -> Tensor:
    """The sum over the vocabulary without the tokens that either model rules out, per token."""
    return terms.masked_fill(ruled_out, 0).sum(-1)


def _forward(teacher_z: Tensor, z: Tensor, ruled_out: Tensor) -> Tensor:
    terms = teacher_z.softmax(-1) * (teacher_z.log_softmax(-1) - z.log_softmax(-1))
    return _total(terms, ruled_out)


def forward_kl(teacher_z: Tensor, z: Tensor) -> Tensor:
    return _forward(teacher_z, z, _ruled_out(teacher_z, z)).sum()


def reverse_kl(teacher_z: Tensor, z: Tensor) -> Tensor:
    return _forward(z, teacher_z, _ruled_out(teacher_z, z)).sum()


def symmetric_kl(teacher_z: Tensor, z: Tensor) -> Tensor:
    ruled_out = _ruled_out(teacher_z, z)
    forward, reverse = _forward(teacher_z, z, ruled_out), _forward(z, teacher_z, ruled_out)
    return (0.5 * forward + 0.5 * reverse).sum()


def jensen_shannon(teacher_z: Tensor, z: Tensor) -> Tensor:
    p, q = teacher_z.softmax(-1), z.softmax(-1)
    logm = (0.5 * p + 0.5 * q).log()
    ruled_out = _ruled_out(teacher_z, z)
    teacher = _total(p * (teacher_z.log_softmax(-1) - logm), ruled_out)
    student = _total(q * (z.log_softmax(-1) - logm), ruled_out)
    return (0.5 * teacher + 0.5 * student).sum()


def total_variation(teacher_z: Tensor, z: Tensor) -> Tensor:
    terms = (teacher_z.softmax(-1) - z.softmax(-1)).abs()
    return 0.5 * _total(terms, _ruled_out(teacher_z, z)).sum()


def skew_forward_kl(teacher_z: Tensor, z: Tensor) -> Tensor:
    p, q = teacher_z.softmax(-1), z.softmax(-1)
    terms = p * (teacher_z.log_softmax(-1) - (0.1 * p + 0.9 * q).log())
    return _total(terms, _ruled_out(teacher_z, z)).sum()


def skew_reverse_kl(teacher_z: Tensor, z: Tensor) -> Tensor:
    p, q = teacher_z.softmax(-1), z.softmax(-1)
    terms = q * (z.log_softmax(-1) - (0.9 * p + 0.1 * q).log())
    return _total(terms, _ruled_out(teacher_z, z)).sum()


def adaptive_kl(teacher_z: Tensor, z: Tensor) -> Tensor:
    p, q = teacher_z.softmax(-1), z.softmax(-1)
    with torch.no_grad():
        descending, order = p.sort(dim=-1, descending=True)
        gap = (p - q).abs().gather(-1, order)
        is_head = descending.cumsum(-1) - descending <= 0.5
        head, tail = (gap * is_head).sum(-1), (gap * ~is_head).sum(-1)
        w = head / (head + tail)
    ruled_out = _ruled_out(teacher_z, z)
    forward, reverse = _forward(teacher_z, z, ruled_out), _forward(z, teacher_z, ruled_out)
    return (w * forward + (1 - w) * reverse).sum()


def alpha_beta(teacher_z: Tensor, z: Tensor) -> Tensor:
    p, q = teacher_z.softmax(-1), z.softmax(-1)
    terms = p**0.2 * q**0.7 - 0.2 / 0.9 * p**0.9 - 0.7 / 0.9 * q**0.9
    return -_total(terms, _ruled_out(teacher_z, z)).sum() / (0.2 * 0.7)


REFERENCES: dict[str, Loss] = {
    function.__name__: function
    for function in (
        forward_kl,
        reverse_kl,
        symmetric_kl,
        jensen_shannon,
        total_variation,
        skew_forward_kl,
        skew_reverse_kl,
        adaptive_kl,
        alpha_beta,
    )
}


def trl_losses() -> dict[str, Loss]:
    """TRL's `generalized_jsd_loss` where `trl` is installed, else nothing."""
    try:
        from trl.experimental.gkd import GKDTrainer
    except ImportError:
        return {}

    def with_beta(beta: float) -> Loss:
        def loss(teacher_z: Tensor, z: Tensor) -> Tensor:
            value: Tensor = GKDTrainer.generalized_jsd_loss(
                z[None], teacher_z[None], beta=beta, reduction="sum"
            )
            return value

        return loss

    return {
        "forward_kl": with_beta(0),
        "reverse_kl": with_beta(1),
        "jensen_shannon": with_beta(0.5),
    }
