"""Which of a dozen classic distillation bugs does the gate see?

    python benchmarks/planted_bugs.py --out /some/folder

Each bug is patched into the real code, students are trained with it, and `akl-bench check` compares
them with a baseline made without. The micro profile is used with a temperature, a mixture, padded
vocabulary rows and a teacher with dropout, so that every bug has something to act on.
tests/gate/test_planted_bugs.py does the same with a small budget.
"""

import argparse
import contextlib
import importlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from akl_bench import config, microworld
from akl_bench.artifacts.files import write_json
from akl_bench.data.batches import Batch, collate
from akl_bench.divergences import Divergence
from akl_bench.divergences.forward_kl import ForwardKL
from akl_bench.divergences.reverse_kl import ReverseKL
from akl_bench.executors.base import Event, Executor, Job, Machine
from akl_bench.gate import baseline as files
from akl_bench.gate.check import Mode, check
from akl_bench.gate.comparison import Comparison, Report
from akl_bench.gate.snapshot import measure
from akl_bench.gate.verdicts import Verdict
from akl_bench.generation import hf
from akl_bench.pipeline import planning, run
from akl_bench.pipeline import train as stage
from akl_bench.report.frame import load
from akl_bench.training import _chunk_loss, loop
from akl_bench.training.logits import Head
from akl_bench.training.objective import Objective
from akl_bench.training.schedule import learning_rate
from akl_bench.training.teachers import live

OBJECTIVE = "forward_kl"
# Something for every bug to act on.
SETTINGS = (
    "teacher.source=path",
    # A bug that trials see would move the learning rate, and everything with it.
    "training.lr=2e-3",
    "training.kd_ratio=0.75",
    "training.temperature=2.0",
    # The cache has no states at prompt tokens, which two of the bugs look at.
    "training.teacher=live",
)
_PADDING = 23
_BASELINE_SEEDS, _BUG_SEEDS = 10, 3

Patch = Callable[[Any, str, Any], None]


def _swapped_kl(patch: Patch) -> None:
    for name in ("per_token", "per_token_and_grad"):
        patch(ForwardKL, name, getattr(ReverseKL, name))


def _objective(patch: Patch, change: Callable[[float, float], tuple[float, float]]) -> None:
    def changed(
        divergence: Divergence | None, *, kd_ratio: float, temperature: float = 1.0, **options: Any
    ) -> Objective:
        return Objective(divergence, *change(kd_ratio, temperature), **options)

    patch(stage, "Objective", changed)


def _no_temperature(patch: Patch) -> None:
    _objective(patch, lambda kd_ratio, temperature: (kd_ratio, 1.0))


def _wrong_mixture(patch: Patch) -> None:
    _objective(patch, lambda kd_ratio, temperature: (1 - kd_ratio, temperature))


def _batches(patch: Patch, change: Callable[[Batch], Batch]) -> None:
    patch(loop, "collate", lambda *a: change(collate(*a)))


def _label_shift(patch: Patch) -> None:
    _batches(patch, lambda batch: replace(batch, labels_N=batch.labels_N.roll(-1)))


def _mask_inverted(patch: Patch) -> None:
    def change(batch: Batch) -> Batch:
        flat = batch.input_ids_BT.flatten()
        others = torch.ones_like(flat, dtype=torch.bool)
        others[batch.positions_N] = False
        return _at(batch, others.nonzero().squeeze(1)[:-1])

    _batches(patch, change)


def _prompt_in_loss(patch: Patch) -> None:
    def change(batch: Batch) -> Batch:
        width = batch.input_ids_BT.shape[1]
        columns_N = batch.positions_N % width
        first_N = torch.cat([torch.tensor([True]), columns_N[1:] != columns_N[:-1] + 1])
        starts = batch.positions_N[first_N]
        prompts = torch.cat([torch.arange(int(s) - int(s) % width, int(s)) for s in starts])
        extra = _at(batch, prompts)
        return replace(
            batch,
            positions_N=torch.cat([batch.positions_N, extra.positions_N]),
            labels_N=torch.cat([batch.labels_N, extra.labels_N]),
        )

    _batches(patch, change)


def _at(batch: Batch, positions_N: Tensor) -> Batch:
    """The batch with its loss at other positions, each predicting the next input token."""
    labels_N = batch.input_ids_BT.flatten()[positions_N + 1]
    return replace(batch, positions_N=positions_N, labels_N=labels_N)


def _padding_unmasked(patch: Patch) -> None:
    patch(Head, "tokens", property(lambda head: head.weight_VD.shape[0]))


def _teacher_in_train_mode(patch: Patch) -> None:
    states = live.hidden_states
    patch(live, "hidden_states", lambda teacher, batch: states(teacher.train(), batch))


def _learning_rate(patch: Patch) -> None:
    patch(loop, "learning_rate", lambda *a: 10 * learning_rate(*a))


def _last_batch_dropped(patch: Patch) -> None:
    def rows(n: int, batch_size: int, step: int, seed: int) -> list[int]:
        epoch, index = divmod(step, -(-n // batch_size) - 1)
        order = np.random.default_rng((seed, epoch)).permutation(n)
        return [int(row) for row in order[index * batch_size : (index + 1) * batch_size]]

    patch(loop, "step_rows", rows)


def _eos_kept(patch: Patch) -> None:
    def kept(response_T: Tensor, tokenizer: Any, eos: int) -> tuple[str, tuple[int, ...], bool]:
        ids = response_T.tolist()
        end = ids.index(eos) + 1 if eos in ids else len(ids)
        text = tokenizer.decode(ids[:end], skip_special_tokens=False)
        return text.strip(), tuple(ids[:end]), eos in ids

    patch(hf, "_answer", kept)


def _half_softmax(patch: Patch) -> None:
    whole = _chunk_loss.log_softmax

    def half(z_NV: Tensor, temperature: float = 1.0) -> Tensor:
        return whole(z_NV.half(), temperature).float()

    patch(_chunk_loss, "log_softmax", half)


BUGS: dict[str, Callable[[Patch], None]] = {
    "swapped KL direction": _swapped_kl,
    "temperature not applied": _no_temperature,
    "labels shifted by one": _label_shift,
    "loss mask inverted": _mask_inverted,
    "padded vocabulary unmasked": _padding_unmasked,
    "teacher in train mode": _teacher_in_train_mode,
    "learning rate x10": _learning_rate,
    "last batch dropped": _last_batch_dropped,
    "end token kept in answers": _eos_kept,
    "wrong mixture weight": _wrong_mixture,
    "half-precision softmax": _half_softmax,
    "prompt tokens in the loss": _prompt_in_loss,
}


class InProcess(Executor):
    """Runs jobs in this process, so that patches reach them."""

    def machine(self) -> Machine:
        """See `Executor.machine`."""
        return Machine()

    def run(
        self, jobs: Sequence[Job], on_event: Callable[[Event], None], preload: Sequence[str] = ()
    ) -> None:
        """Run all jobs in turn."""
        torch.set_num_threads(1)
        for job in jobs:
            module, _, function = job.function.partition(":")
            work = getattr(importlib.import_module(module), function)
            try:
                work(*job.arguments, lambda *where: None)
            except Exception as error:
                on_event(Event(job, "failed", message=f"{type(error).__name__}: {error}"))


@contextlib.contextmanager
def planted(bug: str | None) -> Iterator[None]:
    """Within it a cell of this process has a bug of `BUGS` (None: none)."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    with contextlib.ExitStack() as stack:

        def patch(where: Any, name: str, value: Any) -> None:
            stack.enter_context(mock.patch.object(where, name, value))

        # Teacher and untrained rows tell nothing here and cost as much as a student.
        asked = planning._Planner._asked
        patch(
            planning._Planner,
            "_asked",
            lambda *a: (c for c in asked(*a) if c.record.kind == "trained"),
        )
        if bug is not None:
            BUGS[bug](patch)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic)


def make_teacher(folder: Path) -> Path:
    """The micro teacher with dropout, and with padding rows that would take probability."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in microworld.TEACHER.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    about = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    for name, weight_VD in weights.items():
        if weight_VD.shape[0] == about["vocab_size"]:
            weights[name] = torch.cat([weight_VD, weight_VD[-_PADDING:]])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    about |= {"attention_dropout": 0.1, "vocab_size": about["vocab_size"] + _PADDING}
    (folder / "config.json").write_text(json.dumps(about))
    return folder


def train(
    folder: Path, teacher: Path, seeds: Sequence[int], settings: Sequence[str], bug: str | None
) -> Path:
    """Run the cells of one bug; what is sealed already stays."""
    wanted = [*SETTINGS, f"teacher.path={teacher}", f"seeds={list(seeds)}", *settings]
    with planted(bug):
        profile = config.load("micro", wanted)
        outcome = run.run([OBJECTIVE], profile, folder, executor=InProcess())
    if outcome.failed:
        raise RuntimeError(f"{bug}: {outcome.failed}")
    return folder


def verdict_of(base: files.Baseline, folder: Path, mode: Mode) -> Report:
    """What the gate says of a run, by the default policy."""
    return check(base, measure(load(folder)), base.policy, mode=mode)


def called(report: Report) -> list[Comparison]:
    """What is worse; what fails the check first, the most certain first."""
    worse = [c for c in report.comparisons if c.verdict in (Verdict.REGRESSION, Verdict.WARN)]
    return sorted(worse, key=lambda c: (not c.fails, c.p or 0.0))


def main() -> None:
    """Train, check, and print the table of docs/ci.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs; resumable")
    parser.add_argument("--clean", type=int, default=20, help="runs without a bug, on new seeds")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    teacher = make_teacher(options.out / "teacher")
    first = tuple(range(1, _BUG_SEEDS + 1))
    jobs: list[tuple[str, tuple[int, ...], str | None]] = [
        ("baseline", tuple(range(1, _BASELINE_SEEDS + 1)), None),
        ("again", first, None),
    ]
    jobs += [(name.replace(" ", "-"), first, name) for name in BUGS]
    for number in range(options.clean):
        start = _BASELINE_SEEDS + 1 + number * _BUG_SEEDS
        jobs.append((f"clean-{number}", tuple(range(start, start + _BUG_SEEDS)), None))
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        running = [
            pool.submit(train, options.out / name, teacher, seeds, options.settings, bug)
            for name, seeds, bug in jobs
        ]
        for future in running:
            future.result()
    print(f"{len(jobs)} runs in {time.monotonic() - began:.0f} s\n")
    _print(options.out, options.clean)


def _print(out: Path, clean: int) -> None:
    base = files.create(out / "baseline", out / "baseline.json", min_seeds=_BASELINE_SEEDS)
    print("| bug | exact | seeds | what fell most surely |")
    print("| --- | --- | --- | --- |")
    results: dict[str, Any] = {}
    for bug in ["again", *BUGS]:
        folder = out / bug.replace(" ", "-")
        exact, seeds = (verdict_of(base, folder, mode) for mode in ("exact", "seeds"))
        worst = called(seeds)
        shown = [
            f"{c.column.task}/{c.column.metric} {c.shown(c.estimate.difference, '+')}"
            for c in worst[:2]
            if c.estimate
        ]
        words = ["flagged" if report.exit_code == 1 else "-" for report in (exact, seeds)]
        if seeds.exit_code != 1 and any(c.fails for c in worst):
            words[1] = "warned"
        name = "none (the same seeds again)" if bug == "again" else bug
        print(f"| {name} | {words[0]} | {words[1]} | {', '.join(shown)} |")
        results[bug] = {"exact": words[0], "seeds": words[1], "fell": shown}
    alarms = sum(
        verdict_of(base, out / f"clean-{number}", "seeds").exit_code == 1 for number in range(clean)
    )
    print(f"\n{alarms} alarms in {clean} runs without a bug, on new seeds")
    write_json(out / "planted_bugs.json", {**results, "clean": clean, "alarms": alarms})


if __name__ == "__main__":
    main()
