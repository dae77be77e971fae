"""Logits of an output layer: their values, and the gradients that are gathered for them."""

import pytest
import torch

from akl_bench.errors import UsageError
from akl_bench.training.logits import Head, LinearLogits

N, V, ROWS = 23, 31, 37  # of `Case`: its layer has padding rows


def chunks(size):
    return [slice(start, start + size) for start in range(0, N, size)]


@pytest.mark.parametrize("size", [1, 5, N])
def test_chunks_are_rows_of_the_whole_product(new_case, size):
    case = new_case()
    student, teacher = case.student(), case.teacher()
    assert (student.rows, student.tokens, teacher.tokens) == (N, V, V)
    for logits, expected_NV in zip((student, teacher), case.logits(), strict=True):
        # Each call may overwrite what the one before gave.
        whole_NV = torch.cat([logits.chunk(at).clone() for at in chunks(size)])
        torch.testing.assert_close(whole_NV, expected_NV.detach())


def test_a_longer_chunk_after_a_shorter_one():
    student = LinearLogits(torch.eye(4), Head(torch.eye(4)))
    assert student.chunk(slice(3, 4)).tolist() == [[0, 0, 0, 1]]
    assert torch.equal(student.chunk(slice(0, 4)), torch.eye(4))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_logits_are_float32_or_wider(new_case, dtype):
    wide = torch.promote_types(dtype, torch.float32)
    assert new_case(dtype).student().chunk(slice(0, 3)).dtype == wide


@pytest.mark.parametrize("size", [1, 5, N])
@pytest.mark.parametrize("with_bias", [True, False])
def test_gathered_gradients_are_those_of_autograd(new_case, size, with_bias):
    case = new_case()
    inputs = case.inputs if with_bias else case.inputs[:2]
    grad_NV = torch.randn(N, V, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    # What a loss gives its logits, times what comes in from outside.
    z_NV = (inputs[0] @ inputs[1].T + (inputs[2] if with_bias else 0))[:, :V]
    expected = torch.autograd.grad(z_NV, inputs, 3 * grad_NV)

    student = LinearLogits(inputs[0], Head(inputs[1], inputs[2] if with_bias else None, V))
    for at in chunks(size):
        student.chunk(at)
        student.add_grad(at, grad_NV[at])
    value = student.attach(torch.tensor(7.0, dtype=torch.float64))
    assert value.item() == 7
    gathered = torch.autograd.grad(3 * value, inputs)
    torch.testing.assert_close(gathered, expected)
    assert not gathered[1][V:].any(), "padding rows get none"


def test_only_what_is_trained_gathers_gradients(new_case):
    case = new_case()
    assert case.student().wants_grad and not case.teacher().wants_grad
    case.weight_VD.requires_grad_(False)
    case.bias_V.requires_grad_(False)
    student = case.student()
    student.add_grad(slice(0, N), torch.ones(N, V, dtype=torch.float64))
    student.attach(torch.tensor(0.0)).backward()
    assert case.hidden_ND.grad is not None
    assert case.weight_VD.grad is None and case.bias_V.grad is None
    with torch.no_grad():
        assert not case.student().wants_grad


def test_the_default_chunk_grows_as_the_vocabulary_shrinks():
    sizes = [LinearLogits(torch.ones(1, 2), Head(torch.ones(v, 2))).default_chunk
             for v in (10, 1000, 100_000)]  # fmt: skip
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] == 128


@pytest.mark.parametrize(
    ("hidden", "vocab_size", "message"),
    [
        ((N, 8), 99, "student: vocab_size=99, but its layer has 37 rows"),
        ((N, 8), 0, "vocab_size=0"),
        ((N, 3), V, r"student: hidden states \(23, 3\) do not fit the output layer \(37, 8\)"),
        ((N, 2, 8), V, "do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(hidden, vocab_size, message):
    with pytest.raises(UsageError, match=message):
        LinearLogits(torch.ones(hidden), Head(torch.ones(ROWS, 8), None, vocab_size))


def test_a_teacher_is_named_in_the_message(new_case):
    case = new_case()
    head = Head(case.teacher_weight_VE, case.teacher_bias_V, V)
    with pytest.raises(UsageError, match="teacher: hidden states"):
        LinearLogits(case.teacher_hidden_NE[:, :3], head, of="teacher")
