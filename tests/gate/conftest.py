"""Run folders as `akl-bench run` leaves them, with numbers that a test chooses."""

import copy

import pytest

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
FIDELITY = {
    "name": "fidelity",
    "version": 1,
    "kind": "fidelity",
    "description": "Made up.",
    "data": {"path": "quiz.jsonl"},
    "headline": "kl_pq",
}
TASKS = {"quiz": QUIZ, "cloze": CLOZE, "fidelity": FIDELITY}
# What the numbers of each kind of task depend on, besides what was measured.
PROTOCOLS = {
    "quiz": {
        "version": 1,
        "stamps": [],
        "rows": "1" * 64,
        "prompt": "{{ instruction }}",
        "generation": {"temperature": 1.0, "samples": 1},
    },
    "cloze": {
        "version": 1,
        "stamps": [],
        "rows": "2" * 64,
        "lm_eval": {"output_type": "loglikelihood"},
    },
    "fidelity": {
        "version": 1,
        "stamps": [],
        "rows": "1" * 64,
        "prompt": "{{ instruction }}",
        "teacher": {"content": "c" * 64},
    },
}
STUDENT = {
    "data": {"train": "a" * 64, "validation": "b" * 64},
    "teacher": {"content": "c" * 64},
    "training": {"steps": 3, "lr": 0.1},
    "code": {"training": "d" * 64},
}
METRICS = {
    ("quiz", "rouge_l"): (True, 100.0, "%.1f"),
    ("quiz", "distinct_n(n=2)"): (True, 1.0, "%.3f"),
    ("quiz", "length"): (None, 1.0, "%.1f"),
    ("quiz", "empty_rate"): (False, 100.0, "%.1f"),
    ("cloze", "perplexity"): (False, 1.0, "%.2f"),
    ("fidelity", "kl_pq"): (False, 1.0, "%.3f"),
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
        ("fidelity", "kl_pq"): 0.5 + 0.005 * noise,
    }


def laid(over, base):
    """A copy of nested fields with others, by dotted name, laid over it."""
    fields = copy.deepcopy(base)
    for name, value in over.items():
        *path, last = name.split(".")
        inner = fields
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return fields


class Builder:
    """Writes runs; everything that a test does not name is the same in all of them."""

    def __init__(self, root, writer):
        self.root, self.writer = root, writer
        self.metrics = METRICS.copy()

    def __call__(
        self,
        name,
        rows,
        *,
        profile=None,
        fields=None,
        own=None,
        protocols=None,
        tasks=None,
        signatures=None,
        examples=None,
        answers=None,
        unfinished=(),
        **settings,
    ):
        """Write a run.

        Args:
            name: Folder.
            rows: Objective -> seed -> {(task, metric): value}.
            profile: Keys laid over the profile.
            fields: Fields of all students, as `training.lr`.
            own: Objective, or objective and seed -> fields of its students.
            protocols: What the numbers of tasks depend on, as `quiz.generation.temperature`.
            tasks: Task specs by name.
            signatures: Signature by (task, metric).
            examples: Objective -> seed -> (task, metric) -> rows of id and value.
            answers: Objective -> seed -> task -> rows of id and text.
            unfinished: (objective, seed) of cells that have nothing yet.
            settings: Passed on to `RunWriter.cell`: weights, code, made, measure.
        """
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
            "training": {"steps": 3, "batch_size": 2, "lr": 0.1},
            "tasks": tasks or TASKS,
            **(profile or {}),
        }
        writer = self.writer(self.root / name, content)
        student = laid(fields or {}, STUDENT)
        for objective, by_seed in rows.items():
            mine = laid((own or {}).get(objective, {}), student)
            for seed, row in by_seed.items():
                missing = (objective, seed) in unfinished
                special = (own or {}).get((objective, seed), {})
                writer.cell(
                    objective,
                    seed,
                    None if missing else self._numbers(row, signatures or {}),
                    fields={"objective": objective, "seed": seed, **laid(special, mine)},
                    protocols=laid(protocols or {}, PROTOCOLS),
                    examples=(examples or {}).get(objective, {}).get(seed),
                    answers=(answers or {}).get(objective, {}).get(seed),
                    **settings,
                )
        return writer.write()

    def _numbers(self, row, signatures):
        numbers = {}
        for (task, metric), value in row.items():
            better, scale, shown = self.metrics[task, metric]
            numbers[task, metric] = {
                "value": value,
                "signature": signatures.get((task, metric), f"{metric}|version:1"),
                "higher_is_better": better,
                "scale": scale,
                "format": shown,
            }
        return numbers


def rows(seeds, *, objectives=("akl",), **settings):
    """Rows of a run whose values `values` makes."""
    return {name: {seed: values(seed, **settings) for seed in seeds} for name in objectives}


@pytest.fixture
def make_run(tmp_path, run_writer):
    return Builder(tmp_path, run_writer)


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
