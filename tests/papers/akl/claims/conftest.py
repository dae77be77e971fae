"""Runs made of given numbers, with the training curves that the claims read."""

from dataclasses import replace

import numpy as np
import pytest

from akl_bench import config
from akl_bench.papers.akl.claims.toy import Students, Toy, settings
from akl_bench.papers.akl.objectives import AKL, FKL, MIX, RKL

PERCENT = {"higher_is_better": True, "scale": 100.0, "format": "%.1f"}
DISTANCE = {"higher_is_better": False, "scale": 1.0, "format": "%.3f"}
ABOUT = {
    "validity": ("micro_test", PERCENT),
    "acc": ("micro_facts", PERCENT),
    "distinct_n(n=2)": ("micro_test", DISTANCE | {"higher_is_better": True}),
    "self_bleu(n=4)": ("micro_test", PERCENT | {"higher_is_better": False}),
    "kl_pq": ("micro_fidelity", DISTANCE),
    "kl_qp": ("micro_fidelity", DISTANCE),
}
LEVELS = {"validity": 0.5, "acc": 0.6, "distinct_n(n=2)": 0.4, "self_bleu(n=4)": 0.5}
LEVELS |= {"kl_pq": 0.2, "kl_qp": 0.3}


@pytest.fixture
def write_claims_run(tmp_path, run_writer):
    """Writes a run with `values[objective][metric]`, whose seeds differ by multiples of `jitter`.

    Seeds share most of their noise, so that pairs tell more than means. `curves[objective]` gives
    (head gap, tail gap) at the share of training that is done.
    """

    def write(values=None, name="run", *, seeds=5, curves=None, steps=100, jitter=0.002):
        values = values or dict.fromkeys((FKL, RKL, MIX, AKL), LEVELS)
        profile = config.load("micro", seeds=seeds)
        tasks = {task for task, _ in ABOUT.values()}
        kept = {name: task for name, task in profile.tasks.items() if name in tasks}
        writer = run_writer(tmp_path / name, profile.model_copy(update={"tasks": kept}))
        for number, (objective, by_metric) in enumerate(values.items()):
            for seed in range(1, seeds + 1):
                numbers = {}
                for metric, value in by_metric.items():
                    own = np.random.default_rng((number, seed)).uniform(-0.1, 0.1)
                    shift = jitter * (seed - (seeds + 1) / 2 + own)
                    task, about = ABOUT[metric]
                    numbers[task, metric] = {"value": value + shift, "signature": metric, **about}
                curve = curves and curves[objective]
                log = [row(step, steps, seed, curve) for step in range(1, steps + 1)]
                writer.cell(objective, seed, numbers, student="one_layer", log=log)
        return writer.write()

    return write


def row(step, steps, seed, curve):
    """A line of train.jsonl; every second one has the gaps."""
    line = {"step": step, "loss": 1.0}
    if curve and step % 2:
        head, tail = curve((step - 1) / steps)
        line |= {"head_gap": head * (1 + seed / 100), "tail_gap": tail}
        line |= {"akl_weight": head / (head + tail)}
    return line


@pytest.fixture
def students():
    """Makes toy students whose gaps shrink by the factors given per update, and that end at q."""

    def made(head=0.7, tail=0.7, end=None, inits=4):
        end = settings()[0].p_V if end is None else end
        fall = np.arange(11)[:, None]
        start = 1 + np.arange(inits) / 100
        head, tail = (start * factor**fall for factor in (head, tail))
        return Students(head, tail, head, tail, head / (head + tail), np.tile(end, (11, inits, 1)))

    return made


@pytest.fixture
def toy(students):
    """Makes a toy of ten updates with plain students but for those given."""

    def made(changed):
        plain = {name: students() for name in (FKL, RKL, MIX, AKL)}
        return [Toy(replace(settings()[0], steps=10), plain | changed)]

    return made
