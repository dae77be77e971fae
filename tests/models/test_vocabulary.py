import copy
import json

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from akl_bench.errors import UsageError
from akl_bench.models.vocabulary import check_vocabularies

SPECIAL = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}


def rebuilt(tokenizer, change, **special):
    """A tokenizer whose serialised form went through `change`."""
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    change(content)
    backend = Tokenizer.from_str(json.dumps(content))
    return PreTrainedTokenizerFast(tokenizer_object=backend, **(SPECIAL | special))


def nothing(content):
    pass


def test_equal_tokenizers_pass_whatever_their_padding(tokenizer):
    padded = copy.deepcopy(tokenizer)
    padded.pad_token = padded.eos_token
    assert check_vocabularies(tokenizer, padded) == len(tokenizer)
    assert check_vocabularies(tokenizer, rebuilt(tokenizer, nothing)) == len(tokenizer)


def test_two_swapped_ids_are_found_and_shown(tokenizer):
    def swap(content):
        vocab = content["model"]["vocab"]
        vocab["a"], vocab["b"] = vocab["b"], vocab["a"]

    ids = sorted(tokenizer.convert_tokens_to_ids(["a", "b"]))
    with pytest.raises(UsageError) as caught:
        check_vocabularies(tokenizer, rebuilt(tokenizer, swap))
    assert f"2 ids differ (teacher / student): id {ids[0]}: 'a' / 'b'; id {ids[1]}: 'b' / 'a'" in (
        str(caught.value)
    )


def test_at_most_five_differences_are_shown(tokenizer):
    def rename(content):
        content["model"] = {"type": "WordLevel", "vocab": {"x": 0, "y": 1}, "unk_token": "x"}
        content["added_tokens"] = []

    with pytest.raises(UsageError) as caught:
        check_vocabularies(tokenizer, rebuilt(tokenizer, rename, **dict.fromkeys(SPECIAL, "x")))
    assert str(caught.value).count("id ") == 5
    assert "(none)" in str(caught.value)


def test_an_end_token_with_another_role_is_refused(tokenizer):
    with pytest.raises(UsageError, match=r"eos_token: '<\|endoftext\|>' / 'a'"):
        check_vocabularies(tokenizer, rebuilt(tokenizer, nothing, eos_token="a"))


def test_other_merges_with_the_same_tokens_are_refused(tokenizer):
    def reverse(content):
        content["model"]["merges"] = content["model"]["merges"][:1]

    with pytest.raises(UsageError, match="cut text differently"):
        check_vocabularies(tokenizer, rebuilt(tokenizer, reverse))


def test_other_chat_template_is_refused(tokenizer):
    one, other = rebuilt(tokenizer, nothing), rebuilt(tokenizer, nothing)
    one.chat_template, other.chat_template = "{{ messages }}", "{{ messages }}!"
    with pytest.raises(UsageError, match="chat template"):
        check_vocabularies(one, other)
    other.chat_template = None
    assert check_vocabularies(one, other) == len(tokenizer)
