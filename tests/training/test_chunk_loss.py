import os
import shutil
from functools import cache

import pytest
import torch

from akl_bench import divergences
from akl_bench.errors import UsageError
from akl_bench.training import _chunk_loss
from akl_bench.training._chunk_loss import ChunkLoss
from akl_bench.training.objective import Objective, linear_divergence

V = 31  # of `Case`


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
@pytest.mark.parametrize("spec", COMPILED)
def test_compiled_is_the_plain_definition(new_case, spec, compiled_whole):
    objective = Objective(divergences.get(spec), 0.3, 2.0, 7, compiled=True)
    new_case().assert_is_the_definition(objective)
    masked = new_case()  # each model rules out tokens that the other does not
    with torch.no_grad():
        masked.bias_V[[3, 4, 5]] = -torch.inf
        masked.teacher_bias_V[[4, 5, 6, 7]] = -torch.inf
        masked.labels_N.clamp_(max=2)
    masked.assert_is_the_definition(objective)


@needs_compiler
def test_compiled_serves_other_numbers(new_case, compiled_whole):
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
        new_case().assert_is_the_definition(objective)


@needs_compiler
def test_linear_divergence_compiles(new_case, compiled_whole):
    case = new_case(torch.float32)
    inputs = case.hidden_ND, case.weight_VD[:V], case.teacher_hidden_NE
    layers = *inputs, case.teacher_weight_VE[:V]
    plain, fused = (
        linear_divergence(divergences.get("jsd"), *layers, compiled=compiled)
        for compiled in (False, True)
    )
    torch.testing.assert_close(fused, plain)
    wanted = case.hidden_ND, case.weight_VD
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
        plain_and_fused = []
        for compiled in (False, True):
            loss = ChunkLoss(divergences.get(spec), 0.5, 1.0, {}, False, compiled)
            logits_NV, sums = z_NV.clone(), {}
            grad_NV = logits_NV if in_place else torch.empty_like(z_NV)
            loss(logits_NV, teacher_z_NV, labels_N, sums, grad_NV)
            plain_and_fused.append((sums, grad_NV))
        torch.testing.assert_close(*plain_and_fused, rtol=1e-5, atol=1e-6)


def test_compiled_leaves_alone_what_cannot_be_fused(new_case, monkeypatch):
    monkeypatch.setattr(_chunk_loss, "_fused", lambda kind: pytest.fail("compiled"))
    for spec in ("adaptive_kl(variant=taid)", "renyi", "alpha_beta(alpha=1,beta=0.5)"):
        new_case().assert_is_the_definition(Objective(divergences.get(spec), compiled=True))
    new_case().assert_is_the_definition(Objective(None, compiled=True))
    objective = Objective(divergences.get("fkl"), compiled=True)
    assert "akl_weight" in new_case().run(objective, want_stats=True).stats
    with torch.no_grad():
        assert new_case().run(objective).loss.isfinite()


def test_a_failed_compilation_is_one_sentence(new_case, monkeypatch):
    def fail(*_, **__):
        raise torch._dynamo.exc.TorchDynamoException("no compiler found\nand a long story")

    monkeypatch.setattr(torch, "compile", lambda *_, **__: fail)
    monkeypatch.setattr(_chunk_loss, "_fused", _chunk_loss._fused.__wrapped__)
    with pytest.raises(UsageError, match=r"for ForwardKL: no compiler found\. Leave"):
        new_case().run(Objective(divergences.get("fkl"), compiled=True))
