"""Errors that a user can act on, each with the exit code that the command line ends with."""

import difflib
from collections.abc import Iterable, Sequence

_SHOWN_PROBLEMS = 20


def did_you_mean(name: str, available: Iterable[str]) -> str:
    """A sentence with the available name closest to `name`; nothing where none is close."""
    close = difflib.get_close_matches(name, list(available), n=1, cutoff=0.5)
    return f" Did you mean: {close[0]}?" if close else ""


class AklBenchError(Exception):
    """Base of every error that this package raises on purpose; its text is for the user."""

    exit_code = 1


class UsageError(AklBenchError, ValueError):
    """The input is wrong: a name, a value, a file or a combination of them."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that nothing answers to; says the nearest one and all that exist."""

    def __init__(self, kind: str, name: str, available: Iterable[str]):
        names = sorted(available)
        hint = did_you_mean(name, names)
        super().__init__(f"Unknown {kind} '{name}'.{hint} Available: {', '.join(names)}.")


class DataError(UsageError):
    """Records that cannot be used; lists the first 20 problems, each with its file and line."""

    def __init__(self, problems: Sequence[str]):
        self.problems = list(problems)
        shown = self.problems[:_SHOWN_PROBLEMS]
        rest = len(self.problems) - len(shown)
        super().__init__("\n".join([*shown, f"... and {rest} more problems"] if rest else shown))


class BaselineError(AklBenchError):
    """A baseline is damaged or of another schema, or a check had nothing to compare."""

    exit_code = 3


class MissingDependencyError(AklBenchError):
    """An optional package is needed and not installed."""

    exit_code = 2

    def __init__(self, feature: str, extra: str):
        super().__init__(f'{feature} needs: pip install "akl-bench[{extra}]"')
