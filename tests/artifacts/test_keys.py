"""What several field sets share, in what two differ, and what code a key has in it."""

import sys

import numpy
import pytest

from akl_bench import metrics
from akl_bench.artifacts import keys
from akl_bench.artifacts.keys import common, differences
from akl_bench.metrics.rouge_l import RougeL


def test_what_is_common_is_there_in_all_with_one_value():
    one = {"code": {"loss": "a", "loop": "b"}, "lr": 0.1, "lora": None}
    other = {"code": {"loss": "a", "loop": "c"}, "lr": 0.1}
    assert common([one, other]) == {"code.loss": "a", "lr": 0.1}
    assert common([one]) == {"code.loss": "a", "code.loop": "b", "lr": 0.1, "lora": None}
    assert common([]) == {}


def test_differences_name_the_field_and_both_values_but_no_hashes():
    one = {"data": "a" * 64, "decoding": {"top_p": 1.0, "top_k": 0}, "prompt": "x" * 99}
    other = {"data": "b" * 64, "decoding": {"top_p": 0.9}, "prompt": "y"}
    assert list(differences(one, other)) == [
        "data",
        "decoding.top_p: 1.0 -> 0.9",
        "decoding.top_k: 0 -> absent",
        f"prompt: {'x' * 60}... -> y",
    ]
    assert list(differences(one, one)) == []


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of five modules, whose code is hashed; gives a function that edits one."""
    root = tmp_path / "akl_bench"
    (root / "room").mkdir(parents=True)
    sources = {
        "__init__.py": "__version__ = '1'\n",
        "errors.py": "def say(): return 'no'\n",
        "room/__init__.py": '"""A room."""\n',
        "room/stage.py": (
            '"""Does it."""\n'
            "from typing import TYPE_CHECKING\n"
            "from akl_bench.room.helper import half\n"
            "from akl_bench.errors import say\n"
            "if TYPE_CHECKING:\n"
            "    from akl_bench.room.types import Typed\n"
            "def run(x):\n"
            '    """Runs."""\n'
            "    from akl_bench.room import late\n"
            "    return half(x) + late.more  # comment\n"
        ),
        "room/helper.py": "table = 'facts.yaml'\ndef half(x): return x / 2\n",
        "room/facts.yaml": "cow: 1\n",
        "room/late.py": "more = 1\n",
        "room/types.py": "class Typed: pass\n",
        "room/other.py": "y = 1\n",
    }
    for name, text in sources.items():
        (root / name).write_text(text)
    monkeypatch.setattr(keys, "PACKAGE", root)

    def edit(name, old, new):
        path = root / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        clear()

    def clear():
        for function in (keys.code, keys._imports, keys._syntax):
            function.cache_clear()

    clear()
    yield edit
    clear()


@pytest.mark.parametrize(
    ("file", "old", "new", "counts"),
    [
        ("room/stage.py", "half(x) +", "half(x) -", True),
        ("room/helper.py", "x / 2", "x / 3", True),
        ("room/late.py", "more = 1", "more = 2", True),  # imported when it runs
        ("room/__init__.py", '"""A room."""', "z = 1", True),  # importing a module runs it
        ("room/facts.yaml", "cow: 1", "cow: 2", True),  # a table that a module reads
        ("room/stage.py", "# comment", "# another", False),
        ("room/stage.py", '"""Runs."""', '"""Runs on."""', False),
        ("room/stage.py", '"""Does it."""', '"""Does that."""', False),
        ("room/helper.py", "def half(x): return x / 2", "def half(x):\n    return (x / 2)", False),
        ("room/types.py", "pass", "z = 1", False),  # only type checkers see it
        ("room/other.py", "y = 1", "y = 2", False),  # nothing imports it
        ("errors.py", "'no'", "'nope'", False),  # messages are no numbers
        ("__init__.py", "'1'", "'2'", False),  # nor is the version
    ],
)
def test_code_is_what_a_stage_runs(package, file, old, new, counts):
    before = keys.code("akl_bench.room.stage")
    package(file, old, new)
    assert (keys.code("akl_bench.room.stage") != before) == counts


def test_code_of_several_roots_is_that_of_all(package):
    one, both = (
        keys.code("akl_bench.room.stage"),
        keys.code("akl_bench.room.stage", "akl_bench.room.other"),
    )
    assert one != both
    package("room/other.py", "y = 1", "y = 2")
    assert keys.code("akl_bench.room.stage") == one
    assert keys.code("akl_bench.room.stage", "akl_bench.room.other") != both


def test_a_plug_in_s_file_is_hashed_without_its_comments(tmp_path):
    path = tmp_path / "mine.py"
    source = (
        "from dataclasses import dataclass\n"
        "from akl_bench.metrics.base import Metric\n\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Metric):\n"
        '    """Mine."""\n'
        "    def score_text(self, text, references, prompt):\n"
        "        return 0.5\n"
    )

    def hashed(text):
        path.write_text(text)
        for module in [name for name in sys.modules if name.startswith("akl_bench_plugin_")]:
            del sys.modules[module]
        keys._syntax.cache_clear()
        return keys.plugin_code(type(metrics.get(f"{path}:Mine")))

    before = hashed(source)
    assert hashed(source + "# a comment\n") == before
    assert hashed(source.replace('"""Mine."""', '"""My own."""')) == before
    assert hashed(source.replace("0.5", "0.6")) != before


def test_a_built_in_s_code_is_that_of_its_module_and_what_that_imports():
    assert keys.plugin_code(RougeL) == keys.code("akl_bench.metrics.rouge_l")
    assert "akl_bench.metrics._text" in keys._closure(["akl_bench.metrics.rouge_l"])


def test_libraries_have_their_versions():
    versions = keys.libraries("numpy", "no-such-thing")
    assert versions["numpy"] == numpy.__version__
    assert versions["no-such-thing"] == "absent"
    assert set(keys.libraries()) > {"python", "torch", "lm_eval"}


@pytest.mark.parametrize(
    "roots",
    [
        ["pipeline.train"],
        ["pipeline.answer", "pipeline.model"],
        ["pipeline.scores.text"],
        ["pipeline.scores.harness"],
        ["pipeline.scores.fidelity"],
        ["pipeline.criterion"],
        ["data.examples", "data.prompts"],
    ],
)
def test_no_stage_depends_on_the_world_s_judge_on_settings_or_on_seals(roots):
    names = keys._closure([f"akl_bench.{root}" for root in roots])
    foreign = ("microworld", "config", "tasks", "artifacts", "report", "gate", "cli", "papers")
    assert not [name for name in names if name.split(".")[1] in foreign]
