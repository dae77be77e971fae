import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.tokenize import wordpunct_tokenize
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from akl_bench import metrics
from akl_bench.errors import UsageError
from akl_bench.metrics._text import words
from akl_bench.metrics.self_bleu import SelfBleu

TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "d", ".", "e,"]), max_size=9).map(" ".join),
    min_size=2,
    max_size=60,
)


def nltk_self_bleu(texts: list[str], n: int) -> float:
    tokens = [wordpunct_tokenize(text) for text in texts]
    smooth = SmoothingFunction(epsilon=0.1).method1
    scores = [
        sentence_bleu(
            tokens[:i] + tokens[i + 1 :], own, weights=(1 / n,) * n, smoothing_function=smooth
        )
        for i, own in enumerate(tokens)
    ]
    return math.fsum(scores) / len(scores)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@given(texts=TEXTS)
@settings(max_examples=60, deadline=None)
def test_equals_nltk_with_all_others_as_references(n: int, texts: list[str]) -> None:
    ours = metrics.get(f"self_bleu(n={n})").corpus(texts)
    assert ours == pytest.approx(nltk_self_bleu(texts, n), rel=0, abs=1e-12)


@given(texts=TEXTS)
@settings(max_examples=20, deadline=None)
def test_per_prompt_is_the_same_over_the_samples_of_one_prompt(texts: list[str]) -> None:
    ours = metrics.get("prompt_self_bleu").per_group("prompt", texts, ())
    assert ours == pytest.approx(nltk_self_bleu(texts, 4), rel=0, abs=1e-12)


def test_by_hand() -> None:
    # BLEU-2 of "a b c" against "a b d e": p1 = 2/3, p2 = 1/2, brevity exp(1 - 4/3);
    # of "a b d e" against "a b c": p1 = 2/4, p2 = 1/3, no brevity penalty.
    first = math.sqrt(2 / 3 * 1 / 2) * math.exp(1 - 4 / 3)
    second = math.sqrt(2 / 4 * 1 / 3)
    assert metrics.get("self_bleu(n=2)").corpus(["a b c", "a b d e"]) == pytest.approx(
        (first + second) / 2, abs=1e-15
    )


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], None),
        (["one text"], None),
        (["", ""], 0.0),
        (["a b", "c d"], 0.0),  # No shared word.
        (["the same five words here"] * 3, 1.0),
    ],
)
def test_degenerate_texts_have_a_stated_value(texts: list[str], expected: float | None) -> None:
    assert metrics.get("self_bleu").corpus(texts) == expected
    assert metrics.get("prompt_self_bleu").per_group("", texts, ()) == expected


# Beyond ASCII nltk's engine (regex) and Python's (re) differ on rare characters, as superscripts.
@given(st.text(st.characters(codec="ascii", exclude_characters="\x1c\x1d\x1e\x1f")))
def test_tokenizer_is_wordpunct_on_ascii(text: str) -> None:
    assert words(text) == wordpunct_tokenize(text)


@pytest.mark.parametrize("n", [0, 6, 2.0, True, "4"])
def test_order_is_one_to_five(n: int) -> None:
    with pytest.raises(UsageError, match="n must be a whole number from 1 to 5"):
        SelfBleu(n=n)
