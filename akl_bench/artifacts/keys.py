"""Keys of artifacts: hashed fields, the code of a stage among them."""

import ast
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from akl_bench.artifacts.files import digest, file_digest, flat

# They find plug-ins, read settings and rows, and word messages; what they find is in the keys.
_PLUMBING = {"akl_bench.data.jsonl", "akl_bench.data.records"} | {
    f"akl_bench.{name}"
    for name in ("config", "errors", "recipe", "registry", "specs", "strict", "tasks")
}
PACKAGE = Path(__file__).parent.parent
_ABSENT = "absent"
LIBRARIES = (
    "torch",
    "transformers",
    "tokenizers",
    "accelerate",
    "numpy",
    "lm_eval",
    "rouge-score",
    "nltk",
    "rapidfuzz",
)


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Fields that differ, as `name: this -> that`, in their order."""
    before, now = flat(one), flat(other)
    for name in dict.fromkeys([*before, *now]):
        this, that = before.get(name, _ABSENT), now.get(name, _ABSENT)
        if this != that:
            hashes = _is_hash(this) and _is_hash(that)
            yield name if hashes else f"{name}: {_short(this)} -> {_short(that)}"


def common(many: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Fields that all of several field sets have, with one value, by dotted name."""
    first, *others = [flat(fields) for fields in many] or [{}]
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{16,64}", value) is not None


def _short(value: Any, longest: int = 60) -> str:
    text = value[:12] if _is_hash(value) else str(value)
    return text if len(text) <= longest else f"{text[:longest]}..."


@cache
def code(*roots: str) -> str:
    """Hash of modules of this package and of all that they import from it.

    It is that of their syntax trees: comments, docstrings and layout are no part of it.

    Args:
        roots: Module names, as `akl_bench.training.loop`.
    """
    return digest({name: _syntax(path) for name, path in sorted(_closure(roots).items())})


def _closure(roots: Iterable[str]) -> dict[str, Path]:
    modules: dict[str, Path] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        path = _path(name)
        # Seals and files carry what the stages say.
        is_plumbing = name in _PLUMBING or name.startswith("akl_bench.artifacts")
        if path is not None and name not in modules and not is_plumbing:
            modules[name] = path
            # Importing a.b.c runs a and a.b first.
            waiting += [*_imports(path), name.rpartition(".")[0]]
    return modules


def _path(name: str) -> Path | None:
    """The file of a module of this package; None for any other name.

    The root has the version, which may rise without a number that changes.
    """
    parts = name.split(".")
    if parts[0] != "akl_bench" or len(parts) == 1:
        return None
    base = PACKAGE.joinpath(*parts[1:])
    candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """What a module may import when it runs: not what only type checkers see."""
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # A name that is imported from a package may be a module of it.
            names += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        waiting += ast.iter_child_nodes(node)
    return tuple(names)


@cache
def _syntax(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # Tables that a module reads lie beside it.
    texts = (str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant))
    tables = [path.with_name(text) for text in texts if re.fullmatch(r"\w+\.(yaml|json)", text)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return digest([ast.dump(tree), *(file_digest(table) for table in tables if table.is_file())])


def plugin_code(cls: type) -> str:
    """Hash of the code behind a plug-in: its file or package, and all that it imports from ours."""
    module = sys.modules[cls.__module__]
    assert module.__file__ is not None, "plug-ins are files"
    if _path(module.__name__):
        return code(module.__name__)
    files = [Path(module.__file__)]
    root = sys.modules[module.__name__.partition(".")[0]]
    if hasattr(root, "__path__"):
        files = sorted(path for folder in root.__path__ for path in Path(folder).rglob("*.py"))
    ours = sorted({name for file in files for name in _imports(file)})
    return digest([*map(_syntax, files), code(*ours)])


def libraries(*names: str) -> dict[str, str]:
    """Versions of libraries that numbers come from (no names: all of them), and Python's."""
    # A patch of Python changes no number.
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in names or LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = _ABSENT
    return versions
