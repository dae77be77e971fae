"""The house rules that a machine can check: imports go down, tests mirror, files stay small."""

import ast
import graphlib
import re
import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "akl_bench"
# Bottom first. A room is a module or folder right under akl_bench; it may import lower floors only.
FLOORS = [
    {"errors"},
    {"specs", "strict"},
    {"registry"},
    {"tasks"},
    {"recipe"},
    {"config"},
    {"artifacts", "axes", "microworld", "statistics"},
    {"data", "models", "divergences", "metrics"},
    {"generation"},
    {"training", "report", "executors"},
    {"pipeline", "gate", "testing"},
    {"papers"},
    {"cli"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# Tests that are named after what they show instead of a room.
NO_MIRROR = {
    "test_architecture": "this file",
    "test_docs": "docs/write_divergences.py",
    "test_wheel": "the built package",
    "test_plugin_package": "plugin_package/",
}
FOLDERS = {"plugin_package": "an installable plug-in", "faults": "what a sweep survives"}
MAX_LINES = 310


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms():
    return sorted({room_of(path) for path in modules()} - {"__init__", "__main__"})


def imports(tree):
    """What a module imports of akl_bench, at its top or inside a function, as dotted parts."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "akl_bench" and len(parts) > 1 and not parts[1].startswith("__"):
                yield node.lineno, parts[1:]


def breaches(source, room):
    """Imports of a room that is no lower, and of what another room keeps to itself."""
    for line, (other, *inside) in imports(ast.parse(source)):
        private = any(part.startswith("_") for part in inside)
        if other != room and (private or FLOOR_OF[other] >= FLOOR_OF[room]):
            yield f"line {line}: {room} imports {'.'.join((other, *inside))}"


def test_every_room_has_a_floor():
    assert set(rooms()) <= set(FLOOR_OF)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path):
    room = room_of(path)
    if room == "__init__":
        assert not list(imports(ast.parse(path.read_text())))
    else:
        assert list(breaches(path.read_text(), room)) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("from akl_bench.cli import main", 1),
        ("def f():\n    import akl_bench.metrics.base", 1),
        ("from akl_bench import metrics, pipeline", 2),
        ("from akl_bench.config import Profile", 0),
        ("from akl_bench import __version__", 0),
        ("import akl_bench.errors, torch", 0),
        ("from akl_bench.errors import _wrap", 1),
        ("from akl_bench.registry._ast import read", 1),
        ("from akl_bench.artifacts._lock import held", 0),
    ],
)
def test_a_breach_is_seen(source, count):
    assert len(list(breaches(source, "artifacts"))) == count


def test_no_module_imports_itself_by_way_of_others():
    """Also not under TYPE_CHECKING or inside a function, where Python would not mind."""
    names = {path: path.relative_to(PACKAGE).with_suffix("").parts for path in modules()}
    known = {parts[:-1] if parts[-1] == "__init__" else parts for parts in names.values()}
    graph = {}
    for path, parts in names.items():
        own = parts[:-1] if parts[-1] == "__init__" else parts
        named = (tuple(other) for _, other in imports(ast.parse(path.read_text())))
        graph[own] = {other if other in known else other[:-1] for other in named} - {own}
    list(graphlib.TopologicalSorter(graph).static_order())


def test_every_room_has_its_tests_and_every_test_its_room():
    tests = ROOT / "tests"
    lacking = []
    for room in set(rooms()) - {"errors"}:
        folder = (PACKAGE / room).is_dir()
        there = (tests / room).rglob("test_*.py") if folder else tests.glob(f"test_{room}.py")
        if not any(there) and not (tests / f"test_{room}.py").is_file():
            lacking.append(room)
    assert lacking == []
    named = {path.stem for path in tests.glob("test_*.py")} - NO_MIRROR.keys()
    assert {name.removeprefix("test_") for name in named} <= set(rooms())
    folders = {path.name for path in tests.iterdir() if any(path.rglob("*.py"))}
    assert folders - FOLDERS.keys() <= set(rooms())


def test_files_stay_small_and_say_what_they_are():
    sources = {str(path.relative_to(PACKAGE)): path.read_text() for path in modules()}
    assert {name for name, source in sources.items() if source.count("\n") > MAX_LINES} == set()
    assert {name for name, s in sources.items() if not ast.get_docstring(ast.parse(s))} == set()


def test_the_tree_in_the_readme_names_every_room():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"```\nakl_bench/\n(.*?)```", readme, re.S)
    assert tree, "README.md shows the annotated tree"
    named = set(re.findall(r"[\w-]+(?=/|\.py)", tree[1]))
    beside = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0].isalpha()}
    beside -= {"akl_bench", "build", "dist", "shared"}
    assert {*rooms(), *beside} - named == set()


def test_no_machine_s_paths_are_committed():
    lines = [
        str(path.relative_to(ROOT))
        for folder in ("akl_bench", "tests", "tasks", "docs", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".yaml", ".toml")
        and path != Path(__file__)
        and re.search(r"(?<![\w.])/(work|home|Users|root)/\w", path.read_text())
    ]
    assert lines == []


def test_no_test_reaches_the_network():
    with pytest.raises(AssertionError, match="tried to reach"), socket.socket() as connection:
        connection.connect(("192.0.2.1", 9))
