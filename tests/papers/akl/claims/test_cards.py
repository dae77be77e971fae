"""All cards together, and the command that prints them."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from akl_bench.cli.main import main
from akl_bench.papers.akl.claims import cards, toy
from akl_bench.papers.akl.objectives import AKL, FKL, MIX, RKL


@pytest.fixture(autouse=True)
def few_toys(monkeypatch):
    """Two starts and a few steps: what is tried here is the way from the command to the page."""
    few = [replace(setting, steps=12) for setting in toy.settings()]
    monkeypatch.setattr(toy, "settings", lambda: few)
    monkeypatch.setattr(toy.train_all, "__defaults__", (2,))


def claims(capsys, *arguments, code=None):
    with pytest.raises(SystemExit) as stop:
        main(["claims", *map(str, arguments)])
    assert stop.value.code == code
    return capsys.readouterr()


def test_without_a_run_the_toys_speak_and_the_rest_says_what_it_needs(capsys):
    shown = json.loads(claims(capsys, "--format", "json").out)
    assert [card["number"] for card in shown] == [1, 2, 3, 4, 5]
    assert [len(card["parts"]) for card in shown] == [2, 2, 1, 1, 2]
    assert all("akl-bench run" in card["parts"][-1]["why"] for card in shown)
    assert [card["verdict"] == "not tested" for card in shown] == [False, False, True, True, False]


def test_toy_only_asks_for_nothing(capsys):
    shown = json.loads(claims(capsys, "--toy-only", "--format", "json").out)
    assert [len(card["parts"]) for card in shown] == [1, 1, 0, 0, 1]


def test_toy_only_takes_no_run(capsys):
    assert "takes no RUN" in claims(capsys, "--toy-only", "results/x", code=2).err


def test_a_folder_without_a_run_is_one_sentence(capsys, tmp_path):
    assert "holds no run" in claims(capsys, tmp_path, code=2).err


def test_a_run_and_a_long_one_with_all_pictures(capsys, tmp_path, write_claims_run):
    level = {"validity": 0.5, "acc": 0.6, "distinct_n(n=2)": 0.4, "self_bleu(n=4)": 0.5}
    level |= {"kl_pq": 0.2, "kl_qp": 0.3}
    values = dict.fromkeys((FKL, RKL, MIX, AKL, "teacher"), level)
    curves = dict.fromkeys(values, lambda done: (1 - done, 2 - 2 * done))
    run = write_claims_run(values, curves=curves)
    long = write_claims_run(values, name="long", steps=150)
    figures = tmp_path / "figures"
    arguments = (run, "--long", long, "--figures", figures, "--format", "markdown")
    page = claims(capsys, *arguments).out
    assert "After 150 steps" in page
    assert page.count("micro, student one_layer: ") == 5
    names = {path.stem for path in figures.glob("*.svg")}
    # The weights need the students themselves.
    assert names == {
        *(f"claims-toy-{name}" for name in ("optimum", "gaps", "weights")),
        *(f"claims-micro-one_layer-{name}" for name in ("optimum", "gaps", "scores", "diversity")),
    }
    assert all(f"figures/{name}.svg" in page for name in names)
    assert "cells/\\*/student" in page
    again = tmp_path / "again"
    claims(capsys, run, "--long", long, "--figures", again)
    assert all((again / p.name).read_bytes() == p.read_bytes() for p in figures.glob("*.svg"))


def test_every_rule_names_its_limits():
    made = cards.cards(hint=False)
    assert all("upported where" in card.rule and "refuted where" in card.rule for card in made[1:])


def test_help_needs_no_torch():
    code = (
        "import sys; from akl_bench.cli.main import cli\n"
        "cli.main(['claims', '--help'], standalone_mode=False)\n"
        "assert not {'torch', 'transformers', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--toy-only" in done.stdout
