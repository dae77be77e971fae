"""Runs made of given numbers, with the training curves that the claims read."""

from pathlib import Path

import numpy as np
import pytest

from akl_bench import config
from akl_bench.artifacts.files import write_jsonl
from akl_bench.artifacts.store import Cell, Run, seal
from akl_bench.papers.akl.claims.card import AKL, FKL, MIX, RKL

PERCENT = {"higher_is_better": True, "scale": 100.0, "format": "%.1f"}
ABOUT = {
    "validity": PERCENT,
    "acc": PERCENT,
    "distinct_n(n=2)": {"higher_is_better": True, "scale": 1.0, "format": "%.3f"},
    "self_bleu(n=4)": {"higher_is_better": False, "scale": 100.0, "format": "%.1f"},
    "kl_pq": {"higher_is_better": False, "scale": 1.0, "format": "%.3f"},
    "kl_qp": {"higher_is_better": False, "scale": 1.0, "format": "%.3f"},
}
TASK = {"validity": "micro_test", "acc": "micro_facts", "kl_pq": "micro_fidelity"}
TASK |= {"distinct_n(n=2)": "micro_test", "self_bleu(n=4)": "micro_test", "kl_qp": "micro_fidelity"}
TASKS = sorted(set(TASK.values()))


LEVELS = {"validity": 0.5, "acc": 0.6, "distinct_n(n=2)": 0.4, "self_bleu(n=4)": 0.5}
LEVELS |= {"kl_pq": 0.2, "kl_qp": 0.3}


def write(
    folder: Path, values, *, seeds=5, curves=None, steps=100, jitter=0.002, **profile
) -> Path:
    """A run with `values[objective][metric]`, whose seeds differ by multiples of `jitter`.

    Seeds share most of their noise, so that pairs tell more than means. `curves[objective]` gives
    (head gap, tail gap) at the share of training that is done.
    """
    run, cells = Run(folder), []
    for number, (objective, by_metric) in enumerate(values.items()):
        for seed in range(1, seeds + 1):
            cell = Cell(objective, "one_layer", seed, "p", f"{number}{seed}" * 32)
            cells.append({**vars(cell), "name": cell.name})
            place = run.cell_folder(cell)
            place.mkdir(parents=True)
            tasks = {}
            for metric, value in by_metric.items():
                own = np.random.default_rng((number, seed)).uniform(-0.1, 0.1)
                shift = jitter * (seed - (seeds + 1) / 2 + own)
                entry = {"value": value + shift, "n": 10, "signature": metric, **ABOUT[metric]}
                tasks.setdefault(TASK[metric], {"metrics": {}})["metrics"][metric] = entry
            rows = []
            for step in range(1, steps + 1):
                row = {"step": step, "loss": 1.0}
                if curves and step % 2:
                    head, tail = curves[objective]((step - 1) / steps)
                    row |= {"head_gap": head * (1 + seed / 100), "tail_gap": tail}
                    row |= {"akl_weight": head / (head + tail)}
                rows.append(row)
            write_jsonl(place / "train.jsonl", rows)
            seal(place, {"cell": vars(cell), "tasks": tasks, "parameters": 1, "seconds": {}})
    content = config.load("micro", seeds=seeds).model_dump(mode="json")
    content["tasks"] = {name: content["tasks"][name] for name in TASKS}
    run.write({"profile": content | profile, "protocol": "p", "cells": cells})
    return folder


@pytest.fixture
def write_claims_run(tmp_path):
    def made(values=None, name="run", **options):
        values = values or dict.fromkeys((FKL, RKL, MIX, AKL), LEVELS)
        return write(tmp_path / name, values, **options)

    return made
