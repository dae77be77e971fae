"""Teachers: how training comes to the teacher's logits; one file each."""

from akl_bench.registry import Registry
from akl_bench.training.teachers.base import Teacher as Teacher

registry: Registry[Teacher] = Registry("teacher", "akl_bench.training.teachers", "Teacher")
