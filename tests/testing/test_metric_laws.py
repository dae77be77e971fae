import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from akl_bench import metrics
from akl_bench.metrics.base import Metric, References, Sample, Scope, evaluate
from akl_bench.testing import check_metric

ALL = [metrics.get(name) for name in metrics.names()]


def broken(metric: Metric) -> set[str]:
    return {result.law for result in check_metric(metric).failures}


@pytest.mark.parametrize("name", metrics.names())
def test_every_registered_metric_keeps_the_laws(name: str) -> None:
    report = check_metric(name)
    assert len(report.results) >= 7
    assert report.failures == ()


@pytest.mark.slow
@given(st.lists(st.one_of(st.text(max_size=20), st.text("a b.\n", max_size=12)), max_size=6))
@settings(max_examples=2000, deadline=None)
def test_no_text_breaks_a_metric(texts: list[str]) -> None:
    rows = [Sample(str(i), t, ("a b", t), f"q {i}") for i, t in enumerate(texts)]
    draws = [Sample("x", t, ("a b",), "q", i) for i, t in enumerate(texts)]
    for metric, samples in itertools.product(ALL, (rows, draws)):
        score = evaluate(metric, samples)
        low, high = metric.bounds
        values = [score.value, *score.draws, *(score.per_example or {}).values()]
        assert all(low <= v <= high for v in values if v is not None), metric


def test_the_laws_catch_an_order_dependent_corpus_metric() -> None:
    @dataclass(frozen=True)
    class FirstLength(Metric):
        scope: ClassVar[Scope] = "corpus"
        bounds: ClassVar[tuple[float, float]] = (0.0, math.inf)

        def corpus(self, texts: Sequence[str]) -> float:
            return float(len(texts[0])) if texts else 0.0

    assert broken(FirstLength()) == {"the order of the examples does not matter"}


def test_the_laws_catch_a_crash_and_a_nan_on_degenerate_texts() -> None:
    @dataclass(frozen=True)
    class MeanWordLength(Metric):
        bounds: ClassVar[tuple[float, float]] = (0.0, math.inf)

        def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
            return len("".join(text.split())) / len(text.split())

    assert broken(MeanWordLength()) == {"degenerate texts have a value or None"}

    @dataclass(frozen=True)
    class NanOnEmpty(Metric):
        def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
            return 1.0 if text else math.nan

    (result,) = check_metric(NanOnEmpty()).failures
    assert "empty texts" in result.detail and "nan" in result.detail


def test_the_laws_catch_values_out_of_bounds_and_noise() -> None:
    @dataclass(frozen=True)
    class Percent(Metric):
        def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
            return 100.0

    assert "values stay within the declared bounds" in broken(Percent())
    ticks = itertools.count(1)

    @dataclass(frozen=True)
    class Noisy(Metric):
        def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
            return 1 / next(ticks)

    assert "two calls agree to the last bit" in broken(Noisy())


def test_the_laws_catch_truncation() -> None:
    @dataclass(frozen=True)
    class Zips(Metric):
        def per_example(
            self,
            predictions: Sequence[str],
            references: References | None = None,
            *,
            prompts: Sequence[str] | None = None,
        ) -> list[float]:
            pairs = zip(predictions, references or [], strict=False)
            return [float(p in r) for p, r in pairs]

    assert broken(Zips()) == {"lists of unequal length are an error"}


def test_the_laws_catch_a_signature_without_parameters() -> None:
    @dataclass(frozen=True)
    class Mute(Metric):
        n: int = 3

        def signature(self) -> str:
            return "mute|version:1"

        def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
            return 0.0

    assert broken(Mute()) == {"the signature names parameters and version"}
