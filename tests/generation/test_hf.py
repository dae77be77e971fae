import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from akl_bench.generation import registry
from akl_bench.microworld import TEACHER
from akl_bench.models.loading import tokenizer_in
from akl_bench.tasks import GenerationSpec

SPEC = GenerationSpec(max_new_tokens=6, samples=3, batch_size=6)
complete = registry.create(SPEC.sampler).sample


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizer_in(TEACHER)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 9,  # padded rows
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def prompts():
    return {f"p{i}": list(range(5, 8 + i % 4)) for i in range(10)}


def test_answers_come_in_the_order_asked(model, tokenizer, prompts):
    answers = complete(model, tokenizer, prompts, SPEC, seed=1)
    assert [(a.id, a.sample) for a in answers] == [(id_, s) for id_ in prompts for s in range(3)]


def test_a_seed_gives_one_set_of_answers(model, tokenizer, prompts):
    first = complete(model, tokenizer, prompts, SPEC, seed=1)
    torch.rand(5)  # another state of the global generator
    assert complete(model, tokenizer, prompts, SPEC, seed=1) == first
    assert complete(model, tokenizer, prompts, SPEC, seed=2) != first


def test_the_callers_random_state_is_left_alone(model, tokenizer, prompts):
    torch.manual_seed(4)
    before = torch.get_rng_state()
    complete(model, tokenizer, prompts, SPEC, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_file_cut_anywhere_goes_on_to_the_same_answers(tmp_path, model, tokenizer, prompts):
    path = tmp_path / "completions.jsonl"
    whole = complete(model, tokenizer, prompts, SPEC, seed=1, path=path)
    content = path.read_bytes()
    assert len(content.splitlines()) == 30
    for cut in range(0, len(content), 211):
        path.write_bytes(content[:cut])
        assert complete(model, tokenizer, prompts, SPEC, seed=1, path=path) == whole
        assert path.read_bytes() == content


def test_greedy_left_padded_batches_equal_one_by_one(model, tokenizer, prompts):
    spec = GenerationSpec(max_new_tokens=6, do_sample=False, batch_size=10)
    together = complete(model, tokenizer, prompts, spec, seed=0)
    alone = complete(model, tokenizer, prompts, spec.model_copy(update={"batch_size": 1}), seed=0)
    assert [a.text for a in together] == [a.text for a in alone]
    single = torch.tensor([prompts["p3"]])
    with torch.no_grad():
        first = model(single).logits[0, -1, : len(tokenizer)].argmax().item()
    text = next(a.text for a in alone if a.id == "p3")
    assert first == tokenizer.eos_token_id or text.startswith(tokenizer.decode([first]))


def test_rows_of_a_padded_vocabulary_are_never_sampled(model, tokenizer, prompts):
    weight = model.get_output_embeddings().weight
    with torch.no_grad():
        kept = weight[-9:].clone()
        weight[-9:] = 50 * weight[-9:].sign()
    answers = complete(model, tokenizer, prompts, SPEC, seed=1)
    with torch.no_grad():
        weight[-9:] = kept
    # They would win nearly every draw, and decode to nothing.
    words = sum(len(answer.text.split()) for answer in answers)
    assert words > 0.8 * sum(len(answer.ids) for answer in answers)


def test_the_end_token_ends_an_answer(model, tokenizer, prompts):
    answers = complete(model, tokenizer, prompts, SPEC, seed=1)
    assert all(a.finished or len(a.ids) == 6 for a in answers)
    assert all("<eos>" not in a.text for a in answers)


def test_the_ids_are_those_of_the_text_without_the_end(model, tokenizer, prompts):
    answers = complete(model, tokenizer, prompts, SPEC, seed=1)
    assert any(answer.finished for answer in answers)
    for answer in answers:
        assert tokenizer.eos_token_id not in answer.ids
        assert tokenizer.decode(answer.ids, skip_special_tokens=True).strip() == answer.text
