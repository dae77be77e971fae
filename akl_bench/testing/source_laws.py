"""The laws that every source keeps, with writers whose answers follow from what they are asked."""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from akl_bench.data.examples import Example
from akl_bench.errors import AklBenchError
from akl_bench.generation.base import Completion
from akl_bench.tasks import GenerationSpec
from akl_bench.testing.laws import Law, Seen, broken
from akl_bench.training.sources.base import Source, State, StepKey, Writer

_END = 1
_ROWS = tuple(
    Example(f"row-{i}", tuple(range(3, 6 + i % 3)), (*range(20, 21 + i % 4), _END), 10 * i)
    for i in range(12)
)
_KEYS = tuple(StepKey(seed, step) for seed in (0, 7) for step in (0, 1, 5))


def _writer(who: str) -> Writer:
    """Answers of 0 to 4 tokens, some cut, that follow from what was asked and nothing else."""

    def write(
        prompts: Mapping[str, Sequence[int]], *, seed: int, **settings: Any
    ) -> list[Completion]:
        spec = GenerationSpec(max_new_tokens=4, **settings)
        answers = []
        for id_, prompt in prompts.items():
            for sample in range(spec.samples):
                asked = f"{who} {seed} {spec!r} {id_} {list(prompt)} {sample}"
                length, finished, *tokens = hashlib.sha256(asked.encode()).digest()
                ids = tuple(30 + token % 50 for token in tokens[: length % 5])
                text = " ".join(map(str, ids))
                answers.append(Completion(id_, sample, text, ids, finished % 2 == 0))
        return answers

    return write


def _given(source: Source, who: str) -> Writer | None:
    """What the contract gives: a writer where `needs` asks for it."""
    need = {"teacher": "teacher text", "student": "student samples"}[who]
    return _writer(who) if need in source.needs else None


def _states(source: Source) -> Iterator[State]:
    """The state at the start, and after validations that went up, down and sideways."""
    state = source.initial_state()
    yield state
    for validation in (0.2, 0.5, 0.4, 0.4):
        state = source.next_state(state, validation)
        yield state


def _step(source: Source, key: StepKey, state: State) -> list[Example]:
    prepared = source.prepare(_ROWS, _given(source, "teacher"))
    rows = [prepared[(4 * key.step + i) % len(prepared)] for i in range(4)]
    return source.examples(key, rows, _given(source, "student"), state)


def _steps(source: Source) -> Iterator[tuple[str, StepKey, State]]:
    for number, state in enumerate(_states(source)):
        for key in _KEYS:
            yield f"{key}, state {number}", key, state


def _whole(source: Source) -> Iterator[Seen]:
    known = {row.id for row in _ROWS}
    prepared = source.prepare(_ROWS, _given(source, "teacher"))
    yield broken(not prepared, "prepare: no example is left")
    ids = [example.id for example in prepared]
    yield broken(len(set(ids)) < len(ids), "prepare: two examples have one id")
    made = [("prepare", prepared)]
    made += [(where, _step(source, key, state)) for where, key, state in _steps(source)]
    for where, examples in made:
        for example in examples:
            yield broken(example.id not in known, f"{where}: nobody knows the id {example.id!r}")
            empty = not (example.prompt and example.response)
            yield broken(empty, f"{where}: {example.id!r} has an empty prompt or response")


def _prepare(source: Source) -> Iterator[Seen]:
    first = source.prepare(_ROWS, _given(source, "teacher"))
    _draw()
    again = source.prepare(list(_ROWS), _given(source, "teacher"))
    yield broken(first != again, "prepare gives something else on the second call")


def _repeatable(source: Source) -> Iterator[Seen]:
    first = [(where, _step(source, key, state)) for where, key, state in _steps(source)]
    _draw()
    # Backwards, so that nothing may rest on the steps before.
    again = [_step(source, key, state) for _, key, state in reversed(list(_steps(source)))]
    for (where, examples), others in zip(first, reversed(again), strict=True):
        yield broken(examples != others, f"{where}: other examples on the second call")


def _inputs(source: Source) -> Iterator[Seen]:
    rows = list(_ROWS)
    source.prepare(rows, _given(source, "teacher"))
    yield broken(rows != list(_ROWS), "prepare changed the rows")
    for where, key, state in _steps(source):
        kept = dict(state)
        source.examples(key, rows, _given(source, "student"), state)
        yield broken(rows != list(_ROWS), f"{where}: examples() changed the rows")
        source.next_state(state, 0.3)
        yield broken(dict(state) != kept, f"{where}: the state was changed in place")


def _state(source: Source) -> Iterator[Seen]:
    for number, (state, again) in enumerate(zip(_states(source), _states(source), strict=True)):
        read = json.loads(json.dumps(dict(state), allow_nan=False))
        yield broken(read != dict(state), f"state {number}: JSON gives back {read}, not {state}")
        yield broken(dict(again) != dict(state), f"state {number}: another one the second time")


def _needs(source: Source) -> Iterator[Seen]:
    """Writers that `needs` does not name refuse, instead of being absent."""
    prepared = source.prepare(_ROWS, _given(source, "teacher") or _refuse)
    yield broken(False, "prepare")
    for where, key, state in _steps(source):
        source.examples(key, prepared[:4], _given(source, "student") or _refuse, state)
        yield broken(False, where)


def _refuse(*args: Any, **settings: Any) -> list[Completion]:
    raise AklBenchError("asks for a text that `needs` does not name")


def _draw() -> None:
    """Move the global generators on; they are no part of what a source may depend on."""
    random.random()
    np.random.random()
    import torch

    torch.rand(1)


LAWS: dict[str, Law] = {
    "whole examples": (_whole, 0.0),
    "prepare repeats": (_prepare, 0.0),
    "examples repeat": (_repeatable, 0.0),
    "inputs kept": (_inputs, 0.0),
    "state is JSON": (_state, 0.0),
    "needs": (_needs, 0.0),
}
