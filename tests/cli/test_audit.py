"""`akl-bench audit akl`, from its options to its output."""

import json
import subprocess
import sys

import pytest

from akl_bench.cli.main import main
from akl_bench.config import ModelRef
from akl_bench.models.toys import dry

TEXT = "the quick brown fox jumps over the lazy dog\n"


@pytest.fixture
def options(tmp_path, monkeypatch):
    """Options that name two toy models and a text; the made distributions are left out."""
    monkeypatch.setattr("akl_bench.papers.akl.audit.cases.made", lambda seed: iter(()))
    for name in ("teacher", "student"):
        dry(
            ModelRef(source="hub", name="gpt2"),
            tmp_path / name,
            teacher=name == "teacher",
            texts=[TEXT],
        )
    (tmp_path / "text.txt").write_text(TEXT * 3)
    return [
        *("--teacher", str(tmp_path / "teacher"), "--student", str(tmp_path / "student")),
        *("--text", str(tmp_path / "text.txt")),
    ]


def audit(*arguments, code=None):
    with pytest.raises(SystemExit) as stop:
        main(["audit", "akl", *arguments])
    assert stop.value.code == code


def failure(capsys, *arguments):
    audit(*arguments, code=2)
    return capsys.readouterr().err


def test_json_of_two_paths(options, capsys):
    audit(*options, "--tokens", "7", "--format", "json")
    content = json.loads(capsys.readouterr().out)
    assert list(content["cases"]) == ["text"]
    assert content["cases"]["text"]["tokens"] == 7
    assert content["cases"]["text"]["variants"][0]["dw_max"] == 0


def test_text_table_and_figure(options, capsys, tmp_path):
    audit(*options, "--figure", str(tmp_path / "picture.png"))
    out = capsys.readouterr().out
    assert "0.104506" in out
    assert "symmetric_kl" in out
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_mu_reaches_the_variants(options, capsys):
    audit(*options, "--format", "json", "--mu", "0.8")
    first = json.loads(capsys.readouterr().out)["by_hand"][0]
    # .40 + .35 does not exceed .8, so the third token joins the head: w = (.20 + .13 + .06) / .40.
    assert first["head"] == [0, 1, 2]
    assert first["w"] == pytest.approx(0.975)


def test_bad_input_is_one_sentence(options, capsys, tmp_path):
    assert "mu=1.5 is out of range" in failure(capsys, *options, "--mu", "1.5")
    assert "ends in .png, .svg, .pdf" in failure(capsys, *options, "--figure", "picture.gif")
    (tmp_path / "teacher" / "config.json").unlink()
    assert "config.json is missing" in failure(capsys, *options)


def test_help_needs_no_torch():
    code = (
        "import sys; from akl_bench.cli.main import cli\n"
        "cli.main(['audit', 'akl', '--help'], standalone_mode=False)\n"
        "assert not {'torch', 'transformers', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--student" in done.stdout
