"""The word-level tokenizer of the microworld: one token per blank-separated word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from akl_bench.microworld.answers import EOS
from akl_bench.microworld.grammar import vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, UNK = "<pad>", "<unk>"


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build the tokenizer from the grammar; decoding gives the encoded text back, word for word."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    ids = {word: index for index, word in enumerate([PAD, EOS, UNK, *vocabulary()])}
    tokenizer = Tokenizer(WordLevel(ids, unk_token=UNK))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # of transformers
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNK,
        padding_side="left",
        model_max_length=64,
        clean_up_tokenization_spaces=False,
    )
