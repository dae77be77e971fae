"""Every variant of adaptive KL beside the paper's, token by token, in chunks of tokens."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from akl_bench.divergences import Divergence
from akl_bench.divergences.adaptive_kl import VARIANTS, AdaptiveKL
from akl_bench.divergences.gradients import value_and_grad
from akl_bench.divergences.symmetric_kl import SymmetricKL
from akl_bench.papers.akl.objectives import NEAR

PAPER = "paper"
# Bytes of one [chunk, vocabulary] buffer.
_CHUNK_BYTES = 8 << 20
# Tokens and permutations of the vocabulary that the tries of a law take.
_PROBE, _PERMUTATIONS = 16, 5
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Case(NamedTuple):
    """Tokens to compare the variants on."""

    name: str
    about: str
    tokens: int
    vocab_size: int
    logs: Callable[[slice], tuple[Tensor, Tensor]]  # teacher's and student's, of some, float32


class Row(NamedTuple):
    """One variant on one case; means, quantiles and shares are over its tokens."""

    variant: str
    w: float  # mean share of KL(p||q)
    w_quantiles: tuple[float, ...]  # that share at 5, 25, 50, 75 and 95 per cent of the tokens
    loss: float  # mean value, nats per token
    other_head: float | None  # share of tokens whose head set is not the paper's; None without one
    dw_mean: float  # distance of w from the paper's
    dw_max: float
    cosine_mean: float  # cosine with the paper's gradient for the logits
    cosine_min: float
    cosine: float  # cosine, and ratio of norms, of both gradients as one vector over all tokens
    norm: float
    near_half: float  # share of tokens with w within 0.05 of 1/2, where it is just the fixed mix
    permuted: float  # largest change of a value when the vocabulary is permuted, nats; on a few
    value_at_equality: float  # largest where the student is the teacher; NaN if one is
    gradient_at_equality: float  # its largest norm there


class Result(NamedTuple):
    """What a case shows: a row per variant, and the tokens behind it (on the CPU, float64)."""

    case: Case
    rows: list[Row]
    w_N: dict[str, Tensor]
    cosine_N: dict[str, Tensor]


def variants(mu: float = 0.5) -> dict[str, Divergence]:
    """The variants by name, the paper's first, and last the fixed mix of both directions.

    Raises:
        UsageError: mu is out of range.
    """
    named: dict[str, Divergence] = {name: AdaptiveKL(mu, name) for name in VARIANTS}
    return {**named, "symmetric_kl": SymmetricKL()}


def weights(divergence: Divergence, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
    """Share of KL(p||q) in a mix of both directions, [N]."""
    if isinstance(divergence, AdaptiveKL):
        return divergence.weights(logp_NV, logq_NV)[0].detach()
    assert isinstance(divergence, SymmetricKL), "variants() has no others"
    return torch.full_like(logp_NV[:, 0], divergence.weight)


def head(divergence: Divergence, logp_NV: Tensor, logq_NV: Tensor) -> Tensor | None:
    """Head set, boolean [N, V], or None where the variant has none."""
    if isinstance(divergence, AdaptiveKL) and divergence.variant != "entropy":
        return divergence.head_mask(logp_NV, logq_NV)
    return None


def measure(case: Case, compared: dict[str, Divergence], seed: int) -> Result:
    """Compare the variants with the paper's on every token of a case.

    Args:
        case: The tokens; never more than a chunk of them at once.
        compared: As `variants` makes them.
        seed: Of the permutations of the vocabulary.
    """
    size = max(1, _CHUNK_BYTES // (4 * case.vocab_size))
    columns: dict[str, list[Tensor]] = {name: [] for name in compared}
    for start in range(0, case.tokens, size):
        logs = case.logs(slice(start, min(start + size, case.tokens)))
        paper = value_and_grad(compared[PAPER], *logs)[1], head(compared[PAPER], *logs)
        for name, divergence in compared.items():
            columns[name].append(_tokens(divergence, logs, *paper).cpu())
    probe = case.logs(slice(0, min(_PROBE, case.tokens)))
    generator = torch.Generator().manual_seed(seed)
    # Random ones, and that of the first token's likelihood.
    orders = [torch.randperm(case.vocab_size, generator=generator) for _ in range(_PERMUTATIONS)]
    orders.append(probe[0][0].argsort().cpu())
    tokens = {name: torch.cat(parts, dim=-1) for name, parts in columns.items()}
    w_N = {name: table[0] for name, table in tokens.items()}
    norm_N = tokens[PAPER][3]
    # 0 / 0 is NaN: a token without a gradient has no direction.
    cosine_N = {n: t[2] / (t[3] * norm_N).sqrt() for n, t in tokens.items()}
    rows = []
    for name, divergence in compared.items():
        w, (_, value_N, dot_N, square_N, other_N) = w_N[name], tokens[name]
        dw_N = (w - w_N[PAPER]).abs()
        defined_N = cosine_N[name][~cosine_N[name].isnan()].clamp(-1, 1)
        equal_N, grad_NV = value_and_grad(divergence, probe[0], probe[0].clone())
        row = Row(
            name,
            w=float(w.mean()),
            w_quantiles=tuple(w.quantile(w.new_tensor(_QUANTILES)).tolist()),
            loss=float(value_N.mean()),
            other_head=None if other_N.isnan().any() else float(other_N.mean()),
            dw_mean=float(dw_N.mean()),
            dw_max=float(dw_N.max()),
            cosine_mean=float(defined_N.mean()),
            cosine_min=float(defined_N.min()) if len(defined_N) else float("nan"),
            cosine=float(dot_N.sum() / (square_N.sum() * norm_N.sum()).sqrt()),
            norm=float((square_N.sum() / norm_N.sum()).sqrt()),
            near_half=float(((w - 0.5).abs() < NEAR).double().mean()),
            permuted=moved(divergence, probe, orders),
            value_at_equality=float(equal_N.abs().max()),
            gradient_at_equality=float(grad_NV.norm(dim=-1).max()),
        )
        rows.append(row)
    return Result(case, rows, w_N, cosine_N)


def _tokens(
    divergence: Divergence,
    logs: tuple[Tensor, Tensor],
    paper_grad_NV: Tensor,
    paper_head_NV: Tensor | None,
) -> Tensor:
    """Per token [5, N]: w, value, gradient times the paper's and itself, whether heads differ."""
    w_N = weights(divergence, *logs)
    value_N, grad_NV = value_and_grad(divergence, *logs)
    head_NV = head(divergence, *logs)
    other_N = torch.full_like(value_N, float("nan"))
    if head_NV is not None and paper_head_NV is not None:
        other_N = (head_NV != paper_head_NV).any(-1).to(value_N)
    products = [(grad_NV * paper_grad_NV).sum(-1), grad_NV.square().sum(-1)]
    return torch.stack([w_N, value_N, *products, other_N]).double()


def moved(
    divergence: Divergence, logs: tuple[Tensor, Tensor], orders: Iterable[Tensor | list[int]]
) -> float:
    """Largest change of a value when the vocabulary is put in other orders."""
    value_N = divergence.per_token(*logs)
    others = (divergence.per_token(*(log_NV[:, order] for log_NV in logs)) for order in orders)
    return max(float((other_N - value_N).abs().max()) for other_N in others)
