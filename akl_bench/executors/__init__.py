"""Executors: where jobs run; one file each."""

from akl_bench.executors.base import Executor as Executor
from akl_bench.registry import Registry

registry: Registry[Executor] = Registry("executor", "akl_bench.executors", "Executor")
