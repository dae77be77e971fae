import sys

import pytest
import torch

from akl_bench.errors import MissingDependencyError, UsageError
from akl_bench.models.heads import last_hidden, output_head
from akl_bench.models.lora import adapters
from akl_bench.recipe import LoraSettings

IDS_BT = torch.arange(8).unsqueeze(0)


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def student(request, save_teacher):
    pytest.importorskip("peft", reason='peft is absent: pip install "akl-bench[peft]"')
    return save_teacher(tie_word_embeddings=request.param)[1]


def step(model):
    """A step of sign descent on all that can be trained, through body and head as in training.

    A is random and B is zero at first, so that one step moves B and the second both.
    """
    weight_VD, _ = output_head(model)
    (last_hidden(model, IDS_BT) @ weight_VD.T).logsumexp(-1).sum().backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad.sign()
                parameter.grad = None


def test_only_the_adapters_learn_and_the_merged_model_computes_the_same(student):
    names = list(student.state_dict())
    with torch.no_grad():
        untrained = student(IDS_BT).logits
    with adapters(student, LoraSettings(rank=4), seed=1):
        torch.testing.assert_close(student(IDS_BT).logits.detach(), untrained)
        before = {name: p.detach().clone() for name, p in student.named_parameters()}
        step(student)
        step(student)
        moved = {name for name, p in student.named_parameters() if not p.equal(before[name])}
        assert moved == {name for name in before if ".lora_" in name}
        # A and B of q, k, v, o, gate, up and down in each of five layers; not of the head.
        assert len(moved) == 2 * 7 * 5
        with torch.no_grad():
            trained = student(IDS_BT).logits
    assert (trained - untrained).abs().max() > 1e-2
    assert list(student.state_dict()) == names
    with torch.no_grad():
        torch.testing.assert_close(student(IDS_BT).logits, trained, rtol=0, atol=1e-5)


def test_a_merged_weight_is_w_plus_alpha_over_rank_times_b_a(student):
    query = "model.layers.0.self_attn.q_proj"
    weight = student.get_submodule(query).weight.detach().clone()
    with adapters(student, LoraSettings(rank=2, alpha=6, modules=["q_proj"]), seed=1):
        step(student)
        step(student)
        tensors = student.get_submodule(query).state_dict()
        a, b = tensors["lora_A.default.weight"].clone(), tensors["lora_B.default.weight"].clone()
    assert a.shape[0] == b.shape[1] == 2
    torch.testing.assert_close(student.get_submodule(query).weight.detach(), weight + 3 * b @ a)


def test_first_weights_are_of_the_seed_alone(student):
    def first(seed):
        torch.rand(3)
        after = torch.get_rng_state()
        with adapters(student, LoraSettings(rank=2, modules=["q_proj"]), seed=seed):
            assert torch.get_rng_state().equal(after)
            weight = student.get_parameter("model.layers.0.self_attn.q_proj.lora_A.default.weight")
            return weight.detach().clone()

    assert first(1).equal(first(1)) and not first(1).equal(first(2))


# peft warns of a tied head, too.
@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")
@pytest.mark.parametrize(
    ("modules", "said"),
    [(["nope"], "nope"), (["q_proj", "lm_head"], "lm_head has the output head's weight")],
)
def test_layers_that_are_not_there_and_the_head_are_refused(student, modules, said):
    with (
        pytest.raises(UsageError, match=f"training.lora.modules: .*{said}"),
        adapters(student, LoraSettings(modules=modules), seed=1),
    ):
        pass


def test_without_settings_nothing_changes(save_teacher):
    _, model = save_teacher()
    names = list(model.state_dict())
    with adapters(model, None, seed=1):
        assert list(model.state_dict()) == names
        assert all(p.requires_grad for p in model.parameters())


def test_without_peft_the_package_is_named(save_teacher, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with (
        pytest.raises(MissingDependencyError, match=r"training.lora needs.*akl-bench\[peft\]"),
        adapters(save_teacher()[1], LoraSettings(), seed=1),
    ):
        pass
