"""Claim 5: how often AKL's weight is near 1/2, where it is just the half-half mix."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel

from akl_bench import divergences
from akl_bench.artifacts.records import Seal
from akl_bench.artifacts.store import Run, read_seal
from akl_bench.data.batches import collate
from akl_bench.data.examples import read_examples, response_tokens
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.errors import UsageError
from akl_bench.models.loading import build_student, load_model, model_in
from akl_bench.papers.akl.claims.card import LOOKS, Floats, Part, lies, listed, shown
from akl_bench.papers.akl.claims.runs import Trained, Untested, of_run
from akl_bench.papers.akl.claims.toy import WHERE, Toy
from akl_bench.papers.akl.logits import device, first, logits
from akl_bench.papers.akl.objectives import AKL, MIX, NEAR
from akl_bench.papers.akl.output import panels
from akl_bench.pipeline.shared import EXAMPLES, HEAD
from akl_bench.report.figures import GREY
from akl_bench.statistics import summary
from akl_bench.training.logits import Head
from akl_bench.training.teachers.base import Place
from akl_bench.training.teachers.cached import Cached

_TOKENS = 4000
_CHUNK = 128
_COLOUR = LOOKS[AKL].color


def toys(trained: Sequence[Toy]) -> Part:
    """Every start of every toy."""
    shares, rows, data = {}, [], {}
    for toy in trained:
        name, s = toy.setting.name, toy.students[AKL]
        total = s.head + s.tail
        early = total >= total[0] / 10
        near = np.abs(s.w - 0.5) < NEAR
        shares[name] = summary((near & early).sum(0) / early.sum(0))
        data[name] = {"near_half": shares[name], "w": s.w[early].mean()}
        all_near = [shown(shares[name], ".0%"), f"{near[0].mean():.0%}", f"{near.mean():.0%}"]
        counted = f"{early.sum(0).mean():.0f} of {toy.setting.steps}"
        rows.append([name, *all_near, f"{data[name]['w']:.2f}", counted])
    verdicts, draw = [lies(s, below=0.5) for s in shares.values()], partial(_draw_toys, trained)
    facts: Any = {"near": NEAR, "shares": listed(shares, ".0%")}
    return WHERE.part("weights", verdicts, rows, data, draw, **facts)


class Weighed(NamedTuple):
    """AKL on held-out tokens."""

    w_N: Floats  # its weight of KL(p||q), token by token
    apart: float  # from the half-half mix: mean |AKL - mix| over the mean of the mix

    @property
    def near(self) -> float:
        """Share of tokens with w near 1/2."""
        return float((np.abs(self.w_N - 0.5) < NEAR).mean())


@of_run
def run(run: Trained) -> Part:
    """The students that AKL has trained, on the profile's first fidelity task."""
    run.need(AKL)
    places = {s: c.folder.model for s, c in run.cells(AKL).items() if c.folder.model.is_dir()}
    if not places:
        raise Untested("AKL's students are gone (cells/*/student)")
    held_out = _HeldOut(run)
    as_weighed: Any = {"dtype": torch.float32, "device": device()}
    trained = {s: held_out.weigh(model_in(place, **as_weighed)) for s, place in places.items()}
    groups, profile = {"before training": {}, "after training": trained}, run.frame.profile
    # Where the models that they are made from are gone, the trained ones can still be weighed.
    with suppress(UsageError):
        refs, seed = (profile.students[run.student], profile.teacher), min(trained)
        untrained = build_student(*refs, seed=seed, **as_weighed)
        groups["before training"][seed] = held_out.weigh(untrained)
    near = summary([weighed.near for weighed in trained.values()])
    rows = [_row(name, list(group.values())) for name, group in groups.items() if group]
    data = {name: {seed: w.near for seed, w in group.items()} for name, group in groups.items()}
    draw = partial(_draw_run, {n: [w.w_N for w in g.values()] for n, g in groups.items()})
    facts: Any = {"near": NEAR, "share": shown(near, ".0%"), "seeds": len(trained)}
    facts |= {"tokens": held_out.tokens, "task": held_out.task}
    return run.where.part("weights", [lies(near, below=0.5)], rows, data, draw, **facts)


class _HeldOut:
    """Responses of the first fidelity task, and the teacher on them, as the run has kept them."""

    def __init__(self, run: Trained):
        protocols = {
            task: protocol
            for cell in run.cells(AKL).values()
            for (task, _), protocol in cell.protocols.items()
            if run.frame.tasks[task].kind == "fidelity"
        }
        if not protocols:
            raise Untested("no fidelity task was scored")
        self.task, protocol = next(iter(protocols.items()))
        teacher = {"teacher": protocol["teacher"]}
        rows = {name: protocol[name] for name in ("rows", "prompt", "lengths")}
        folder, seal = _shared(run, f"examples-task-{self.task}", rows)
        self._examples = first(read_examples(folder / EXAMPLES), _TOKENS)
        self.tokens = response_tokens(self._examples)
        cache, states = _shared(run, f"states-task-{self.task}", {"examples": seal.key, **teacher})
        same = {name: states.fields[name] for name in ("teacher", "precision", "device")}
        tensors = load_file(_shared(run, "head", same)[0] / HEAD, device=str(device()))
        about: Any = _shared(run, "models", teacher)[1].record
        self._vocab_size = int(about.about["vocab_size"])
        head = Head(tensors["weight"], tensors.get("bias"), self._vocab_size)
        load = partial(load_model, run.frame.profile.teacher, dtype=torch.float32, device=device())
        self._teacher = Cached().open(Place(device(), cache, lambda: head, load))

    @torch.no_grad()
    def weigh(self, model: PreTrainedModel) -> Weighed:
        """AKL's weights where this student answers; chunk by chunk of tokens."""
        akl, mix = divergences.get(AKL), divergences.get(MIX)
        assert isinstance(akl, AdaptiveKL), "the spec names it"
        teacher = self._teacher.logits(collate(self._examples, pad_id=0))
        student = logits(model, self._examples, self._vocab_size)
        columns = []
        for start in range(0, self.tokens, _CHUNK):
            at = slice(start, start + _CHUNK)
            logs = [side.chunk(at).log_softmax(-1) for side in (teacher, student)]
            w_N, _, _ = akl.weights(*logs)
            columns.append(torch.stack([w_N, akl.per_token(*logs), mix.per_token(*logs)]))
        w_N, akl_N, mix_N = torch.cat(columns, dim=-1).double().cpu().numpy()
        return Weighed(w_N, float(np.abs(akl_N - mix_N).mean() / mix_N.mean()))


def _shared(run: Trained, name: str, fields: dict[str, Any]) -> tuple[Path, Seal]:
    """What the cells of a run share under a name, by what it was made from."""
    for folder in sorted(Run(run.folder).shared.glob(f"{name}-????????")):
        seal = read_seal(folder)
        if seal is not None and fields.items() <= seal.fields.items():
            return folder, seal
    raise Untested(f"shared/{name}-* is gone")


def _row(name: str, group: Sequence[Weighed]) -> list[str]:
    mean_w = np.mean([w.w_N.mean() for w in group])
    apart = np.mean([w.apart for w in group])
    near = shown(summary([w.near for w in group]), ".0%")
    return [name, near, f"{mean_w:.2f}", f"{apart:.1%}", str(len(group))]


def _draw_toys(trained: Sequence[Toy], path: Path) -> None:
    """AKL's weight over the updates."""
    with panels(path, 10.0, 2.5, 1, len(trained), sharey=True) as (row,):
        for axes, toy in zip(row, trained, strict=True):
            w = toy.students[AKL].w[:51]
            axes.axhspan(0.5 - NEAR, 0.5 + NEAR, color="0.88", zorder=0)
            axes.plot(w, color=GREY, alpha=0.35, linewidth=0.7)
            axes.plot(w.mean(1), color=_COLOUR, linewidth=1.8)
            axes.set(title=toy.setting.name, xlim=(0, 50), ylim=(0, 1), xlabel="updates")
        row[0].set_ylabel("w (grey: single starts)")
        row[0].text(49, 0.5 + NEAR + 0.02, "within .05 of 1/2", ha="right", color="0.35")


def _draw_run(groups: Mapping[str, Sequence[Floats]], path: Path) -> None:
    """Share of held-out tokens below a weight; a line is a seed."""
    styles = ((GREY, "--"), (_COLOUR, "-"))  # before and after training
    with panels(path, 5.0, 3.2, 1, 1) as ((axes,),):
        axes.axvspan(0.5 - NEAR, 0.5 + NEAR, color="0.88", zorder=0)
        for (name, group), (color, dash) in zip(groups.items(), styles, strict=True):
            for number, w_N in enumerate(group):
                # A grid of 201 weights instead of a step per token keeps the file small.
                x = np.linspace(0, 1, 201)
                share = np.searchsorted(np.sort(w_N), x, side="right") / w_N.size
                label = None if number else name
                axes.plot(x, share, color=color, linestyle=dash, linewidth=1.4, label=label)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share of held-out tokens at or below")
        axes.set_xlabel("w, AKL's share of KL(p||q); shaded: within .05 of 1/2")
        axes.legend(loc="upper left")
