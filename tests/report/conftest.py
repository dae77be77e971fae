"""Runs with all that a cell leaves behind: what plots and the page are made from."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from akl_bench import config
from akl_bench.artifacts.files import write_json, write_jsonl
from akl_bench.artifacts.store import Cell, Run, seal

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
LIBRARIES = {"python": "3.11.7", "torch": "2.13.0"}


def speak(cell, id_, take):
    return f"{cell.objective} answers {id_}, take {take} ."


def _scores(cell, shift, examples):
    """Numbers of one cell around a level of its own, and those of its examples."""
    noise = np.random.default_rng(zlib.crc32(repr((cell.objective, cell.seed)).encode()))
    level = {"teacher": 0.9, "untrained": 0.05}.get(cell.objective, 0.5) + shift
    level += noise.normal(0, 0.01)
    tasks, rows = {}, []
    for task in TASKS:
        metrics = {}
        for metric, about in SINGLE.get(task, GENERATED).items():
            n = examples
            if metric in ("validity", "coverage", "acc"):
                each = np.clip(noise.normal(level - 0.1 * (metric == "coverage"), 0.1, n), 0, 1)
                value = float(each.mean())
                rows += [
                    {"task": task, "metric": metric, "id": f"test-{i:05}", "value": float(x)}
                    for i, x in enumerate(each)
                ]
            else:
                value = {"distinct_n(n=2)": 0.9 - level / 2, "length": 10.0}.get(metric, 1 - level)
                value += float(noise.normal(0, 0.01))
            metrics[metric] = {"value": value, "n": n, "signature": f"{metric}|version:1", **about}
        headline = next(iter(metrics))
        tasks[task] = {"kind": "x", "version": 1, "headline": headline, "metrics": metrics}
    return tasks, rows, level


def _training(cell, level, steps):
    noise = np.random.default_rng(cell.seed)
    for step in range(1, steps + 1):
        left = float(np.exp(-3 * step / steps) * (1.2 - level) + abs(noise.normal(0, 0.01)))
        row = {"step": step, "loss": 2 * left, "cross_entropy": 1 + left}
        row |= {"student_entropy": 1 + 3 * left}
        if cell.objective != "sft":
            row |= {"divergence": left, "head_gap": left / 2, "tail_gap": left / 3}
            row |= {"akl_weight": 0.6 - 0.1 * left}
        yield row


def _write_cell(folder, cell, shift, answer, examples, samples, steps):
    tasks, rows, level = _scores(cell, shift, examples)
    folder.mkdir(parents=True)
    write_jsonl(folder / "scores.jsonl", rows)
    write_json(folder / "metrics.json", tasks)
    for task in ("micro_test", "micro_open"):
        answers = (
            {"id": f"test-{i:05}", "sample": k, "text": answer(cell, f"test-{i:05}", k)}
            for i in range(examples)
            for k in range(samples)
        )
        write_jsonl(folder / f"completions-{task}.jsonl", answers)
    seconds = {"score": 2.0}
    if cell.objective not in ("teacher", "untrained"):
        seconds["train"] = 10 + zlib.crc32(cell.objective.encode()) % 400 / 20 + cell.seed / 10
        write_jsonl(folder / "train.jsonl", _training(cell, level, steps))
    record = {"cell": vars(cell), "tasks": tasks, "parameters": 20864, "seconds": seconds}
    record |= {"peak_memory_mib": 500 + cell.seed}
    provenance = {"akl_bench": "0.1.0", "libraries": LIBRARIES, "device": "cpu"}
    provenance |= {"machine": "x86_64", "threads": 1}
    seal(folder, {**record, "provenance": provenance})


def write_full(
    folder: Path,
    objectives=OBJECTIVES,
    *,
    seeds=3,
    first_seed=1,
    shifts=None,
    answer=speak,
    protocol="p" * 64,
    fields=None,
    missing=(),
    examples=6,
    samples=2,
    steps=40,
    **profile,
) -> Path:
    """Write a run whose cells have scores, answers and training logs.

    `shifts` plants an effect on an objective's scores; `missing` are (objective, seed) without
    a seal.
    """
    run = Run(folder)
    cells = []
    for objective in ("teacher", "untrained", *objectives):
        for seed in range(first_seed, first_seed + seeds):
            student = "" if objective == "teacher" else "one_layer"
            own = "" if objective in ("teacher", "untrained") else folder.name
            print_ = f"{zlib.crc32(repr((objective, seed, protocol, own)).encode()):08x}" * 8
            cell = Cell(objective, student, seed, protocol, print_)
            cells.append({**vars(cell), "name": cell.name})
            if (objective, seed) not in missing:
                shift = (shifts or {}).get(objective, 0.0)
                place = run.cell_folder(cell)
                _write_cell(place, cell, shift, answer, examples, samples, steps)
    content = config.load("micro", seeds=seeds).model_dump(mode="json")
    content["tasks"] = {name: content["tasks"][name] for name in TASKS}
    run.write(
        {
            "profile": content | profile,
            "protocol": protocol,
            "protocol_fields": fields or {"prompt": "{{ instruction }} :"},
            "cells": cells,
        }
    )
    return folder


@pytest.fixture(scope="session")
def write_full_run(tmp_path_factory):
    def write(*arguments, name="run", **options):
        return write_full(tmp_path_factory.mktemp("full") / name, *arguments, **options)

    return write
