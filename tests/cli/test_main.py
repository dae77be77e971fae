import json
import os
import subprocess
import sys

import click
import pytest

from akl_bench.cli import main as entry
from akl_bench.cli.main import main

COMMAND = "from akl_bench.cli.main import main; main({})"
# Each is refused with exit code 2; the words must be in the answer.
BAD = [
    (["tabel", "x"], "Unknown command 'tabel'. Did you mean: table?"),
    (["run"], "Usage: akl-bench run"),
    (["run", "akl", "--nope"], "No such option"),
    (["run", "akl", "--workers", "0"], "--workers"),
    (["run", "akl", "--seeds", "many"], "--seeds"),
    (["run", "akl", "--out", "file"], "--out"),
    (["ls", "objektives"], "'objectives', 'sources', 'teachers'"),
    (["plan", "adaptive_kll"], "Unknown objective 'adaptive_kll'. Did you mean: adaptive_kl?"),
    (["plan", "teacher"], "Unknown objective 'teacher'."),
    (["plan", "akl(nu=1)"], "no parameter 'nu'. It takes: mu, variant."),
    (["plan", "akl(mu=9)"], "mu=9"),
    (["plan", "akl(0.5)"], "every parameter needs its name"),
    (["plan", "./absent.py:Mine"], "there is no file"),
    (["plan", "./mine.py:Mine"], "fails on import with ValueError: no luck"),
    (["plan", "akl", "--profile", "mico"], "Unknown profile 'mico'. Did you mean: micro?"),
    (["plan", "akl", "--profile", "absent.yaml"], "absent.yaml: cannot be read: No such file"),
    (["plan", "akl", "--profile", "tag.yaml"], "tag.yaml: not YAML"),
    (["plan", "akl", "--set", "training.stepz=1"], "Did you mean: steps?"),
    (["plan", "akl", "--set", "tasks.micro_tset={}"], "Unknown task 'micro_tset'. Did you mean"),
    (
        ["plan", "akl", "--set", "tasks.micro_test.metrics=[validity, rouge_ll]"],
        "Unknown metric 'rouge_ll'. Did you mean: rouge_l?",
    ),
    (
        ["plan", "akl", "--set", "prompt='{{ nope }}'"],
        "unknown name nope; use instruction and input",
    ),
    (["plan", "akl", "--set", "prompt='{{ instruction.__class__ }}'"], "unsafe"),
    (["plan", "akl", "--set", "data.train={source: null, path: bad.jsonl}"], "bad.jsonl:2: "),
    (["plan", "akl", "--set", "data.train={source: null, path: absent}"], "there is no file"),
    (["plan", "akl", "--set", f"data.train={{source: null, path: {'x' * 5000}}}"], "too long"),
    (["table", "absent"], "absent holds no run"),
    (["table", "file"], "file holds no run"),
    (["table", "damaged"], "damaged/run.json is damaged"),
    (["table", "hollow"], "hollow/run.json is damaged: profile: Field required"),
    (["table", "older"], "older was written with schema 1; this version reads 2"),
    (["table", "damaged", "--format", "pdf"], "'text', 'markdown', 'latex', 'csv', 'json'"),
    (["status", "absent"], "absent holds no run"),
    (["status", "damaged"], "damaged/run.json is damaged"),
    (["show", "absent"], "absent"),
    (["show", "damaged"], "damaged is not a cell that has anything yet"),
    (["verify", "divergence", "nope"], "Unknown divergence 'nope'."),
    (["microworld", "sample", "nope"], "nope"),
]


@pytest.fixture
def call(capsys):
    """Run a command line in this process; gives exit code, standard output and error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        return stop.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture
def mess(tmp_path, monkeypatch):
    """A current folder with files that are not what they should be."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    (tmp_path / "mine.py").write_text("raise ValueError('no luck')")
    (tmp_path / "tag.yaml").write_text("name: !!python/object/apply:os.system ['touch canary']")
    (tmp_path / "bad.jsonl").write_text('{"instruction": "a", "output": "b"}\n{"instruction": \n')
    runs = {"damaged": '{"schema_version": 2, "prof', "hollow": '{"schema_version": 2}'}
    for name, content in {**runs, "older": '{"schema": 1}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(content)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"), BAD, ids=[" ".join(arguments)[:60] for arguments, _ in BAD]
)
def test_bad_input_ends_with_2_and_one_clear_message(call, mess, arguments, said):
    before = sorted(mess.rglob("*"))
    code, out, err = call(*arguments)
    assert code == 2
    assert said in err
    # The longest is the help of `run`.
    assert "Traceback" not in err and len(err.splitlines()) < 30
    assert out == ""
    assert sorted(mess.rglob("*")) == before, "nothing was begun"


def test_help_names_every_verb(call):
    code, out, _ = call("--help")
    assert code == 0
    shown = [line.split()[0] for line in out.partition("Run:")[2].splitlines() if line.strip()]
    assert [word for word in shown if word in entry._VERBS] == list(entry._VERBS)


@pytest.mark.parametrize("verb", entry._VERBS)
def test_every_verb_has_help(call, verb):
    code, out, _ = call(verb, "--help")
    assert code == 0
    assert f"Usage: akl-bench {verb}" in out


def test_the_version_is_the_package_s(call):
    from akl_bench import __version__

    assert call("--version") == (0, f"akl-bench, version {__version__}\n", "")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Interrupted. The same command goes on from here."),
        (OSError(28, "No space left on device", "/x/y"), 2, "/x/y: No space left on device."),
        (PermissionError(13, "Permission denied", "run.json"), 2, "run.json: Permission denied."),
        (OSError("odd"), 2, "Error: odd."),
        (entry.AklBenchError("no\nluck \x1b[31m"), 1, "Error: no\nluck <U+001B>[31m\n"),
        (entry.UnknownNameError("x", "b", ["a"]), 2, "Error: Unknown x 'b'. Available: a."),
    ],
)
def test_an_error_on_the_way_is_one_message_with_its_exit_code(
    call, monkeypatch, error, code, said
):
    def fail(kind):
        raise error

    monkeypatch.setattr(entry.cli.get_command(None, "ls"), "callback", fail)
    found, out, err = call("ls", "tasks")
    assert (found, out) == (code, "")
    assert said in err and "Traceback" not in err


def test_a_verb_may_end_with_a_code_of_its_own(call, monkeypatch):
    monkeypatch.setattr(
        entry.cli.get_command(None, "ls"),
        "callback",
        lambda kind: click.get_current_context().exit(4),
    )
    assert call("ls", "tasks") == (4, "", "")


def test_a_bug_is_not_hidden(call, monkeypatch):
    def fail(kind):
        raise KeyError("a bug of ours")

    monkeypatch.setattr(entry.cli.get_command(None, "ls"), "callback", fail)
    with pytest.raises(KeyError):
        call("ls", "tasks")


def test_a_reader_that_has_seen_enough_is_no_error():
    code = COMMAND.format(["ls", "objectives"])
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 141


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["plan", "--help"],
        ["ls", "objectives"],
        ["ls", "tasks"],
        ["ls", "metrics"],
        ["ls", "profiles"],
        ["table", "run"],
        ["table", "run", "--format", "json"],
        ["table", "run", "--format", "csv"],
        ["status", "run"],
        ["show", "CELL"],
        ["plot", "run"],
        ["report", "run", "--html", "page.html"],
    ],
    ids=" ".join,
)
def test_looking_imports_neither_torch_nor_transformers(arguments, write_run, tmp_path):
    if arguments[0] == "plot":
        pytest.importorskip("matplotlib", reason="needs akl-bench[plots]")
    (cell,) = write_run().glob("cells/sft-tiny-s1-*")
    arguments = [str(cell) if part == "CELL" else part for part in arguments]
    code = (
        "import sys, json\n"
        f"try: {COMMAND.format(arguments)}\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = 'torch', 'transformers', 'accelerate', 'lm_eval', 'datasets', 'pandas'\n"
        "print(json.dumps([m for m in sys.modules if m in heavy]), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == []
    assert done.stdout


def test_a_table_is_the_same_bytes_in_every_locale_and_folder(write_run, tmp_path):
    run = write_run().rename(tmp_path / "r\u00fcn of mine")
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHONIO"))}
    strict = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    pages = set()
    for environment, folder, argument in [
        ({"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"}, "/", run),
        ({"LC_ALL": "C", "PYTHONHASHSEED": "2", **strict}, tmp_path, run.name),
        ({"LC_ALL": "tr_TR.UTF-8", "PYTHONIOENCODING": "latin-1", **strict}, run, "."),
    ]:
        command = [sys.executable, "-c", COMMAND.format(""), "table", str(argument)]
        done = subprocess.run(command, cwd=folder, env=plain | environment, capture_output=True)
        assert done.returncode == 0, done.stderr
        pages.add(done.stdout)
    (page,) = pages
    assert "\u2191" in page.decode("utf-8")
