"""How often AKL's weight is near 1/2 on held-out tokens, before and after training with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from akl_bench import divergences
from akl_bench.config import ModelRef
from akl_bench.data.batches import Encoded, collate
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.errors import UsageError
from akl_bench.models.heads import output_head
from akl_bench.models.loading import build_student, load_model, load_tokenizer
from akl_bench.papers.akl.claims import run_figures
from akl_bench.papers.akl.claims.card import AKL, MIX, NEAR, Part, Table, Verdict, below, shown
from akl_bench.papers.akl.claims.closing import Floats
from akl_bench.papers.akl.claims.run_parts import untested
from akl_bench.papers.akl.claims.runs import Trained
from akl_bench.pipeline import prepare
from akl_bench.statistics import summary
from akl_bench.training._linear_head import Layer
from akl_bench.training.teacher_states import CachedTeacher, LiveTeacher

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_TOKENS = 4000
_BATCH = 8
_CHUNK = 128


@dataclass(frozen=True)
class Weighed:
    """AKL on held-out tokens.

    Attributes:
        w_N: Its weight of KL(p||q), token by token.
        apart: How far it is from the half-half mix: mean |AKL - mix| over the mean of the mix.
    """

    w_N: Floats
    apart: float

    @property
    def near(self) -> float:
        """Share of tokens with w near 1/2."""
        return float((np.abs(self.w_N - 0.5) < NEAR).mean())


def weights(run: Trained) -> Part:
    """Claim 5 from the students that AKL has trained, on the profile's first fidelity task."""
    if (missing := untested(run, (AKL,), "train it")) is not None:
        return missing
    tasks = [t.name for t in run.frame.profile.tasks.values() if t.kind == "fidelity"]
    folders = [
        path.parent
        for path in sorted((run.folder / "shared").glob("*/shared.json"))
        if tasks and (path.parent / f"teacher-{tasks[0]}").is_dir()
    ]
    places = {seed: cell.folder / "student" for seed, cell in run.cells(AKL).items()}
    places = {seed: place for seed, place in places.items() if place.is_dir()}
    if len(folders) != 1 or not places:
        need = "a fidelity task, its teacher states (one folder under shared/) and AKL's students"
        return Part(run.label, Verdict.UNTESTED, f"{run.folder}: it needs {need} (cells/*/student)")
    held_out = _HeldOut(folders[0], tasks[0], next(iter(places.values())))
    trained = {seed: held_out.weigh(_load(place)) for seed, place in places.items()}
    start = _start(run, held_out, min(trained))
    near = summary([weighed.near for weighed in trained.values()])
    assert near.mean is not None, "there is at least one"
    groups = {"before training": start, "after training": trained}
    rows = [_row(name, list(group.values())) for name, group in groups.items() if group]
    return Part(
        run.label,
        below(near.low, near.high, 0.5),
        f"w is within {NEAR} of 1/2 on {shown(near.mean, near.low, near.high, '.0%')} of "
        f"{held_out.tokens} held-out tokens after training; seeds: {len(trained)}",
        Table(["student: AKL", "w near 1/2", "mean w", "AKL from the mix", "seeds"], rows),
        [f"AKL from the mix: mean |AKL - mix| over the mean of the mix, on tokens of {tasks[0]}."],
        {name: {s: w.near for s, w in group.items()} for name, group in groups.items()},
        f"claims-{run.slug}-weights",
        partial(run_figures.weights, {n: [w.w_N for w in g.values()] for n, g in groups.items()}),
    )


class _HeldOut:
    """Held-out responses and the teacher's states on them."""

    def __init__(self, shared: Path, task: str, student: Path):
        self._device = prepare.device()
        self._vocab_size: int = prepare.load_shared(shared)["vocab_size"]
        self._encoded = prepare.load_encoded(shared / f"{task}.npz")
        self._batches = _first(self._encoded)
        self._teacher = CachedTeacher(shared / f"teacher-{task}")
        self._head = prepare.load_teacher_head(shared, self._vocab_size, self._device)
        self._pad_id = load_tokenizer(_at(student), online=False).pad_token_id
        self.tokens = sum(len(self._encoded.responses[r]) for rows in self._batches for r in rows)

    @torch.no_grad()
    def weigh(self, model: PreTrainedModel) -> Weighed:
        """AKL's weights where this student answers; chunk by chunk of tokens."""
        akl, mix = divergences.get(AKL), divergences.get(MIX)
        assert isinstance(akl, AdaptiveKL), "the spec names it"
        live, parts_N, apart, mixed = LiveTeacher(model), [], 0.0, 0.0
        for rows in self._batches:
            batch = collate(self._encoded, rows, self._pad_id)
            teacher_NE = self._teacher.hidden(batch).to(self._device)
            head = self._head
            layers = (
                Layer(teacher_NE, head.weight_VD, head.bias_V, head.tokens),
                Layer(live.hidden(batch), *output_head(model), self._vocab_size),
            )
            for start in range(0, len(teacher_NE), _CHUNK):
                chunk = slice(start, start + _CHUNK)
                logp_NV, logq_NV = (layer.logits(chunk).log_softmax(-1) for layer in layers)
                w_N, _, _ = akl.weights(logp_NV, logq_NV)
                d_N = akl.per_token(logp_NV, logq_NV)
                mix_N = mix.per_token(logp_NV, logq_NV)
                parts_N.append(w_N.double().cpu().numpy())
                apart += float((d_N - mix_N).abs().sum())
                mixed += float(mix_N.sum())
        return Weighed(np.concatenate(parts_N), apart / mixed)


def _first(encoded: Encoded) -> list[list[int]]:
    """The first examples that hold enough tokens, in batches."""
    rows: list[int] = []
    for row in range(len(encoded)):
        rows.append(row)
        if sum(len(encoded.responses[r]) for r in rows) >= _TOKENS:
            break
    return [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]


def _start(run: Trained, held_out: _HeldOut, seed: int) -> Mapping[int, Weighed]:
    """One student before training; none where the models that it is made from are gone."""
    profile = run.frame.profile
    try:
        student = build_student(
            profile.students[run.student],
            profile.teacher,
            seed=seed,
            dtype=torch.float32,
            device=prepare.device(),
        )
    except UsageError:
        return {}
    return {seed: held_out.weigh(student)}


def _load(place: Path) -> PreTrainedModel:
    return load_model(_at(place), dtype=torch.float32, device=prepare.device())


def _at(place: Path) -> ModelRef:
    return ModelRef(source="path", path=str(place))


def _row(name: str, group: list[Weighed]) -> list[str]:
    near = summary([w.near for w in group])
    assert near.mean is not None, "there is at least one"
    mean_w = float(np.mean([w.w_N.mean() for w in group]))
    apart = float(np.mean([w.apart for w in group]))
    share = shown(near.mean, near.low, near.high, ".0%")
    return [name, share, f"{mean_w:.2f}", f"{apart:.1%}", str(len(group))]
