"""Generalised Jensen-Shannon divergence: both models against their mixture."""

from dataclasses import dataclass

from torch import Tensor

from akl_bench.divergences._closed_form import mix
from akl_bench.divergences._numerics import inputs, kl, log_mix
from akl_bench.divergences.base import Divergence, Pair


@dataclass(frozen=True)
class JensenShannon(Divergence):
    """beta KL(p||M) + (1 - beta) KL(q||M) with M = beta p + (1 - beta) q.

    beta is the *teacher's* weight, in M and in the sum. That is TRL's, Liger's and ms-swift's
    `beta`. DistiLLM's `lam` is the student's weight, 0.9 by default: beta = 1 - lam = 0.1. ABKD and
    AMiD keep that function with `lam` = 0.1: beta = 0.9. KDFlow's `jsd_beta` is the student's too.

    At beta = 0 and 1 the formula is 0 for any student, so both ends are refused. TRL returns
    KL(p||q) and KL(q||p) there: the limits of D/beta and of D/(1 - beta), not of D. Ask for
    forward_kl or reverse_kl instead. For the same reason a small beta means a small gradient.

    Args:
        beta: The teacher's weight, strictly between 0 and 1.
    """

    beta: float = 0.5

    aliases = ("jsd",)
    family = "mixture"
    paper = "arXiv 2306.13649, Eq. (1)"
    formula = "beta KL(p||M) + (1 - beta) KL(q||M), M = beta p + (1 - beta) q"
    gradient = "(1 - beta) q_i (log q_i - log M_i - KL(q||M))"
    known_as = (
        "TRL: generalized_jsd_loss(beta)",
        "DistiLLM: jsd (lam = 1 - beta = 0.9)",
        "ABKD, AMiD: js_distance (lam = 1 - beta = 0.1)",
        "Liger: fused linear JSD(beta)",
    )

    def __post_init__(self) -> None:
        allowed = "strictly between 0 and 1 (the formula is 0 at both ends; for what TRL puts "
        allowed += "there use forward_kl for 0 and reverse_kl for 1)"
        self._require(0 < self.beta < 1, "beta", allowed)

    @property
    def symmetric(self) -> bool:  # type: ignore[override]  # true at one value of the field only
        return self.beta == 0.5

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        logm_NV = log_mix(logp_NV, self.beta, logq_NV)
        return self.beta * kl(logp_NV, logm_NV) + (1 - self.beta) * kl(logq_NV, logm_NV)

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        logp_NV, logq_NV, p_NV, q_NV, _ = pair
        logm_NV = mix(p_NV, self.beta, q_NV).log_()
        teacher_N1 = p_NV.mul_(logp_NV - logm_NV).sum(-1, keepdim=True)
        grad_NV = logm_NV.neg_().add_(logq_NV).mul_(q_NV)
        student_N1 = grad_NV.sum(-1, keepdim=True)
        value_N1 = self.beta * teacher_N1 + (1 - self.beta) * student_N1
        return value_N1.squeeze(-1), grad_NV.addcmul_(q_NV, student_N1, value=-1).mul_(
            1 - self.beta
        )
