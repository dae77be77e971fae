"""Total variation distance: half the sum of |p - q|."""

from dataclasses import dataclass

import torch
from torch import Tensor

from akl_bench.divergences._numerics import inputs
from akl_bench.divergences.base import Divergence, Pair


@dataclass(frozen=True)
class TotalVariation(Divergence):
    """Half the L1 distance of the probabilities, in [0, 1].

    Its gradient jumps where p_v = q_v; the subgradient 0 is taken there. Unlike the others it is
    not in nats.
    """

    aliases = ("tvd",)
    family = "bounded"
    paper = "arXiv 2307.15190"
    formula = "1/2 sum_v |p_v - q_v|"
    gradient = "1/2 q_i (s_i - sum_v q_v s_v), s = sign(q - p)"
    known_as = ("DistiLLM, ABKD: tvd", "Liger: TVD", "DistillKit: tvd")
    symmetric = True

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        logp_NV, logq_NV = inputs(logp_NV, logq_NV)
        return 0.5 * (logp_NV.exp() - logq_NV.exp()).abs().sum(-1)

    def per_token_and_grad(self, pair: Pair) -> tuple[Tensor, Tensor]:
        gap_NV = torch.sub(pair.q_NV, pair.p_NV, out=pair.p_NV)
        sign_NV = gap_NV.sign()
        value_N = torch.linalg.vecdot(sign_NV, gap_NV).mul_(0.5)
        sign_NV.sub_(torch.linalg.vecdot(sign_NV, pair.q_NV).unsqueeze(-1))
        # 1/2 q (s - sum q s) in one pass, in the place of s.
        nothing = sign_NV.new_zeros(())
        return value_N, torch.addcmul(nothing, sign_NV, pair.q_NV, value=0.5, out=sign_NV)
