"""What stops a check before it has a verdict."""

from akl_bench.errors import AklBenchError


class BaselineError(AklBenchError):
    """The baseline is damaged or of another schema, or there was nothing to compare."""

    exit_code = 3
