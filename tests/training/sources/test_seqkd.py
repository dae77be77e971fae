import pytest

from akl_bench.data.examples import Example
from akl_bench.errors import UsageError
from akl_bench.generation.base import Completion
from akl_bench.training.sources import registry
from akl_bench.training.sources.base import StepKey

END = 1
ROWS = [
    Example("finished", (10, 11), (12, 13, END), 0),
    Example("cut", (20,), (21, END), 3),
    Example("empty", (30,), (31, END), 5),
    Example("said nothing at all", (40,), (41, END), 7),
]
# By hand: a finished answer gets the end that training learns, one that was cut does not.
ANSWERS = [
    Completion("said nothing at all", 0, "", (), finished=False),
    Completion("cut", 0, "c d", (22, 23), finished=False),
    Completion("empty", 0, "", (), finished=True),
    Completion("finished", 0, "a b", (14, 15), finished=True),
]


@pytest.fixture
def writer():
    calls = []

    def write(prompts, **settings):
        calls.append((prompts, settings))
        return ANSWERS

    write.calls = calls
    return write


def test_responses_become_the_teacher_s_by_hand(writer):
    assert registry.create("seqkd").prepare(ROWS, writer) == [
        Example("finished", (10, 11), (14, 15, END)),
        Example("cut", (20,), (22, 23)),
        Example("empty", (30,), (END,)),
    ]


def test_the_teacher_is_asked_once_for_every_prompt(writer):
    registry.create("seqkd(temperature=0.7)").prepare(ROWS, writer)
    ((prompts, settings),) = writer.calls
    assert list(prompts.items()) == [(row.id, row.prompt) for row in ROWS]
    assert settings == {"temperature": 0.7, "seed": 0}


def test_temperature_0_takes_the_likeliest_token(writer):
    registry.create("seqkd(temperature=0)").prepare(ROWS, writer)
    assert writer.calls[0][1] == {"do_sample": False, "seed": 0}
    with pytest.raises(UsageError, match="temperature=-1 must be 0 or more"):
        registry.create("seqkd(temperature=-1)")


def test_it_needs_the_teacher_s_text_once_and_the_student_never():
    source = registry.create("seqkd")
    assert source.needs == {"teacher text"}
    assert source.examples(StepKey(3, 4), ROWS[:2], None, {}) == ROWS[:2]
    assert registry.spec_of(source) == "seqkd(temperature=1)"
