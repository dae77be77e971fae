"""How much of a response its longest repeated n-gram fills: shows a decoder in a loop."""

from bisect import bisect_left
from dataclasses import dataclass

from akl_bench.metrics._text import WORDS, words
from akl_bench.metrics.base import Metric


@dataclass(frozen=True)
class RepeatedNgram(Metric):
    """Length of the longest n-gram that occurs twice (overlap allowed) / length of the text.

    0 for an empty text or one in which no token recurs; L - 1 over L for one token L times.
    """

    higher_is_better = False
    details = (WORDS,)

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        tokens = words(text)
        if not tokens:
            return 0.0
        ids: dict[str, int] = {}
        # One character per token makes n-grams cheap slices of a string.
        coded = "".join(chr(ids.setdefault(token, len(ids))) for token in tokens)

        def all_differ(n: int) -> bool:
            positions = len(coded) - n + 1
            return len({coded[i : i + n] for i in range(positions)}) == positions

        # If an n-gram recurs, so does its prefix: all_differ is sorted in n = 1 .. L.
        return bisect_left(range(1, len(coded)), True, key=all_differ) / len(coded)
