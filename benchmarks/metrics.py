"""Time and values of our text metrics beside rouge-score, nltk and sacrebleu, in one run.

    python benchmarks/metrics.py [--data FILE.jsonl] [--n 1000]

Without ``--data`` (one JSON object with a text field ``output`` per line) the texts are drawn from
a Zipf law over made-up inflected words. Both sides run in this process on one thread; times are CPU
seconds, so that a busy machine does not favour either. A reference that would need many minutes is
timed on a few texts, each against all others, and scaled: the table says so.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from akl_bench import metrics
from akl_bench.metrics import _bleu
from akl_bench.metrics._text import _stem, words

T = TypeVar("T")


class Row(NamedTuple):
    metric: str
    size: str
    ours_s: float
    reference: str
    reference_s: float
    difference: float
    obtained: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="JSONL with a text field `output`")
    parser.add_argument("--n", type=int, default=1000, help="texts (default: 1000)")
    parser.add_argument("--timed", type=int, default=10, help="texts that nltk scores")
    args = parser.parse_args()
    texts = load(args.data, args.n) if args.data else synthetic(args.n)
    rows = [
        *rouge_rows(texts),
        *self_bleu_rows(texts, args.timed),
    ]
    mean = sum(len(words(t)) for t in texts) / len(texts)
    print(f"{len(texts)} texts, {mean:.0f} words on average\n")
    print("| metric | size | ours, s | reference | its time, s | ratio | max difference | how |")
    print("|---|---|---|---|---|---|---|---|")
    for r in rows:
        print(
            f"| {r.metric} | {r.size} | {r.ours_s:.3f} | {r.reference} | {r.reference_s:.2f} "
            f"| {r.reference_s / r.ours_s:.0f}x | {r.difference:.1e} | {r.obtained} |"
        )
    print("\nself_bleu, ours alone:", end=" ")
    for n in (len(texts) // 4, len(texts) // 2, len(texts)):
        part = texts[:n]
        seconds, _ = best_of(3, partial(metrics.get("self_bleu").corpus, part))
        print(f"N={n}: {1000 * seconds:.0f} ms", end="; ")
    print()


def rouge_rows(texts: list[str]) -> list[Row]:
    references = [*texts[1:], texts[0]]
    rows = []
    for spec, rouge_type in (
        ("rouge_l", "rougeL"),
        ("rouge(variant=1)", "rouge1"),
        ("rouge(variant=2)", "rouge2"),
    ):
        metric = metrics.get(spec)

        def warm(metric: metrics.Metric = metric) -> list[float]:
            return metric.per_example(texts, references)

        def cold(metric: metrics.Metric = metric) -> list[float]:
            _stem.cache_clear()
            return metric.per_example(texts, references)

        def theirs(rouge_type: str = rouge_type) -> list[float]:
            scorer = RougeScorer([rouge_type], use_stemmer=True)
            pairs = zip(texts, references, strict=True)
            return [scorer.score(r, p)[rouge_type].fmeasure for p, r in pairs]

        warm()  # Imports of nltk and rouge-score stay out of both sides.
        their_s, their_values = best_of(3, theirs)
        for ours, how in ((cold, "no word seen before"), (warm, "stems cached")):
            our_s, our_values = best_of(3, ours)
            difference = largest_difference(our_values, their_values)
            size = f"{len(texts)} pairs"
            rows.append(Row(spec, size, our_s, "rouge-score", their_s, difference, how))
    return rows


def self_bleu_rows(texts: list[str], timed: int) -> list[Row]:
    n = len(texts)
    ours_s, _ = best_of(3, partial(metrics.get("self_bleu(n=4)").corpus, texts))
    tokens = [words(t) for t in texts]
    spaced = [" ".join(t) for t in tokens]
    chosen = list(range(0, n, max(1, n // timed)))[:timed]
    our_values = [_bleu.self_bleu_scores(texts, 4)[i] for i in chosen]
    smooth = SmoothingFunction(epsilon=_bleu.EPSILON).method1
    # sacrebleu warns that most want its effective order; nltk and we score all four orders.
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)
    bleu = BLEU(tokenize="none", smooth_method="floor", smooth_value=_bleu.EPSILON)

    def by_nltk() -> list[float]:
        return [
            float(sentence_bleu(tokens[:i] + tokens[i + 1 :], tokens[i], smoothing_function=smooth))
            for i in chosen
        ]

    def by_sacrebleu() -> list[float]:
        return [
            bleu.sentence_score(spaced[i], spaced[:i] + spaced[i + 1 :]).score / 100 for i in chosen
        ]

    rows = []
    for name, run in (("nltk", by_nltk), ("sacrebleu", by_sacrebleu)):
        seconds, values = best_of(1, run)
        how = f"{len(chosen)} texts, each against the {n - 1} others: {seconds:.2f} s, scaled"
        scaled, difference = seconds * n / len(chosen), largest_difference(our_values, values)
        rows.append(Row("self_bleu(n=4)", f"N={n}", ours_s, name, scaled, difference, how))
    return rows


def best_of(times: int, run: Callable[[], T]) -> tuple[float, T]:
    seconds = []
    for _ in range(times):
        start = time.process_time()
        values = run()
        seconds.append(time.process_time() - start)
    return min(seconds), values


def largest_difference(ours: list[float], theirs: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))


def load(path: Path, n: int) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)["output"]) for line in lines[:n]]


def synthetic(n: int) -> list[str]:
    rng = random.Random(0)
    stems = ["".join(rng.choices("abcdefghilmnoprstuvy", k=rng.randint(2, 8))) for _ in range(1500)]
    vocabulary = [stem + ending for stem in stems for ending in ("", "s", "ing", "ation")]
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]
    return [" ".join(rng.choices(vocabulary, weights, k=rng.randint(5, 120))) for _ in range(n)]


if __name__ == "__main__":
    main()
