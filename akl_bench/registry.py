"""Plug-ins by name: one file in a package, an installed entry point, or `./file.py:Class`."""

import ast
import dataclasses
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from akl_bench import specs
from akl_bench.errors import AklBenchError, UnknownNameError, UsageError

T = TypeVar("T")
# How messages call the types that a parameter can have.
_TYPES = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}


@dataclass(frozen=True)
class Entry:
    """What is known of a plug-in without importing it.

    Attributes:
        name: Canonical.
        aliases: Its other names.
        summary: One line.
        origin: Where it comes from, for messages.
        reference: `module:Class`.
        defaults: Parameters of a built-in plug-in with their defaults.
    """

    name: str
    aliases: tuple[str, ...]
    summary: str
    origin: str
    reference: str = ""
    defaults: Mapping[str, object] = field(default_factory=dict)


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
            claimed: dict[str, str] = {}
            by_name: dict[str, Entry] = {}
            installed = [
                Entry(p.name, (), f"installed plug-in {p.value}", f"entry point {p.value}", p.value)
                for p in entry_points(group=self.package)
            ]
            for entry in [*self._built_ins(), *installed]:
                for name in (entry.name, *entry.aliases):
                    if name in claimed:
                        raise AklBenchError(
                            f"Two plug-ins claim the {self.kind} name '{name}': {claimed[name]} "
                            f"and {entry.origin}. Rename or uninstall one."
                        )
                    claimed[name] = entry.origin
                by_name[entry.name] = entry
            self._entries = dict(sorted(by_name.items()))
        return self._entries

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
        entry = self.entries()[self.resolve(name)]
        try:
            plugin = EntryPoint(entry.name, entry.reference, self.package).load()
        except Exception as error:  # foreign code can fail in any way
            raise UsageError(
                f"the {self.kind} '{entry.name}' ({entry.origin}) does not load: "
                f"{type(error).__name__}: {error}"
            ) from error
        return self._checked(plugin, entry.reference)

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
            if declared in _TYPES and given != declared and (declared, given) != ("float", "int"):
                raise UsageError(
                    f"{self.kind} '{parsed.name}': {key}={value}: expected {_TYPES[declared]}, "
                    f"got {_TYPES[given]}."
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
        values = {f: getattr(plugin, f.name) for f in dataclasses.fields(plugin) if f.init}
        params = {
            field.name: value
            for field, value in values.items()
            if type(value) in (int, float) or value != field.default
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
        for entry in self.entries().values():
            if entry.reference == f"{cls.__module__}:{cls.__name__}":
                return entry.name
        return snake_case(cls.__name__)

    def _built_ins(self) -> Iterator[Entry]:
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.submodule_search_locations is None:
            raise AklBenchError(f"the package {self.package} is not installed")
        for folder in spec.submodule_search_locations:
            for path in sorted(Path(folder).glob("[!_]*.py")):
                tree = ast.parse(path.read_text(encoding="utf-8"))
                classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
                public = (cls for cls in classes if not cls.name.startswith("_"))
                plugin = next((c for c in public if self.base in map(ast.unparse, c.bases)), None)
                if plugin is not None:
                    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
                    origin = f"{self.package}.{path.stem}"
                    reference = f"{origin}:{plugin.name}"
                    aliases, defaults = _aliases(plugin), _defaults(plugin)
                    yield Entry(path.stem, aliases, summary, origin, reference, defaults)

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
        plugin = getattr(sys.modules[name], cls, None)
        if plugin is None:
            raise UsageError(f"{self.kind} '{reference}': {path} has no class {cls}.")
        return self._checked(plugin, reference)

    def _checked(self, plugin: Any, origin: str) -> type[Any]:
        base = getattr(importlib.import_module(f"{self.package}.base"), self.base)
        if not (isinstance(plugin, type) and issubclass(plugin, base)):
            raise UsageError(f"{origin} is not a {self.kind}: subclass {self.package}.{self.base}.")
        # The base is one, so the class's own decorator is what counts.
        if "__dataclass_fields__" not in vars(plugin):
            raise UsageError(f"{origin}: add @dataclass(frozen=True) above the class.")
        return plugin


def _aliases(plugin: ast.ClassDef) -> tuple[str, ...]:
    for item in plugin.body:
        targets = getattr(item, "targets", [getattr(item, "target", None)])
        if "aliases" in map(ast.unparse, filter(None, targets)):
            return tuple(ast.literal_eval(item.value))  # type: ignore[attr-defined]  # it assigns
    return ()


def _defaults(plugin: ast.ClassDef) -> dict[str, object]:
    """The fields of a dataclass whose default is written out."""
    fields = (item for item in plugin.body if isinstance(item, ast.AnnAssign) and item.value)
    return {
        ast.unparse(field.target): ast.literal_eval(field.value)
        for field in fields
        if field.value and not ast.unparse(field.annotation).startswith("ClassVar")
    }


def snake_case(name: str) -> str:
    """The name that a class in a file of one's own goes by."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
