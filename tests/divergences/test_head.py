"""The head without a sort against the head by a sort."""

import pytest
import torch

from akl_bench.divergences._head import head_gap, head_mask


def by_sort(p_NV, mu, drop_crossing=False):
    top_NV, order_NV = p_NV.sort(dim=-1, descending=True, stable=True)
    mass_NV = top_NV.cumsum(-1)
    if drop_crossing:
        head_NV = mass_NV <= mu + 1e-6
        head_NV[:, 0] = True
    else:
        before_NV = torch.cat([torch.zeros_like(mass_NV[:, :1]), mass_NV[:, :-1]], -1)
        head_NV = before_NV <= mu + 1e-6
    return torch.zeros_like(head_NV).scatter(-1, order_NV, head_NV)


# Widths on both sides of the small top set; flat rows outgrow it, peaked ones do not.
@pytest.mark.parametrize("width", [1, 2, 5, 200, 2047, 2048, 3000])
@pytest.mark.parametrize("scale", [0.1, 1.0, 6.0])
@pytest.mark.parametrize("mu", [0.0, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("drop_crossing", [False, True])
def test_is_the_head_by_sorting(width, scale, mu, drop_crossing):
    make = torch.Generator().manual_seed(width)
    p_NV = (scale * torch.randn(30, width, generator=make, dtype=torch.float64)).softmax(-1)
    gap_NV = torch.rand(30, width, generator=make, dtype=torch.float64)
    expected_NV = by_sort(p_NV, mu, drop_crossing)
    assert torch.equal(head_mask(p_NV, mu, drop_crossing), expected_NV)
    expected_N = (expected_NV * gap_NV).sum(-1)
    torch.testing.assert_close(head_gap(p_NV, gap_NV, mu, drop_crossing), expected_N)


def test_float32_takes_the_same_tokens():
    p_NV = torch.randn(64, 50257, generator=torch.Generator().manual_seed(0)).mul(4).softmax(-1)
    differ_N = (head_mask(p_NV, 0.5) != head_mask(p_NV.double(), 0.5)).any(-1)
    assert not differ_N.any()


def test_exactly_mu_is_not_enough():
    p_NV = torch.full((1, 4), 0.25)
    assert head_mask(p_NV, 0.5).tolist() == [[True, True, True, False]]
    # The same from log-probabilities, which round to either side of a quarter.
    for width in (6, 10, 14, 16, 30):
        p_NV = torch.zeros(1, width).log_softmax(-1).exp()
        assert int(head_mask(p_NV, 0.5).sum()) == width // 2 + 1


@pytest.mark.parametrize("width", [40, 4000])
def test_tied_tokens_count_to_equal_shares(width):
    make = torch.Generator().manual_seed(0)
    p_NV = torch.randint(1, 4, (20, width), generator=make).double()
    p_NV /= p_NV.sum(-1, keepdim=True)
    gap_NV = torch.rand(20, width, generator=make, dtype=torch.float64)
    found_N = head_gap(p_NV, gap_NV, 0.53)
    order = torch.randperm(width, generator=make)
    torch.testing.assert_close(head_gap(p_NV[:, order], gap_NV[:, order], 0.53), found_N)
    mask_NV = by_sort(p_NV, 0.53)
    last_N1 = p_NV.masked_fill(~mask_NV, 2.0).amin(-1, keepdim=True)
    above_NV, tied_NV = p_NV > last_N1, p_NV == last_N1
    share_N = (tied_NV & mask_NV).sum(-1) / tied_NV.sum(-1)
    expected_N = (gap_NV * above_NV).sum(-1) + share_N * (gap_NV * tied_NV).sum(-1)
    torch.testing.assert_close(found_N, expected_N)
    assert torch.equal(head_mask(p_NV, 0.53), mask_NV)


def test_is_differentiable_in_the_gap():
    make = torch.Generator().manual_seed(0)
    for width in (50, 5000):
        # Every second row is flat, so that both ways of finding the head are taken.
        scale_N1 = torch.tensor([0.1, 6.0]).repeat(4).unsqueeze(-1)
        p_NV = (scale_N1 * torch.randn(8, width, generator=make)).softmax(-1)
        gap_NV = torch.rand(8, width, generator=make, requires_grad=True)
        head_gap(p_NV, gap_NV, 0.5).sum().backward()
        assert torch.equal(gap_NV.grad, by_sort(p_NV, 0.5).float())
