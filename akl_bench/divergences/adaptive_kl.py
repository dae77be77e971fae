"""Adaptive Kullback-Leibler divergence (AKL): both directions, mixed token by token."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences import _adaptive_variants as variants
from akl_bench.divergences._closed_form import kl_mix_and_grad
from akl_bench.divergences._head import head_gap
from akl_bench.divergences._numerics import floored, inputs, kl
from akl_bench.divergences.base import Divergence, Pair
from akl_bench.errors import UsageError

VARIANTS = ("paper", "official", "taid", "swapped", "entropy")


@dataclass(frozen=True)
class AdaptiveKL(Divergence):
    """w KL(p||q) + (1 - w) KL(q||p), w = g_head / (g_head + g_tail), a gap being sum |p - q|.

    The head is the fewest tokens, by teacher probability, whose mass *exceeds* mu. Where p - q has
    one sign on the head and the other on the tail, both gaps are equal and w is exactly 1/2.

    `variant` names what other code computes under this name; each is a row of its own:
    `official` (the paper's repository; AdaKD) puts the crossing token into the tail; `taid` lays a
    mask made in sorted order on the unsorted vocabulary; `swapped` (AMiD) is `official` with the
    models exchanged; `entropy` (HybKD) weighs by exp(-mu entropy) and has no head. The last three
    let the gradient through w. TAID's own code also drops the teacher's entropy, which this does
    not: a divergence is 0 at p = q. DSKD, ToDi and KDFlow are `paper` with mu = 1 - alpha.

    Args:
        mu: Mass that the head must exceed, in [0, 1); the rate of the entropies in `entropy`.
        variant: One of paper, official, taid, swapped, entropy.
    """

    mu: float = 0.5
    variant: str = "paper"

    aliases = ("akl",)
    family = "mixed KL"
    paper = "arXiv 2404.02657"
    formula = "w KL(p||q) + (1 - w) KL(q||p), w = g_head / (g_head + g_tail)"
    gradient = "w (q_i - p_i) + (1 - w) q_i (log q_i - log p_i - KL(q||p))"
    known_as = (
        "DSKD, ToDi, ROLL, KDFlow: adaptive_kl (alpha = 1 - mu)",
        "LLM_KD_AKL, AdaKD: AKL (variant=official)",
        "TAID: adaptive_kl (variant=taid)",
        "AMiD: AKL (variant=swapped)",
        "HybKD: akl (variant=entropy)",
    )

    def __post_init__(self) -> None:
        self._require(0 <= self.mu < 1, "mu", "at least 0 and below 1")
        allowed = f"one of {', '.join(VARIANTS)}"
        self._require(self.variant in VARIANTS, "variant", allowed)

    @property
    def detached(self) -> str:  # type: ignore[override]  # depends on the variant
        return "w is held constant" if self.variant in variants.DETACHED else ""

    @property
    def exempt(self) -> Mapping[str, str]:  # type: ignore[override]  # depends on the variant
        return variants.EXEMPT.get(self.variant, {})

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        w_N, _, _ = variants.weights(self.variant, self.mu, logp_NV, logq_NV)
        w_N = w_N.detach() if self.detached else w_N
        return w_N * kl(logp_NV, logq_NV) + (1 - w_N) * kl(logq_NV, logp_NV)

    @property
    def has_closed_form(self) -> bool:
        """For the variants that hold w constant."""
        return bool(self.detached)

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        gap_NV = (pair.p_NV - pair.q_NV).abs_()
        head_N = head_gap(pair.p_NV, gap_NV, self.mu, drop_crossing=self.variant == "official")
        w_N, _, _ = variants.shares(head_N, gap_NV.sum(-1))
        del gap_NV
        return kl_mix_and_grad(pair, w_N.unsqueeze(-1))

    def head_mask(self, logp_NV: Tensor, logq_NV: Tensor | None = None) -> Tensor:
        """Head set, boolean [N, V]; empty for `entropy`. Only `swapped` reads logq_NV: it needs it.

        Raises:
            UsageError: `swapped` without logq_NV.
        """
        if self.variant == "swapped" and logq_NV is None:
            raise UsageError(
                "adaptive_kl(variant=swapped): its head is the student's; pass logq_NV."
            )
        log_NV = logq_NV if self.variant == "swapped" and logq_NV is not None else logp_NV
        return variants.mask(self.variant, self.mu, floored(log_NV).exp())

    def weights(self, logp_NV: Tensor, logq_NV: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(w_N, head_gap_N, tail_gap_N); w_N multiplies KL(p||q) in every variant.

        `swapped` gives the head's share to KL(q||p), so its w_N is 1 minus that share; `entropy`
        has an empty head.
        """
        return variants.weights(self.variant, self.mu, *inputs(logp_NV, logq_NV))
