"""Strict models and strict YAML: an unknown key is an error that names the nearest one."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from akl_bench.errors import UsageError, did_you_mean


class Strict(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _a_truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        name = info.field_name
        if isinstance(value, bool) and name and cls.model_fields[name].annotation is not bool:
            raise ValueError(f"expected no true/false here, got {str(value).lower()}")
        return value


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without anchors (an alias bomb), duplicate keys or values that turn into others."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str):
                raise yaml.YAMLError(f"the key {key!r} is not text; quote it{_at(node)}")
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"the key {key} appears twice{_at(node)}")
        return super().construct_mapping(node, deep)

    def construct_number(self, node: Any) -> int | float:
        text = node.value
        # YAML 1.1 reads 010 as 8, 1:30 as 90 and 0x10 as 16.
        if not re.fullmatch(r"[-+]?(0|[1-9][0-9_]*|(?=\.))(\.[0-9_]*)?([eE][-+]?[0-9]+)?", text):
            raise yaml.YAMLError(f"{text} is not a plain finite number{_at(node)}; quote a text")
        return super().construct_yaml_float(node) if "." in text else int(text)


_StrictLoader.add_constructor("tag:yaml.org,2002:int", _StrictLoader.construct_number)
_StrictLoader.add_constructor("tag:yaml.org,2002:float", _StrictLoader.construct_number)
# A date stays the text that it is written as.
_StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def _at(node: Any) -> str:
    return f" (line {node.start_mark.line + 1})"


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text.

    Args:
        text: YAML 1.1; numbers are decimal, dates are texts, anchors and tags of objects are not
            allowed.
        where: What to call the text in messages.

    Raises:
        UsageError: Not such a text.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" (line {mark.line + 1})" if mark else ""
        raise UsageError(f"{where}: not YAML: {error.problem or error.context}{line}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{where}: {' '.join(str(error).split())}.") from error
    except RecursionError as error:
        raise UsageError(f"{where}: nested too deeply.") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        UsageError: Unreadable, not YAML, or not a mapping; names the file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}.") from error
    content = parse_yaml(text, str(path))
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected a mapping of keys, got {type(content).__name__}.")
    return content


def describe(error: ValidationError, where: str, model: type[BaseModel]) -> str:
    """A validation error as one line per problem, each with its key path and the nearest key."""
    lines = []
    problems = error.errors()
    # pydantic counts what was left after it dropped the wrong ones.
    wrong = {problem["loc"][:-1] for problem in problems}
    for problem in problems:
        if problem["type"] == "too_short" and problem["loc"] in wrong:
            continue
        path = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            siblings = _keys_at(model, problem["loc"][:-1])
            hint = did_you_mean(str(problem["loc"][-1]), siblings)
            lines.append(f"{where}: unknown key {path}.{hint} Keys here: {', '.join(siblings)}.")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] in ("model_type", "dict_type"):
                message = f"expected a mapping of keys, got {problem['input']!r:.40}"
            lines.append(": ".join(part for part in (where, path, message) if part))
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
    return next(filter(None, map(_inner_model, getattr(annotation, "__args__", ()))), None)


def nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    """A value under keys, the first outermost; one key at least."""
    *outer, last = keys
    made = {last: value}
    for key in reversed(outer):
        made = {key: made}
    return made


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`, mapping by mapping; anything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            value = merge(inner, value)
        merged[key] = value
    return merged
