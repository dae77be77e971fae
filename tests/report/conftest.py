"""Runs with all that a cell leaves behind: what plots and the page are made from."""

import zlib
from itertools import product
from types import MappingProxyType

import numpy as np
import pytest

from akl_bench import config

OBJECTIVES = ("sft", "forward_kl", "reverse_kl", "adaptive_kl(mu=0.5)")
TASKS = ("micro_test", "micro_open", "micro_agreement", "micro_fidelity")
PERCENT = {"scale": 100.0, "format": "%.1f"}
GENERATED = {
    "validity": {"higher_is_better": True, **PERCENT},
    "coverage": {"higher_is_better": True, **PERCENT},
    "distinct_n(n=2)": {"higher_is_better": True, "scale": 1.0, "format": "%.3f"},
    "length": {"higher_is_better": None, "scale": 1.0, "format": "%.1f"},
}
SINGLE = {
    "micro_agreement": {"acc": {"higher_is_better": True, **PERCENT}},
    "micro_fidelity": {"kl_pq": {"higher_is_better": False, "scale": 1.0, "format": "%.3f"}},
}


def speak(objective, id_, take):
    return f"{objective} answers {id_}, take {take} ."


def _scores(objective, seed, shift, n):
    """Numbers of one cell around a level of its own, and those of its examples."""
    noise = np.random.default_rng(zlib.crc32(repr((objective, seed)).encode()))
    level = {"teacher": 0.9, "untrained": 0.05}.get(objective, 0.5) + shift
    level += noise.normal(0, 0.01)
    numbers, examples = {}, {}
    for task in TASKS:
        for metric, about in SINGLE.get(task, GENERATED).items():
            if metric in ("validity", "coverage", "acc"):
                each = np.clip(noise.normal(level - 0.1 * (metric == "coverage"), 0.1, n), 0, 1)
                value = float(each.mean())
                examples[task, metric] = [
                    {"id": f"test-{i:05}", "value": float(x)} for i, x in enumerate(each)
                ]
            else:
                value = {"distinct_n(n=2)": 0.9 - level / 2, "length": 10.0}.get(metric, 1 - level)
                value += float(noise.normal(0, 0.01))
            about = {"n": n, "signature": f"{metric}|version:1", **about}
            numbers[task, metric] = {"value": value, **about}
    return numbers, examples, level


def _training(objective, seed, level, steps):
    noise = np.random.default_rng(seed)
    for step in range(1, steps + 1):
        left = float(np.exp(-3 * step / steps) * (1.2 - level) + abs(noise.normal(0, 0.01)))
        row = {"step": step, "loss": 2 * left, "cross_entropy": 1 + left}
        row |= {"student_entropy": 1 + 3 * left}
        if objective != "sft":
            row |= {"divergence": left, "head_gap": left / 2, "tail_gap": left / 3}
            row |= {"akl_weight": 0.6 - 0.1 * left}
        yield row


def _write_cell(writer, objective, seed, shift, answer, sizes, protocols, axes):
    examples, samples, steps = sizes
    numbers, by_example, level = _scores(objective, seed, shift, examples)
    answers = [
        {"id": f"test-{i:05}", "sample": k, "text": answer(objective, f"test-{i:05}", k)}
        for i in range(examples)
        for k in range(samples)
    ]
    seconds = 10 + zlib.crc32(objective.encode()) % 400 / 20 + seed / 10
    writer.cell(
        objective,
        seed,
        numbers,
        student="one_layer",
        examples=by_example,
        answers=dict.fromkeys(("micro_test", "micro_open"), answers),
        log=_training(objective, seed, level, steps),
        fields={"objective": objective, "seed": seed, "training": {"lr": 0.001, "steps": steps}},
        axes=axes,
        protocols={task: {"prompt": "p" * 64, "task": task} for task in TASKS} | protocols,
        made={"seconds": seconds, "peak_memory_mib": 500 + seed},
    )


@pytest.fixture(scope="session")
def write_full_run(tmp_path_factory, run_writer):
    """Writes a run whose cells have scores, answers and training logs.

    `shifts` plants an effect on an objective's scores; `missing` are (objective, seed) without
    a seal; `protocols` are by task, and laid over those of its own; `points` are those of a sweep,
    each better than the one before.
    """

    def write(
        objectives=OBJECTIVES,
        *,
        name="run",
        seeds=3,
        shifts=None,
        answer=speak,
        protocols=MappingProxyType({}),
        missing=(),
        examples=6,
        samples=2,
        steps=40,
        points=({},),
        **profile,
    ):
        content = config.load("micro", seeds=seeds).model_dump(mode="json")
        content["tasks"] = {task: content["tasks"][task] for task in TASKS}
        writer = run_writer(tmp_path_factory.mktemp("full") / name, content | profile)
        for objective in ("teacher", "untrained", *objectives):
            shift = (shifts or {}).get(objective, 0.0)
            own = points if objective in objectives else ({},)
            for (index, axes), seed in product(enumerate(own), range(1, seeds + 1)):
                if (objective, seed) in missing:
                    writer.cell(objective, seed, None, student="one_layer", axes=axes)
                else:
                    level, sizes = shift + 0.1 * index, (examples, samples, steps)
                    _write_cell(writer, objective, seed, level, answer, sizes, protocols, axes)
        return writer.write()

    return write
