import math
import random
from collections import Counter

import pytest

from akl_bench.microworld.answers import Answer, normalised, pick, product
from akl_bench.microworld.kinds import KINDS, Kind
from akl_bench.microworld.worlds import ONE, WORLDS, World

# 3/4 "a b ." or "a c c ." (2:1), 1/4 "a d ."
SMALL = Answer.of(
    {"x": (3.0, ["a", {"b": 2.0, "c c": 1.0}, "."]), "y": (1.0, ["a d", "."])},
)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("a b .", "x"),
        ("a c c .", "x"),
        ("a d .", "y"),
        ("a c .", None),
        ("a b", None),
        ("a b . .", None),
        ("", None),
    ],
)
def test_mode_by_hand(text: str, mode: str | None) -> None:
    assert SMALL.mode_of(text.split()) == mode


def test_texts_by_hand(texts_of) -> None:
    assert texts_of(SMALL) == pytest.approx({"a b .": 1 / 2, "a c c .": 1 / 4, "a d .": 1 / 4})


def test_a_text_may_be_reached_through_two_phrasings(texts_of) -> None:
    twice = Answer.of({"x": (1.0, [{"a": 1.0, "a b": 3.0}, {"b c": 1.0, "c": 1.0}])})
    # "a"+"b c" 1/8, "a b"+"c" 3/8 are the same text.
    assert texts_of(twice) == pytest.approx({"a b c": 1 / 2, "a b b c": 3 / 8, "a c": 1 / 8})
    assert all(twice.mode_of(text.split()) == "x" for text in ("a b c", "a b b c", "a c"))
    assert twice.mode_of(["a", "b"]) is None


@pytest.mark.parametrize("world", WORLDS.values(), ids=lambda world: world.name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_text_is_said_by_exactly_one_mode(kind: Kind, world: World, texts_of) -> None:
    fillings = kind.fillings(world)
    has_many_texts = kind.name in ("describe", "story", "story_need")
    for words in fillings[:: max(1, len(fillings) // (4 if has_many_texts else 12))]:
        answer = kind.answer(world, *words)
        assert answer is not None
        texts = texts_of(answer)
        assert math.fsum(texts.values()) == pytest.approx(1)
        for text in texts:
            said = tuple(text.split())
            saying = [mode.name for mode in answer.modes if mode.can_say(said)]
            assert len(saying) == 1, f"{text!r} is said by {saying}"
            assert answer.mode_of([*said, "."]) is answer.mode_of(said[:-1]) is None
        for mode in answer.modes:
            assert answer.mode_of(mode.best().split()) == mode.name


def test_draws_follow_the_exact_distribution(texts_of) -> None:
    kind = next(kind for kind in KINDS if kind.name == "story")
    answer = kind.answer(ONE, "fox")
    assert answer is not None
    rng = random.Random(0)
    n = 20_000
    seen = Counter(answer.draw(rng) for _ in range(n))
    expected = texts_of(answer)
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
