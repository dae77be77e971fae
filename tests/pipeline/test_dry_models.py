"""The paper's profile, whole, with toy models and local rows."""

import json

import pytest

pytestmark = pytest.mark.slow

WORDS = ["what", "is", "a", "river", "name", "three", "birds", "explain", "rain", "to", "me"]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_gpt2_dolly_runs_offline_with_dry_models(akl_bench, tmp_path):
    records = [
        {
            "id": f"r{i}",
            "instruction": " ".join(WORDS[i % 5 : i % 5 + 4]),
            "input": WORDS[i % 11] if i % 3 == 0 else "",
            "output": " ".join(reversed(WORDS[i % 6 : i % 6 + 5])),
        }
        for i in range(24)
    ]
    write(tmp_path / "dolly.jsonl", records)
    choices = [
        {"id": f"c{i}", "query": "A river is", "choices": ["wet .", "a bird ."], "gold": i % 2}
        for i in range(4)
    ]
    write(tmp_path / "choices.jsonl", choices)
    arguments = ["--profile", "gpt2-dolly", "--dry-models", "--smoke", "--out", "dry"]
    for key in ("data.train", "data.validation", "tasks.dolly_eval.data", "tasks.vicuna.data"):
        arguments += ["--set", f"{key}.path=dolly.jsonl", "--set", f"{key}.skip=0"]
    for task in ("self_instruct", "sinst", "uinst", "winogrande", "openbookqa", "boolq"):
        arguments += ["--set", f"tasks.{task}=null"]
    for task in ("arc_easy", "arc_challenge"):
        arguments += ["--set", f"tasks.{task}=null"]
    arguments += ["--set", "tasks.arc_easy_local.data.path=choices.jsonl"]
    code, out, err = akl_bench("run", "sft", "akl", *arguments)
    assert code == 0, err
    assert "dry models" in out
    assert "over training seeds, 1 each" in out
    cell = next((tmp_path / "dry" / "cells").glob("adaptive-kl-*"))
    config = json.loads((cell / "student" / "model" / "config.json").read_text())
    assert config["architectures"] == ["GPT2LMHeadModel"]
    assert (
        json.loads((cell / "student" / "training.json").read_text())["validation"][0]["rouge_l"]
        >= 0
    )
