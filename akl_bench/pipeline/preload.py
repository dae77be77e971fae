"""Imports everything heavy that a cell needs: once, by the fork server, for all of them."""

import importlib

from akl_bench import divergences, generation, metrics
from akl_bench.training import sources, teachers

for _module in (
    "accelerate",
    "datasets",
    "nltk",
    "rouge_score.rouge_scorer",
    "lm_eval.evaluator",
    "lm_eval.models.huggingface",
    "lm_eval.api.metrics",
    "sklearn.metrics",
    "transformers.generation.utils",
    "transformers.models.gpt2.modeling_gpt2",
    "transformers.models.llama.modeling_llama",
    "akl_bench.metrics._harness_lm",
    "akl_bench.microworld.grammar",
    "akl_bench.pipeline.cell",
    "akl_bench.pipeline.prepare",
    "akl_bench.pipeline.trial",
    "akl_bench.pipeline.scores.fidelity",
    "akl_bench.pipeline.scores.harness",
    "akl_bench.pipeline.scores.text",
):
    importlib.import_module(_module)
for _registry in (
    divergences.registry,
    generation.registry,
    metrics.registry,
    sources.registry,
    teachers.registry,
):
    for _name in _registry.names():
        _registry.load(_name)
