import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from akl_bench.errors import UsageError
from akl_bench.models.heads import last_hidden, output_head, verify_head

SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
LLAMA = SHAPE | {"intermediate_size": 24, "num_key_value_heads": 1}


def make(kind, config_class, rows, **settings):
    torch.manual_seed(0)
    return kind(config_class(vocab_size=rows, **settings)).eval()


@pytest.fixture
def models(tokenizer):
    rows = len(tokenizer)
    opt = SHAPE | {"ffn_dim": 24, "word_embed_proj_dim": 16}
    return {
        "llama": make(LlamaForCausalLM, LlamaConfig, rows, **LLAMA),
        "padded": make(LlamaForCausalLM, LlamaConfig, rows + 64, **LLAMA),
        "gpt2": make(GPT2LMHeadModel, GPT2Config, rows, **SHAPE),
        "opt": make(OPTForCausalLM, OPTConfig, rows, **opt),
        "qwen2": make(Qwen2ForCausalLM, Qwen2Config, rows, **LLAMA),
    }


@pytest.mark.parametrize("name", ["llama", "padded", "gpt2", "opt", "qwen2"])
def test_linear_heads_pass(models, tokenizer, name):
    verify_head(models[name], tokenizer)


@pytest.mark.parametrize("name", ["llama", "gpt2", "opt", "qwen2"])
def test_padding_on_the_right_changes_nothing(models, name):
    model = models[name]
    ids_BT = torch.arange(5, 13).unsqueeze(0)
    padded_BT = torch.cat([ids_BT, torch.zeros(1, 3, dtype=torch.long)], dim=1)
    with torch.no_grad():
        plain, padded = last_hidden(model, ids_BT), last_hidden(model, padded_BT)
    torch.testing.assert_close(padded[:, :8], plain, rtol=1e-4, atol=1e-5)


def test_the_head_is_live(models):
    weight_VD, bias_V = output_head(models["gpt2"])
    assert bias_V is None
    assert weight_VD is models["gpt2"].transformer.wte.weight


def test_soft_capping_is_named(tokenizer):
    model = make(Gemma2ForCausalLM, Gemma2Config, len(tokenizer), head_dim=8, **LLAMA)
    with torch.no_grad():
        model.lm_head.weight.mul_(100)
    with pytest.raises(UsageError, match="final_logit_softcapping: 30"):
        verify_head(model, tokenizer)


def test_a_tokenizer_larger_than_the_model_is_refused(tokenizer):
    model = make(LlamaForCausalLM, LlamaConfig, len(tokenizer) - 1, **LLAMA)
    with pytest.raises(UsageError, match="do not belong together"):
        verify_head(model, tokenizer)
