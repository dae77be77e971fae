"""Specs: `akl(mu=0.5)` as text <-> a name and its parameters."""

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword

from akl_bench.errors import UsageError

Value = int | float | bool | str

_WORDS = {"true": True, "false": False}
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
# Python's own parser runs out of memory on deep nesting.
_MAX_LENGTH = 1000
# A name, or `path/to/file.py:Class` for a plug-in that is not installed.
_SPEC = re.compile(rf"\s*(?P<name>{_NAME}|.+?\.py:{_NAME})\s*(?:\((?P<params>.*)\))?\s*", re.S)


@dataclass(frozen=True)
class Spec:
    """A plug-in's name and the parameters given to it."""

    name: str
    params: dict[str, Value] = field(default_factory=dict)


def parse(text: str) -> Spec:
    """Parse `name` or `name(key=value, ...)`; a bare word is a string.

    Raises:
        UsageError: The text is no spec.
    """
    match = _SPEC.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        raise UsageError(
            f"'{text:.100}' is not a spec. Write a name, as akl, with parameters, as akl(mu=0.5), "
            "or a class in a file, as ./mine.py:Mine."
        )
    try:
        call = ast.parse(f"f({match['params'] or ''})", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise UsageError(f"'{text}': the parameters do not parse. Write key=value.") from error
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
        raise UsageError(f"'{text}': every parameter needs its name. Write key=value.")
    parsed: dict[str, Value] = {}
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg in parsed:
            raise UsageError(f"'{text}': each parameter is given once, as key=value.")
        parsed[keyword.arg] = _value(keyword.value, f"'{text}': {keyword.arg}")
    return Spec(match["name"], parsed)


def _value(node: ast.expr, where: str) -> Value:
    if isinstance(node, ast.Name):
        return _WORDS.get(node.id, node.id)
    try:
        value = ast.literal_eval(node)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value)):
        return value
    raise UsageError(f"{where} is not a finite number, true, false or a word.")


def format_spec(name: str, params: Mapping[str, Value]) -> str:
    """Write a spec so that `parse` reads it back."""
    if not params:
        return name
    return f"{name}({', '.join(f'{key}={_text(value)}' for key, value in params.items())})"


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        bare = re.fullmatch(_NAME, value) and value not in _WORDS and not iskeyword(value)
        return value if bare else repr(value)
    short = f"{value:.12g}"
    return short if float(short) == value else repr(value)
