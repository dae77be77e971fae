"""Strict models and strict YAML: an unknown key is an error that names the nearest one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from akl_bench.errors import UsageError, nearest


class Strict(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without anchors (an alias bomb) and without duplicate keys."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {str(key) for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: twice: {', '.join(twice)}")
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        UsageError: Unreadable, not YAML, or not a mapping; names the file.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_StrictLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected a mapping of keys, got {type(content).__name__}.")
    return content


def describe(error: ValidationError, where: str, model: type[BaseModel]) -> str:
    """A validation error as one line per problem, each with its key path and the nearest key."""
    lines = []
    for problem in error.errors():
        path = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            siblings = _keys_at(model, problem["loc"][:-1])
            close = nearest(str(problem["loc"][-1]), siblings)
            hint = f" Did you mean: {close}?" if close else ""
            lines.append(f"{where}: unknown key {path}.{hint} Keys here: {', '.join(siblings)}.")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{where}: {path or 'file'}: {message}")
    return "\n".join(lines)


def _keys_at(model: Any, loc: tuple[int | str, ...]) -> list[str]:
    """Field names of the model that a location inside `model` leads to."""
    for part in loc:
        if isinstance(part, str) and part in getattr(model, "model_fields", {}):
            model = _inner_model(model.model_fields[part].annotation)
    return list(getattr(model, "model_fields", {}))


def _inner_model(annotation: Any) -> Any:
    """The pydantic model inside `X | None`, `tuple[X, ...]` or `dict[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`, mapping by mapping; anything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            value = merge(inner, value)
        merged[key] = value
    return merged
