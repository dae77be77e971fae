"""Every registered source, teacher, sampler and devices keeps its laws; each law can be broken."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from akl_bench.artifacts.files import read_jsonl
from akl_bench.cli.verify import verify
from akl_bench.errors import UsageError
from akl_bench.generation.hf import HF
from akl_bench.testing import KINDS, check, sampler_laws, toys
from akl_bench.training.devices.one import One
from akl_bench.training.sources.base import Source
from akl_bench.training.teachers.cached import Cached
from akl_bench.training.teachers.live import Live

WITH_OWN_TESTS = ("divergence", "metric")
BUILT_IN = [
    (kind, name)
    for kind, package in KINDS.items()
    if kind not in WITH_OWN_TESTS
    for name in importlib.import_module(package).registry.names()
]


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_every_built_in_keeps_every_law(kind: str, name: str) -> None:
    report = check(kind, name)
    assert report.ok, report.failures
    assert [result.law for result in report.results] == list(laws(kind))


def laws(kind: str) -> dict[str, Any]:
    return importlib.import_module(f"akl_bench.testing.{kind}_laws").LAWS


class Strange(Source):
    def examples(self, key: Any, rows: Any, student: Any, state: Any) -> Any:
        return [replace(rows[0], id="stranger"), *rows[1:]]


class Shuffled(Source):
    def prepare(self, rows: Any, teacher: Any) -> Any:
        return [rows[i] for i in np.random.permutation(len(rows))]


class Counting(Source):
    calls: ClassVar[Any] = itertools.count()

    def examples(self, key: Any, rows: Any, student: Any, state: Any) -> Any:
        return rows[next(self.calls) % 2 :]


class Popping(Source):
    def examples(self, key: Any, rows: Any, student: Any, state: Any) -> Any:
        return [rows.pop(), *rows]


class Hoarding(Source):
    def initial_state(self) -> Any:
        return {"best": float("nan")}


class InPlace(Source):
    def initial_state(self) -> Any:
        return {"best": 0.0}

    def next_state(self, state: Any, validation: float) -> Any:
        state["best"] = max(state["best"], validation)
        return state


class Greedy(Source):
    def prepare(self, rows: Any, teacher: Any) -> Any:
        return [rows[a.sample] for a in teacher({row.id: row.prompt for row in rows}, seed=0)]


class OwnSetting(Source):
    needs: ClassVar[Any] = frozenset({"student samples"})

    def examples(self, key: Any, rows: Any, student: Any, state: Any) -> Any:
        student({row.id: row.prompt for row in rows}, seed=key.seed, beams=4)
        return list(rows)


class Wrapped:
    """Logits with something about them changed."""

    def __init__(self, logits: Any, scale: float = 1.0, rows: int = 0, detach: bool = True):
        self._logits, self._scale, self._detach = logits, scale, detach
        self.rows, self.tokens = logits.rows + rows, logits.tokens

    def chunk(self, at: slice) -> Any:
        chunk_NV = self._logits.chunk(at) * self._scale
        return chunk_NV if self._detach else chunk_NV.requires_grad_()


class Work:
    def __init__(self, change: Any, work: Any):
        self._change, self._work = change, work

    def logits(self, batch: Any) -> Any:
        return self._change(self._work.logits(batch), batch)


class Tempered(Live):
    def open(self, place: Any) -> Any:
        return Work(lambda logits, batch: Wrapped(logits, 1.01), super().open(place))


class Tracked(Live):
    def open(self, place: Any) -> Any:
        return Work(lambda logits, batch: Wrapped(logits, detach=False), super().open(place))


class ByChunk(Live):
    def open(self, place: Any) -> Any:
        class Centred(Wrapped):
            def chunk(self, at: slice) -> Any:
                chunk_NV = self._logits.chunk(at)
                return chunk_NV - chunk_NV.mean()

        return Work(lambda logits, batch: Centred(logits), super().open(place))


class Drifting(Live):
    opened: ClassVar[Any] = itertools.count()

    def open(self, place: Any) -> Any:
        scale = 1 + 1e-6 * next(self.opened)
        return Work(lambda logits, batch: Wrapped(logits, scale), super().open(place))


class Bound(Cached):
    """Its cache holds where it was written."""

    def fill(self, model: Any, examples: Any, folder: Path, **more: Any) -> None:
        super().fill(model, examples, folder, **more)
        (folder / "at").write_text(str(folder))

    def open(self, place: Any) -> Any:
        assert (place.cache / "at").read_text() == str(place.cache)
        return super().open(place)


class Scribbling(Live):
    def open(self, place: Any) -> Any:
        def change(logits: Any, batch: Any) -> Any:
            batch.labels_N.zero_()
            return logits

        return Work(change, super().open(place))


class Unseeded(HF):
    def sample(self, *args: Any, seed: int, **more: Any) -> Any:
        return super().sample(*args, seed=int(torch.randint(1 << 30, ())), **more)


class Sorted(HF):
    def sample(self, *args: Any, **more: Any) -> Any:
        return sorted(super().sample(*args, **more), key=lambda answer: answer.id)


class ByPosition(HF):
    def sample(self, model: Any, tokenizer: Any, prompts: Any, spec: Any, **more: Any) -> Any:
        numbered = {str(i): prompt for i, prompt in enumerate(prompts.values())}
        answers = super().sample(model, tokenizer, numbered, spec, **more)
        return [replace(answer, id=list(prompts)[int(answer.id)]) for answer in answers]


class TrustsItsFile(HF):
    def sample(self, *args: Any, path: Any = None, **more: Any) -> Any:
        if path is not None and path.exists() and path.stat().st_size:
            rows = read_jsonl(path)
            whole = super().sample(*args, **more)
            return whole[: len(rows)]
        return super().sample(*args, path=path, **more)


class KeepsTheEnd(HF):
    def sample(self, model: Any, tokenizer: Any, *args: Any, **more: Any) -> Any:
        answers = super().sample(model, tokenizer, *args, **more)
        return [replace(a, ids=(*a.ids, tokenizer.eos_token_id) * a.finished) for a in answers]


class NeverFinished(HF):
    def sample(self, *args: Any, **more: Any) -> Any:
        return [replace(answer, finished=False) for answer in super().sample(*args, **more)]


class OneDraw(HF):
    def sample(self, *args: Any, **more: Any) -> Any:
        answers = super().sample(*args, **more)
        return [replace(a, text=a.id) for a in answers]


class AlwaysDraws(HF):
    def sample(self, model: Any, tokenizer: Any, prompts: Any, spec: Any, **more: Any) -> Any:
        drawing = spec.model_copy(update={"do_sample": True})
        return super().sample(model, tokenizer, prompts, drawing, **more)


class DropsARow(One):
    def share(self, rows: Any) -> Any:
        return rows[:-1]


class Forgetful(One):
    def total(self, value: float) -> float:
        return value + 1


class NobodyFirst(One):
    is_first: ClassVar[Any] = False


class Averaging(One):
    def sum_grads(self, parameters: Any) -> None:
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad /= 2


BROKEN: list[tuple[str, str, type]] = [
    ("source", "whole examples", Strange),
    ("source", "prepare repeats", Shuffled),
    ("source", "examples repeat", Counting),
    ("source", "inputs kept", Popping),
    ("source", "inputs kept", InPlace),
    ("source", "state is JSON", Hoarding),
    ("source", "needs", Greedy),
    ("source", "needs", OwnSetting),
    ("teacher", "own logits", Tempered),
    ("teacher", "rows and tokens", Tracked),
    ("teacher", "chunks", ByChunk),
    ("teacher", "opened again", Drifting),
    ("teacher", "opened again", Bound),
    ("teacher", "inputs kept", Scribbling),
    ("sampler", "repeatable", Unseeded),
    ("sampler", "order", Sorted),
    ("sampler", "order", ByPosition),
    ("sampler", "resumes", TrustsItsFile),
    ("sampler", "ids and text", KeepsTheEnd),
    ("sampler", "ids and text", NeverFinished),
    ("sampler", "samples differ", OneDraw),
    ("sampler", "greedy", AlwaysDraws),
    ("devices", "share", DropsARow),
    ("devices", "total", Forgetful),
    ("devices", "total", NobodyFirst),
    ("devices", "sum of gradients", Averaging),
]


@pytest.mark.parametrize(("kind", "law", "cls"), BROKEN)
def test_a_plug_in_that_breaks_a_law_is_caught(kind: str, law: str, cls: type) -> None:
    report = check(kind, dataclass(frozen=True)(cls)())
    assert law in [failure.law for failure in report.failures]


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in BROKEN}))
def test_every_law_has_a_plug_in_that_breaks_it(kind: str) -> None:
    assert {law for of, law, _ in BROKEN if of == kind} == set(laws(kind))


def test_a_law_broken_on_purpose_is_reported_with_its_reason() -> None:
    @dataclass(frozen=True)
    class Rounded(Tempered):
        exempt: ClassVar[Mapping[str, str]] = {"own logits": "keeps eight bits"}

    report = check("teacher", Rounded())
    assert report.ok
    assert [r.exempt for r in report.results if not r.passed] == ["keeps eight bits"]


def test_an_unknown_exemption_is_an_error() -> None:
    @dataclass(frozen=True)
    class Typo(One):
        exempt: ClassVar[Mapping[str, str]] = {"shares": "a typo"}

    with pytest.raises(UsageError, match=r"shares.*share, total"):
        check("devices", Typo())


def test_the_sampled_answers_end_in_both_ways() -> None:
    """Else the law on the end token would say nothing."""
    answers = sampler_laws._answers(HF())
    assert {answer.finished for answer in answers} == {True, False}
    assert len(answers) == 24 and toys.PADDING > 0


@pytest.mark.parametrize("kind", ["source", "devices"])
def test_verify_tries_all_of_a_kind(kind: str) -> None:
    result = CliRunner().invoke(verify, [kind, "all"])
    assert result.exit_code == 0, result.output
    for name in importlib.import_module(KINDS[kind]).registry.names():
        assert f"{name}" in result.output
    assert result.output.count("pass") >= len(laws(kind))


def test_verify_takes_a_file_of_any_kind(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import dataclass\n"
        "from akl_bench.training.sources.base import Source\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Source):\n"
        "    def prepare(self, rows, teacher):\n"
        "        return rows[:0]\n"
    )
    result = CliRunner().invoke(verify, ["source", "fixed", f"{path}:Mine"])
    assert result.exit_code == 1
    assert "fixed: all laws hold" in result.output and "mine: BROKEN" in result.output
    assert "FAIL    whole examples" in result.output
