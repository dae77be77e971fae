"""Metrics: texts in, numbers out; one file each; a name or spec gives the object."""

from akl_bench.metrics.base import Metric as Metric
from akl_bench.registry import Registry

registry: Registry[Metric] = Registry("metric", "akl_bench.metrics", "Metric")


def names() -> list[str]:
    """Canonical names of all metrics, built in and installed."""
    return registry.names()


def get(spec: str) -> Metric:
    """The metric that a spec describes, as `self_bleu(n=4)`.

    Raises:
        UsageError: Unknown name or parameter, or a value out of range.
    """
    metric: Metric = registry.create(spec)
    return metric
