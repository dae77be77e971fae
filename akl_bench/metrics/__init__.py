"""Metrics: texts in, numbers out; one file each; a name or spec gives the object."""

from akl_bench.metrics.base import Metric as Metric
from akl_bench.registry import Registry

registry: Registry[Metric] = Registry("metric", "akl_bench.metrics", "Metric")

names, get = registry.names, registry.create
