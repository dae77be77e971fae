"""The toys against the notebooks' stored numbers and a plain loop."""

import numpy as np
import pytest
import torch

from akl_bench.papers.akl.claims.toy import settings, train
from akl_bench.papers.akl.objectives import AKL, FKL, MIX, RKL

BY_NAME = {setting.name: setting for setting in settings()}


@pytest.mark.parametrize(("objective", "stored"), [(FKL, "1.15e-06"), (RKL, "5.1e-06")])
def test_the_long_tail_ends_where_the_notebook_does(objective, stored):
    setting = BY_NAME["long tail"]
    made = train(setting, objective, inits=1)
    own = made.kl_pq if objective == FKL else made.kl_qp
    # Its noise has no seed, so that another noise may move the last digit.
    digit = 1e-8 if objective == FKL else 1e-7
    assert own[-1, 0] / setting.p_V.size == pytest.approx(float(stored), abs=digit)


def test_teachers_are_distributions_and_the_notebook_s_bug_leaves_one_normal():
    assert all(s.p_V.sum() == pytest.approx(1) and (s.p_V > 0).all() for s in BY_NAME.values())
    x = BY_NAME["two widths as run"].x_V
    normal = np.exp(-((x - 50) ** 2) / (2 * 15**2))
    assert BY_NAME["two widths as run"].p_V == pytest.approx(normal / normal.sum())
    # .5 N(50, 20) + .3 N(50, 15) from their densities.
    both = 0.5 * np.exp(-((x - 50) ** 2) / 800) / 20 + 0.3 * np.exp(-((x - 50) ** 2) / 450) / 15
    assert BY_NAME["two widths"].p_V == pytest.approx(both / both.sum())
    assert [s.p_V.size for s in BY_NAME.values()] == [50, 50, 50, 80]


@pytest.mark.parametrize("objective", [FKL, RKL, MIX])
def test_all_starts_at_once_are_as_a_plain_loop_over_one(objective):
    setting = BY_NAME["two modes"]
    torch.manual_seed(2)
    z = torch.rand(50).double().requires_grad_()
    p = torch.from_numpy(setting.p_V)
    optimizer = torch.optim.Adam([z], lr=0.1)
    share = {FKL: 1.0, RKL: 0.0, MIX: 0.5}[objective]
    for _ in range(25):
        q = torch.softmax(z, 0)
        forward = torch.nn.functional.kl_div(q.log(), p, reduction="batchmean")
        reverse = torch.nn.functional.kl_div(p.log(), q, reduction="batchmean")
        optimizer.zero_grad()
        (share * forward + (1 - share) * reverse).backward()
        optimizer.step()
    q = torch.softmax(z, 0).detach().numpy()
    made = train(setting, objective, inits=3)
    assert made.kl_pq[25, 1] == pytest.approx(float((setting.p_V * np.log(setting.p_V / q)).sum()))
    assert made.kl_qp[25, 1] == pytest.approx(float((q * np.log(q / setting.p_V)).sum()))


def test_gaps_and_weights_are_those_of_a_sort():
    setting = BY_NAME["two modes"]  # of the bimodal ones, that without ties
    made = train(setting, AKL, inits=1)
    p, q = setting.p_V, made.q_TIV[7, 0]
    order = np.argsort(-p)
    size = int((np.cumsum(p[order]) <= 0.5).sum()) + 1
    gap = np.abs(p - q)[order]
    assert made.head[7, 0] == pytest.approx(gap[:size].sum())
    assert made.tail[7, 0] == pytest.approx(gap[size:].sum())
    assert made.w[7, 0] == pytest.approx(gap[:size].sum() / gap.sum())
    assert made.head.shape == (201, 1)
