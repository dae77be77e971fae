import itertools
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from akl_bench import metrics
from akl_bench.errors import UsageError
from akl_bench.metrics._laws import check_metric
from akl_bench.metrics.base import Metric, References, Sample, Scope, evaluate
from akl_bench.registry import Registry

ALL = [metrics.get(name) for name in metrics.names()]


def broken(metric: Metric) -> set[str]:
    return {result.law for result in check_metric(metric) if not result.passed}


@pytest.mark.parametrize("name", metrics.names())
def test_every_registered_metric_keeps_the_laws(name: str) -> None:
    results = check_metric(name)
    assert len(results) >= 7
    assert [r for r in results if not r.passed] == []


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

    (result,) = [r for r in check_metric(NanOnEmpty()) if not r.passed]
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


PLUGIN = '''
"""Share of upper-case letters."""
from dataclasses import dataclass
from akl_bench.metrics import Metric

@dataclass(frozen=True)
class Shouting(Metric):
    floor: float = 0.0

    def score_text(self, text, references, prompt):
        return max(self.floor, sum(map(str.isupper, text)) / max(1, len(text)))
'''


def test_a_file_is_a_metric(tmp_path: Path) -> None:
    path = tmp_path / "shouting_file.py"
    path.write_text(PLUGIN)
    spec = f"{path}:Shouting(floor=0.25)"
    assert metrics.get(spec).per_example(["AB", "Abcd", "x"]) == [1.0, 0.25, 0.25]
    assert all(r.passed for r in check_metric(spec))


def test_an_installed_entry_point_is_a_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shouting_plugin.py").write_text(PLUGIN)
    info = tmp_path / "shouting_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[akl_bench.metrics]\nshouting = shouting_plugin:Shouting\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    # The registry of the package has looked already, once for the process.
    registry = Registry("metric", "akl_bench.metrics", "Metric")
    assert "shouting" in registry.names()
    metric = registry.create("shouting(floor=0.5)")
    assert metric.per_example(["a"]) == [0.5]
    assert all(r.passed for r in check_metric(metric))
    sys.modules.pop("shouting_plugin")


def test_listing_and_diversity_import_neither_nltk_nor_torch() -> None:
    code = (
        "import sys; from akl_bench import metrics; metrics.names();"
        "metrics.get('self_bleu').corpus(['a','b']); metrics.get('rouge_l');"
        "print([m for m in ('nltk', 'torch', 'transformers', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_parameter_is_named() -> None:
    with pytest.raises(UsageError, match="has no parameter 'order'"):
        metrics.get("self_bleu(order=2)")
