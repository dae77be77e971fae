"""How close the student's next-token distributions are to the teacher's on reference responses."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from akl_bench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


def fidelity(
    chunks: Iterable[tuple["Tensor", "Tensor"]], head_mask: Callable[["Tensor"], "Tensor"]
) -> dict[str, float]:
    """Means over all tokens of all chunks; no chunk is kept.

    The head is what the AKL paper (arXiv 2404.02657) calls so: the fewest tokens of the teacher
    whose probability exceeds a threshold. Its gaps tell where a student is wrong.

    Args:
        chunks: Pairs (logp_NV, logq_NV) of normalised log-probabilities, teacher first; masked
            vocabulary rows are -inf in both.
        head_mask: logp_NV -> bool mask_NV of the head tokens.

    Returns:
        `kl_pq` KL(p||q) and `kl_qp` KL(q||p) in nats per token (infinite where the student
        excludes what the teacher allows, or the reverse), `top1_agreement` (share of tokens with
        the same most likely token), `head_gap` and `tail_gap` (sums of |p - q|), and `tokens`, the
        number of tokens.

    Raises:
        UsageError: No tokens at all.
    """
    import torch

    sums: dict[str, float] = defaultdict(float)
    tokens = 0
    for logp_NV, logq_NV in chunks:
        tokens += logp_NV.shape[0]
        p_NV, q_NV, head_NV = logp_NV.exp(), logq_NV.exp(), head_mask(logp_NV)
        ratio_NV = logp_NV - logq_NV
        gap_NV = (p_NV - q_NV).abs()
        parts = {
            # 0 log 0 = 0: where a probability is zero its term is, whatever the ratio.
            "kl_pq": torch.where(p_NV > 0, p_NV * ratio_NV, 0.0),
            "kl_qp": torch.where(q_NV > 0, -q_NV * ratio_NV, 0.0),
            "top1_agreement": logp_NV.argmax(dim=-1) == logq_NV.argmax(dim=-1),
            "head_gap": torch.where(head_NV, gap_NV, 0.0),
            "tail_gap": torch.where(head_NV, 0.0, gap_NV),
        }
        for name, part in parts.items():
            # Vocabulary sums of float32 lose the tail unless they are added up in float64.
            sums[name] += part.sum(dtype=torch.float64).item()
    if tokens == 0:
        raise UsageError("Fidelity needs at least one held-out response token.")
    return {name: value / tokens for name, value in sums.items()} | {"tokens": float(tokens)}
