import math
from dataclasses import dataclass
from typing import ClassVar

import pytest

from akl_bench import metrics
from akl_bench.errors import AklBenchError, DataError, UsageError
from akl_bench.metrics.base import Metric, Sample, Scope, evaluate


def two_by_two() -> list[Sample]:
    """Two examples with two draws each; exact match is 1, 0 for "a" and 0, 0 for "b"."""
    return [
        Sample("b", "no", ("yes",), "q b", 1),
        Sample("a", "yes", ("yes",), "q a", 0),
        Sample("a", "no", ("yes",), "q a", 1),
        Sample("b", "never", ("yes",), "q b", 0),
    ]


def test_example_scope_keeps_every_level() -> None:
    score = evaluate(metrics.get("exact_match"), two_by_two(), expected_ids=["a", "b"])
    assert score.per_sample == {"a": (1.0, 0.0), "b": (0.0, 0.0)}
    assert score.per_example == {"a": 0.5, "b": 0.0}
    assert score.draws == (0.5, 0.0)
    assert (score.value, score.n) == (0.25, 2)
    assert score.signature == metrics.get("exact_match").signature()


def test_corpus_scope_scores_each_draw_alone_and_averages() -> None:
    # Draw 0: "yes", "never" (two distinct); draw 1: "no", "no" (one of two).
    score = evaluate(metrics.get("distinct_n(n=1)"), two_by_two())
    assert score.draws == (1.0, 0.5)
    assert (score.value, score.n, score.per_example) == (0.75, 2, None)


def test_group_scope_sees_all_draws_of_a_prompt_in_order() -> None:
    seen = []

    @dataclass(frozen=True)
    class Spy(Metric):
        scope: ClassVar[Scope] = "group"

        def per_group(self, prompt: str, texts: object, references: object) -> float | None:
            seen.append((prompt, texts, references))
            return None if prompt == "q b" else 0.5

    score = evaluate(Spy(), two_by_two())
    assert sorted(seen) == [
        ("q a", ["yes", "no"], ("yes",)),
        ("q b", ["never", "no"], ("yes",)),
    ]
    assert score.per_example == {"a": 0.5, "b": None}
    assert (score.value, score.n, score.draws) == (0.5, 1, ())


def test_no_samples_have_no_mean_but_a_corpus_value_where_one_is_stated() -> None:
    assert evaluate(metrics.get("exact_match"), []).value is None
    assert evaluate(metrics.get("self_bleu"), []).value is None
    assert evaluate(metrics.get("distinct_n"), []).value == 0.0


def test_missing_and_unexpected_examples_are_named() -> None:
    with pytest.raises(DataError) as caught:
        evaluate(metrics.get("rouge_l"), two_by_two(), expected_ids=["a", "c", "d"])
    assert caught.value.problems == [
        "example 'c': no prediction",
        "example 'd': no prediction",
        "example 'b': not in this task",
    ]


def test_every_example_needs_the_same_draws() -> None:
    with pytest.raises(DataError, match=r"example 'b': no prediction for sample\(s\) 0"):
        evaluate(metrics.get("rouge_l"), two_by_two()[:3])


def test_a_sample_given_twice_is_an_error() -> None:
    with pytest.raises(DataError, match="example 'b': sample 1 appears twice"):
        evaluate(metrics.get("rouge_l"), [*two_by_two(), two_by_two()[0]])


def test_draws_of_an_example_share_prompt_and_references() -> None:
    with pytest.raises(DataError, match="'x': samples 0 and 1 disagree on prompt or references"):
        evaluate(
            metrics.get("rouge_l"), [Sample("x", "t", ("r",)), Sample("x", "t", ("s",), "", 1)]
        )


def test_what_a_metric_needs_must_be_there() -> None:
    with pytest.raises(DataError, match="example 'x': no reference"):
        evaluate(metrics.get("rouge_l"), [Sample("x", "text")])

    @dataclass(frozen=True)
    class NeedsPrompt(Metric):
        needs: ClassVar[frozenset[str]] = frozenset({"prompts"})

        def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
            return float(prompt in text)

    assert NeedsPrompt().per_example(["ab", "cd"], prompts=["a", "a"]) == [1.0, 0.0]
    with pytest.raises(UsageError, match="needs prompts"):
        NeedsPrompt().per_example(["ab"])
    with pytest.raises(DataError, match="example 'x': no prompt"):
        evaluate(NeedsPrompt(), [Sample("x", "text")])


def test_unequal_lists_are_never_truncated() -> None:
    rouge_l = metrics.get("rouge_l")
    with pytest.raises(UsageError, match=r"2 predictions but 4 .* no prediction at .* 2, 3"):
        rouge_l.per_example(["a", "b"], ["a", "b", "c", "d"])
    with pytest.raises(UsageError, match=r"no references at position\(s\) 1"):
        rouge_l.per_example(["a", "b"], ["a"])
    with pytest.raises(UsageError, match=r"no reference at position\(s\) 1"):
        rouge_l.per_example(["a", "b"], ["a", []])
    with pytest.raises(UsageError, match="needs references"):
        rouge_l.per_example(["a", "b"])


def test_nan_is_an_error_that_names_the_example() -> None:
    @dataclass(frozen=True)
    class Nan(Metric):
        def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
            return math.nan

    with pytest.raises(AklBenchError, match="nan for 'x'"):
        evaluate(Nan(), [Sample("x", "text")])


def test_the_wrong_scope_says_which_method_to_call() -> None:
    with pytest.raises(UsageError, match=r"call corpus\(\) instead of per_example\(\)"):
        metrics.get("self_bleu").per_example(["a"])
    with pytest.raises(UsageError, match=r"call per_example\(\) instead of corpus\(\)"):
        metrics.get("rouge_l").corpus(["a"])


def test_signature_carries_parameters_details_and_version() -> None:
    assert metrics.get("rouge_l").signature() == (
        "rouge_l|stemmer:porter|tokenizer:rouge_score|agg:max_over_references|version:1"
    )
    assert metrics.get("self_bleu(n=3)").signature().startswith("self_bleu|n:3|smoothing:")


def test_every_signature_starts_with_the_registered_name() -> None:
    for name in metrics.names():
        assert metrics.get(name).signature().split("|")[0] == name
