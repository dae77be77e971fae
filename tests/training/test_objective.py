from dataclasses import dataclass

import numpy as np
import pytest
import torch

from akl_bench import divergences
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.errors import UsageError
from akl_bench.training.logits import Head, LinearLogits
from akl_bench.training.objective import Objective, linear_divergence

N, V = 23, 31  # of `Case`


def assert_close(actual, expected, tolerance=1e-9):
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [None, *divergences.names()])
@pytest.mark.parametrize(("kd_ratio", "temperature"), [(1.0, 1.0), (0.3, 2.0)])
@pytest.mark.parametrize("chunk_tokens", [None, 1, 5])
def test_is_the_plain_definition(new_case, name, kd_ratio, temperature, chunk_tokens):
    divergence = None if name is None else divergences.get(name)
    new_case().assert_is_the_definition(Objective(divergence, kd_ratio, temperature, chunk_tokens))


def test_one_token_by_hand():
    p, q = np.array([0.4, 0.35, 0.15, 0.1]), np.array([0.2, 0.48, 0.21, 0.11])
    # With the identity as output layer the hidden states are the logits.
    eye = torch.eye(4, dtype=torch.float64)
    hidden_ND = torch.tensor(np.log(q))[None].requires_grad_()
    loss = linear_divergence(
        divergences.get("fkl"), hidden_ND, eye, torch.tensor(np.log(p))[None], eye
    )
    loss.backward()
    assert loss.item() == pytest.approx(0.106708, abs=1e-6)
    np.testing.assert_allclose(hidden_ND.grad.numpy()[0], q - p, atol=1e-12)


@pytest.mark.parametrize("spec", ["akl", "hellinger"])
def test_float32_chunks_agree(new_case, spec):
    case = new_case(torch.float32)
    whole = case.gradients(case.run(Objective(divergences.get(spec))).loss)
    for size in (1, 7, N - 1, 10 * N):
        cut = case.gradients(case.run(Objective(divergences.get(spec), chunk_tokens=size)).loss)
        assert_close(cut, whole, 1e-6)


@pytest.mark.parametrize("size", [1, 4, N])
def test_any_split_into_micro_batches_gives_one_gradient(new_case, size):
    case = new_case()
    objective = Objective(divergences.get("akl"), kd_ratio=0.5, temperature=2.0)
    expected = case.gradients(case.run(objective).loss)
    for tensor in case.inputs:
        tensor.grad = None
    for start in range(0, N, size):
        case.run(objective, slice(start, start + size)).loss.backward()
    assert_close([tensor.grad for tensor in case.inputs], expected)


def test_padding_rows_have_no_mass_and_no_gradient(new_case):
    case = new_case(torch.float32)
    objective = Objective(divergences.get("akl"), kd_ratio=0.5)
    _, weight_grad_VD, bias_grad_V = case.gradients(case.run(objective).loss)
    assert weight_grad_VD[:V].abs().min() > 0
    assert not weight_grad_VD[V:].any() and not bias_grad_V[V:].any()
    loss = case.run(objective).loss
    with torch.no_grad():
        case.weight_VD[V:] = 1e3
        case.teacher_weight_VE[V:] = -1e3
    assert torch.equal(case.run(objective).loss, loss)
    masked = new_case(torch.float32)
    z_NV, teacher_z_NV = masked.logits()
    infinite_N3 = torch.full((N, 3), -torch.inf)
    logs = [torch.cat([x, infinite_N3], -1).log_softmax(-1) for x in (teacher_z_NV, z_NV)]
    d_N = objective.divergence.per_token(*logs)
    divergence = case.run(Objective(objective.divergence)).loss
    torch.testing.assert_close(divergence, d_N.mean(), rtol=1e-6, atol=1e-6)


def test_tied_heads_gather_both_gradients(new_case):
    case = new_case()
    ids_N = case.labels_N
    hidden_ND = case.weight_VD[ids_N]
    student = LinearLogits(hidden_ND, Head(case.weight_VD, None, V))
    objective = Objective(divergences.get("rkl"))
    loss = objective(student, ids_N, case.teacher(), total_tokens=N).loss
    _, teacher_z_NV = case.logits()
    z_NV = (case.weight_VD[ids_N] @ case.weight_VD.T)[:, :V]
    logs = teacher_z_NV.log_softmax(-1), z_NV.log_softmax(-1)
    plain = objective.divergence.per_token(*logs).mean()
    expected = torch.autograd.grad(plain, case.weight_VD)
    assert_close(torch.autograd.grad(loss, case.weight_VD), expected)


@pytest.mark.parametrize("frozen", ["hidden_ND", "weight_VD", "bias_V"])
def test_frozen_inputs_get_no_gradient(new_case, frozen):
    case = new_case()
    expected = dict(
        zip(
            ("hidden_ND", "weight_VD", "bias_V"),
            case.gradients(case.run(Objective(divergences.get("akl"))).loss),
            strict=True,
        )
    )
    getattr(case, frozen).requires_grad_(False)
    case.run(Objective(divergences.get("akl"))).loss.backward()
    for name, gradient in expected.items():
        gathered = getattr(case, name).grad
        assert gathered is None if name == frozen else torch.allclose(gathered, gradient)


def test_without_grad_only_the_value(new_case):
    case = new_case()
    objective = Objective(divergences.get("akl"), kd_ratio=0.4)
    with torch.no_grad():
        output = case.run(objective)
    assert not output.loss.requires_grad
    torch.testing.assert_close(output.loss, case.run(objective).loss.detach())
    for tensor in case.inputs:
        tensor.requires_grad_(False)
    assert not case.run(objective).loss.requires_grad


def test_bfloat16_states_are_summed_in_float32(new_case):
    half, exact = new_case(torch.bfloat16), new_case(torch.float32)
    with torch.no_grad():
        for name in ("hidden_ND", "weight_VD", "bias_V"):
            getattr(exact, name).copy_(getattr(half, name))
    for name in ("teacher_hidden_NE", "teacher_weight_VE", "teacher_bias_V"):
        getattr(exact, name).copy_(getattr(half, name))
    objective = Objective(divergences.get("akl"), kd_ratio=0.5)
    output = half.run(objective)
    assert output.loss.dtype == torch.float32
    torch.testing.assert_close(output.loss, exact.run(objective).loss)
    grads = half.gradients(output.loss)
    assert {g.dtype for g in grads} == {torch.bfloat16}
    # Rounded once, at the end.
    expected = exact.gradients(exact.run(objective).loss)
    assert_close(grads, [g.to(torch.bfloat16) for g in expected], 0)


def test_autocast_does_not_reach_the_products(new_case):
    case = new_case(torch.float32)
    objective = Objective(divergences.get("akl"))
    expected = case.run(objective).loss
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(case.run(objective).loss, expected)


def test_linear_divergence_is_the_mean_in_nats(new_case):
    case = new_case()
    for temperature in (1.0, 3.0):
        loss = linear_divergence(
            divergences.get("jsd"),
            case.hidden_ND,
            case.weight_VD,
            case.teacher_hidden_NE,
            case.teacher_weight_VE,
            temperature=temperature,
            chunk_tokens=4,
            bias_V=case.bias_V,
            teacher_bias_V=case.teacher_bias_V,
            vocab_size=V,
        )
        expected = case.plain_loss(Objective(divergences.get("jsd"), temperature=temperature))
        assert_close([loss], [expected])
        assert_close(case.gradients(loss), case.gradients(expected))


def test_stats_are_sums_over_tokens(new_case):
    case = new_case()
    objective = Objective(divergences.get("akl(mu=0.6)"), kd_ratio=0.25, chunk_tokens=5)
    output = case.run(objective, want_stats=True)
    z_NV, teacher_z_NV = case.logits()
    logs = teacher_z_NV.log_softmax(-1), z_NV.log_softmax(-1).detach()
    w_N, head_gap_N, tail_gap_N = AdaptiveKL(mu=0.6).weights(*logs)
    expected = {
        "divergence": objective.divergence.per_token(*logs).sum(),
        "cross_entropy": -logs[1][torch.arange(N), case.labels_N].sum(),
        "student_entropy": torch.distributions.Categorical(logits=logs[1]).entropy().sum(),
        "akl_weight": w_N.sum(),
        "head_gap": head_gap_N.sum(),
        "tail_gap": tail_gap_N.sum(),
    }
    assert output.stats.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(output.stats[name], value)
    mix = 0.25 * expected["divergence"] + 0.75 * expected["cross_entropy"]
    torch.testing.assert_close(output.loss.detach(), mix / N)
    assert case.run(objective).stats.keys() == {"divergence", "cross_entropy"}
    plain = case.run(Objective(None), want_stats=True).stats
    assert plain.keys() == {"cross_entropy", "student_entropy"}


def test_signals_of_a_state_are_sums_over_tokens(new_case):
    case = new_case()
    taid = divergences.get("taid")
    state = taid.initial_state() | {"t": 0.7}
    output = case.run(Objective(taid, chunk_tokens=4), state=state)
    z_NV, teacher_z_NV = case.logits()
    d_N = taid.per_token(teacher_z_NV.log_softmax(-1), z_NV.log_softmax(-1), state=state)
    torch.testing.assert_close(output.signals["loss"], d_N.sum().detach())
    assert case.run(Objective(divergences.get("akl"))).signals == {}


def test_no_tokens_give_no_loss_and_no_gradient(new_case):
    case = new_case()
    output = case.run(Objective(divergences.get("akl"), kd_ratio=0.5), slice(0, 0))
    assert output.loss.item() == 0 and output.stats["divergence"].item() == 0
    assert not any(g.any() for g in case.gradients(output.loss))


@pytest.mark.parametrize("kd_ratio", [0.0, 1.0])
def test_a_share_of_zero_leaves_nothing_of_an_infinite_part(new_case, kd_ratio):
    case = new_case()
    objective = Objective(divergences.get("concrete_score"), kd_ratio=kd_ratio)
    with torch.no_grad():
        if kd_ratio:  # the labels become impossible, and with them the cross-entropy infinite
            case.bias_V[case.labels_N[0]] = -torch.inf
        else:
            case.teacher_bias_V[0] = torch.nan
    loss = case.run(objective).loss
    assert loss.isfinite() and all(g.isfinite().all() for g in case.gradients(loss)[:1])


def test_gradients_are_used_up_by_one_backward_pass(new_case):
    case = new_case()
    loss = case.run(Objective(divergences.get("akl"))).loss
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="used up"):
        loss.backward()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kd_ratio": 1.5}, "kd_ratio=1.5"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"chunk_tokens": 0}, "chunk_tokens=0"),
    ],
)
def test_values_out_of_range(options, message):
    with pytest.raises(UsageError, match=message):
        Objective(divergences.get("akl"), **options)


def test_what_does_not_fit_is_refused(new_case):
    case = new_case()
    objective = Objective(divergences.get("akl"))

    def refuse(message, *arguments):
        with pytest.raises(UsageError, match=message):
            objective(*arguments, total_tokens=N)

    refuse("needs the teacher's logits", case.student(), case.labels_N)
    padded = LinearLogits(case.teacher_hidden_NE, Head(case.teacher_weight_VE))
    refuse("student has 31 tokens and the teacher 34", case.student(), case.labels_N, padded)
    few = slice(0, 4)
    refuse("23 student positions, 4", case.student(), case.labels_N, case.teacher(few))
    refuse("labels", case.student(), case.labels_N[few], case.teacher())
    with pytest.raises(UsageError, match="labels"):
        linear_divergence(divergences.get("dkd"), case.hidden_ND, case.weight_VD[:V],
                          case.teacher_hidden_NE, case.teacher_weight_VE[:V])  # fmt: skip


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cuda_agrees_with_the_cpu(new_case, dtype):
    on_cpu, on_cuda = new_case(dtype), new_case(dtype)
    for name, tensor in vars(on_cuda).items():
        setattr(on_cuda, name, tensor.detach().cuda().requires_grad_(tensor.requires_grad))
    for spec in ("akl", "jsd", "hellinger"):
        objective = Objective(divergences.get(spec), kd_ratio=0.5, temperature=2.0)
        losses = [case.run(objective).loss for case in (on_cpu, on_cuda)]
        tolerance = 1e-4 if dtype == torch.float32 else 3e-2
        assert_close([losses[1].cpu()], [losses[0]], tolerance)
        grads = [g.cpu() for g in on_cuda.gradients(losses[1])]
        assert_close(grads, on_cpu.gradients(losses[0]), tolerance)


@dataclass(frozen=True)
class MeanLogProbability(divergences.Divergence):
    """Its gradient is the same for every token, which autograd hands out as one shared number."""

    def per_token(self, logp_NV, logq_NV):
        return -logq_NV.sum(-1)


@dataclass(frozen=True)
class OneNumber(divergences.Divergence):
    def per_token(self, logp_NV, logq_NV):
        return logq_NV.sum()


def test_a_plug_in_that_adds_up_its_tokens_is_told_so(new_case):
    with pytest.raises(UsageError, match=r"OneNumber.per_token must give one value per token"):
        new_case().run(Objective(OneNumber()))


def test_a_plug_in_whose_gradient_is_one_shared_number(new_case):
    case = new_case()
    case.run(Objective(MeanLogProbability())).loss.backward()
    logits_NV = case.hidden_ND.detach() @ case.weight_VD[:V].T + case.bias_V[:V]
    expected_NV = (V * logits_NV.softmax(-1) - 1) / N
    torch.testing.assert_close(case.hidden_ND.grad, expected_NV @ case.weight_VD[:V])
