"""What a metric is, and the one function that applies it to the samples of a task.

A metric sees text and returns numbers; it knows nothing of models, files or seeds. Its ``scope``
says which of three methods it implements:

========== ============================================== ====================================
scope      the author writes                              callers use
========== ============================================== ====================================
"example"  ``score_text(text, references, prompt)``       ``per_example(predictions, references)``
"group"    ``per_group(prompt, texts, references)``       the same: all samples of one prompt
"corpus"   ``corpus(texts)``                              the same: all texts of one decoding seed
========== ============================================== ====================================
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from akl_bench.errors import AklBenchError, DataError, UsageError

Scope = Literal["example", "group", "corpus"]
Texts = Sequence[str]
References = Sequence[Texts | str]


@dataclass(frozen=True)
class Sample:
    """One generated text.

    Attributes:
        example_id: Identity of the test row; the same in every run that is compared.
        text: The generated response, special tokens already removed.
        references: Accepted answers; empty where the task has none.
        prompt: The raw instruction (no template), for metrics that judge text against it.
        sample: Index of the decoding draw: 0 .. K-1 for K samples per prompt.
    """

    example_id: str
    text: str
    references: tuple[str, ...] = ()
    prompt: str = ""
    sample: int = 0


@dataclass(frozen=True)
class Score:
    """A metric's value on one task.

    Attributes:
        value: The number of the table, in the metric's raw unit; None where it is undefined.
        n: Examples (prompts) behind ``value``.
        signature: `Metric.signature`, stored with the number.
        per_example: One value per example id (mean over its samples); None for corpus metrics.
        per_sample: Example id -> one value per draw, in draw order, where the value is their mean.
        draws: The value of each decoding draw alone, in draw order, where `per_sample` is there or
            the scope is "corpus".
    """

    value: float | None
    n: int
    signature: str
    per_example: dict[str, float | None] | None = None
    per_sample: dict[str, tuple[float, ...]] | None = None
    draws: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Metric:
    """Base of all metrics: a frozen dataclass whose fields are the metric's parameters.

    Class attributes that an author sets:
        aliases: Other names of the plug-in.
        scope: What the metric returns a value for (see the module's table).
        higher_is_better: True, False, or None where neither direction is better.
        needs: Subset of {"references", "prompts"} without which the metric has no meaning.
        bounds: Smallest and largest raw value.
        scale, format: How a raw value is shown: ``format % (scale * value)``.
        details: What else decides the number, as ("stemmer:porter",); in the signature.
        version: Raised whenever a change can move a score.
    """

    aliases: ClassVar[tuple[str, ...]] = ()
    scope: ClassVar[Scope] = "example"
    higher_is_better: ClassVar[bool | None] = None
    needs: ClassVar[frozenset[str]] = frozenset()
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    scale: ClassVar[float] = 1.0
    format: ClassVar[str] = "%.3f"
    details: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 1

    def signature(self) -> str:
        """Return everything that decides the number, e.g. ``self_bleu|n:4|...|version:1``."""
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        parameters = [f"{f.name}:{getattr(self, f.name)}" for f in dataclasses.fields(self)]
        return "|".join([name, *parameters, *self.details, f"version:{self.version}"])

    def per_example(
        self,
        predictions: Texts,
        references: References | None = None,
        *,
        prompts: Texts | None = None,
    ) -> list[float]:
        """Score each prediction against its own references.

        Args:
            predictions: N texts.
            references: N items, each one text or a sequence of texts.
            prompts: N raw instructions, for metrics that need them.

        Returns:
            N raw values, in the order of ``predictions``.

        Raises:
            UsageError: The lists differ in length, or something in ``needs`` is absent.
        """
        self._require_scope("example")
        n = len(predictions)
        columns = {"references": references, "prompts": prompts}
        for name, column in columns.items():
            if column is None and name in self.needs:
                raise UsageError(f"{self.signature()}: needs {name}; pass {name}=[...]")
            if column is not None and len(column) != n:
                lacking = "prediction" if n < len(column) else name
                raise UsageError(
                    f"{n} predictions but {len(column)} {name}: no {lacking} at position(s) "
                    f"{_head(range(*sorted((n, len(column)))))}"
                )
        refs = [(r,) if isinstance(r, str) else tuple(r) for r in references or [()] * n]
        if "references" in self.needs and (bare := [i for i, r in enumerate(refs) if not r]):
            raise UsageError(f"{self.signature()}: no reference at position(s) {_head(bare)}")
        rows = zip(predictions, refs, prompts or [""] * n, strict=True)
        return [self.score_text(text, ref, prompt) for text, ref, prompt in rows]

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        """Score one text; scope "example" implements this."""
        raise NotImplementedError

    def per_group(self, prompt: str, texts: Texts, references: Texts) -> float | None:
        """Score all samples of one prompt together; scope "group" implements this."""
        self._require_scope("group")
        raise NotImplementedError

    def per_draw(self, prompt: str, texts: Texts, references: Texts) -> list[float] | None:
        """Score each sample alone, where `per_group` is their mean; scope "group" may have this."""
        return None

    def corpus(self, texts: Texts) -> float | None:
        """Score a collection of texts as a whole; scope "corpus" implements this."""
        self._require_scope("corpus")
        raise NotImplementedError

    def _require_scope(self, scope: Scope) -> None:
        if self.scope != scope:
            method = {"example": "per_example", "group": "per_group", "corpus": "corpus"}
            raise UsageError(
                f"{self.signature()}: scope is {self.scope!r}; "
                f"call {method[self.scope]}() instead of {method[scope]}()"
            )


def evaluate(
    metric: Metric, samples: Iterable[Sample], *, expected_ids: Iterable[str] | None = None
) -> Score:
    """Apply a metric to the samples of one task.

    Every example must have the same draws, so that no value rests on a silent subset. A corpus
    metric is computed for each draw alone (one text per prompt) and averaged: its value then does
    not depend on how many samples per prompt were drawn.

    Args:
        metric: The metric.
        samples: K samples for each of M examples, in any order.
        expected_ids: The M example ids of the task; without it missing examples cannot be noticed.

    Raises:
        DataError: Missing, unexpected or duplicate samples, or an example without what the metric
            needs; names the ids.
        AklBenchError: The metric returned NaN or an infinity.
    """
    groups = _group(samples)
    draws = sorted({draw for group in groups.values() for draw in group})
    problems = _problems(groups, draws, expected_ids, metric.needs)
    if problems:
        raise DataError(problems)
    n, signature = len(groups), metric.signature()

    if metric.scope == "corpus":
        texts_by_draw = [[g[d].text for g in groups.values()] for d in draws] or [[]]
        values = tuple(_finite(metric.corpus(texts), metric, "corpus") for texts in texts_by_draw)
        return Score(_mean(values), n, signature, draws=values)

    if metric.scope == "group":
        by_prompt: dict[str, float | None] = {}
        alone: dict[str, tuple[float, ...]] = {}
        for example_id, group in groups.items():
            first = group[draws[0]]
            texts = [group[d].text for d in draws]
            value = metric.per_group(first.prompt, texts, first.references)
            by_prompt[example_id] = _finite(value, metric, example_id)
            if (each := metric.per_draw(first.prompt, texts, first.references)) is not None:
                alone[example_id] = tuple(each)
        counted = sum(v is not None for v in by_prompt.values())
        by_draw = tuple(map(_mean, zip(*alone.values(), strict=True)))
        return Score(
            _mean(by_prompt.values()), counted, signature, by_prompt, alone or None, by_draw
        )

    flat = [g[d] for g in groups.values() for d in draws]
    scores = metric.per_example(
        [s.text for s in flat], [s.references for s in flat], prompts=[s.prompt for s in flat]
    )
    for sample, score in zip(flat, scores, strict=True):
        _finite(score, metric, sample.example_id)
    k = len(draws)
    rows = {id_: tuple(scores[i * k : (i + 1) * k]) for i, id_ in enumerate(groups)}
    per_example = {id_: _mean(row) for id_, row in rows.items()}
    by_draw = tuple(_mean(row[j] for row in rows.values()) for j in range(k))
    return Score(_mean(per_example.values()), n, signature, per_example, rows, by_draw)


def _group(samples: Iterable[Sample]) -> dict[str, dict[int, Sample]]:
    groups: dict[str, dict[int, Sample]] = {}
    problems = []
    for s in samples:
        group = groups.setdefault(s.example_id, {})
        if s.sample in group:
            problems.append(f"example {s.example_id!r}: sample {s.sample} appears twice")
        first = next(iter(group.values()), s)
        if (s.prompt, s.references) != (first.prompt, first.references):
            problems.append(
                f"example {s.example_id!r}: samples {first.sample} and {s.sample} "
                "disagree on prompt or references"
            )
        group[s.sample] = s
    if problems:
        raise DataError(problems)
    return groups


def _problems(
    groups: Mapping[str, Mapping[int, Sample]],
    draws: Sequence[int],
    expected_ids: Iterable[str] | None,
    needs: frozenset[str],
) -> list[str]:
    problems = []
    if expected_ids is not None:
        expected = dict.fromkeys(expected_ids)
        problems += [f"example {i!r}: no prediction" for i in expected if i not in groups]
        problems += [f"example {i!r}: not in this task" for i in groups if i not in expected]
    for id_, group in groups.items():
        if missing := [d for d in draws if d not in group]:
            problems.append(f"example {id_!r}: no prediction for sample(s) {_head(missing)}")
        first = next(iter(group.values()))
        if "references" in needs and not first.references:
            problems.append(f"example {id_!r}: no reference")
        if "prompts" in needs and not first.prompt:
            problems.append(f"example {id_!r}: no prompt")
    return problems


def _head(items: Sequence[int], limit: int = 20) -> str:
    shown = ", ".join(map(str, items[:limit]))
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"


def _finite(value: float | None, metric: Metric, where: str) -> float | None:
    if value is not None and not math.isfinite(value):
        raise AklBenchError(f"{metric.signature()}: returned {value} for {where!r}")
    return value


def _mean(values: Iterable[float | None]) -> float | None:
    """Mean of the defined values, the same in any order (fsum); None where there are none."""
    defined = [v for v in values if v is not None]
    return math.fsum(defined) / len(defined) if defined else None
