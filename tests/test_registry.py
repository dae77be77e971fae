import importlib.util
import os
import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from akl_bench import divergences, executors, generation, metrics, registry
from akl_bench.errors import AklBenchError, UnknownNameError, UsageError
from akl_bench.training import devices, sources, teachers

MINE = Path(__file__).parent / "mine.py"
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is absent")
PLUGINS = [
    pytest.param(
        kind.registry,
        name,
        id=f"{kind.registry.kind}-{name}",
        marks=needs_ray if name == "ray" else (),
    )
    for kind in (divergences, metrics, sources, teachers, devices, generation, executors)
    for name in kind.registry.names()
]


@pytest.fixture
def installed(monkeypatch):
    """A registry for which entry points are installed: `installed(name=value)`."""

    def install(**points):
        group = "akl_bench.divergences"
        listed = tuple(EntryPoint(name, value, group) for name, value in points.items())
        monkeypatch.setattr(registry, "entry_points", lambda group: listed)
        return registry.Registry("divergence", "akl_bench.divergences", "Divergence")

    return install


@pytest.fixture
def write(tmp_path):
    """Write a plug-in file and give the spec of its class `Mine`."""

    def file(body, name="mine.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(body))
        return f"{path}:Mine"

    return file


@pytest.mark.parametrize(("plugins", "name"), PLUGINS)
def test_the_canonical_spec_builds_an_equal_object(plugins, name):
    made = plugins.create(name)
    spec = plugins.spec_of(made)
    assert spec.partition("(")[0] == name
    assert plugins.create(spec) == made
    assert plugins.portable(name) == spec
    assert plugins.entries()[name].summary, "the module's docstring starts with its summary"
    for alias in plugins.entries()[name].aliases:
        assert plugins.resolve(alias) == name


def test_a_spec_shows_numbers_always_and_words_where_they_differ():
    show = divergences.registry.spec_of
    assert show(divergences.get("akl")) == "adaptive_kl(mu=0.5)"
    assert show(divergences.get("akl(variant=taid)")) == "adaptive_kl(mu=0.5, variant=taid)"


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("adaptive_kll", ["Did you mean: adaptive_kl?", "forward_kl"]),
        ("akl(nu=1)", ["no parameter 'nu'", "mu, variant"]),
        ("akl(mu=high)", ["mu=high: expected a number, got text"]),
        ("akl(mu=true)", ["mu=True: expected a number, got true or false"]),
        ("top_k_forward_kl(k=2.5)", ["k=2.5: expected a whole number, got a number"]),
        ("akl(mu=7)", ["mu=7", "must be"]),
        ("./absent.py:Mine", ["there is no file", "absent.py"]),
        (f"{MINE}:Absent", ["has no class Absent"]),
        (f"{MINE}:Tensor", ["is not a divergence", "akl_bench.divergences.Divergence"]),
        (f"{MINE}:dataclass", ["is not a divergence"]),
        (f"{MINE}:Mine(weight=0)", ["weight=0", "positive"]),
        (f"{MINE}:Mine(wait=0)", ["no parameter 'wait'", "It takes: weight."]),
    ],
)
def test_a_wrong_spec_says_what_would_be_right(spec, parts):
    with pytest.raises(UsageError) as caught:
        divergences.get(spec)
    for part in parts:
        assert part in str(caught.value)


def test_an_unknown_name_is_its_own_error_for_the_callers_that_rename_the_kind():
    with pytest.raises(UnknownNameError, match="Unknown divergence 'nope'"):
        divergences.registry.resolve("nope")


def test_a_file_gives_one_class_however_often_it_is_asked_for():
    first, second = (divergences.get(f"{MINE}:Mine(weight={w})") for w in (0.5, 0.5))
    assert first == second
    assert divergences.registry.spec_of(first) == "mine(weight=0.5)"


def test_a_portable_spec_builds_the_same_in_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(MINE.parent)
    portable = divergences.registry.portable("./mine.py:Mine(weight=0.5)")
    assert portable == f"{MINE}:Mine(weight=0.5)"
    monkeypatch.chdir(tmp_path)
    assert divergences.get(portable) == divergences.get(f"{MINE}:Mine(weight=0.5)")
    assert divergences.registry.portable(portable) == portable
    assert divergences.registry.portable("akl") == "adaptive_kl(mu=0.5)"


def test_two_files_of_one_name_stay_apart(tmp_path, write):
    other = tmp_path / "other"
    other.mkdir()
    for folder in (tmp_path, other):
        (folder / "mine.py").write_text(MINE.read_text())
    one, two = (divergences.get(f"{folder}/mine.py:Mine") for folder in (tmp_path, other))
    assert type(one) is not type(two)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise OSError('no luck')", "fails on import with OSError: no luck"),
        ("def (", "fails on import with SyntaxError"),
        (
            """
            from akl_bench.divergences import Divergence
            class Mine(Divergence):
                weight: float = 1
            """,
            "add @dataclass(frozen=True)",
        ),
        (
            """
            from dataclasses import dataclass
            from akl_bench.divergences import Divergence
            @dataclass(frozen=True)
            class Mine(Divergence):
                def __post_init__(self): raise ValueError("never right")
            """,
            "never right",
        ),
    ],
)
def test_a_file_that_fails_says_where_and_why(write, body, said):
    spec = write(body)
    with pytest.raises(UsageError) as caught:
        divergences.get(spec)
    assert said in str(caught.value)
    assert spec.partition(":")[0] in str(caught.value)


def test_two_plug_ins_of_one_name_are_named_with_both_origins(installed):
    plugins = installed(forward_kl="other_package:ForwardKL")
    with pytest.raises(AklBenchError) as caught:
        plugins.names()
    assert "akl_bench.divergences.forward_kl" in str(caught.value)
    assert "entry point other_package:ForwardKL" in str(caught.value)


def test_an_entry_point_may_not_take_an_alias_either(installed):
    plugins = installed(akl="other_package:Mine")
    with pytest.raises(AklBenchError, match="Two plug-ins claim the divergence name 'akl'"):
        plugins.names()


@pytest.mark.parametrize("value", ["no_such_package:Mine", "akl_bench.errors:Absent", "this.is"])
def test_an_installed_plug_in_that_does_not_load_is_named(installed, value):
    plugins = installed(mine=value)
    assert "mine" in plugins.names()
    with pytest.raises(UsageError, match=r"the divergence 'mine' \(entry point .*does not load"):
        plugins.create("mine")


def test_entry_points_are_looked_up_once(installed, monkeypatch):
    plugins = installed(mine="mine:Mine")
    assert "mine" in plugins.names()
    monkeypatch.setattr(registry, "entry_points", lambda group: pytest.fail("looked up again"))
    assert "mine" in plugins.names()
    assert plugins.entries()["mine"].origin == "entry point mine:Mine"
    assert plugins.name_of(type("Mine", (), {"__module__": "mine"})) == "mine"


def test_an_installed_plug_in_that_is_none_is_refused(installed):
    plugins = installed(mine="akl_bench.errors:UsageError")
    with pytest.raises(UsageError, match="is not a divergence"):
        plugins.create("mine")


def test_listing_imports_no_plug_in_and_nothing_heavy():
    code = (
        "import sys; from akl_bench import divergences, metrics; "
        "divergences.registry.entries(); metrics.registry.entries(); "
        "print([m for m in sys.modules if m.split('.')[0] in ('torch', 'transformers', 'numpy')"
        " or m == 'akl_bench.divergences.forward_kl'])"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert listed.stdout == "[]\n"
