"""Golden values, by hand, of the metrics that are one formula each."""

import math
import random

import pytest

from akl_bench import metrics


def corpus(spec: str, texts: list[str]) -> float | None:
    return metrics.get(spec).corpus(texts)


@pytest.mark.parametrize(
    ("text", "references", "expected"),
    [
        ("The answer,  is: YES!", ["the answer is yes"], 1.0),
        ("the yes", ["yes"], 0.0),  # Articles stay.
        ("yes", ["no", "Yes."], 1.0),
        ("", [""], 0.0),
        ("...", ["!"], 1.0),  # MiniLLM: both are empty after normalisation.
    ],
)
def test_exact_match(text: str, references: list[str], expected: float) -> None:
    assert metrics.get("exact_match").per_example([text], [references]) == [expected]


def test_distinct_n() -> None:
    texts = ["a b a b", "a b"]  # Bigrams ab ba ab | ab: none crosses the border.
    assert corpus("distinct_n(n=1)", texts) == 2 / 6
    assert corpus("distinct_n(n=2)", texts) == 2 / 4
    assert corpus("distinct_n(n=5)", texts) == 0.0
    assert metrics.get("prompt_distinct_n(n=2)").per_group("", texts, ()) == 2 / 4
    assert corpus("distinct_n", []) == corpus("distinct_n", ["", " "]) == 0.0


def test_adjusted_distinct_n() -> None:
    # V = 4, C = 3: expected 4 (1 - (3/4)^3) = 37/16 distinct tokens; 2 were seen.
    assert corpus("adjusted_distinct_n(n=1,vocabulary=4)", ["a b", "a"]) == pytest.approx(32 / 37)
    assert corpus("adjusted_distinct_n", [""]) == 0.0
    with pytest.raises(ValueError, match="vocabulary"):
        metrics.get("adjusted_distinct_n(vocabulary=1)")


def test_adjusted_distinct_n_does_not_fall_with_length_where_distinct_n_does() -> None:
    texts = random.Random(0).choices([f"w{i}" for i in range(51)], k=400)
    short, long = texts[:50], texts
    assert corpus("distinct_n(n=1)", long) / corpus("distinct_n(n=1)", short) < 0.25
    spec = "adjusted_distinct_n(vocabulary=51)"
    assert corpus(spec, long) / corpus(spec, short) == pytest.approx(1.0, abs=0.1)


def test_ngram_entropy() -> None:
    # Frequencies 1/2, 1/4, 1/4: 1.5 bits.
    assert corpus("ngram_entropy(n=1)", ["a a b", "c"]) == pytest.approx(1.5 * math.log(2))
    assert corpus("ngram_entropy(n=1)", ["a a a"]) == 0.0
    assert corpus("ngram_entropy", []) == 0.0


def test_compression_ratio() -> None:
    varied = ["alpha beta", "gamma delta", "epsilon zeta", "eta theta"]
    repeated = ["alpha beta"] * 100
    low, high = corpus("compression_ratio", varied), corpus("compression_ratio", repeated)
    assert low is not None and high is not None and low < 1.5 and high > 20
    assert corpus("compression_ratio", varied[::-1]) == low
    assert corpus("compression_ratio", []) is corpus("compression_ratio", [""]) is None
    assert corpus("compression_ratio", ["\ud800"]) is not None
    assert "|deflate:zlib_" in metrics.get("compression_ratio").signature()


def test_unique_share() -> None:
    assert corpus("unique_share", ["a b", "a  b", "c", "c "]) == 0.5
    assert corpus("unique_share", []) == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0.0),
        ("word", 0.0),
        ("all of these differ", 0.0),
        ("a b c a b d", 2 / 6),
        ("a a a a", 3 / 4),
        ("x a b c y a b c z", 3 / 9),
    ],
)
def test_repeated_ngram(text: str, expected: float) -> None:
    assert metrics.get("repeated_ngram").per_example([text]) == [expected]


def test_length_and_empty_rate() -> None:
    texts = ["Don't stop.", "", " \n", "one"]
    assert metrics.get("length").per_example(texts) == [5.0, 0.0, 0.0, 1.0]
    assert metrics.get("empty_rate").per_example(texts) == [0.0, 1.0, 1.0, 0.0]


def test_quality_diversity_is_the_harmonic_mean() -> None:
    metric = metrics.get("quality_diversity(n=1)")
    # ROUGE-L 1 and 2/3 -> Q = 5/6; self-BLEU-1: "a b" 1/2, "a" 1 * exp(1 - 2) -> D = 1 - mean.
    quality = 5 / 6
    diversity = 1 - (1 / 2 + math.exp(-1)) / 2
    expected = 2 * quality * diversity / (quality + diversity)
    assert metric.per_group("", ["a b", "a"], ("a b",)) == pytest.approx(expected)
    assert metric.per_group("", ["a b"], ("a b",)) is None
    assert metric.per_group("", ["x", "x"], ("a b",)) == 0.0  # Wrong and always the same.
