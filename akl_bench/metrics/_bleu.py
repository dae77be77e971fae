"""Self-BLEU of a list of texts, exact, in time linear in the number of tokens."""

import math
from collections import Counter
from collections.abc import Sequence

from akl_bench.metrics._text import WORDS, ngrams, words

EPSILON = 0.1
DETAILS = (f"smoothing:add_{EPSILON}_to_zero_counts", WORDS)


def self_bleu(texts: Sequence[str], order: int) -> float | None:
    """Mean BLEU of each text against all others; None for fewer than two texts."""
    if len(texts) < 2:
        return None
    return math.fsum(self_bleu_scores(texts, order)) / len(texts)


def self_bleu_scores(texts: Sequence[str], order: int) -> list[float]:
    """BLEU of each of two or more texts against all others.

    BLEU (Papineni et al. 2002) clips a text's n-gram counts by the largest count in any reference.
    With all other texts as references that clip is the corpus-wide second largest count: a larger
    one is the text's own, and no smaller one of its own is clipped.

    A zero count is smoothed to EPSILON (Chen and Cherry 2014, method 1). A text that shares no
    word with any other scores 0, as in nltk's ``sentence_bleu``; so does an empty one.
    """
    tokens = [words(text) for text in texts]
    log_precisions = [0.0] * len(texts)
    shares_a_word = [True] * len(texts)
    for n in range(1, order + 1):
        matches, totals = _clipped_matches(tokens, n)
        if n == 1:
            shares_a_word = [match > 0 for match in matches]
        for i, (match, total) in enumerate(zip(matches, totals, strict=True)):
            log_precisions[i] += math.log((match or EPSILON) / max(1, total))
    lengths = [len(t) for t in tokens]
    closest = _closest_other(lengths)
    return [
        math.exp(log_p / order + min(0.0, 1 - reference / length)) if shares else 0.0
        for log_p, length, reference, shares in zip(
            log_precisions, lengths, closest, shares_a_word, strict=True
        )
    ]


def _clipped_matches(tokens: Sequence[Sequence[str]], n: int) -> tuple[list[int], list[int]]:
    """For each text: n-gram matches clipped by the other texts, and its number of n-grams."""
    counts = [Counter(ngrams(t, n)) for t in tokens]
    largest: dict[tuple[str, ...], int] = {}
    # Only n-grams of two texts or more have an entry.
    second: dict[tuple[str, ...], int] = {}
    for counter in counts:
        for gram, count in counter.items():
            best = largest.get(gram, 0)
            if best:
                second[gram] = max(second.get(gram, 0), min(best, count))
            if count > best:
                largest[gram] = count
    matches = [
        sum(min(count, second[gram]) for gram, count in counter.items() if gram in second)
        for counter in counts
    ]
    return matches, [counter.total() for counter in counts]


def _closest_other(lengths: Sequence[int]) -> list[int]:
    """For each text the closest length among the others; the shorter one on a tie."""
    ordered = sorted(lengths)
    closest = {}
    for at, length in enumerate(ordered):
        neighbours = ordered[max(0, at - 1) : at] + ordered[at + 1 : at + 2]
        closest[length] = min((abs(other - length), other) for other in neighbours)[1]
    return [closest[length] for length in lengths]
