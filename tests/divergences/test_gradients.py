"""The gradients that the documentation states, written in NumPy, against autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from akl_bench import divergences

RNG = np.random.default_rng(17)
Z_NV = RNG.normal(scale=1.5, size=(2, 5, 9))
LABELS_N = np.array([0, 8, 3, 3, 5])
Array = np.ndarray


def _softmax(z: Array) -> Array:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


P_NV, Q_NV = _softmax(Z_NV[0]), _softmax(Z_NV[1])
ONE_HOT_NV = np.eye(9)[LABELS_N]


def _sum(x: Array) -> Array:
    return x.sum(-1, keepdims=True)


def _reverse(p: Array, q: Array) -> Array:
    ratio = np.log(q / p)
    return q * (ratio - _sum(q * ratio))


def _others(p: Array) -> tuple[Array, Array]:
    """Probability of the label, and the others renormalised (the label's own entry 0)."""
    rest = p * (1 - ONE_HOT_NV)
    return _sum(p * ONE_HOT_NV), rest / _sum(rest)


def _dkd(p: Array, q: Array) -> Array:
    (py, ph), (qy, qh) = _others(p), _others(q)
    return np.where(ONE_HOT_NV == 1, qy - py, qh * (py - qy) + 0.5 * (qh - ph))


def _drkl(p: Array, q: Array) -> Array:
    (py, ph), (qy, qh) = _others(p), _others(q)
    logit = np.log(qy / (1 - qy)) - np.log(py / (1 - py))
    ratio = np.log(np.where(ONE_HOT_NV == 1, 1, qh) / np.where(ONE_HOT_NV == 1, 1, ph))
    others = -qy * (1 - qy) * qh * logit + 0.5 * qh * (ratio - _sum(qh * ratio))
    return np.where(ONE_HOT_NV == 1, qy * (1 - qy) * logit, others)


def _top_k(p: Array, q: Array) -> Array:
    head = p >= np.sort(p, axis=-1)[:, -3:-2]
    tail_p, tail_q = _sum(p * ~head), _sum(q * ~head)
    return np.where(head, q - p, q * (1 - tail_p / tail_q))


def _csd(p: Array, q: Array) -> Array:
    d = np.log(q / p)
    return p * (d - _sum(q * d)) + q * (d - _sum(p * d))


def _uld(p: Array, q: Array) -> Array:
    rank = np.argsort(np.argsort(-q, axis=-1), axis=-1)
    partner = np.take_along_axis(-np.sort(-p, axis=-1), rank, axis=-1)
    s = np.sign(q - partner)
    return q * (s - _sum(q * s))


def _renyi(p: Array, q: Array) -> Array:
    r = p**0.3 * q**0.7
    return q - r / _sum(r)


def _hellinger(p: Array, q: Array) -> Array:
    root = np.sqrt(p * q)
    return (q * _sum(root) - root) / 2


def _taid(p: Array, q: Array) -> Array:
    return q - _softmax(0.6 * np.log(q) + 0.4 * np.log(p))


def _gate(p: Array, q: Array) -> Array:
    return _reverse(p, q) + (-_sum(p * np.log(p)) > 1) * (q - p)


def _harmonic(p: Array, q: Array) -> Array:
    raw = 1 / (0.3 / p + 0.7 / q)
    r = raw / _sum(raw)
    c = 0.7 / q / (0.3 / p + 0.7 / q)
    h = (r - p) * c  # g = -p for forward KL, and its entries sum to -1
    return h - q * _sum(h)


CASES: dict[str, Callable[[Array, Array], Array]] = {
    "jeffreys": lambda p, q: q - p + _reverse(p, q),
    "hellinger": _hellinger,
    "chi_square": lambda p, q: q * _sum(p**2 / q) - p**2 / q,
    "renyi(alpha=0.3)": _renyi,
    "wasserstein_ordered": _uld,
    "concrete_score(w1=teacher)": _csd,
    "top_k_forward_kl(k=3)": _top_k,
    "decoupled_kd": _dkd,
    "diversity_reverse_kl": _drkl,
    "entropy_gated_kl": _gate,
    "confidence_kl(beta=0.3)": lambda p, q: 0.3 * _reverse(p, q) + 0.7 * (q - p),
    "taid": _taid,
    "alpha_mixture(alpha=3, lam=0.3, divergence=forward_kl)": _harmonic,
}


@pytest.mark.parametrize("spec", CASES)
def test_documented_gradient(spec: str) -> None:
    divergence = divergences.get(spec)
    zq_NV = torch.tensor(Z_NV[1], requires_grad=True)
    logp_NV = torch.tensor(Z_NV[0]).log_softmax(-1)
    keywords = {"labels_N": torch.tensor(LABELS_N)} if "labels" in divergence.needs else {}
    divergence.per_token(logp_NV, zq_NV.log_softmax(-1), **keywords).sum().backward()
    assert zq_NV.grad is not None
    np.testing.assert_allclose(zq_NV.grad.numpy(), CASES[spec](P_NV, Q_NV), rtol=1e-9, atol=1e-12)
