"""Laws that every metric keeps; `akl_bench.testing.check_metric` is the public name.

A plug-in's author runs them on the new file; the tests run them on all that are registered.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from akl_bench.errors import AklBenchError, UsageError
from akl_bench.metrics import get
from akl_bench.metrics.base import Metric, Sample, Score, evaluate


class LawResult(NamedTuple):
    """Outcome of one law: its name, whether it holds, and what was seen where it does not."""

    law: str
    passed: bool
    detail: str


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


def check_metric(metric: Metric | str, samples: Sequence[Sample] | None = None) -> list[LawResult]:
    """Run every law on a metric.

    Args:
        metric: An object, or a spec as "self_bleu(n=4)" or "./mine.py:Mine".
        samples: Texts to try besides the degenerate ones, at least three examples with the same
            draws each; needed where the metric only understands prompts of one kind.

    Returns:
        One result per law that applies to the metric's scope.
    """
    if isinstance(metric, str):
        metric = get(metric)
    samples = list(samples or _default_samples())
    laws: dict[str, Callable[[Metric, list[Sample]], None]] = {
        "it is a frozen dataclass": _frozen,
        "the signature names parameters and version": _signature,
        "values stay within the declared bounds": _bounds,
        "two calls agree to the last bit": _deterministic,
        "the order of the examples does not matter": _permutation,
        "degenerate texts have a value or None": _degenerate,
        "a missing example is an error that names it": _missing,
    }
    if metric.scope == "example":
        laws["lists of unequal length are an error"] = _unequal
    return [_outcome(law, check, metric, samples) for law, check in laws.items()]


def _outcome(
    law: str,
    check: Callable[[Metric, list[Sample]], None],
    metric: Metric,
    samples: list[Sample],
) -> LawResult:
    try:
        check(metric, samples)
    except Exception as error:
        return LawResult(law, False, f"{type(error).__name__}: {error}")
    return LawResult(law, True, "")


def _require(condition: bool, detail: str) -> None:
    if not condition:
        raise AklBenchError(detail)


def _default_samples() -> list[Sample]:
    return [
        Sample(f"row-{i}", text, (reference, "another reference"), f"prompt {i}", draw)
        for i, (first, reference) in enumerate(_TEXTS)
        for draw, text in enumerate((first, f"{first} And then some more.", "short"))
    ]


def _frozen(metric: Metric, samples: list[Sample]) -> None:
    parameters = getattr(type(metric), "__dataclass_params__", None)
    _require(bool(parameters and parameters.frozen), "decorate it with @dataclass(frozen=True)")
    _require(hash(metric) == hash(dataclasses.replace(metric)), "equal objects differ in hash")


def _signature(metric: Metric, samples: list[Sample]) -> None:
    expected = [f"{f.name}:{getattr(metric, f.name)}" for f in dataclasses.fields(metric)]
    parts = metric.signature().split("|")
    for part in [*expected, f"version:{metric.version}"]:
        _require(part in parts, f"{metric.signature()!r} lacks {part!r}")
    _require(evaluate(metric, samples).signature == metric.signature(), "score carries another")


def _bounds(metric: Metric, samples: list[Sample]) -> None:
    low, high = metric.bounds
    for value in _all_values(evaluate(metric, samples)):
        _require(low <= value <= high, f"{value} is outside [{low}, {high}]")


def _deterministic(metric: Metric, samples: list[Sample]) -> None:
    first, second = evaluate(metric, samples), evaluate(metric, samples)
    _require(first == second, f"{first} then {second}")


def _permutation(metric: Metric, samples: list[Sample]) -> None:
    straight, reverse = evaluate(metric, samples), evaluate(metric, samples[::-1])
    _require(straight == reverse, f"{straight} but {reverse} with the examples reversed")


def _degenerate(metric: Metric, samples: list[Sample]) -> None:
    like = samples[0]
    low, high = metric.bounds
    for name, texts in _DEGENERATE.items():
        as_rows = [
            dataclasses.replace(like, example_id=str(i), text=t, sample=0)
            for i, t in enumerate(texts)
        ]
        as_draws = [dataclasses.replace(like, text=t, sample=i) for i, t in enumerate(texts)]
        for layout in (as_rows, as_draws):
            try:
                values = _all_values(evaluate(metric, layout))
            except Exception as error:
                raise AklBenchError(f"{name}: {type(error).__name__}: {error}") from error
            for value in values:
                _require(low <= value <= high, f"{name}: {value} is outside [{low}, {high}]")


def _missing(metric: Metric, samples: list[Sample]) -> None:
    absent = samples[0].example_id
    rest = [s for s in samples if s.example_id != absent]
    try:
        evaluate(metric, rest, expected_ids=[s.example_id for s in samples])
    except UsageError as error:
        _require(absent in str(error), f"the message does not name {absent!r}: {error}")
    else:
        raise AklBenchError("a value came back")


def _unequal(metric: Metric, samples: list[Sample]) -> None:
    texts, references = [s.text for s in samples], [s.references for s in samples]
    prompts = [s.prompt for s in samples]
    for n in (0, len(texts) - 1):
        try:
            metric.per_example(texts[:n], references, prompts=prompts)
        except UsageError:
            continue
        raise AklBenchError(f"{n} predictions for {len(texts)} references gave values")


def _all_values(score: Score) -> list[float]:
    per_example = list((score.per_example or {}).values())
    values = [v for v in (score.value, *score.draws, *per_example) if v is not None]
    _require(all(math.isfinite(v) for v in values), f"{values} is not finite")
    return values
