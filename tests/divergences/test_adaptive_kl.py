import numpy as np
import pytest
import torch

from akl_bench import divergences
from akl_bench.divergences.gradients import value_and_grad
from akl_bench.errors import UsageError
from akl_bench.testing import check_divergence

P = [0.40, 0.35, 0.15, 0.10]
Q = [0.20, 0.48, 0.21, 0.11]
VARIANTS = ("paper", "official", "taid", "swapped", "entropy")


def akl(variant, mu=0.5):
    return divergences.get(f"akl(mu={mu}, variant={variant})")


def logs(*rows):
    return [torch.tensor(row, dtype=torch.float64).log()[None] for row in rows]


def peaked(rows=40, width=500, seed=0):
    make = torch.Generator().manual_seed(seed)
    zp_NV = 3 * torch.randn(rows, width, generator=make, dtype=torch.float64)
    zq_NV = zp_NV + torch.randn(rows, width, generator=make, dtype=torch.float64)
    return zp_NV.log_softmax(-1), zq_NV.log_softmax(-1)


# w is the share of KL(p||q): for swapped one minus the head's share, .325.
@pytest.mark.parametrize(
    ("variant", "head", "w", "loss"),
    [
        ("paper", {0, 1}, 0.825, 0.104506),
        ("official", {0}, 0.5, 0.100416),
        ("taid", {2, 3}, 0.175, 0.096326),
        ("swapped", {1}, 1 - 0.325, 0.102618),
        ("entropy", set(), 0.499494, 0.100410),
    ],
)
def test_hand_example_of_every_variant(variant, head, w, loss):
    logp_NV, logq_NV = logs(P, Q)
    divergence = akl(variant)
    assert set(divergence.head_mask(logp_NV, logq_NV)[0].nonzero().flatten().tolist()) == head
    w_N, head_gap_N, tail_gap_N = divergence.weights(logp_NV, logq_NV)
    assert w_N.item() == pytest.approx(w, abs=1e-6)
    gaps = np.abs(np.subtract(P, Q))
    assert head_gap_N.item() == pytest.approx(gaps[list(head)].sum(), abs=1e-12)
    assert tail_gap_N.item() == pytest.approx(gaps.sum() - gaps[list(head)].sum(), abs=1e-12)
    assert divergence.per_token(logp_NV, logq_NV).item() == pytest.approx(loss, abs=1e-6)
    assert value_and_grad(divergence, logp_NV, logq_NV)[0].item() == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_permuted_vocabulary_changes_taid_alone(variant):
    logp_NV, logq_NV = peaked()
    order = torch.randperm(500, generator=torch.Generator().manual_seed(1))
    divergence = akl(variant)
    shuffled_N = divergence.per_token(logp_NV[:, order], logq_NV[:, order])
    expected = divergence.per_token(logp_NV, logq_NV)
    assert torch.allclose(shuffled_N, expected, rtol=1e-9) == (variant != "taid")
    assert ("permutation" in divergence.exempt) == (variant == "taid")


@pytest.mark.parametrize("mu", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_keep_the_laws(variant, mu):
    report = check_divergence(akl(variant, mu))
    assert report.ok, report.failures


@pytest.mark.parametrize("q", [[0.20, 0.30, 0.30, 0.20], [0.5, 0.4, 0.06, 0.04]])
def test_one_sign_per_side_makes_it_the_fixed_mix(q):
    # Both gaps are then the total variation: w = 1/2 whatever the numbers, in a buggy head too.
    logp_NV, logq_NV = logs(P, q)
    w_N, _, _ = akl("paper").weights(logp_NV, logq_NV)
    assert w_N.item() == pytest.approx(0.5, abs=1e-12)
    mix = value_and_grad(divergences.get("symmetric_kl"), logp_NV, logq_NV)
    for actual, expected in zip(value_and_grad(akl("paper"), logp_NV, logq_NV), mix, strict=True):
        torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_models_give_zero_and_no_nan(variant):
    logp_NV, _ = peaked()
    value_N, grad_NV = value_and_grad(akl(variant), logp_NV, logp_NV)
    assert not value_N.any() and not grad_NV.any()


@pytest.mark.parametrize("variant", ["paper", "official"])
def test_gradient_is_the_mix_at_a_constant_weight(variant):
    logp_NV, logq_NV = peaked()
    w_N1 = akl(variant).weights(logp_NV, logq_NV)[0].unsqueeze(-1)
    _, forward_NV = value_and_grad(divergences.get("fkl"), logp_NV, logq_NV)
    _, reverse_NV = value_and_grad(divergences.get("rkl"), logp_NV, logq_NV)
    _, found_NV = value_and_grad(akl(variant), logp_NV, logq_NV)
    torch.testing.assert_close(found_NV, w_N1 * forward_NV + (1 - w_N1) * reverse_NV)


@pytest.mark.parametrize("variant", ["taid", "swapped", "entropy"])
def test_other_variants_let_the_gradient_through_the_weight(variant):
    logp_NV, logq_NV = peaked()
    leaf_NV = logq_NV.clone().requires_grad_()
    w_N, _, _ = akl(variant).weights(logp_NV, leaf_NV)
    assert torch.autograd.grad(w_N.sum(), leaf_NV)[0].any()
    w_N1 = w_N.detach().unsqueeze(-1)
    _, forward_NV = value_and_grad(divergences.get("fkl"), logp_NV, logq_NV)
    _, reverse_NV = value_and_grad(divergences.get("rkl"), logp_NV, logq_NV)
    _, found_NV = value_and_grad(akl(variant), logp_NV, logq_NV)
    constant_NV = w_N1 * forward_NV + (1 - w_N1) * reverse_NV
    assert not torch.allclose(found_NV, constant_NV, atol=1e-6)


def test_swapped_wants_the_student_for_its_head():
    logp_NV, logq_NV = logs(P, Q)
    with pytest.raises(UsageError, match="pass logq_NV"):
        akl("swapped").head_mask(logp_NV)
    assert akl("swapped").head_mask(logp_NV, logq_NV).tolist() == [[False, True, False, False]]
