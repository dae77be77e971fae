"""Specs: `akl(mu=0.5)` as text <-> a name and its parameters."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from akl_bench.errors import UsageError

Value = int | float | bool | str

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
# A name, or `path/to/file.py:Class` for a plug-in that is not installed.
_SPEC = re.compile(rf"\s*(?P<name>{_NAME}|[^()]*\.py:{_NAME})\s*(?:\((?P<params>.*)\))?\s*", re.S)


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
    match = _SPEC.fullmatch(text)
    if match is None:
        raise UsageError(f"'{text}' is not a spec. Write name or name(key=value), as akl(mu=0.5).")
    params = match["params"]
    if not params or not params.strip():
        return Spec(match["name"])
    try:
        call = ast.parse(f"f({params})", mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"'{text}': the parameters do not parse. Write key=value.") from error
    if not isinstance(call, ast.Call) or call.args:
        raise UsageError(f"'{text}': every parameter needs its name. Write key=value.")
    parsed: dict[str, Value] = {}
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg in parsed:
            raise UsageError(f"'{text}': each parameter is given once, as key=value.")
        parsed[keyword.arg] = _value(keyword.value, text)
    return Spec(match["name"], parsed)


def _value(node: ast.expr, text: str) -> Value:
    if isinstance(node, ast.Name):
        return {"true": True, "false": False}.get(node.id, node.id)
    try:
        value = ast.literal_eval(node)
    except ValueError:
        value = None
    if isinstance(value, int | float | str):
        return value
    raise UsageError(f"'{text}': '{ast.unparse(node)}' is not a number, true, false or a word.")


def format_spec(name: str, params: Mapping[str, Value]) -> str:
    """Write a spec so that `parse` reads it back."""
    if not params:
        return name
    return f"{name}({', '.join(f'{key}={_text(value)}' for key, value in params.items())})"


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if re.fullmatch(_NAME, value) else repr(value)
    return f"{value:.12g}"
