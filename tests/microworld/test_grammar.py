from collections import Counter

import pytest

from akl_bench.errors import UsageError
from akl_bench.microworld import (
    is_valid,
    kind_of,
    modes,
    records,
    understands,
)
from akl_bench.microworld.grammar import answer
from akl_bench.microworld.kinds import KINDS

JUDGED = [
    ("name three bird animals", "the owl the eagle and the crow .", True),
    ("name three bird animals", "the owl the crow and the owl .", False),
    ("name three bird animals", "the owl the crow and the cow .", False),
    ("describe the bear", "the bear is big and brown . it climbs up and it eats honey .", True),
    ("describe the bear", "the bear is huge and brown . it climbs up and it eats honey .", False),
    ("describe the bear", "the bear is big and brown . it climbs deep and it eats honey .", False),
    ("describe the bear", "the bear is big and brown . it flies high and it eats honey .", False),
    ("describe the bear", "the bear is big and brown . it climbs up and it eats corn .", False),
    ("describe the bear", "the fox is small and red . it runs fast and it eats meat .", False),
    ("who likes honey", "the bear likes honey .", True),
    ("who likes honey", "the cow likes honey .", False),
    ("where does anna keep the key", "anna keeps it in the kitchen on the table .", True),
    ("where does anna keep the key", "anna keeps it on the table in the kitchen .", True),
    ("where does anna keep the key", "anna keeps it in the kitchen on the hook .", False),
    ("where does anna keep the key", "anna keeps it in the study on the desk .", False),
    ("reverse key book cup", "cup book key .", True),
    ("reverse key book cup", "key book cup .", False),
    ("count from two to five", "two three four five .", True),
    ("count from two to five", "two three five .", False),
    ("count from five to two", "five four three two .", True),
    ("add two and three", "two and three make five .", True),
    ("add two and three", "three and two make five .", False),
    ("add two and three", "two and three make six .", False),
    ("compare the fox and the bear", "the bear is bigger than the fox .", True),
    ("compare the fox and the bear", "the fox is smaller than the bear .", True),
    ("compare the fox and the bear", "the fox is bigger than the bear .", False),
    ("where do the fox and the bear meet", "they meet near the forest at night .", True),
    ("where do the fox and the bear meet", "they meet near the forest at noon .", False),
    ("where do the fox and the bear meet", "they meet near the farm at dawn .", False),
    ("what do two owls do", "two owls fly high .", True),
    ("what do two owls do", "two owls flies high .", False),
    ("what do two owls do", "two owls fly alone .", False),
    ("what does one owl do", "one owl flies high .", True),
    ("what does one owl do", "one owl fly high .", False),
    ("how do i get from the farm to the forest", "go to the field then to the forest .", True),
    ("how do i get from the farm to the forest", "go to the forest .", False),
    (
        "tell a story about the bear",
        "one morning the bear was hungry . it went to the river and ate honey . then it was full .",
        True,
    ),
    (
        "tell a story about the bear",
        "one morning the bear was hungry . it went to the river and ate honey . then it was safe .",
        False,
    ),
    (
        "tell a story about the bear",
        "one morning the bear was tired . it went to the river and slept behind a tree . "
        "then it was awake .",
        False,
    ),
    (
        "tell a story about the scared bear",
        "one morning the bear was hungry . it went to the river and ate honey . then it was full .",
        False,
    ),
    (
        "tell a story about the lonely bear",
        "one day the bear was lonely . it went to the hill and met the goat . then it was happy .",
        True,
    ),
    (
        "tell a story about the bear",
        "one night the bear was hungry . it went to the river and ate honey . then it was full .",
        False,
    ),
    (
        "tell a story about the lonely bear",
        "one day the bear was lonely . it went to the hill and met the cow . then it was happy .",
        False,
    ),
]


@pytest.mark.parametrize(("instruction", "response", "valid"), JUDGED)
def test_judge(instruction: str, response: str, valid: bool) -> None:
    assert is_valid(instruction, response) is valid


@pytest.mark.parametrize("instruction", sorted({instruction for instruction, _, _ in JUDGED}))
def test_the_judge_refuses_every_one_word_corruption(
    instruction: str, texts_of, build_teacher
) -> None:
    texts = texts_of(answer(instruction))
    words = build_teacher.vocabulary()
    for text in list(texts)[:1]:
        said = text.split()
        broken = [said[:at] + said[at + 1 :] for at in range(len(said))]
        broken += [[*said[:at], word, *said[at + 1 :]] for at in range(len(said)) for word in words]
        for corrupted in map(" ".join, broken):
            assert is_valid(instruction, corrupted) is (corrupted in texts)


def test_the_world_is_as_rich_as_promised(build_teacher) -> None:
    assert 200 <= len(build_teacher.vocabulary()) <= 400
    assert len(KINDS) >= 7
    kinds = Counter(kind_of(row["instruction"]) for row in records("train", 3000))
    assert set(kinds) == {kind.name for kind in KINDS}
    assert min(kinds.values()) > 60
    several = [row for row in records("teacher", 500) if len(modes(row["instruction"])) > 1]
    assert len(several) > 350
    for shares in (modes(row["instruction"]).values() for row in several):
        assert max(shares) > 1.2 * min(shares)


@pytest.mark.parametrize(
    "text", ["", "hello", "describe the key", "reverse key key cup", "add six and ten"]
)
def test_what_the_world_does_not_understand(text: str) -> None:
    assert not understands(text)
    with pytest.raises(UsageError, match="no kind of instruction matches"):
        is_valid(text, "the cow .")
