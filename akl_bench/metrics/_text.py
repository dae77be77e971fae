"""The two tokenizers of the metrics, and n-grams; neither needs downloaded data."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from akl_bench.errors import UsageError

WORDS = "tokenizer:wordpunct"
"""What `words` is called in signatures: runs of word characters or of punctuation, case kept."""

ROUGE = ("stemmer:porter", "tokenizer:rouge_score", "agg:max_over_references")
"""What `rouge_tokens` and the best of several references are called there."""

_WORDS = re.compile(r"\w+|[^\w\s]+")
_ROUGE = re.compile(r"[a-z0-9]+")
# Every rule of the Porter stemmer asks for one of these; other words are their own stem.
_SUFFIXES = (
    *("s", "ed", "ing", "y", "e", "i", "al", "ful", "ll"),
    *("er", "ator", "ism", "ic", "ant", "ent", "ion", "ou"),
)


def words(text: str) -> list[str]:
    """Split as nltk's WordPunctTokenizer: the one tokenizer of length and diversity metrics."""
    return _WORDS.findall(text)


def rouge_tokens(text: str) -> list[str]:
    """Split and stem as rouge-score's default tokenizer with ``use_stemmer=True``."""
    return [stem for token in _ROUGE.findall(text.lower()) if (stem := _stem(token))]


@lru_cache(maxsize=1 << 17)
def _stem(token: str) -> str:
    """Porter stem of a token of more than three characters; "" where it is no valid token."""
    if len(token) <= 3 or not token.endswith(_SUFFIXES):
        return token
    stem = str(_porter().stem(token))
    return stem if _ROUGE.fullmatch(stem) else ""


@lru_cache(maxsize=1)
def _porter() -> Any:
    # nltk takes a second to import, and most metrics do without it.
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


def ngrams(tokens: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    """All n-grams of a text, in order."""
    return zip(*(tokens[i:] for i in range(n)), strict=False)


def pooled_ngrams(texts: Iterable[str], n: int) -> Counter[tuple[str, ...]]:
    """Counts of the n-grams of `words` over several texts; none crosses from text to text."""
    counts: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        counts.update(ngrams(words(text), n))
    return counts


def require_order(n: object, largest: int) -> None:
    """Raise UsageError unless n is an n-gram order in 1 .. largest."""
    if type(n) is not int or not 1 <= n <= largest:
        raise UsageError(f"n must be a whole number from 1 to {largest}, not {n!r}")
