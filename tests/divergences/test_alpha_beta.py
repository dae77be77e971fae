import numpy as np
import pytest
import torch

from akl_bench import divergences
from akl_bench.testing import check_divergence

P = np.array([0.40, 0.35, 0.15, 0.10])
Q = np.array([0.20, 0.30, 0.30, 0.20])


def value(alpha, beta):
    divergence = divergences.get(f"ab(alpha={alpha!r}, beta={beta!r})")
    logs = [torch.tensor(np.log(row))[None] for row in (P, Q)]
    return divergence.per_token(*logs).item()


def definition(alpha, beta):
    s = alpha + beta
    terms = P**alpha * Q**beta - alpha / s * P**s - beta / s * Q**s
    return -terms.sum() / (alpha * beta)


@pytest.mark.parametrize(
    ("alpha", "beta"), [(0.2, 0.7), (0.1, 0.8), (0.7, 0.2), (0.5, 0.5), (-0.3, 0.8), (2.0, -0.5)]
)
def test_is_its_definition(alpha, beta):
    assert value(alpha, beta) == pytest.approx(definition(alpha, beta), rel=1e-12)


# .25265 and .53167 are the true limits; ABKD's code gives .17686 and .10633.
@pytest.mark.parametrize(
    ("alpha", "beta", "limit"),
    [
        (0.0, 0.7, 0.25265),
        (0.2, 0.0, 0.53167),
        (0.5, -0.5, 4 * float(np.sum((P / Q) ** 0.5 - 1 - 0.5 * np.log(P / Q)))),
        (0.0, 0.0, float(np.sum(np.log(P / Q) ** 2) / 2)),
        (1.0, 0.0, float(np.sum(P * np.log(P / Q)))),
        (0.0, 1.0, float(np.sum(Q * np.log(Q / P)))),
    ],
)
def test_limits_are_reached_and_approached(alpha, beta, limit):
    assert value(alpha, beta) == pytest.approx(limit, abs=1e-5)
    # Beside the origin alone 0/0 is left to cancel.
    for step in (1e-4,) if alpha == beta == 0 else (1e-4, 1e-7, 1e-12):
        near = value(alpha + step, beta + step / 3)
        assert near == pytest.approx(value(alpha, beta), abs=10 * step + 1e-9)


@pytest.mark.parametrize(
    "spec",
    [
        "alpha_beta(alpha=0.1, beta=0.8)",
        "alpha_beta(alpha=0.5, beta=0.5)",
        "alpha_beta(alpha=0.7, beta=0.2)",
        "alpha_beta(alpha=1.0, beta=0.0)",
        "alpha_beta(alpha=0.0, beta=1.0)",
        "alpha_beta(alpha=0.0, beta=0.7)",
        "alpha_beta(alpha=0.0, beta=0.0)",
    ],
)
def test_other_settings_keep_the_laws(spec):
    report = check_divergence(spec)
    assert report.ok, report.failures
