"""The laws that every metric keeps, on samples of its task and on degenerate ones."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

from akl_bench.errors import UsageError
from akl_bench.metrics.base import Metric, Sample, Score, evaluate
from akl_bench.testing.laws import Law, Seen, broken

_TEXTS = (
    ("The quick brown fox jumps over the lazy dog.", "A quick fox jumped over lazy dogs!"),
    ("Paris is the capital of France.", "the capital of france is paris"),
    ("one two three one two three one two three", "one two three"),
    ("Stra\u00dfe, \u6771\u4eac and \U0001f600 - unicode.", "plain words"),
    ("yes", "Yes."),
)
_DEGENERATE = {
    "no texts": [],
    "one text": ["just one answer"],
    "empty texts": ["", "", ""],
    "white space": [" ", "\n\t", "\u2028"],
    "one text repeated": ["the same answer"] * 4,
    "punctuation only": ["...", "?!", "..."],
    "one word each": ["a", "b", "a"],
}
# At least three examples with the same draws each: what is tried where nothing else is given.
SAMPLES = tuple(
    Sample(f"row-{i}", text, (reference, "another reference"), f"prompt {i}", draw)
    for i, (first, reference) in enumerate(_TEXTS)
    for draw, text in enumerate((first, f"{first} And then some more.", "short"))
)


def _frozen(metric: Metric, samples: Sequence[Sample] = SAMPLES) -> Iterator[Seen]:
    parameters = getattr(type(metric), "__dataclass_params__", None)
    frozen = bool(parameters and parameters.frozen)
    yield broken(not frozen, "decorate it with @dataclass(frozen=True)")
    again = dataclasses.replace(metric)
    yield broken(hash(metric) != hash(again), "equal objects differ in hash")


def _signature(metric: Metric, samples: Sequence[Sample] = SAMPLES) -> Iterator[Seen]:
    signature = metric.signature()
    expected = [f"{f.name}:{getattr(metric, f.name)}" for f in dataclasses.fields(metric)]
    for part in [*expected, f"version:{metric.version}"]:
        yield broken(part not in signature.split("|"), f"{signature!r} lacks {part!r}")
    other = evaluate(metric, samples).signature
    yield broken(other != signature, f"the score carries {other!r}, not {signature!r}")


def _bounds(metric: Metric, samples: Sequence[Sample] = SAMPLES) -> Iterator[Seen]:
    yield from _outside(metric, evaluate(metric, samples), "")


def _deterministic(metric: Metric, samples: Sequence[Sample] = SAMPLES) -> Iterator[Seen]:
    first, second = evaluate(metric, samples), evaluate(metric, samples)
    yield broken(first != second, f"{first} then {second}")


def _permutation(metric: Metric, samples: Sequence[Sample] = SAMPLES) -> Iterator[Seen]:
    straight, reverse = evaluate(metric, samples), evaluate(metric, samples[::-1])
    yield broken(straight != reverse, f"{straight} but {reverse} with the examples reversed")


def _degenerate(metric: Metric, samples: Sequence[Sample] = SAMPLES) -> Iterator[Seen]:
    like = samples[0]
    for name, texts in _DEGENERATE.items():
        for as_rows in (True, False):
            layout = [
                dataclasses.replace(
                    like,
                    example_id=str(i) if as_rows else like.example_id,
                    text=text,
                    sample=0 if as_rows else i,
                )
                for i, text in enumerate(texts)
            ]
            try:
                score = evaluate(metric, layout)
            except Exception as error:
                yield broken(True, f"{name}: {type(error).__name__}: {error}")
            else:
                yield from _outside(metric, score, f"{name}: ")


def _missing(metric: Metric, samples: Sequence[Sample] = SAMPLES) -> Iterator[Seen]:
    absent = samples[0].example_id
    rest = [s for s in samples if s.example_id != absent]
    try:
        evaluate(metric, rest, expected_ids=[s.example_id for s in samples])
    except UsageError as error:
        named = absent in str(error)
        yield broken(not named, f"the message does not name {absent!r}: {error}")
    else:
        yield broken(True, "a value came back")


def _unequal(metric: Metric, samples: Sequence[Sample] = SAMPLES) -> Iterator[Seen]:
    if metric.scope != "example":
        return
    texts, references = [s.text for s in samples], [s.references for s in samples]
    prompts = [s.prompt for s in samples]
    for n in (0, len(texts) - 1):
        try:
            metric.per_example(texts[:n], references, prompts=prompts)
        except UsageError:
            yield broken(False, "")
        else:
            yield broken(True, f"{n} predictions for {len(texts)} references gave values")


def _outside(metric: Metric, score: Score, where: str) -> Iterator[Seen]:
    """Values of a score that its metric's bounds do not allow: None is, NaN never is."""
    low, high = metric.bounds
    for value in (score.value, *score.draws, *(score.per_example or {}).values()):
        allowed = value is None or (math.isfinite(value) and low <= value <= high)
        yield broken(not allowed, f"{where}{value} is outside [{low}, {high}]")


LAWS: dict[str, Law] = {
    "it is a frozen dataclass": (_frozen, 0.0),
    "the signature names parameters and version": (_signature, 0.0),
    "values stay within the declared bounds": (_bounds, 0.0),
    "two calls agree to the last bit": (_deterministic, 0.0),
    "the order of the examples does not matter": (_permutation, 0.0),
    "degenerate texts have a value or None": (_degenerate, 0.0),
    "a missing example is an error that names it": (_missing, 0.0),
    "lists of unequal length are an error": (_unequal, 0.0),
}
