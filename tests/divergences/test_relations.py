"""Identities between divergences, parameters out of range, and what the stateful ones learn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from akl_bench import divergences
from akl_bench.errors import UsageError

GENERATOR = torch.Generator().manual_seed(5)
ZP_NV = 2 * torch.randn(6, 11, generator=GENERATOR, dtype=torch.float64)
ZQ_NV = 2 * torch.randn(6, 11, generator=GENERATOR, dtype=torch.float64)
LABELS_N = torch.tensor([0, 3, 10, 5, 5, 1])
LOGP_NV, LOGQ_NV = ZP_NV.log_softmax(-1), ZQ_NV.log_softmax(-1)


def _value(spec: str, **keywords: object) -> Tensor:
    return divergences.get(spec).per_token(LOGP_NV, LOGQ_NV, **keywords)


def _grad(spec: str, **keywords: object) -> Tensor:
    zq_NV = ZQ_NV.clone().requires_grad_()
    divergences.get(spec).per_token(LOGP_NV, zq_NV.log_softmax(-1), **keywords).sum().backward()
    assert zq_NV.grad is not None
    return zq_NV.grad


def test_todi_has_the_value_of_jeffreys_and_another_gradient() -> None:
    torch.testing.assert_close(_value("todi"), _value("jeffreys"), rtol=1e-12, atol=0)
    assert (_grad("todi") - _grad("jeffreys")).abs().max() > 0.01


def test_todi_gradient_by_its_formula() -> None:
    p, q = LOGP_NV.exp(), LOGQ_NV.exp()
    w = p / (p + q)
    g = -w * p + (1 - w) * q * ((q / p).log() + 1)
    torch.testing.assert_close(_grad("todi"), g - q * g.sum(-1, keepdim=True))


def test_concrete_score_has_twice_the_gradient_of_reverse_kl() -> None:
    torch.testing.assert_close(_grad("csd"), 2 * _grad("reverse_kl"))


def test_drkl_with_the_lost_weight_put_back_is_reverse_kl() -> None:
    label_N1 = LABELS_N[:, None]
    one, two = (_value(f"drkl(gamma={g})", labels_N=LABELS_N) for g in (1, 2))
    weight_N = 1 - LOGQ_NV.exp().gather(-1, label_N1)[:, 0]
    rebuilt = one + (weight_N - 1) * (two - one)
    torch.testing.assert_close(rebuilt, _value("reverse_kl"))


def test_dkd_with_the_teacher_weight_is_forward_kl() -> None:
    weight_N = 1 - LOGP_NV.exp().gather(-1, LABELS_N[:, None])[:, 0]
    target, both = (_value(f"dkd(alpha=1, beta={beta})", labels_N=LABELS_N) for beta in (0, 1))
    torch.testing.assert_close(target + weight_N * (both - target), _value("forward_kl"))


def test_drkl_does_not_raise_the_label_once_it_is_matched() -> None:
    """Where q_y = p_y the label's logit gets no gradient, the point of the paper."""
    p = torch.tensor([[0.5, 0.4, 0.1]], dtype=torch.float64)
    zq = torch.tensor([[0.5, 0.1, 0.4]], dtype=torch.float64).log().requires_grad_()
    label = torch.tensor([0])
    divergences.get("drkl").per_token(p.log(), zq.log_softmax(-1), labels_N=label).backward()
    assert zq.grad is not None
    assert abs(float(zq.grad[0, 0])) < 1e-12
    assert float(zq.grad[0, 1]) < -0.1


def test_decoupled_terms_where_one_model_is_sure_of_the_label() -> None:
    sure = torch.tensor([[0.0, -torch.inf, -torch.inf]])
    other = torch.tensor([[0.2, 0.3, 0.5]]).log()
    label = torch.tensor([0])
    dkd, drkl = divergences.get("dkd"), divergences.get("drkl")
    # p^ is undefined, so only KL(b_p || b_q) = log 5 is left; likewise q^ and KL(b_q || b_p)
    assert float(dkd.per_token(sure, other, labels_N=label)) == pytest.approx(1.6094379)
    assert float(drkl.per_token(other, sure, labels_N=label)) == pytest.approx(1.6094379)


@pytest.mark.parametrize("name", ["dkd", "drkl"])
def test_missing_labels_are_a_clear_error(name: str) -> None:
    with pytest.raises(UsageError, match="needs the labels"):
        _value(name)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("renyi(alpha=0)", "alpha"),
        ("concrete_score(w1=nobody)", "w1"),
        ("top_k_forward_kl(k=0)", "k"),
        ("decoupled_kd(beta=-1)", "beta"),
        ("diversity_reverse_kl(gamma=0)", "gamma"),
        ("entropy_gated_kl(gate=maybe)", "gate"),
        ("entropy_gated_kl(threshold=-1)", "threshold"),
        ("confidence_kl(beta=1.5)", "beta"),
        ("taid(t_start=0.9, t_end=0.5)", "t_end"),
        ("taid(beta=1)", "beta"),
        ("alpha_mixture(lam=1)", "lam"),
        ("alpha_mixture(divergence=decoupled_kd)", "divergence"),
        ("adakd(c=-1)", "c"),
    ],
)
def test_a_parameter_out_of_range_names_field_and_range(spec: str, field: str) -> None:
    with pytest.raises(UsageError, match=f"{field}=.* is out of range; {field} must be "):
        divergences.get(spec)


def test_taid_moves_along_its_line_and_runs_ahead_while_the_loss_falls() -> None:
    taid = divergences.get("taid(t_start=0.2, t_end=1, alpha=0.5, beta=0.5)")
    first = taid.next_state(taid.initial_state(), signals={"loss": 2.0}, progress=0.25)
    assert first == {"t": pytest.approx(0.4), "momentum": 0.0, "loss": 2.0}  # the line alone
    second = taid.next_state(first, signals={"loss": 1.0}, progress=0.25)
    # change 1/2, momentum 1/4, t = .4 + .5 sigmoid(.25) .6
    assert second["momentum"] == pytest.approx(0.25)
    assert second["t"] == pytest.approx(0.4 + 0.3 / (1 + 2.718281828459045**-0.25))
    last = taid.next_state(second, signals={"loss": 1.0}, progress=1.0)
    assert last["t"] == 1.0


def test_taid_target_is_the_student_at_t_0_and_the_teacher_at_t_1() -> None:
    assert float(_value("taid", state={"t": 0.0}).abs().max()) < 1e-12
    torch.testing.assert_close(_value("taid", state={"t": 1.0}), _value("forward_kl"))


def test_cakld_weight_is_the_mean_confidence_of_the_steps_so_far() -> None:
    cakld = divergences.get("cakld")
    d_N = _value("cakld")
    confidence = cakld.signals(LOGP_NV, LOGQ_NV, d_N, labels_N=LABELS_N)["confidence"]
    assert confidence[1] == pytest.approx(float(LOGP_NV[1, 3].exp()))
    state = cakld.initial_state()
    for value in (0.8, 0.2, 0.5):
        state = cakld.next_state(state, signals={"confidence": value}, progress=0.0)
    assert state == {"beta": pytest.approx(0.5), "steps": 3.0}
    fixed = divergences.get("cakld(beta=0.1)")
    kept = fixed.next_state(fixed.initial_state(), signals={"confidence": 0.9}, progress=0.0)
    assert kept["beta"] == 0.1


def test_adakd_keeps_fewer_tokens_while_the_loss_falls_and_more_when_it_rises() -> None:
    adakd = divergences.get("adakd")
    above = {"threshold": 1.0, "median": 0.5}
    state = adakd.next_state(adakd.initial_state(), signals={"loss": 1.0, **above}, progress=0.1)
    assert state["reference"] == 1.0
    ratios = [state["ratio"]]
    for loss in [0.5] * 60 + [2.0] * 60:
        state = adakd.next_state(state, signals={"loss": loss, **above}, progress=0.5)
        ratios.append(state["ratio"])
    assert min(ratios) == pytest.approx(0.95**4)  # smoothed: 1 -> 0.77, four falls by 5 %
    assert ratios[60] < ratios[0] and ratios[-1] > ratios[60]
    low = dict(state, ratio=0.1, ema=1.0, reference=2.0)
    assert adakd.next_state(low, signals={"loss": 1.0, **above}, progress=0.5)["ratio"] == 0.1


def test_adakd_quantiles_settle_on_the_kept_share() -> None:
    adakd = divergences.get("adakd(epsilon=9)")
    state = dict(adakd.initial_state(), ratio=0.4)
    generator = torch.Generator().manual_seed(3)
    for _ in range(200):
        pair = (torch.randn(512, 8, generator=generator).mul(2).log_softmax(-1) for _ in range(2))
        logp_NV, logq_NV = pair
        d_N = adakd.per_token(logp_NV, logq_NV, state=state)
        signals = adakd.signals(logp_NV, logq_NV, d_N, state=state)
        means = {key: float(value_N.mean()) for key, value_N in signals.items()}
        state = adakd.next_state(state, signals=means, progress=0.5)
    assert float((d_N > 0).double().mean()) == pytest.approx(0.4, abs=0.06)
    assert signals["median"].mean().item() == pytest.approx(0.2, abs=0.06)


def test_adakd_gives_hard_tokens_a_low_temperature() -> None:
    """At tau < 1 the value grows beyond the plain reverse KL tau^2, at tau > 1 it shrinks."""
    easy = dict(divergences.get("adakd").initial_state(), median=0.99)
    hard = dict(divergences.get("adakd").initial_state(), median=1e-3)
    plain = _value("reverse_kl")
    at_easy, at_hard = _value("adakd", state=easy), _value("adakd", state=hard)
    # tau = exp(+-c) at the ends: tau^2 KL at tau, so sharper distributions lie further apart
    assert bool((at_hard / torch.tensor(-1.0).exp() > plain).all())
    assert bool((at_easy / torch.tensor(1.0).exp() < plain).all())
