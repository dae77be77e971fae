import os
import shutil
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch

from akl_bench import divergences
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.errors import UsageError
from akl_bench.training import _chunk_loss
from akl_bench.training._chunk_loss import ChunkLoss
from akl_bench.training.objective import Head, Objective, ObjectiveOutput, linear_divergence

N, V, ROWS, D, E = 23, 31, 37, 8, 12


class Batch:
    """Random states and heads; the student's has 6 padding rows, the teacher's 3."""

    def __init__(self, dtype=torch.float64, seed=0):
        make = torch.Generator().manual_seed(seed)

        def randn(*shape):
            return torch.randn(*shape, generator=make, dtype=torch.float64).to(dtype)

        self.hidden_ND = randn(N, D).requires_grad_()
        self.weight_VD = randn(ROWS, D).requires_grad_()
        self.bias_V = randn(ROWS).requires_grad_()
        self.teacher_hidden_NE = randn(N, E)
        self.teacher_weight_VE = randn(V + 3, E)
        self.teacher_bias_V = randn(V + 3)
        self.labels_N = torch.randint(V, (N,), generator=make)

    @property
    def inputs(self):
        return self.hidden_ND, self.weight_VD, self.bias_V

    @property
    def teacher(self):
        head = Head(self.teacher_weight_VE, self.teacher_bias_V, V)
        return self.teacher_hidden_NE, head

    def run(self, objective, rows=slice(None), **options) -> ObjectiveOutput:
        hidden_NE, head = self.teacher
        options = {"total_tokens": N, "progress": 0.3} | options
        return objective(
            self.hidden_ND[rows],
            Head(self.weight_VD, self.bias_V, V),
            self.labels_N[rows],
            hidden_NE[rows],
            head,
            **options,
        )

    def logits(self):
        z_NV = (self.hidden_ND @ self.weight_VD.T + self.bias_V)[:, :V]
        teacher_z_NV = self.teacher_hidden_NE @ self.teacher_weight_VE.T + self.teacher_bias_V
        return z_NV, teacher_z_NV[:, :V]


def plain_loss(batch, objective):
    """The definition, with the whole logits and autograd."""
    z_NV, teacher_z_NV = batch.logits()
    cross_entropy = torch.nn.functional.cross_entropy(z_NV, batch.labels_N)
    divergence = objective.divergence
    if divergence is None:
        return cross_entropy
    every = {
        "labels": ("labels_N", batch.labels_N),
        "progress": ("progress", 0.3),
        "state": ("state", divergence.initial_state()),
    }
    keywords = dict(every[need] for need in divergence.needs)
    logp_NV = (teacher_z_NV / objective.temperature).log_softmax(-1)
    logq_NV = (z_NV / objective.temperature).log_softmax(-1)
    d = divergence.per_token(logp_NV, logq_NV, **keywords).mean()
    return objective.kd_ratio * d + (1 - objective.kd_ratio) * cross_entropy


def gradients(loss, batch):
    return torch.autograd.grad(loss, batch.inputs)


def assert_close(actual, expected, tolerance=1e-9):
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def assert_is_the_definition(batch, objective):
    """Both give one loss and one gradient."""
    expected = plain_loss(batch, objective)
    output = batch.run(objective)
    # chi_square reaches 1e9 here: errors count relative to the largest gradient.
    expected_grads = gradients(expected, batch)
    scale = 1 + max(float(g.abs().max()) for g in expected_grads)
    assert_close([output.loss / scale], [expected / scale])
    grads = gradients(output.loss, batch)
    assert_close([g / scale for g in grads], [g / scale for g in expected_grads])


@pytest.mark.parametrize("name", [None, *divergences.names()])
@pytest.mark.parametrize(("kd_ratio", "temperature"), [(1.0, 1.0), (0.3, 2.0)])
@pytest.mark.parametrize("chunk_tokens", [None, 1, 5])
def test_is_the_plain_definition(name, kd_ratio, temperature, chunk_tokens):
    divergence = None if name is None else divergences.get(name)
    assert_is_the_definition(Batch(), Objective(divergence, kd_ratio, temperature, chunk_tokens))


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
def test_float32_chunks_agree(spec):
    batch = Batch(torch.float32)
    whole = gradients(batch.run(Objective(divergences.get(spec))).loss, batch)
    for size in (1, 7, N - 1, 10 * N):
        cut = gradients(batch.run(Objective(divergences.get(spec), chunk_tokens=size)).loss, batch)
        assert_close(cut, whole, 1e-6)


@pytest.mark.parametrize("size", [1, 4, N])
def test_any_split_into_micro_batches_gives_one_gradient(size):
    batch = Batch()
    objective = Objective(divergences.get("akl"), kd_ratio=0.5, temperature=2.0)
    expected = gradients(batch.run(objective).loss, batch)
    for tensor in batch.inputs:
        tensor.grad = None
    for start in range(0, N, size):
        batch.run(objective, slice(start, start + size)).loss.backward()
    assert_close([tensor.grad for tensor in batch.inputs], expected)


def test_padding_rows_have_no_mass_and_no_gradient():
    batch = Batch(torch.float32)
    objective = Objective(divergences.get("akl"), kd_ratio=0.5)
    _, weight_grad_VD, bias_grad_V = gradients(batch.run(objective).loss, batch)
    assert weight_grad_VD[:V].abs().min() > 0
    assert not weight_grad_VD[V:].any() and not bias_grad_V[V:].any()
    loss = batch.run(objective).loss
    with torch.no_grad():
        batch.weight_VD[V:] = 1e3
        batch.teacher_weight_VE[V:] = -1e3
    assert torch.equal(batch.run(objective).loss, loss)
    masked = Batch(torch.float32)
    z_NV, teacher_z_NV = masked.logits()
    infinite_N3 = torch.full((N, 3), -torch.inf)
    logs = [torch.cat([x, infinite_N3], -1).log_softmax(-1) for x in (teacher_z_NV, z_NV)]
    d_N = objective.divergence.per_token(*logs)
    divergence = batch.run(Objective(objective.divergence)).loss
    torch.testing.assert_close(divergence, d_N.mean(), rtol=1e-6, atol=1e-6)


def test_tied_heads_gather_both_gradients():
    batch = Batch()
    ids_N = batch.labels_N
    hidden_ND = batch.weight_VD[ids_N]
    teacher_hidden_NE, teacher_head = batch.teacher
    head = Head(batch.weight_VD, None, V)
    objective = Objective(divergences.get("rkl"))
    loss = objective(hidden_ND, head, ids_N, teacher_hidden_NE, teacher_head, total_tokens=N).loss
    _, teacher_z_NV = batch.logits()
    z_NV = (batch.weight_VD[ids_N] @ batch.weight_VD.T)[:, :V]
    logs = teacher_z_NV.log_softmax(-1), z_NV.log_softmax(-1)
    plain = objective.divergence.per_token(*logs).mean()
    expected = torch.autograd.grad(plain, batch.weight_VD)
    assert_close(torch.autograd.grad(loss, batch.weight_VD), expected)


@pytest.mark.parametrize("frozen", ["hidden_ND", "weight_VD", "bias_V"])
def test_frozen_inputs_get_no_gradient(frozen):
    batch = Batch()
    expected = dict(
        zip(
            ("hidden_ND", "weight_VD", "bias_V"),
            gradients(batch.run(Objective(divergences.get("akl"))).loss, batch),
            strict=True,
        )
    )
    getattr(batch, frozen).requires_grad_(False)
    batch.run(Objective(divergences.get("akl"))).loss.backward()
    for name, gradient in expected.items():
        found = getattr(batch, name).grad
        assert found is None if name == frozen else torch.allclose(found, gradient)


def test_without_grad_only_the_value():
    batch = Batch()
    objective = Objective(divergences.get("akl"), kd_ratio=0.4)
    with torch.no_grad():
        output = batch.run(objective)
    assert not output.loss.requires_grad
    torch.testing.assert_close(output.loss, batch.run(objective).loss.detach())
    for tensor in batch.inputs:
        tensor.requires_grad_(False)
    assert not batch.run(objective).loss.requires_grad


def test_bfloat16_states_are_summed_in_float32():
    half, exact = Batch(torch.bfloat16), Batch(torch.float32)
    with torch.no_grad():
        for name in ("hidden_ND", "weight_VD", "bias_V"):
            getattr(exact, name).copy_(getattr(half, name))
    for name in ("teacher_hidden_NE", "teacher_weight_VE", "teacher_bias_V"):
        getattr(exact, name).copy_(getattr(half, name))
    objective = Objective(divergences.get("akl"), kd_ratio=0.5)
    output = half.run(objective)
    assert output.loss.dtype == torch.float32
    torch.testing.assert_close(output.loss, exact.run(objective).loss)
    grads = gradients(output.loss, half)
    assert {g.dtype for g in grads} == {torch.bfloat16}
    # Rounded once, at the end.
    expected = gradients(exact.run(objective).loss, exact)
    assert_close(grads, [g.to(torch.bfloat16) for g in expected], 0)


def test_autocast_does_not_reach_the_products():
    batch = Batch(torch.float32)
    objective = Objective(divergences.get("akl"))
    expected = batch.run(objective).loss
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(batch.run(objective).loss, expected)


def test_linear_divergence_is_the_mean_in_nats():
    batch = Batch()
    hidden_NE, head = batch.teacher
    for temperature in (1.0, 3.0):
        loss = linear_divergence(
            divergences.get("jsd"),
            batch.hidden_ND,
            batch.weight_VD,
            hidden_NE,
            head.weight_VD,
            temperature=temperature,
            chunk_tokens=4,
            bias_V=batch.bias_V,
            teacher_bias_V=head.bias_V,
            vocab_size=V,
        )
        expected = plain_loss(batch, Objective(divergences.get("jsd"), temperature=temperature))
        assert_close([loss], [expected])
        assert_close(gradients(loss, batch), gradients(expected, batch))


def test_stats_are_sums_over_tokens():
    batch = Batch()
    objective = Objective(divergences.get("akl(mu=0.6)"), kd_ratio=0.25, chunk_tokens=5)
    output = batch.run(objective, want_stats=True)
    z_NV, teacher_z_NV = batch.logits()
    logs = teacher_z_NV.log_softmax(-1), z_NV.log_softmax(-1).detach()
    w_N, head_gap_N, tail_gap_N = AdaptiveKL(mu=0.6).weights(*logs)
    expected = {
        "divergence": objective.divergence.per_token(*logs).sum(),
        "cross_entropy": -logs[1][torch.arange(N), batch.labels_N].sum(),
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
    assert batch.run(objective).stats.keys() == {"divergence", "cross_entropy"}
    plain = batch.run(Objective(None), want_stats=True).stats
    assert plain.keys() == {"cross_entropy", "student_entropy"}


def test_signals_of_a_state_are_sums_over_tokens():
    batch = Batch()
    taid = divergences.get("taid")
    state = taid.initial_state() | {"t": 0.7}
    output = batch.run(Objective(taid, chunk_tokens=4), state=state)
    z_NV, teacher_z_NV = batch.logits()
    d_N = taid.per_token(teacher_z_NV.log_softmax(-1), z_NV.log_softmax(-1), state=state)
    torch.testing.assert_close(output.signals["loss"], d_N.sum().detach())
    assert batch.run(Objective(divergences.get("akl"))).signals == {}


def test_no_tokens_give_no_loss_and_no_gradient():
    batch = Batch()
    output = batch.run(Objective(divergences.get("akl"), kd_ratio=0.5), slice(0, 0))
    assert output.loss.item() == 0 and output.stats["divergence"].item() == 0
    assert not any(g.any() for g in gradients(output.loss, batch))


@pytest.mark.parametrize("kd_ratio", [0.0, 1.0])
def test_a_share_of_zero_leaves_nothing_of_an_infinite_part(kd_ratio):
    batch = Batch()
    objective = Objective(divergences.get("concrete_score"), kd_ratio=kd_ratio)
    with torch.no_grad():
        if kd_ratio:  # the labels become impossible, and with them the cross-entropy infinite
            batch.bias_V[batch.labels_N[0]] = -torch.inf
        else:
            batch.teacher_bias_V[0] = torch.nan
    loss = batch.run(objective).loss
    assert loss.isfinite() and all(g.isfinite().all() for g in gradients(loss, batch)[:1])


def test_gradients_are_used_up_by_one_backward_pass():
    batch = Batch()
    loss = batch.run(Objective(divergences.get("akl"))).loss
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


def test_what_does_not_fit_is_refused():
    batch = Batch()
    objective = Objective(divergences.get("akl"))
    hidden_NE, teacher_head = batch.teacher
    hidden_ND, head, labels_N = batch.hidden_ND, Head(batch.weight_VD, None, V), batch.labels_N

    def refuse(message, *arguments):
        with pytest.raises(UsageError, match=message):
            objective(*arguments, total_tokens=N)

    refuse("needs teacher_hidden_NE", hidden_ND, head, labels_N)
    refuse("student has 31 tokens and the teacher 34", hidden_ND, head, labels_N, hidden_NE,
           Head(batch.teacher_weight_VE))  # fmt: skip
    refuse("vocab_size=99", hidden_ND, Head(batch.weight_VD, None, 99), labels_N, hidden_NE,
           teacher_head)  # fmt: skip
    refuse("teacher: hidden states", hidden_ND, head, labels_N, hidden_NE[:, :3], teacher_head)
    refuse("23 student positions, 4", hidden_ND, head, labels_N, hidden_NE[:4], teacher_head)
    refuse("labels", hidden_ND, head, labels_N[:4], hidden_NE, teacher_head)
    with pytest.raises(UsageError, match="labels"):
        linear_divergence(divergences.get("dkd"), hidden_ND, batch.weight_VD[:V], hidden_NE,
                          batch.teacher_weight_VE[:V])  # fmt: skip


def needs_compiler(test):
    """Marks of a test that compiles: slow, and torch warns of a function of its own."""
    has_one = shutil.which(os.environ.get("CXX", "g++"))  # not everybody's `make test` needs one
    for mark in (
        pytest.mark.slow,
        pytest.mark.skipif(not has_one, reason="torch.compile needs a C++ compiler"),
        pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning"),
    ):
        test = mark(test)
    return test


@pytest.fixture
def compiled_whole(monkeypatch):
    """Compiles anew, and fails where code is not compiled or not in one piece."""
    kinds = []
    fresh = cache(_chunk_loss._fused.__wrapped__)
    monkeypatch.setattr(_chunk_loss, "_fused", lambda kind: kinds.append(kind) or fresh(kind))
    torch._dynamo.utils.counters.clear()
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
        yield
    assert kinds
    assert not torch._dynamo.utils.counters["graph_break"]


COMPILED = [
    "forward_kl",
    "reverse_kl",
    "symmetric_kl",
    "jensen_shannon",
    "total_variation",
    "skew_forward_kl",
    "skew_reverse_kl",
    "adaptive_kl",
    "alpha_beta",
]


@needs_compiler
@pytest.mark.parametrize("is_masked", [False, True])
@pytest.mark.parametrize("spec", COMPILED)
def test_compiled_is_the_plain_definition(spec, is_masked, compiled_whole):
    batch = Batch()
    if is_masked:  # each model rules out tokens that the other does not
        with torch.no_grad():
            batch.bias_V[[3, 4, 5]] = -torch.inf
            batch.teacher_bias_V[[4, 5, 6, 7]] = -torch.inf
            batch.labels_N.clamp_(max=2)
    objective = Objective(divergences.get(spec), 0.3, 2.0, 7, compiled=True)
    assert_is_the_definition(batch, objective)


@needs_compiler
def test_compiled_serves_other_numbers(compiled_whole):
    for spec, kd_ratio, temperature in (
        ("alpha_beta(alpha=0.2,beta=0.7)", 0.3, 0.5),
        ("alpha_beta(alpha=0.4,beta=0.9)", 0.7, 0.5),
        ("forward_kl", 0.3, 0.5),
        ("forward_kl", 0.7, 0.5),
        ("forward_kl", 0.2, 1.0),
        ("forward_kl", 1.0, 1.0),
        ("forward_kl", 0.0, 1.0),
    ):
        objective = Objective(divergences.get(spec), kd_ratio, temperature, compiled=True)
        assert_is_the_definition(Batch(), objective)


@needs_compiler
def test_linear_divergence_compiles(compiled_whole):
    batch = Batch(torch.float32)
    inputs = batch.hidden_ND, batch.weight_VD[:V], batch.teacher_hidden_NE
    layers = *inputs, batch.teacher_weight_VE[:V]
    plain, fused = (
        linear_divergence(divergences.get("jsd"), *layers, compiled=compiled)
        for compiled in (False, True)
    )
    torch.testing.assert_close(fused, plain)
    wanted = batch.hidden_ND, batch.weight_VD
    grads = (torch.autograd.grad(loss, wanted) for loss in (fused, plain))
    torch.testing.assert_close(*grads)


@needs_compiler
@pytest.mark.parametrize(
    ("spec", "in_place"), [("fkl", True), ("fkl", False), ("adaptive_kl", True)]
)
def test_compiled_serves_any_shape(spec, in_place, monkeypatch, compiled_whole):
    monkeypatch.setattr(_chunk_loss, "_FUSED_BYTES", 1 << 15)
    make = torch.Generator().manual_seed(0)
    for tokens, width in ((50, 200), (1, 200), (33, 400), (7, 3000), (2, 90), (41, 2500), (0, 9)):
        z_NV, teacher_z_NV = torch.randn(2, tokens, width, generator=make)
        labels_N = torch.randint(width, (tokens,), generator=make)
        found = []
        for compiled in (False, True):
            loss = ChunkLoss(divergences.get(spec), 0.5, 1.0, {}, False, compiled)
            logits_NV, sums = z_NV.clone(), {}
            grad_NV = logits_NV if in_place else torch.empty_like(z_NV)
            loss(logits_NV, teacher_z_NV, labels_N, sums, grad_NV)
            found.append((sums, grad_NV))
        torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


def test_compiled_leaves_alone_what_cannot_be_fused(monkeypatch):
    monkeypatch.setattr(_chunk_loss, "_fused", lambda kind: pytest.fail("compiled"))
    for spec in ("adaptive_kl(variant=taid)", "renyi", "alpha_beta(alpha=1,beta=0.5)"):
        assert_is_the_definition(Batch(), Objective(divergences.get(spec), compiled=True))
    assert_is_the_definition(Batch(), Objective(None, compiled=True))
    objective = Objective(divergences.get("fkl"), compiled=True)
    assert "akl_weight" in Batch().run(objective, want_stats=True).stats
    with torch.no_grad():
        assert Batch().run(objective).loss.isfinite()


def test_a_failed_compilation_is_one_sentence(monkeypatch):
    def fail(*_, **__):
        raise torch._dynamo.exc.TorchDynamoException("no compiler found\nand a long story")

    monkeypatch.setattr(torch, "compile", lambda *_, **__: fail)
    monkeypatch.setattr(_chunk_loss, "_fused", _chunk_loss._fused.__wrapped__)
    with pytest.raises(UsageError, match=r"for ForwardKL: no compiler found\. Leave"):
        Batch().run(Objective(divergences.get("fkl"), compiled=True))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cuda_agrees_with_the_cpu(dtype):
    on_cpu, on_cuda = Batch(dtype), Batch(dtype)
    for name, tensor in vars(on_cuda).items():
        setattr(on_cuda, name, tensor.detach().cuda().requires_grad_(tensor.requires_grad))
    for spec in ("akl", "jsd", "hellinger"):
        objective = Objective(divergences.get(spec), kd_ratio=0.5, temperature=2.0)
        losses = [batch.run(objective).loss for batch in (on_cpu, on_cuda)]
        tolerance = 1e-4 if dtype == torch.float32 else 3e-2
        assert_close([losses[1].cpu()], [losses[0]], tolerance)
        grads = [g.cpu() for g in gradients(losses[1], on_cuda)]
        assert_close(grads, gradients(losses[0], on_cpu), tolerance)


@dataclass(frozen=True)
class MeanLogProbability(divergences.Divergence):
    """Its gradient is the same for every token, which autograd hands out as one shared number."""

    def per_token(self, logp_NV, logq_NV):
        return -logq_NV.sum(-1)


@dataclass(frozen=True)
class OneNumber(divergences.Divergence):
    def per_token(self, logp_NV, logq_NV):
        return logq_NV.sum()


def test_a_plug_in_that_adds_up_its_tokens_is_told_so():
    with pytest.raises(UsageError, match=r"OneNumber.per_token must give one value per token"):
        Batch().run(Objective(OneNumber()))


def test_a_plug_in_whose_gradient_is_one_shared_number():
    batch = Batch()
    batch.run(Objective(MeanLogProbability())).loss.backward()
    logits_NV = batch.hidden_ND.detach() @ batch.weight_VD[:V].T + batch.bias_V[:V]
    expected_NV = (V * logits_NV.softmax(-1) - 1) / N
    torch.testing.assert_close(batch.hidden_ND.grad, expected_NV @ batch.weight_VD[:V])
