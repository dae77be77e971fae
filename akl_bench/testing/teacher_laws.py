"""The laws that every teacher keeps, with a tiny float32 Llama in its place.

A teacher that is not exact (the likeliest tokens alone, say) names the first law in an attribute
`exempt`, with the reason.
"""

import copy
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from akl_bench.data.batches import Batch, collate
from akl_bench.data.examples import Example
from akl_bench.models.heads import output_head
from akl_bench.testing import toys
from akl_bench.testing.laws import Law, Seen, broken
from akl_bench.training.logits import Head, Logits
from akl_bench.training.teachers.base import Place, Teacher


@cache
def _model() -> LlamaForCausalLM:
    return toys.llama()


@cache
def _examples() -> tuple[Example, ...]:
    return tuple(toys.examples(12))


@contextmanager
def _place(teacher: Teacher) -> Iterator[Place]:
    """Where the teacher is at work, its cache filled if it has one."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "cache"
        folder.mkdir()
        if teacher.has_cache:
            pad_id = toys.tokenizer().pad_token_id
            teacher.fill(_model(), _examples(), folder, pad_id=pad_id)
        weight_VD, bias_V = output_head(_model())
        head = Head(weight_VD.detach(), bias_V, len(toys.tokenizer()))
        cache_folder = folder if teacher.has_cache else None
        yield Place(torch.device("cpu"), cache_folder, lambda: head, _model)


def _batches() -> Iterator[tuple[str, Sequence[Example], Batch]]:
    """Batches of other sizes, orders and widths than the cache was filled in."""
    for name, rows in {
        "one example": _examples()[5:6],
        "three examples": _examples()[8:2:-2],
        "all examples": _examples(),
    }.items():
        yield name, rows, collate(rows, toys.tokenizer().pad_token_id)


def _exact(teacher: Teacher) -> Iterator[Seen]:
    """Against each sequence alone, in float64: two layers of 32 leave float32 five digits."""
    model = copy.deepcopy(_model()).double()
    with _place(teacher) as place, torch.no_grad():
        at_work = teacher.open(place)
        for name, rows, batch in _batches():
            true = []
            for row in rows:
                sequence_BT = torch.tensor([row.prompt + row.response])
                start = len(row.prompt) - 1
                logits_TV = model(sequence_BT).logits[0, start : start + len(row.response)]
                true.append(logits_TV[:, : len(toys.tokenizer())])
            true_NV = torch.cat(true)
            error = _gap(_all(at_work.logits(batch)).double(), true_NV)
            yield error, f"{name}: relative error of the logits"


def _shape(teacher: Teacher) -> Iterator[Seen]:
    with _place(teacher) as place:
        at_work = teacher.open(place)
        for name, _, batch in _batches():
            logits = at_work.logits(batch)
            n = batch.labels_N.numel()
            yield broken(logits.rows != n, f"{name}: rows={logits.rows} of {n} response tokens")
            tokens = len(toys.tokenizer())
            yield broken(logits.tokens != tokens, f"{name}: tokens={logits.tokens} of {tokens}")
            chunk_NV = logits.chunk(slice(0, 2))
            shape = tuple(chunk_NV.shape)
            yield broken(shape != (2, tokens), f"{name}: a chunk of two rows has shape {shape}")
            narrow = chunk_NV.dtype not in (torch.float32, torch.float64)
            yield broken(narrow, f"{name}: a chunk is {chunk_NV.dtype}, not float32")
            yield broken(chunk_NV.requires_grad, f"{name}: a gradient would reach the teacher")
            yield broken(bool(_all(logits).isnan().any()), f"{name}: logits that are NaN")


def _chunks(teacher: Teacher) -> Iterator[Seen]:
    with _place(teacher) as place:
        at_work = teacher.open(place)
        for name, _, batch in _batches():
            logits = at_work.logits(batch)
            whole_NV = _all(logits)
            for size in (1, 3):
                error = _gap(_all(logits, size), whole_NV)
                yield error, f"{name}: change of the logits in chunks of {size}"


def _opened_again(teacher: Teacher) -> Iterator[Seen]:
    with _place(teacher) as place:
        places = {"opened a second time": place}
        if place.cache is not None:
            moved = place.cache.with_name("moved")
            shutil.copytree(place.cache, moved)
            places["with the cache in another folder"] = replace(place, cache=moved)
        first = teacher.open(place)
        for where, other in places.items():
            at_work = teacher.open(other)
            for name, _, batch in _batches():
                same = torch.equal(_all(first.logits(batch)), _all(at_work.logits(batch)))
                yield broken(not same, f"{name}: other logits {where}")


def _inputs(teacher: Teacher) -> Iterator[Seen]:
    with _place(teacher) as place:
        at_work = teacher.open(place)
        for name, _, batch in _batches():
            kept = copy.deepcopy(batch)
            _all(at_work.logits(batch))
            pairs = zip(astuple(batch), astuple(kept), strict=True)
            yield broken(
                not all(torch.equal(one, other) for one, other in pairs),
                f"{name}: the batch was changed",
            )


def _all(logits: Logits, size: int | None = None) -> Tensor:
    """All rows, by chunks of a size; each is copied, as the next one may overwrite it."""
    size = size or logits.rows
    starts = range(0, logits.rows, size)
    chunks = [logits.chunk(slice(i, min(i + size, logits.rows))).clone() for i in starts]
    return torch.cat(chunks)


def _gap(given_NV: Tensor, true_NV: Tensor) -> float:
    """Largest gap relative to the largest logit; what one alone rules out (-inf) is infinite."""
    gap_NV = (given_NV - true_NV).abs().where(given_NV != true_NV, 0.0)
    return float(gap_NV.max() / true_NV[true_NV.isfinite()].abs().max())


LAWS: dict[str, Law] = {
    "own logits": (_exact, 1e-5),
    "rows and tokens": (_shape, 0.0),
    "chunks": (_chunks, 1e-6),
    "opened again": (_opened_again, 0.0),
    "inputs kept": (_inputs, 0.0),
}
