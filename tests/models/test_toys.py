import pytest
import torch

from akl_bench.config import ModelRef
from akl_bench.errors import UsageError
from akl_bench.models.heads import output_head, verify_head
from akl_bench.models.loading import load_model, load_tokenizer
from akl_bench.models.toys import dry
from akl_bench.models.vocabulary import check_vocabularies

TEXTS = ["Below is an instruction.", "### Response: na\u00efve \u6771\u4eac"]


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("MiniLLM/teacher-gpt2-1.5B", "GPT2LMHeadModel"),
        ("facebook/opt-125m", "OPTForCausalLM"),
        ("TinyLlama/TinyLlama-1.1B", "LlamaForCausalLM"),
        ("mistralai/Mistral-7B-v0.1", "MistralForCausalLM"),
        ("Qwen/Qwen2.5-0.5B", "Qwen2ForCausalLM"),
        ("Qwen/Qwen3-0.6B", "Qwen3ForCausalLM"),
    ],
)
def test_dry_pair_is_usable_and_of_the_right_class(tmp_path, name, class_name):
    ref = ModelRef(source="hub", name=name)
    pair = [dry(ref, tmp_path / str(t), teacher=t, texts=TEXTS) for t in (True, False)]
    tokenizers = [load_tokenizer(one) for one in pair]
    assert check_vocabularies(*tokenizers) == len(tokenizers[0])
    models = [load_model(one, dtype=torch.float32, device="cpu") for one in pair]
    for model, tokenizer in zip(models, tokenizers, strict=True):
        assert type(model).__name__ == class_name
        assert sum(p.numel() for p in model.parameters()) < 500_000
        verify_head(model, tokenizer)
        text = tokenizer.decode(tokenizer("na\u00efve  \u6771\u4eac\n")["input_ids"])
        assert text == "na\u00efve  \u6771\u4eac\n"
    widths = {output_head(model)[0].shape[1] for model in models}
    assert len(widths) == 2


def test_dry_models_are_reproducible(tmp_path):
    ref = ModelRef(source="hub", name="gpt2")
    one, two = (
        load_model(
            dry(ref, tmp_path / n, teacher=False, texts=TEXTS), dtype=torch.float32, device="cpu"
        )
        for n in "ab"
    )
    assert torch.equal(one.lm_head.weight, two.lm_head.weight)


def test_an_unknown_family_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"'acme/unheard-of'.*gpt2"):
        dry(ModelRef(source="hub", name="acme/unheard-of"), tmp_path, teacher=True, texts=TEXTS)
