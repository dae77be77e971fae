"""One case per divergence, worked by hand: p and q are rational, the value a short formula."""

from __future__ import annotations

from math import exp, log, sqrt, tanh

import pytest
import torch

from akl_bench import divergences

# Two tokens: p uniform. KL(p||q) = 1/2 log(4/3), KL(q||p) = 3/4 log 3 - log 2.
P2, Q2 = (1 / 2, 1 / 2), (1 / 4, 3 / 4)
FORWARD, REVERSE = log(4 / 3) / 2, 0.75 * log(3) - log(2)
BC = (1 + sqrt(3)) / sqrt(8)
# Three tokens, label 0: b_p = (1/2, 1/2), b_q = (1/4, 3/4), p^ = (3/4, 1/4), q^ = (1/3, 2/3).
P3, Q3 = (1 / 2, 3 / 8, 1 / 8), (1 / 4, 1 / 4, 1 / 2)


def _alpha_beta(p: tuple[float, ...], r: tuple[float, ...], a: float, b: float) -> float:
    c = a + b
    terms = (x**a * y**b - a / c * x**c - b / c * y**c for x, y in zip(p, r, strict=True))
    return -sum(terms) / (a * b)


def _amid() -> float:
    # s = 1/4, lam = 1/10
    raw = [(0.1 * x**0.25 + 0.9 * y**0.25) ** 4 for x, y in zip(P2, Q2, strict=True)]
    return _alpha_beta(P2, tuple(x / sum(raw) for x in raw), 0.2, 0.7)


def _taid() -> float:
    # t = 0.4 and p is uniform, so p_t is q^0.6, normalised: (1, 3^0.6) / (1 + 3^0.6)
    r = (1 / (1 + 3**0.6), 3**0.6 / (1 + 3**0.6))
    return sum(x * log(x / y) for x, y in zip(r, Q2, strict=True))


def _adakd() -> float:
    # initial state: every token kept, median 1/4
    tau = exp(-0.5 * tanh(log(sqrt(1 - BC) / 0.25)))
    q = (1 / (1 + 3 ** (1 / tau)), 3 ** (1 / tau) / (1 + 3 ** (1 / tau)))
    return tau**2 * sum(x * log(2 * x) for x in q)


GATE = 1 / (1 + exp(-4 * (log(2) - 1)))

GOLDEN = [
    ("jeffreys", P2, Q2, log(3) / 4),
    ("todi", P2, Q2, log(3) / 4),
    ("hellinger", P2, Q2, 1 - BC),
    ("chi_square", P2, Q2, 1 / 3),
    ("renyi(alpha=2)", P2, Q2, log(4 / 3)),
    ("renyi(alpha=0.5)", P2, Q2, -2 * log(BC)),
    ("renyi(alpha=1)", P2, Q2, FORWARD),
    ("wasserstein_ordered", P2, Q2, 1 / 2),
    ("wasserstein_ordered", P3, Q3, 1 / 8 + 1 / 8),
    # d = (a, a + log 3): variances 3/16 (student) and 1/4 (teacher, uniform), means 1/4 apart
    ("concrete_score", P2, Q2, 3 / 16 * log(3) ** 2),
    ("concrete_score(w1=teacher, w2=uniform)", P2, Q2, log(3) ** 2 / 4),
    ("concrete_score(w1=teacher)", P2, Q2, log(3) ** 2 / 4),
    ("top_k_forward_kl(k=1)", P3, Q3, FORWARD),
    ("top_k_forward_kl(k=2, tail=false)", P3, Q3, 4 / 7 * log(8 / 7) + 3 / 7 * log(6 / 7)),
    ("decoupled_kd", P3, Q3, FORWARD + (0.75 * log(9 / 4) + 0.25 * log(3 / 8)) / 2),
    ("diversity_reverse_kl", P3, Q3, REVERSE + (log(4 / 9) / 3 + 2 / 3 * log(8 / 3)) / 2),
    ("entropy_gated_kl", P2, Q2, REVERSE),  # H(p) = log 2 < 1
    ("entropy_gated_kl(threshold=0.5)", P2, Q2, REVERSE + FORWARD),
    ("entropy_gated_kl(gate=mix)", P2, Q2, GATE * FORWARD + (1 - GATE) * REVERSE),
    ("confidence_kl(beta=0.25)", P2, Q2, 0.25 * REVERSE + 0.75 * FORWARD),
    ("confidence_kl", P2, Q2, (REVERSE + FORWARD) / 2),
    ("taid", P2, Q2, _taid()),
    ("adakd", P2, Q2, _adakd()),
    ("alpha_mixture", P2, Q2, _amid()),
    # r arithmetic: (3/8, 5/8); harmonic: (5/14, 9/14); geometric: (1, sqrt 3) / (1 + sqrt 3)
    ("alpha_mixture(alpha=-1, lam=0.5, divergence=forward_kl)", P2, Q2, log(16 / 15) / 2),
    ("alpha_mixture(alpha=3, lam=0.5, divergence=forward_kl)", P2, Q2, log(49 / 45) / 2),
    (
        "alpha_mixture(alpha=1, lam=0.5, divergence=forward_kl)",
        P2,
        Q2,
        log((1 + sqrt(3)) ** 2 / (4 * sqrt(3))) / 2,
    ),
]


@pytest.mark.parametrize(("spec", "p", "q", "expected"), GOLDEN)
def test_hand_worked_value(
    spec: str, p: tuple[float, ...], q: tuple[float, ...], expected: float
) -> None:
    divergence = divergences.get(spec)
    keywords = {"labels_N": torch.tensor([0])} if "labels" in divergence.needs else {}
    logp_NV, logq_NV = (torch.tensor([x], dtype=torch.float64).log() for x in (p, q))
    value = float(divergence.per_token(logp_NV, logq_NV, **keywords))
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_the_paper_example_agrees_with_its_published_numbers() -> None:
    """p and q of the AKL hand example: KL(p||q) = .106708, KL(q||p) = .094123."""
    logp_NV = torch.tensor([[0.40, 0.35, 0.15, 0.10]], dtype=torch.float64).log()
    logq_NV = torch.tensor([[0.20, 0.48, 0.21, 0.11]], dtype=torch.float64).log()
    jeffreys = float(divergences.get("jeffreys").per_token(logp_NV, logq_NV))
    assert jeffreys == pytest.approx(0.106708 + 0.094123, abs=1e-6)
