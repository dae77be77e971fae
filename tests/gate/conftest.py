"""Run folders as `akl-bench run` leaves them, with numbers that a test chooses."""

import json

import pytest

from akl_bench.config import Profile
from akl_bench.artifacts.files import digest
from akl_bench.artifacts.store import Cell, Run, seal

QUIZ = {
    "name": "quiz",
    "version": 1,
    "kind": "generation",
    "description": "Made up.",
    "data": {"path": "quiz.jsonl"},
    "metrics": ["rouge_l", "distinct_n(n=2)", "length", "empty_rate"],
    "headline": "rouge_l",
    "columns": ["rouge_l", "distinct_n(n=2)"],
}
CLOZE = {
    "name": "cloze",
    "version": 1,
    "kind": "harness",
    "description": "Made up.",
    "lm_eval": {"output_type": "loglikelihood"},
    "headline": "perplexity",
}
METRICS = {
    ("quiz", "rouge_l"): (True, 100.0, "%.1f"),
    ("quiz", "distinct_n(n=2)"): (True, 1.0, "%.3f"),
    ("quiz", "length"): (None, 1.0, "%.1f"),
    ("quiz", "empty_rate"): (False, 100.0, "%.1f"),
    ("cloze", "perplexity"): (False, 1.0, "%.2f"),
}
# A spread over seeds of about half a point of ROUGE-L, and of 0.1 of a perplexity near 8.
NOISE = (0.1, -0.7, 0.5, -0.2, 0.9, -0.4, 0.3, -0.9, 0.6, -0.2)


def values(seed, *, shift=0.0, spread=1.0):
    """Values of all metrics at a seed; `shift` makes each of them worse, in points of ROUGE-L."""
    noise = spread * NOISE[seed % 10]
    return {
        ("quiz", "rouge_l"): 0.25 + (0.5 * noise - shift) / 100,
        ("quiz", "distinct_n(n=2)"): 0.8 + 0.01 * noise,
        ("quiz", "length"): 20.0 + noise,
        ("quiz", "empty_rate"): 0.0,
        ("cloze", "perplexity"): 8.0 + 0.1 * noise,
    }


class Builder:
    """Writes runs; everything that a test does not name is the same in all of them."""

    def __init__(self, root):
        self.root = root

    def __call__(
        self,
        name,
        rows,
        *,
        training=None,
        profile=None,
        fields=None,
        tasks=None,
        signatures=None,
        provenance=None,
        weights="w",
        scores=None,
        unsealed=(),
    ):
        """Write a run.

        Args:
            name: Folder.
            rows: Objective -> seed -> {(task, metric): value}.
            training: Settings laid over the profile's training.
            profile: Keys laid over the profile.
            fields: Keys laid over protocol_fields.
            tasks: Task specs by name.
            signatures: Signature by (task, metric).
            provenance: Keys laid over a seal's provenance.
            weights: What the students' weights are made of, besides seed and objective.
            scores: Objective -> seed -> rows of scores.jsonl.
            unsealed: (objective, seed) of cells that did not finish.
        """
        tasks = tasks or {"quiz": QUIZ, "cloze": CLOZE}
        content = {
            "name": "made-up",
            "description": "Made up.",
            "teacher": {"source": "microworld"},
            "students": {"tiny": {"source": "random", "architecture": {}}},
            "prompt": "{{ instruction }}",
            "data": {
                "train": {"path": "t.jsonl"},
                "validation": {"path": "v.jsonl"},
                "max_prompt_tokens": 8,
                "max_response_tokens": 8,
            },
            "training": {"steps": 3, "batch_size": 2, "lr": 0.1, **(training or {})},
            "tasks": tasks,
            **(profile or {}),
        }
        checked = Profile.model_validate(content)
        protocol_fields = {
            "teacher": {"source": "microworld", "layers": None, "architecture": None},
            "inputs": {"train": "a" * 64, "validation": "b" * 64, "teacher": "c" * 64}
            | {f"tasks.{task}": digest(task) for task in tasks},
            "prompt": checked.prompt,
            "lengths": [8, 8],
            "tasks": {
                task: spec.model_dump(mode="json", exclude={"description", "data", "columns"})
                for task, spec in checked.tasks.items()
            },
            "code": "d" * 64,
            "libraries": {"torch": "2.13.0"},
            "smoke": checked.smoke,
            **(fields or {}),
        }
        run = Run(self.root / name)
        protocol = digest(protocol_fields)
        cells = []
        for objective, by_seed in rows.items():
            for seed, found in by_seed.items():
                student = "" if objective == "teacher" else "tiny"
                fingerprint = digest([objective, seed, protocol, training])
                cell = Cell(objective, student, seed, protocol, fingerprint)
                cells.append({**vars(cell), "name": cell.name})
                folder = run.cell_folder(cell)
                (folder / "student").mkdir(parents=True)
                if (objective, seed) in unsealed:
                    continue
                if objective not in ("teacher", "untrained"):
                    (folder / "student" / "model.safetensors").write_text(
                        f"{objective} {seed} {weights}"
                    )
                for row in (scores or {}).get(objective, {}).get(seed, []):
                    with (folder / "scores.jsonl").open("a") as file:
                        file.write(json.dumps(row) + "\n")
                    if text := row.get("text"):
                        with (folder / f"completions-{row['task']}.jsonl").open("a") as file:
                            file.write(json.dumps({"id": row["id"], "text": text}) + "\n")
                seal(
                    folder,
                    {
                        "cell": vars(cell),
                        "tasks": _tasks(found, checked, signatures or {}),
                        "provenance": {
                            "device": "cpu",
                            "machine": "x86_64",
                            "threads": 1,
                            **(provenance or {}),
                        },
                    },
                )
        run.write(
            {
                "profile": checked.model_dump(mode="json"),
                "protocol": protocol,
                "protocol_fields": protocol_fields,
                "cells": cells,
            }
        )
        return run.folder


def _tasks(found, profile, signatures):
    tasks = {}
    for (task, metric), value in found.items():
        better, scale, form = METRICS[task, metric]
        spec = profile.tasks[task]
        about = {"kind": spec.kind, "version": spec.version, "headline": spec.headline}
        tasks.setdefault(task, {**about, "metrics": {}})["metrics"][metric] = {
            "value": value,
            "n": 100,
            "signature": signatures.get((task, metric), f"{metric}|version:1"),
            "higher_is_better": better,
            "scale": scale,
            "format": form,
        }
    return tasks


def rows(seeds, *, objectives=("akl",), **settings):
    """Rows of a run whose values `values` makes."""
    return {name: {seed: values(seed, **settings) for seed in seeds} for name in objectives}


@pytest.fixture
def make_run(tmp_path):
    return Builder(tmp_path)


@pytest.fixture
def make_rows():
    return rows


@pytest.fixture
def baseline_file(make_run, make_rows, tmp_path):
    """A baseline of ten seeds (1 .. 10) of one objective."""
    from akl_bench.gate import baseline

    path = tmp_path / "baseline.json"
    baseline.create(make_run("main", make_rows(range(1, 11))), path)
    return path
