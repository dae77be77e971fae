"""Golden values in float64 NumPy, other settings, and the extremes of the fast paths."""

import numpy as np
import pytest
import torch

from akl_bench import divergences
from akl_bench.divergences.gradients import autograd_value_and_grad, value_and_grad
from akl_bench.errors import UnknownNameError, UsageError
from akl_bench.testing import check_divergence

P = np.array([0.40, 0.35, 0.15, 0.10])
Q = np.array([0.20, 0.48, 0.21, 0.11])


def kl(a, b):
    return float(np.sum(a * np.log(a / b)))


def js(beta):
    m = beta * P + (1 - beta) * Q
    return beta * kl(P, m) + (1 - beta) * kl(Q, m)


GOLDEN = {
    "forward_kl": 0.106708,
    "reverse_kl": 0.094123,
    "symmetric_kl": (0.106708 + 0.094123) / 2,
    "symmetric_kl(weight=0.25)": 0.25 * kl(P, Q) + 0.75 * kl(Q, P),
    "jensen_shannon": js(0.5),
    "jensen_shannon(beta=0.1)": js(0.1),
    "total_variation": 0.2,
    "skew_forward_kl": kl(P, 0.1 * P + 0.9 * Q),
    "skew_forward_kl(lam=0.7)": kl(P, 0.7 * P + 0.3 * Q),
    "skew_reverse_kl": kl(Q, 0.9 * P + 0.1 * Q),
    "skew_reverse_kl(lam=0.7)": kl(Q, 0.3 * P + 0.7 * Q),
}
SETTINGS = (
    "symmetric_kl(weight=0.25)",
    "symmetric_kl(weight=0.0)",
    "symmetric_kl(weight=1)",
    "jensen_shannon(beta=0.1)",
    "jensen_shannon(beta=0.9)",
    "skew_forward_kl(lam=0.0)",
    "skew_forward_kl(lam=0.7)",
    "skew_reverse_kl(lam=0.0)",
    "skew_reverse_kl(lam=0.7)",
)
FAST = (
    *GOLDEN,
    "adaptive_kl",
    "adaptive_kl(variant=official)",
    "alpha_beta",
    "alpha_beta(alpha=0.1, beta=0.8)",
)


def logs(*rows):
    return [torch.tensor(np.log(row))[None] for row in rows]


@pytest.mark.parametrize(("spec", "expected"), GOLDEN.items())
def test_hand_example(spec, expected):
    divergence = divergences.get(spec)
    assert divergence.per_token(*logs(P, Q)).item() == pytest.approx(expected, abs=1e-6)
    value_N, _ = value_and_grad(divergence, *logs(P, Q))
    assert value_N.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("spec", SETTINGS)
def test_other_settings_keep_the_laws(spec):
    report = check_divergence(spec)
    assert report.ok, report.failures


@pytest.mark.parametrize(
    ("spec", "limit", "gradient"),
    [
        ("jensen_shannon(beta={})", "forward_kl", True),
        ("jensen_shannon(beta={})", "reverse_kl", False),
    ],
)
def test_jensen_shannon_over_its_vanishing_weight_is_a_kl(spec, limit, gradient):
    beta = 1e-6 if limit == "forward_kl" else 1 - 1e-6
    value_N, grad_NV = value_and_grad(divergences.get(spec.format(beta)), *logs(P, Q))
    true_N, true_NV = value_and_grad(divergences.get(limit), *logs(P, Q))
    torch.testing.assert_close(value_N / 1e-6, true_N, rtol=1e-4, atol=0)
    torch.testing.assert_close(grad_NV / 1e-6, true_NV, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("jsd(beta=0.0)", "forward_kl for 0"),
        ("jsd(beta=1.0)", "strictly between"),
        ("symmetric_kl(weight=1.5)", "weight=1.5"),
        ("sfkl(lam=1.0)", "lam=1.0"),
        ("srkl(lam=-0.1)", "lam=-0.1"),
        ("akl(mu=1.0)", "mu=1.0"),
        ("akl(variant=typo)", "one of paper, official, taid, swapped, entropy"),
    ],
)
def test_values_out_of_range_say_what_is_allowed(spec, message):
    with pytest.raises(UsageError, match=message):
        divergences.get(spec)


@pytest.mark.parametrize("spec", FAST)
@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
def test_fast_path_agrees_with_autograd_where_one_model_masks(spec, scale):
    make = torch.Generator().manual_seed(0)
    zp_NV, zq_NV = (scale * torch.randn(12, 300, generator=make, dtype=torch.float64) for _ in "pq")
    zp_NV[:4, -9:] = -torch.inf
    zq_NV[2:6, -9:] = -torch.inf
    zq_NV[7] = zp_NV[7]
    logp_NV, logq_NV = zp_NV.log_softmax(-1), zq_NV.log_softmax(-1)
    divergence = divergences.get(spec)
    both = value_and_grad(divergence, logp_NV, logq_NV)
    plain = autograd_value_and_grad(divergence, logp_NV, logq_NV)
    for actual, expected in zip(both, plain, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-11)
    assert both[0][7].abs() < 1e-12 and both[1][7].abs().max() < 1e-12
    assert torch.isfinite(both[1]).all()


@pytest.mark.parametrize("spec", FAST)
@pytest.mark.parametrize("masked", [False, True])
def test_fast_path_leaves_its_inputs_alone_and_no_graph(spec, masked):
    inputs = [torch.randn(5, 90).log_softmax(-1) for _ in "pq"]
    if masked:
        inputs[0][0, 3] = inputs[1][0, 3] = -torch.inf
    copies = [x.clone() for x in inputs]
    both = value_and_grad(divergences.get(spec), inputs[0], inputs[1].requires_grad_())
    assert not any(x.requires_grad for x in both)
    assert all(torch.equal(a, b) for a, b in zip(inputs, copies, strict=True))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("spec", FAST)
def test_cuda_agrees_and_never_waits_for_the_device(spec):
    make = torch.Generator().manual_seed(0)
    inputs = [(3 * torch.randn(16, 5000, generator=make)).log_softmax(-1) for _ in "pq"]
    on_cuda = [x.cuda() for x in inputs]
    divergence = divergences.get(spec)
    try:
        torch.cuda.set_sync_debug_mode("error")
        both = value_and_grad(divergence, *on_cuda)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for actual, expected in zip(both, value_and_grad(divergence, *inputs), strict=True):
        torch.testing.assert_close(actual.cpu(), expected, rtol=1e-4, atol=1e-6)


def test_skl_is_no_alias_as_it_means_skewed_elsewhere():
    with pytest.raises(UnknownNameError, match=r"'skl'\. Did you mean: s[fr]kl\?"):
        divergences.get("skl")
