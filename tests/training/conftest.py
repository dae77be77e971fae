"""Tiny models on the microworld, and random logits with the plain definition of an objective."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from akl_bench.data.examples import encode
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import load_records
from akl_bench.microworld import TEACHER
from akl_bench.models.heads import output_head
from akl_bench.models.loading import tokenizer_in
from akl_bench.tasks import DataSource
from akl_bench.training.logits import Head, LinearLogits
from akl_bench.training.objective import ObjectiveOutput
from akl_bench.training.teachers import registry as teachers
from akl_bench.training.teachers.base import Place


@pytest.fixture(scope="session")
def tokenizer():
    return tokenizer_in(TEACHER)


@pytest.fixture(scope="session")
def examples(tokenizer):
    source = DataSource(source="microworld", split="train", rows=40, seed=5)
    return encode(
        load_records(source, "data.train"),
        Prompt("{{ instruction }} :"),
        tokenizer,
        max_prompt_tokens=32,
        max_response_tokens=32,
    )


def llama(tokenizer, *, width, layers, seed, dropout=0.0):
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        attention_dropout=dropout,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="session")
def teacher(tokenizer):
    return llama(tokenizer, width=32, layers=2, seed=0)


@pytest.fixture
def new_student(tokenizer):
    return lambda dropout=0.0: llama(tokenizer, width=16, layers=1, seed=1, dropout=dropout)


@pytest.fixture(scope="session")
def opened(tmp_path_factory, tokenizer):
    """A teacher of that spec at work on examples, with its cache where it has one."""

    def start(spec, model, examples):
        teacher = teachers.create(spec)
        cache = None
        if teacher.has_cache:
            cache = tmp_path_factory.mktemp("cache")
            teacher.fill(model, examples, cache, pad_id=tokenizer.pad_token_id)
        head = Head(output_head(model)[0].detach())
        return teacher.open(Place(model.device, cache, lambda: head, lambda: model))

    return start


N, V, ROWS, D, E = 23, 31, 37, 8, 12


class Case:
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

    def student(self, rows=slice(None)):
        return LinearLogits(self.hidden_ND[rows], Head(self.weight_VD, self.bias_V, V))

    def teacher(self, rows=slice(None)):
        head = Head(self.teacher_weight_VE, self.teacher_bias_V, V)
        return LinearLogits(self.teacher_hidden_NE[rows], head, of="teacher")

    def run(self, objective, rows=slice(None), **options) -> ObjectiveOutput:
        options = {"total_tokens": N, "progress": 0.3} | options
        return objective(self.student(rows), self.labels_N[rows], self.teacher(rows), **options)

    def logits(self):
        z_NV = (self.hidden_ND @ self.weight_VD.T + self.bias_V)[:, :V]
        teacher_z_NV = self.teacher_hidden_NE @ self.teacher_weight_VE.T + self.teacher_bias_V
        return z_NV, teacher_z_NV[:, :V]

    def plain_loss(self, objective):
        """The definition, with the whole logits and autograd."""
        z_NV, teacher_z_NV = self.logits()
        cross_entropy = torch.nn.functional.cross_entropy(z_NV, self.labels_N)
        divergence = objective.divergence
        if divergence is None:
            return cross_entropy
        every = {
            "labels": ("labels_N", self.labels_N),
            "progress": ("progress", 0.3),
            "state": ("state", divergence.initial_state()),
        }
        keywords = dict(every[need] for need in divergence.needs)
        logp_NV = (teacher_z_NV / objective.temperature).log_softmax(-1)
        logq_NV = (z_NV / objective.temperature).log_softmax(-1)
        d = divergence.per_token(logp_NV, logq_NV, **keywords).mean()
        return objective.kd_ratio * d + (1 - objective.kd_ratio) * cross_entropy

    def gradients(self, loss):
        return torch.autograd.grad(loss, self.inputs)

    def assert_is_the_definition(self, objective):
        """Both give one loss and one gradient."""
        expected = self.plain_loss(objective)
        output = self.run(objective)
        # chi_square reaches 1e9 here: errors count relative to the largest gradient.
        expected_grads = self.gradients(expected)
        scale = 1 + max(float(g.abs().max()) for g in expected_grads)
        grads = self.gradients(output.loss)
        for actual, wanted in zip([output.loss, *grads], [expected, *expected_grads], strict=True):
            torch.testing.assert_close(actual / scale, wanted / scale, rtol=1e-9, atol=1e-9)


@pytest.fixture(scope="session")
def new_case():
    """The class `Case`."""
    return Case
