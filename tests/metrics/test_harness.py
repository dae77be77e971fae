import logging
import random

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from akl_bench import tasks
from akl_bench.errors import UsageError
from akl_bench.metrics import harness
from akl_bench.metrics.harness import evaluate_harness
from akl_bench.tasks import TaskSpec

WORDS = ["<eos>", "<unk>", "Question", ":", "Answer", *(f"w{i}" for i in range(40)), "2024-01-05"]


@pytest.fixture(scope="module")
def tokenizer():
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation()]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<eos>", unk_token="<unk>", pad_token="<eos>"
    )


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS) + 10,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        initializer_range=0.7,
    )
    return LlamaForCausalLM(config).eval()


def words(rng, low, high):
    return " ".join(f"w{rng.randrange(40)}" for _ in range(rng.randint(low, high)))


def choice_rows(n=23):
    rng = random.Random(0)
    return [
        {
            "id": f"2024-01-{i:02d}",
            "query": f"Question : {words(rng, 2, 14)}",
            "choices": [words(rng, 1, 4) for _ in range(4)],
            "gold": rng.randrange(4),
        }
        for i in range(n)
    ]


def pair_rows(n=11):
    rng = random.Random(1)
    return [
        {
            "id": f"pair-{i}",
            "context_options": [words(rng, 3, 8), words(rng, 3, 8)],
            "continuation": words(rng, 1, 5),
            "gold": rng.randrange(2),
        }
        for i in range(n)
    ]


def score(model, tokenizer, context, continuation):
    """Log-probability of `continuation` after `context`, tokenised apart, no special tokens."""
    head = tokenizer(context, add_special_tokens=False)["input_ids"]
    tail = tokenizer(continuation, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logp_TV = model(torch.tensor([head + tail])).logits[0].double().log_softmax(-1)
    return sum(logp_TV[len(head) + i - 1, token].item() for i, token in enumerate(tail))


def test_accuracy_is_that_of_scores_computed_by_hand(model, tokenizer, monkeypatch):
    choices, pairs = choice_rows(), pair_rows()
    # Batches of 8, the last of them short.
    monkeypatch.setattr(harness, "_LOGITS_PER_POSITION", 0)
    arc = evaluate_harness(tasks.get("arc_easy_local"), choices, model, tokenizer)
    winogrande = evaluate_harness(tasks.get("winogrande_local"), pairs, model, tokenizer)
    right, right_norm = {}, {}
    for row in choices:
        scores = [
            score(model, tokenizer, f"{row['query']}\nAnswer:", f" {choice}")
            for choice in row["choices"]
        ]
        lengths = [len(choice) for choice in row["choices"]]
        right[row["id"]] = float(np.argmax(scores) == row["gold"])
        right_norm[row["id"]] = float(np.argmax(np.divide(scores, lengths)) == row["gold"])
    assert arc.per_example == {"acc": right, "acc_norm": right_norm}
    assert arc.metrics == pytest.approx(
        {"acc": np.mean(list(right.values())), "acc_norm": np.mean(list(right_norm.values()))}
    )
    assert arc.n == 23

    right = {
        row["id"]: float(
            np.argmax(
                [
                    score(model, tokenizer, context, f" {row['continuation']}")
                    for context in row["context_options"]
                ]
            )
            == row["gold"]
        )
        for row in pairs
    }
    assert winogrande.per_example == {"acc": right}
    assert 0 < winogrande.metrics["acc"] < 1


def loglikelihood_task(**changes):
    config = {
        "output_type": "loglikelihood",
        "doc_to_text": "query",
        "doc_to_target": "{{' ' + answer}}",
        "metric_list": [
            {"metric": name, "aggregation": aggregation, "higher_is_better": True}
            for name, aggregation in (("perplexity", "perplexity"), ("acc", "mean"))
        ],
    }
    return TaskSpec(
        name="answers",
        version=3,
        kind="harness",
        description="d",
        lm_eval=config | changes,
        headline="acc",
        data={"path": "x.jsonl"},
    )


def test_log_likelihoods_are_those_computed_by_hand(model, tokenizer, monkeypatch):
    rng = random.Random(2)
    rows = [{"id": i, "query": words(rng, 1, 9), "answer": words(rng, 1, 6)} for i in range(9)]
    # Id 0 is what lm-eval pads with; real tokens of that id are no padding.
    rows += [{"id": 9, "query": "w1 <eos> <eos>", "answer": "<eos> <eos> w2"}]
    monkeypatch.setattr(harness, "_LOGITS_PER_POSITION", 0)
    answers = evaluate_harness(loglikelihood_task(), rows, model, tokenizer)
    expected = {str(r["id"]): score(model, tokenizer, r["query"], f" {r['answer']}") for r in rows}
    assert answers.per_example["perplexity"] == pytest.approx(expected, rel=1e-5)
    assert answers.metrics["perplexity"] == pytest.approx(
        np.exp(-np.mean(list(expected.values()))), rel=1e-5
    )


def test_date_like_strings_and_ids_stay_strings(model, tokenizer):
    rows = [{"id": "007", "query": "2024-01-05", "choices": ["w1", "2024-01-05"], "gold": 1}]
    config = {"output_type": "multiple_choice", "doc_to_text": "{{query.upper()}}"}
    config |= {"doc_to_choice": "choices", "doc_to_target": "gold"}
    spec = loglikelihood_task().model_copy(update={"lm_eval": config})
    result = evaluate_harness(spec, rows, model, tokenizer)
    assert list(result.per_example["acc"]) == ["007"]


def test_signature_changes_with_rows_and_configuration_only(model, tokenizer):
    def signature(spec, rows):
        return evaluate_harness(spec, rows, model, tokenizer).signature

    rows = [{"id": 0, "query": "w1", "answer": "w2"}]
    other_rows = [{"id": 0, "query": "w1", "answer": "w3"}]
    same = {signature(loglikelihood_task(), rows) for _ in range(2)}
    changed = {
        signature(loglikelihood_task(), other_rows),
        signature(loglikelihood_task(doc_to_text="{{query}} :"), rows),
    }
    assert len(same) == 1
    assert len(same | changed) == 3


def test_nothing_is_printed_logged_or_reseeded(model, tokenizer, capfd, caplog):
    caplog.set_level(logging.INFO)
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    evaluate_harness(tasks.get("arc_easy_local"), choice_rows(3), model, tokenizer)
    assert capfd.readouterr() == ("", "")
    assert [r for r in caplog.records if r.name.startswith("lm_eval")] == []
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert torch.equal(torch.get_rng_state(), states[2])


def test_a_real_problem_is_still_logged(model, tokenizer, caplog):
    rows = [{"id": 0, "query": "w1 " * 90, "answer": "w2"}]
    evaluate_harness(loglikelihood_task(), rows, model, tokenizer)
    assert "exceeds model's maximum length" in caplog.text


@pytest.mark.parametrize(
    ("changes", "rows", "message"),
    [
        ({"doc_to_text": "{{quary}}"}, [{"id": 0, "query": "w1", "answer": "w2"}], "quary"),
        ({"output_type": "no_such"}, [{"id": 0, "query": "w1", "answer": "w2"}], "no_such"),
        ({}, [], "no rows"),
    ],
)
def test_an_impossible_task_is_named(model, tokenizer, changes, rows, message):
    with pytest.raises(UsageError, match=rf"Task answers: .*{message}"):
        evaluate_harness(loglikelihood_task(**changes), rows, model, tokenizer)


def test_a_gold_answer_out_of_range_is_named(model, tokenizer):
    rows = choice_rows(3)
    rows[1]["gold"] = 4
    with pytest.raises(UsageError, match="example 2024-01-01: gold answer 4 of 4 choices"):
        evaluate_harness(tasks.get("arc_easy_local"), rows, model, tokenizer)


def test_a_continuation_without_tokens_is_named(model, tokenizer):
    task = loglikelihood_task(doc_to_target="answer")
    with pytest.raises(UsageError, match="'w2' after 'w1' adds no token"):
        evaluate_harness(task, [{"id": 0, "query": "w1", "answer": "w2"}], model, tokenizer)


@pytest.mark.slow  # lm-eval's own index takes 25 s
def test_a_hub_task_without_its_data_names_the_remedy(model, tokenizer):
    with pytest.raises(UsageError, match=r"Task winogrande: .*--online"):
        evaluate_harness(tasks.get("winogrande"), None, model, tokenizer)
