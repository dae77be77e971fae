"""Plug-ins by name: one file in a package, an installed entry point, or `./file.py:Class`."""

import ast
import dataclasses
import hashlib
import importlib
import importlib.util
import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from akl_bench import specs
from akl_bench.errors import AklBenchError, UnknownNameError, UsageError

T = TypeVar("T")
# The types of value that a parameter takes, by the type that its field declares.
_TYPES = {"bool": ("bool",), "int": ("int",), "float": ("float", "int"), "str": ("str",)}


@dataclass(frozen=True)
class Entry:
    """What is known of a plug-in without importing it."""

    name: str
    aliases: tuple[str, ...]
    summary: str
    origin: str


class Registry(Generic[T]):
    """The plug-ins of one kind.

    Built-ins are the public modules of `package`; they are read with `ast`, so that listing them
    imports nothing heavy. Installed plug-ins come from the entry-point group of the same name.

    Args:
        kind: What to call one in messages, as "divergence".
        package: Package whose modules each hold one plug-in; also the entry-point group.
        base: Name of the class that a plug-in subclasses.
    """

    def __init__(self, kind: str, package: str, base: str):
        self.kind = kind
        self.package = package
        self.base = base
        self._entries: dict[str, Entry] | None = None

    def entries(self) -> dict[str, Entry]:
        """All plug-ins by canonical name, nothing imported; looked up once in a process.

        Raises:
            AklBenchError: Two plug-ins claim one name; the message has both origins.
        """
        if self._entries is None:
            self._entries = self._find()
        return self._entries

    def _find(self) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        claimed: dict[str, str] = {}
        for entry in [*self._built_ins(), *self._installed()]:
            for name in (entry.name, *entry.aliases):
                if name in claimed:
                    raise AklBenchError(
                        f"Two plug-ins claim the {self.kind} name '{name}': {claimed[name]} and "
                        f"{entry.origin}. Rename or uninstall one."
                    )
                claimed[name] = entry.origin
            found[entry.name] = entry
        return dict(sorted(found.items()))

    def names(self) -> list[str]:
        """Canonical names, sorted."""
        return list(self.entries())

    def resolve(self, name: str) -> str:
        """Canonical name of a name or alias.

        Raises:
            UnknownNameError: Nothing answers to it.
        """
        entries = self.entries()
        by_any_name = {alias: e.name for e in entries.values() for alias in (e.name, *e.aliases)}
        if name not in by_any_name:
            raise UnknownNameError(self.kind, name, by_any_name)
        return by_any_name[name]

    def load(self, name: str) -> type[T]:
        """Import the class behind a name, an alias or `./file.py:Class`."""
        if ".py:" in name:
            return self._load_file(name)
        name = self.resolve(name)
        installed = {point.name: point for point in _points(self.package)}
        if name in installed:
            return self._load_entry_point(installed[name])
        return self._only_class(importlib.import_module(f"{self.package}.{name}"))

    def create(self, spec: str) -> T:
        """Build the plug-in that a spec describes, as `akl(mu=0.5)`.

        Raises:
            UsageError: Not a spec, an unknown parameter, or a value out of range.
        """
        parsed = specs.parse(spec)
        cls: Any = self.load(parsed.name)
        fields = {f.name: f.type for f in dataclasses.fields(cls) if f.init}
        for key, value in parsed.params.items():
            if key not in fields:
                raise UsageError(
                    f"{self.kind} '{parsed.name}' has no parameter '{key}'. "
                    f"It takes: {', '.join(fields) or 'none'}."
                )
            declared = getattr(fields[key], "__name__", fields[key])
            given = type(value).__name__
            if declared in _TYPES and given not in _TYPES[declared]:
                raise UsageError(
                    f"{self.kind} '{parsed.name}': {key}={value} is no {declared}, but {given}."
                )
        try:
            plugin: T = cls(**parsed.params)
            return plugin
        except UsageError:
            raise
        except (TypeError, ValueError) as error:
            raise UsageError(f"{self.kind} '{spec}': {error}.") from error

    def spec_of(self, plugin: Any) -> str:
        """Canonical spec: numbers always, other fields where they differ from their default."""
        params = {
            f.name: getattr(plugin, f.name)
            for f in dataclasses.fields(plugin)
            if f.init
            and (_is_number(getattr(plugin, f.name)) or getattr(plugin, f.name) != f.default)
        }
        return specs.format_spec(self.name_of(type(plugin)), params)

    def portable(self, spec: str) -> str:
        """The canonical spec, with the whole path of a file: it builds the same in any folder."""
        plugin = self.create(spec)
        label = self.spec_of(plugin)
        if ".py:" not in specs.parse(spec).name:
            return label
        cls = type(plugin)
        _, parenthesis, params = label.partition("(")
        return f"{sys.modules[cls.__module__].__file__}:{cls.__name__}{parenthesis}{params}"

    def name_of(self, cls: type[Any]) -> str:
        """Canonical name of a plug-in's class; that of an unregistered one is its snake case."""
        package, _, module = cls.__module__.rpartition(".")
        if package == self.package:
            return module
        for point in _points(self.package):
            if point.value == f"{cls.__module__}:{cls.__name__}":
                return point.name
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    def _built_ins(self) -> list[Entry]:
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.submodule_search_locations is None:
            raise AklBenchError(f"the package {self.package} is not installed")
        found = []
        for folder in spec.submodule_search_locations:
            for path in sorted(Path(folder).glob("[!_]*.py")):
                tree = ast.parse(path.read_text(encoding="utf-8"))
                aliases = self._aliases(tree)
                if aliases is not None and path.stem != "base":
                    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
                    origin = f"{self.package}.{path.stem}"
                    found.append(Entry(path.stem, aliases, summary, origin))
        return found

    def _aliases(self, tree: ast.Module) -> tuple[str, ...] | None:
        """Aliases of the module's plug-in class, or None where it has none."""
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                if self.base in bases:
                    for item in node.body:
                        if isinstance(item, ast.Assign | ast.AnnAssign) and item.value is not None:
                            targets = (
                                item.targets if isinstance(item, ast.Assign) else [item.target]
                            )
                            if any(isinstance(t, ast.Name) and t.id == "aliases" for t in targets):
                                return tuple(ast.literal_eval(item.value))
                    return ()
        return None

    def _installed(self) -> list[Entry]:
        return [
            Entry(point.name, (), f"installed plug-in {point.value}", f"entry point {point.value}")
            for point in _points(self.package)
        ]

    def _load_entry_point(self, point: EntryPoint) -> type[Any]:
        try:
            found = point.load()
        except Exception as error:  # foreign code can fail in any way
            raise UsageError(
                f"the installed {self.kind} '{point.name}' ({point.value}) does not load: "
                f"{type(error).__name__}: {error}"
            ) from error
        return self._checked(found, point.value)

    def _load_file(self, reference: str) -> type[Any]:
        file, _, cls = reference.strip().rpartition(":")
        path = Path(file).expanduser().resolve()
        if not path.is_file():
            raise UsageError(f"{self.kind} '{reference}': there is no file {path}.")
        # Two files of one name stay apart, and loading one again gives the same class.
        name = f"akl_bench_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            try:
                spec.loader.exec_module(module)
            except Exception as error:
                del sys.modules[name]
                raise UsageError(
                    f"{self.kind} '{reference}': {path} fails on import with "
                    f"{type(error).__name__}: {error}"
                ) from error
        found = getattr(sys.modules[name], cls, None)
        if found is None:
            raise UsageError(f"{self.kind} '{reference}': {path} has no class {cls}.")
        return self._checked(found, reference)

    def _checked(self, found: Any, origin: str) -> type[Any]:
        base = self._base_class()
        if not (isinstance(found, type) and issubclass(found, base)):
            raise UsageError(f"{origin} is not a {self.kind}: subclass {self.package}.{self.base}.")
        # The base is one, so the class's own decorator is what counts.
        if "__dataclass_fields__" not in vars(found):
            raise UsageError(f"{origin}: add @dataclass(frozen=True) above the class.")
        return found

    def _only_class(self, module: ModuleType) -> type[Any]:
        base = self._base_class()
        found = [
            item
            for name, item in vars(module).items()
            if isinstance(item, type)
            and issubclass(item, base)
            and item.__module__ == module.__name__
            and not name.startswith("_")
        ]
        if len(found) != 1:
            raise AklBenchError(f"{module.__name__} must hold exactly one public {self.kind}")
        return found[0]

    def _base_class(self) -> type[Any]:
        base: type[Any] = getattr(importlib.import_module(f"{self.package}.base"), self.base)
        return base


@cache
def _points(group: str) -> tuple[EntryPoint, ...]:
    """Installed plug-ins of a group; the search takes tens of milliseconds."""
    return tuple(entry_points(group=group))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
