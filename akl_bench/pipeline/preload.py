"""Imports everything heavy that a cell needs: once, by the fork server, for all of them."""

import importlib

from akl_bench import divergences, metrics

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
):
    importlib.import_module(_module)
for _registry in (divergences.registry, metrics.registry):
    for _name in _registry.names():
        _registry.load(_name)
