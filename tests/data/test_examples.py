import pytest

from akl_bench.data.examples import (
    Example,
    encode,
    in_cache,
    read_examples,
    response_tokens,
    write_examples,
)
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.errors import DataError


class _Words:
    """One token per word: its length."""

    eos_token_id = 1

    def __call__(self, text, add_special_tokens):
        assert not add_special_tokens
        return {"input_ids": [len(word) for word in text.split()]}


def test_encode_appends_the_end_and_leaves_out_what_is_too_long():
    records = [
        Record("fits", "a bb", "", ("ccc", "not learnt")),
        Record("long prompt", "a bb ccc", "", ("a",)),
        Record("long response", "a", "", ("a bb",)),
        Record("exact", "a", "", ("a",)),
    ]
    examples = encode(
        records, Prompt("{{ instruction }}"), _Words(), max_prompt_tokens=2, max_response_tokens=2
    )
    assert examples == [Example("fits", (1, 2), (3, 1), 0), Example("exact", (1,), (1, 1), 2)]
    assert response_tokens(examples) == 4


def test_encode_refuses_when_nothing_fits():
    with pytest.raises(DataError, match="none of 1 records fits"):
        encode(
            [Record("a", "a b", "", ("c",))],
            Prompt("{{ instruction }}"),
            _Words(),
            max_prompt_tokens=1,
            max_response_tokens=9,
        )


def test_the_cache_has_a_row_for_each_response_token_in_turn():
    examples = [Example("a", (9,), (1, 2)), Example("b", (9, 9), (3,), 77), Example("c", (), (4,))]
    assert [example.cache_row for example in in_cache(examples)] == [0, 2, 3]
    assert in_cache([]) == []


def test_the_length_of_an_example_is_that_of_its_sequence():
    assert len(Example("a", (1, 2, 3), (4, 5))) == 5


def test_examples_come_back_from_their_file(tmp_path):
    examples = in_cache(
        [Example("a", (1, 2), (3,)), Example("längere id", (4,), (5, 6, 7)), Example("c", (), (8,))]
    )
    write_examples(tmp_path / "examples.npz", examples)
    assert read_examples(tmp_path / "examples.npz") == examples
