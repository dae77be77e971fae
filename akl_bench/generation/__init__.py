"""Samplers: prompts in, token ids and text out; one file each."""

from akl_bench.generation.base import Sampler as Sampler
from akl_bench.registry import Registry

registry: Registry[Sampler] = Registry("sampler", "akl_bench.generation", "Sampler")
