import math
import random
from collections import Counter

import pytest

from akl_bench.microworld.answers import EOS, Answer, normalised, pick, product
from akl_bench.microworld.kinds import KINDS, Kind

# 3/4 "a b ." or "a c c ." (2:1), 1/4 "a d ."
SMALL = Answer.of(
    {"x": (3.0, ["a", {"b": 2.0, "c c": 1.0}, "."]), "y": (1.0, ["a d", "."])},
)


@pytest.mark.parametrize(
    ("text", "probability", "mode"),
    [
        ("a b .", 1 / 2, "x"),
        ("a c c .", 1 / 4, "x"),
        ("a d .", 1 / 4, "y"),
        ("a c .", 0, None),
        ("a b", 0, None),
        ("a b . .", 0, None),
        ("", 0, None),
    ],
)
def test_probability_and_mode_by_hand(text: str, probability: float, mode: str | None) -> None:
    assert SMALL.probability(text.split()) == pytest.approx(probability)
    assert SMALL.mode_of(text.split()) == mode


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", {"a": 1}),
        ("a", {"b": 1 / 2, "c": 1 / 4, "d": 1 / 4}),
        ("a c", {"c": 1}),
        ("a b .", {EOS: 1}),
        ("b", {}),
        ("a b . a", {}),
    ],
)
def test_next_words_by_hand(prefix: str, expected: dict[str, float]) -> None:
    assert SMALL.next_words(prefix.split()) == pytest.approx(expected)


def test_one_text_reached_through_two_phrasings_sums_both() -> None:
    twice = Answer.of({"x": (1.0, [{"a": 1.0, "a b": 3.0}, {"b c": 1.0, "c": 1.0}])})
    # "a"+"b c" 1/8, "a b"+"c" 3/8 are the same text.
    assert twice.probability(["a", "b", "c"]) == pytest.approx(1 / 2)
    assert twice.texts() == pytest.approx({"a b c": 1 / 2, "a b b c": 3 / 8, "a c": 1 / 8})
    assert twice.next_words(["a", "b"]) == pytest.approx({"c": 4 / 7, "b": 3 / 7})


def some_fillings(kind: Kind, count: int = 12) -> list[tuple[str, ...]]:
    every = kind.fillings()
    return every[:: max(1, len(every) // count)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_enumeration_chain_rule_and_modes_agree(kind: Kind) -> None:
    for words in some_fillings(kind, count=4 if kind.open else 12):
        answer = kind.answer(*words)
        assert answer is not None
        texts = answer.texts()
        assert math.fsum(texts.values()) == pytest.approx(1)
        for text, probability in texts.items():
            said = text.split()
            chain = math.prod(
                answer.next_words(said[:at]).get(word, 0.0) for at, word in enumerate([*said, EOS])
            )
            assert chain == pytest.approx(probability, rel=1e-9)
            saying = [mode.name for mode in answer.modes if mode.likelihood(said) > 0]
            assert len(saying) == 1, f"{text!r} is said by {saying}"
        for mode in answer.modes:
            assert answer.mode_of(mode.best().split()) == mode.name


def test_draws_follow_the_exact_distribution() -> None:
    kind = next(kind for kind in KINDS if kind.name == "story")
    answer = kind.answer("fox")
    assert answer is not None
    rng = random.Random(0)
    n = 20_000
    seen = Counter(answer.draw(rng) for _ in range(n))
    expected = answer.texts()
    assert set(seen) <= set(expected)
    chi2 = sum((seen[text] - n * p) ** 2 / (n * p) for text, p in expected.items())
    freedom = len(expected) - 1
    assert abs(chi2 - freedom) < 5 * math.sqrt(2 * freedom)


def test_product_keeps_what_is_common() -> None:
    assert product({"a": 1, "b": 3}, {"b": 2, "a": 2, "c": 9}) == pytest.approx(
        {"a": 0.25, "b": 0.75}
    )
    assert product({"a": 1}, {"b": 1}) == {}
    assert normalised({"a": 1, "b": 3}) == {"a": 0.25, "b": 0.75}


def test_pick_never_leaves_the_table() -> None:
    class Last(random.Random):
        def random(self) -> float:
            return 1.0

    assert pick(Last(), {"a": 0.1, "b": 0.2}) == "b"
