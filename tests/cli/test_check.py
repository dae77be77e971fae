"""The two verbs of the gate as a command line: exit codes, files, and what they import."""

import json
import subprocess
import sys
from importlib import util
from pathlib import Path
from xml.etree import ElementTree

import pytest

from akl_bench.cli.main import main

_path = Path(__file__).parents[1] / "gate" / "conftest.py"
_spec = util.spec_from_file_location("gate_conftest", _path)
gate = util.module_from_spec(_spec)
_spec.loader.exec_module(gate)

NEW = (11, 12, 13)


@pytest.fixture
def make_run(tmp_path, run_writer):
    return gate.Builder(tmp_path, run_writer)


@pytest.fixture
def akl_bench(capsys, monkeypatch, tmp_path):
    """Run the command line in a folder; gives exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments):
        try:
            main([str(argument) for argument in arguments])
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def base(make_run, akl_bench):
    make_run("main", gate.rows(range(1, 11)))
    assert akl_bench("baseline", "create", "main", "-o", "baselines/base.json")[0] == 0
    return "baselines/base.json"


def test_create_says_what_it_wrote_and_why_it_does_not(make_run, akl_bench):
    make_run("main", gate.rows(range(1, 11)))
    make_run("few", gate.rows((1, 2)))
    code, out, _ = akl_bench("baseline", "create", "main", "-o", "base.json")
    assert (code, out) == (0, "base.json: 1 rows, 6 metrics, 10 seeds.\n")
    code, _, err = akl_bench("baseline", "create", "few", "-o", "few.json")
    assert code == 2
    assert "akl/tiny: 2 finished seeds of 10" in err
    assert akl_bench("baseline", "create", "few", "-o", "few.json", "--min-seeds", "2")[0] == 0


@pytest.mark.parametrize(
    ("settings", "options", "code", "said"),
    [
        ({}, [], 0, "check passed"),
        ({"shift": 3.0}, [], 1, "REGRESSION"),
        ({"shift": 3.0}, ["--margin", "rouge_l=9"], 0, "check passed"),
        ({"shift": 3.0}, ["--margin", "rouge_l=3"], 0, "WARN"),
        ({"shift": 3.0}, ["--only", "fkl"], 2, "matches none"),
        ({"shift": 3.0}, ["--margin", "rouge_l"], 2, "write it as GLOB=VALUE"),
        ({"shift": 3.0}, ["--margin", "rougel=3"], 2, "--margin rougel: matches no metric"),
        ({"shift": 3.0}, ["--margin", "rouge_l=lots"], 2, "write a number as 1.0"),
        ({"shift": 3.0}, ["--alpha", "3"], 2, "alpha"),
        ({"shift": 3.0}, ["--mode", "vibes"], 2, "vibes"),
        ({"spread": 4.0, "shift": 0.8}, [], 0, "INCONCLUSIVE"),
        ({"spread": 4.0, "shift": 0.8}, ["--strict"], 4, "check inconclusive"),
        ({}, ["--mode", "exact"], 1, "no seed in common"),
    ],
)
def test_exit_codes(make_run, akl_bench, base, settings, options, code, said):
    make_run("pr", gate.rows((14, 18, 17), **settings))
    exit_code, out, err = akl_bench("check", "pr", "--baseline", base, *options)
    assert exit_code == code, out + err
    assert said in out + err
    assert "Traceback" not in err


def test_exit_code_3_names_the_field(make_run, akl_bench, base):
    make_run("pr", gate.rows(NEW), protocols={"quiz.prompt": "Q: {{ instruction }}"})
    code, out, _ = akl_bench("check", "pr", "--baseline", base)
    assert code == 3
    assert "prompt: {{ instruction }} -> Q: {{ instruction }}" in out
    assert "check not possible" in out.splitlines()[-1]


def test_exit_code_3_for_a_damaged_baseline(make_run, akl_bench, base, tmp_path):
    make_run("pr", gate.rows(NEW))
    path = tmp_path / base
    path.write_text(path.read_text().replace("0.25", "0.24", 1))
    code, _, err = akl_bench("check", "pr", "--baseline", base)
    assert code == 3
    assert "sha256 does not match" in err
    assert akl_bench("check", "pr", "--baseline", "none.json")[0] == 2


def test_never_0_where_nothing_was_compared(make_run, akl_bench):
    tasks = {"quiz": {**gate.QUIZ, "metrics": ["length"], "headline": "length", "columns": []}}
    for name, seeds in (("main", range(1, 11)), ("pr", NEW)):
        rows = {"akl": {s: {("quiz", "length"): 20.0 + s} for s in seeds}}
        make_run(name, rows, tasks=tasks)
    assert akl_bench("baseline", "create", "main", "-o", "b.json")[0] == 0
    code, _, err = akl_bench("check", "pr", "--baseline", "b.json")
    assert code == 3
    assert "Nothing was compared" in err


def test_all_files_and_github_at_once(make_run, akl_bench, base, tmp_path, monkeypatch):
    make_run("pr", gate.rows(NEW, shift=3.0))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    files = ["--json", "out/r.json", "--markdown", "out/r.md", "--junit", "out/xml/r.xml"]
    code, out, _ = akl_bench("check", "pr", "--baseline", base, *files)
    assert code == 1
    assert json.loads((tmp_path / "out/r.json").read_text())["exit_code"] == 1
    assert "| REGRESSION | akl/tiny |" in (tmp_path / "out/r.md").read_text()
    assert ElementTree.parse(tmp_path / "out/xml/r.xml").find(".//failure") is not None
    assert "REGRESSION" in (tmp_path / "summary.md").read_text()
    lines = out.splitlines()
    assert lines[0].startswith("::stop-commands::")
    assert lines[-1].startswith("::error title=akl/tiny quiz/rouge_l::REGRESSION: ")
    _, quiet, _ = akl_bench("check", "pr", "--baseline", base, "--github", "off")
    assert "::" not in quiet


def test_the_policy_of_the_baseline_holds_until_another_is_given(make_run, akl_bench, tmp_path):
    make_run("main", gate.rows(range(1, 11)))
    make_run("pr", gate.rows(NEW, shift=3.0))
    (tmp_path / "loose.yaml").write_text("margins: {rouge_l: 20%}\n")
    (tmp_path / "tight.yaml").write_text("margins: {rouge_l: 1%}\n")
    create = ["baseline", "create", "main", "-o", "b.json", "--policy", "loose.yaml"]
    assert akl_bench(*create)[0] == 0
    assert akl_bench("check", "pr", "--baseline", "b.json")[0] == 0
    assert akl_bench("check", "pr", "--baseline", "b.json", "--policy", "tight.yaml")[0] == 1
    # The option counts after the policy's own pattern.
    assert akl_bench("check", "pr", "--baseline", "b.json", "--margin", "rouge_l=0.5")[0] == 1


def test_explain_prints_items_before_the_table(make_run, akl_bench):
    def items(seeds, value):
        examples = {("quiz", "rouge_l"): [{"id": "q1", "value": value}]}
        answers = {"quiz": [{"id": "q1", "text": "hm"}]}
        return {
            "examples": {"akl": dict.fromkeys(seeds, examples)},
            "answers": {"akl": dict.fromkeys(seeds, answers)},
        }

    make_run("main", gate.rows(range(1, 11)), **items(range(1, 11), 0.5))
    make_run("pr", gate.rows(NEW, shift=3.0), **items(NEW, 0.25))
    assert akl_bench("baseline", "create", "main", "-o", "b.json", "--items")[0] == 0
    code, out, _ = akl_bench("check", "pr", "--baseline", "b.json", "--explain", "akl")
    assert code == 1
    assert "    q1: 50.0 -> 25.0 (-25.0)\n      > hm\n" in out


def test_neither_verb_imports_torch(make_run, akl_bench, base, tmp_path):
    make_run("pr", gate.rows(NEW))
    script = (
        "import sys\n"
        "from akl_bench.cli.main import main\n"
        "for command in (['baseline', 'create', 'main', '-o', 'again.json'],\n"
        "                ['check', 'pr', '--baseline', 'baselines/base.json', '--junit', 'r']):\n"
        "    try:\n"
        "        main(command)\n"
        "    except SystemExit as stop:\n"
        "        assert not stop.code\n"
        "heavy = {'torch', 'transformers', 'lm_eval', 'pandas', 'nltk'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
