import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel, Qwen2Config

from akl_bench.config import ModelRef
from akl_bench.errors import UsageError
from akl_bench.models.loading import build_student, load_model, load_tokenizer
from akl_bench.models.shapes import with_overrides

CPU = {"dtype": torch.float32, "device": "cpu"}


def random_ref(**architecture: object) -> ModelRef:
    return ModelRef(source="random", architecture=architecture)


def layers_ref(*layers: int) -> ModelRef:
    return ModelRef(source="teacher", layers=layers)


def test_loaded_model_is_the_saved_one_in_eval_mode(save_teacher):
    ref, model = save_teacher()
    loaded = load_model(ref, **CPU)
    assert not loaded.training
    ids = torch.arange(10).unsqueeze(0)
    assert torch.equal(loaded(ids).logits, model(ids).logits)


def test_pad_falls_back_to_eos(save_teacher):
    ref, _ = save_teacher()
    tokenizer = load_tokenizer(ref)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 0


def test_a_tokenizer_without_end_is_refused(save_teacher):
    ref, _ = save_teacher()
    path = Path(ref.path) / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    del settings["eos_token"]
    path.write_text(json.dumps(settings))
    with pytest.raises(UsageError, match="eos_token"):
        load_tokenizer(ref)


def test_a_missing_tokenizer_is_named(save_teacher):
    ref, _ = save_teacher()
    for path in Path(ref.path).glob("tokenizer*"):
        path.unlink()
    with pytest.raises(UsageError, match="tokenizer"):
        load_tokenizer(ref)


def test_missing_weights_are_an_error_and_not_noise(save_teacher):
    ref, _ = save_teacher()
    path = Path(ref.path) / "model.safetensors"
    weights = load_file(path)
    del weights["model.layers.2.mlp.up_proj.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"layers\.2\.mlp\.up_proj\.weight"):
        load_model(ref, **CPU)


def test_kept_layers_are_the_teachers(save_teacher):
    ref, teacher = save_teacher()
    student = build_student(layers_ref(0, 3), ref, seed=0, **CPU)
    assert student.config.num_hidden_layers == 2
    assert [layer.self_attn.layer_idx for layer in student.model.layers] == [0, 1]
    # Independent oracle: the teacher itself with its list of layers cut.
    teacher.model.layers = torch.nn.ModuleList([teacher.model.layers[0], teacher.model.layers[3]])
    ids = torch.arange(12).unsqueeze(0)
    expected = teacher(ids, use_cache=False).logits
    torch.testing.assert_close(student(ids).logits, expected, rtol=0, atol=0)
    assert student.lm_head.weight is student.model.embed_tokens.weight


def test_a_pruned_student_generates_with_its_cache(save_teacher):
    ref, _ = save_teacher()
    student = build_student(layers_ref(1, 4), ref, seed=0, **CPU)
    ids = torch.arange(5).unsqueeze(0)
    options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    with_cache = student.generate(ids, **options)
    without = student.generate(ids, use_cache=False, **options)
    assert torch.equal(with_cache, without)


def test_training_a_pruned_student_leaves_the_teacher_alone(save_teacher):
    ref, teacher = save_teacher()
    student = build_student(layers_ref(0), ref, seed=0, **CPU)
    with torch.no_grad():
        student.model.embed_tokens.weight.zero_()
    again = load_model(ref, **CPU)
    assert torch.equal(again.model.embed_tokens.weight, teacher.model.embed_tokens.weight)


@pytest.mark.parametrize("layers", [(), (0, 5), (-1,), (2, 1), (1, 1)])
def test_impossible_layers_are_refused(save_teacher, layers):
    ref, _ = save_teacher()
    with pytest.raises(UsageError, match="between 0 and 4"):
        build_student(layers_ref(*layers), ref, seed=0, **CPU)


def test_gpt2_layers_are_kept_too(tmp_path):
    torch.manual_seed(0)
    config = GPT2Config(n_layer=4, n_embd=16, n_head=2, vocab_size=50, n_positions=32)
    teacher = GPT2LMHeadModel(config).eval()
    teacher.save_pretrained(tmp_path)
    ref = ModelRef(source="path", path=str(tmp_path))
    student = build_student(layers_ref(1, 2), ref, seed=0, **CPU)
    assert student.config.n_layer == 2
    for new, old in enumerate((1, 2)):
        ours, theirs = student.transformer.h[new], teacher.transformer.h[old]
        assert torch.equal(ours.mlp.c_fc.weight, theirs.mlp.c_fc.weight)


def test_random_student_is_seeded_and_leaves_the_callers_random_state(save_teacher):
    ref, _ = save_teacher()
    shape = random_ref(hidden_size=8, num_hidden_layers=1, intermediate_size=12)
    torch.manual_seed(7)
    expected_next = torch.rand(3)
    torch.manual_seed(7)
    one = build_student(shape, ref, seed=1, **CPU)
    assert torch.equal(torch.rand(3), expected_next)
    same = build_student(shape, ref, seed=1, **CPU)
    other = build_student(shape, ref, seed=2, **CPU)
    assert torch.equal(one.lm_head.weight, same.lm_head.weight)
    assert not torch.equal(one.lm_head.weight, other.lm_head.weight)
    assert one.model.embed_tokens.weight.shape == (ref_rows(ref), 8)
    # The saved configuration spells out the teacher's head_dim 4; the student's is 8 / 4 heads.
    assert one.model.layers[0].self_attn.q_proj.weight.shape == (8, 8)
    assert not one.training


def ref_rows(ref: ModelRef) -> int:
    return json.loads((Path(ref.path) / "config.json").read_text())["vocab_size"]


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"hiden_size": 8}, "Did you mean: hidden_size"),
        ({"hidden_size": 9}, "divisible"),
        ({"num_hidden_layers": 6}, "the teacher has 5"),
        ({"num_attention_heads": 1}, "num_key_value_heads"),
    ],
)
def test_impossible_architectures_are_refused(save_teacher, architecture, message):
    ref, _ = save_teacher()
    with pytest.raises(UsageError, match=message):
        build_student(random_ref(**architecture), ref, seed=0, **CPU)


def test_per_layer_lists_follow_the_layers():
    config = Qwen2Config(
        num_hidden_layers=4, hidden_size=16, num_attention_heads=2, num_key_value_heads=1
    )
    config.layer_types = [
        "full_attention",
        "sliding_attention",
        "full_attention",
        "sliding_attention",
    ]
    cut = with_overrides(config, {"num_hidden_layers": 3})
    assert cut.layer_types == ["full_attention", "sliding_attention", "full_attention"]
    assert config.num_hidden_layers == 4
