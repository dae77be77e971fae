"""The laws that every sampler keeps, with a tiny Llama whose vocabulary is padded."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import LlamaForCausalLM

from akl_bench.generation.base import Completion, Sampler
from akl_bench.tasks import GenerationSpec
from akl_bench.testing import toys
from akl_bench.testing.laws import Law, Seen, broken

# Three batches; long enough that some answers end by themselves and others do not.
_SPEC = GenerationSpec(max_new_tokens=16, samples=3, batch_size=9)
_GREEDY = _SPEC.model_copy(update={"do_sample": False, "samples": 1, "max_new_tokens": 6})


@cache
def _model() -> LlamaForCausalLM:
    return toys.llama()


def _prompts() -> dict[str, list[int]]:
    return {f"p{i}": list(range(5, 8 + i % 4)) for i in (3, 0, 6, 1, 7, 4, 2, 5)}


def _answers(sampler: Sampler, spec: GenerationSpec = _SPEC, **more: Any) -> list[Completion]:
    arguments = {"prompts": _prompts(), "seed": 1, **more}
    return sampler.sample(_model(), toys.tokenizer(), spec=spec, **arguments)


def _repeatable(sampler: Sampler) -> Iterator[Seen]:
    first = _answers(sampler)
    before = torch.get_rng_state()
    again = _answers(sampler)
    moved = not torch.equal(torch.get_rng_state(), before)
    yield broken(moved, "the caller's random generator is moved on")
    torch.rand(5)
    yield broken(again != first, "other answers on the second call")
    later = _answers(sampler)
    yield broken(later != first, "the answers depend on the caller's random generator")
    yield broken(_answers(sampler, seed=2) == first, "another seed gives the same answers")


def _order(sampler: Sampler) -> Iterator[Seen]:
    prompts = _prompts()
    first = _answers(sampler)
    keys = [(answer.id, answer.sample) for answer in first]
    asked = [(id_, sample) for id_ in prompts for sample in range(_SPEC.samples)]
    yield broken(keys != asked, f"asked for {asked[:4]}... came {keys[:4]}...")
    turned = _answers(sampler, prompts=dict(reversed(prompts.items())))
    by_key = {(answer.id, answer.sample): answer for answer in turned}
    for answer in first:
        other = by_key.get((answer.id, answer.sample))
        yield broken(other != answer, f"{answer} with the prompts reversed is {other}")


def _resumes(sampler: Sampler) -> Iterator[Seen]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "completions.jsonl"
        whole = _answers(sampler, path=path)
        yield broken(whole != _answers(sampler), "other answers where a file keeps them")
        content = path.read_bytes()
        yield broken(_answers(sampler, path=path) != whole, "a whole file gives other answers")
        lines = content.splitlines(keepends=True)
        # Nothing, within the first line, at the end of a batch, and within a later one.
        for cut in (0, len(lines[0]) // 2, *(len(b"".join(lines[:n])) for n in (9, 11))):
            path.write_bytes(content[:cut])
            where = f"cut at byte {cut} of {len(content)}"
            yield broken(_answers(sampler, path=path) != whole, f"{where}: other answers")
            yield broken(path.read_bytes() != content, f"{where}: another file")


def _tokens(sampler: Sampler) -> Iterator[Seen]:
    tokenizer = toys.tokenizer()
    for answer in _answers(sampler):
        text = str(tokenizer.decode(list(answer.ids), skip_special_tokens=True)).strip()
        yield broken(text != answer.text, f"{answer}: its ids decode to {text!r}")
        yield broken(tokenizer.eos_token_id in answer.ids, f"{answer}: the end token is in its ids")
        padding = any(token >= len(tokenizer) for token in answer.ids)
        yield broken(padding, f"{answer}: an id that is no token")
        n, limit = len(answer.ids), _SPEC.max_new_tokens
        yield broken(n > limit, f"{answer}: {n} tokens, {limit} allowed")
        # What is short of the limit was ended by the end token, and nothing else was.
        yield broken(answer.finished != (n < limit), f"{answer}: {n} tokens of {limit}")


def _draws(sampler: Sampler) -> Iterator[Seen]:
    answers = _answers(sampler)
    texts = {id_: {a.text for a in answers if a.id == id_} for id_ in _prompts()}
    alike = all(len(drawn) == 1 for drawn in texts.values())
    yield broken(alike, f"all {_SPEC.samples} samples of every prompt are alike")


def _greedy(sampler: Sampler) -> Iterator[Seen]:
    """The likeliest token each time, whatever the seed and the batch."""
    together = _answers(sampler, _GREEDY)
    yield broken(_answers(sampler, _GREEDY, seed=2) != together, "depends on the seed")
    alone = _answers(sampler, _GREEDY.model_copy(update={"batch_size": 1}))
    yield broken(alone != together, "depends on the size of the batch")
    tokenizer = toys.tokenizer()
    for answer in together:
        ids = list(_prompts()[answer.id])
        start = len(ids)
        while len(ids) < start + _GREEDY.max_new_tokens:
            with torch.no_grad():
                logits_V = _model()(torch.tensor([ids])).logits[0, -1, : len(tokenizer)]
            if (token := int(logits_V.argmax())) == tokenizer.eos_token_id:
                break
            ids.append(token)
        yield broken(tuple(ids[start:]) != answer.ids, f"{answer}: the likeliest are {ids[start:]}")


LAWS: dict[str, Law] = {
    "repeatable": (_repeatable, 0.0),
    "order": (_order, 0.0),
    "resumes": (_resumes, 0.0),
    "ids and text": (_tokens, 0.0),
    "samples differ": (_draws, 0.0),
    "greedy": (_greedy, 0.0),
}
