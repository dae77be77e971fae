"""Multiple-choice and log-likelihood tasks, through lm-evaluation-harness on a model in memory.

Papers score Winogrande, ARC and the like with lm-eval; so do we, task by task, and with none of its
caches (they are not keyed by model).
"""

import hashlib
import json
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from akl_bench.errors import UsageError
from akl_bench.tasks import TaskSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Row = Mapping[str, Any]
_SPLIT = "rows"
_LOGITS_PER_POSITION = 2**19
# What lm-eval warns about on every run and is meant here.
_EXPECTED = ("`pretrained` model kwarg", "Passed an already-initialized", "Custom kwargs can be")


@dataclass(frozen=True)
class HarnessResult:
    """Scores of one task.

    Attributes:
        metrics: Metric name -> value as lm-eval aggregates it (accuracies in [0, 1]).
        per_example: Metric name -> example id -> value; tasks from the hub count rows from 0.
        signature: What a number depends on besides the model; only equal ones are comparable.
        n: Number of examples.
    """

    metrics: dict[str, float]
    per_example: dict[str, dict[str, float]]
    signature: str
    n: int


def evaluate_harness(
    spec: TaskSpec,
    rows: Sequence[Row] | None,
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    *,
    online: bool = False,
) -> HarnessResult:
    """Score `model` on a task.

    Args:
        spec: The task.
        rows: Its checked rows (all with an `id`), or None for lm-eval's own task that fetches its
            data from the hub.
        model: On its device; put into eval mode.
        tokenizer: Adds no special tokens here: prompts are as the task writes them.
        online: Whether the hub may be asked; without it only its local cache is.

    Raises:
        UsageError: lm-eval cannot build the task, it has no rows, or its data is not available.
    """
    # 0.7 s to import on top of transformers, so only where a harness task runs.
    import lm_eval
    from lm_eval.tasks import TaskManager

    from akl_bench.metrics._harness_lm import ContinuationLM

    # The logits of a batch are what takes memory.
    batch_size = max(8, min(64, _LOGITS_PER_POSITION // model.config.vocab_size))
    with _contained():
        # Indexing lm-eval's own tasks takes 25 s.
        manager = TaskManager(include_defaults=rows is None)
        task = _build(manager, spec, rows, online=online)
        output = lm_eval.simple_evaluate(
            ContinuationLM(model, tokenizer=tokenizer, batch_size=batch_size, add_bos_token=False),
            tasks=[task],
            task_manager=manager,
            bootstrap_iters=0,
            log_samples=True,
            # It would seed the global generators of the caller.
            random_seed=None,
            numpy_random_seed=None,
            torch_random_seed=None,
        )
    return _result(spec, rows, output, task.config.task)


def _build(manager: Any, spec: TaskSpec, rows: Sequence[Row] | None, *, online: bool) -> Any:
    """The lm-eval task object of a spec."""
    config = dict(spec.lm_eval or {})
    if rows is None:
        own = config.pop("task", spec.name)
        config = {"task": own, **config} if config else own
    elif not rows:
        raise UsageError(f"Task {spec.name}: no rows.")
    else:
        from datasets import Dataset

        # A plain function: lm-eval deep-copies configurations, rows in a partial too. Rows built
        # from Python values keep their types.
        def load(**_: object) -> dict[str, Any]:
            return {_SPLIT: Dataset.from_list([dict(row) for row in rows])}

        config |= {
            "task": spec.name,
            "custom_dataset": load,
            "test_split": _SPLIT,
            "metadata": {"version": spec.version},
        }
    try:
        (task,) = manager.load([config])["tasks"].values()
    except OSError as error:
        remedy = "is the network reachable?" if online else "add --online to fetch it."
        raise UsageError(f"Task {spec.name}: its data set is not in the cache; {remedy}") from error
    # lm-eval, Jinja and YAML each raise their own kinds for a task that makes no sense.
    except Exception as error:
        raise UsageError(
            f"Task {spec.name}: lm-eval cannot build it: {type(error).__name__}: {error}"
        ) from error
    return task


def _result(spec: TaskSpec, rows: Sequence[Row] | None, output: Any, own: str) -> HarnessResult:
    metrics = {
        _metric_name(key): float(value)
        for key, value in output["results"][own].items()
        if "," in key and "_stderr," not in key
    }
    samples = sorted(output["samples"][own], key=lambda sample: sample["doc_id"])
    per_example: dict[str, dict[str, float]] = {name: {} for name in metrics}
    for sample in samples:
        row = sample["doc_id"]
        example = str(rows[row]["id"]) if rows is not None else str(row)
        target, choices = sample["target"], len(sample["arguments"])
        if isinstance(target, int) and not 0 <= target < max(choices, 1):
            raise UsageError(
                f"Task {spec.name}: example {example}: gold answer {target} of {choices} choices."
            )
        for name in sample["metrics"]:
            key = _metric_name(f"{name},{sample['filter']}")
            if isinstance(sample[name], int | float) and key in per_example:
                per_example[key][example] = float(sample[name])
    return HarnessResult(metrics, per_example, _signature(spec, rows, output, own), len(samples))


def _metric_name(key: str) -> str:
    """`acc,none` -> `acc`; a named filter stays visible."""
    name, filtered = key.split(",", 1)
    return name if filtered == "none" else f"{name}:{filtered}"


def _signature(spec: TaskSpec, rows: Sequence[Row] | None, output: Any, own: str) -> str:
    parts = {
        "lm-eval": version("lm-eval"),
        "task": spec.name,
        "version": f"{spec.version}/{output['versions'][own]}",
        "shots": output["n-shot"][own],
        "bos": "no",
        "config": _digest(spec.lm_eval),
        "data": "hub" if rows is None else _digest(list(rows)),
        "limit": "none",  # baselines name it
    }
    return "|".join(f"{key}:{value}" for key, value in parts.items())


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _unexpected(record: logging.LogRecord) -> bool:
    return not any(text in record.getMessage() for text in _EXPECTED)


@contextmanager
def _contained() -> Iterator[None]:
    """Keep lm-eval's bars, remarks and random draws from the caller; problems are still logged."""
    import lm_eval.evaluator
    import lm_eval.utils
    from tqdm import tqdm  # type: ignore[import-untyped]  # its stubs are a package of their own

    root = logging.getLogger("lm_eval")
    make_bar = tqdm.__init__

    def without_bar(bar: Any, *args: Any, **options: Any) -> None:
        make_bar(bar, *args, **(options | {"disable": True}))

    with ExitStack() as stack:
        stack.enter_context(patch.object(tqdm, "__init__", without_bar))
        # A second per call and several processes; provenance is recorded elsewhere.
        for name in ("add_env_info", "get_git_commit_hash"):
            stack.enter_context(patch.object(lm_eval.evaluator, name, lambda *_: None))
        # It compiles the task's templates anew for every document.
        compile_once = cache(lm_eval.utils.env.from_string)
        stack.enter_context(patch.object(lm_eval.utils.env, "from_string", compile_once))
        # It draws ids for its requests from the global generator.
        stack.callback(random.setstate, random.getstate())
        stack.callback(root.setLevel, root.level)
        root.setLevel(logging.WARNING)
        for logger in (root.getChild("models.huggingface"), root.getChild("api.task")):
            logger.addFilter(_unexpected)
            stack.callback(logger.removeFilter, _unexpected)
        yield
