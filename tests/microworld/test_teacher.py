import json
from pathlib import Path
from typing import Any

import pytest
import torch

from akl_bench.config import ModelRef
from akl_bench.microworld import GRAMMAR_VERSION, WORLDS, World, is_valid, records
from akl_bench.models.locate import locate


@pytest.fixture(scope="module", params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    return WORLDS[request.param]


@pytest.fixture(scope="module")
def folder(world: World) -> Path:
    return locate(ModelRef(source="microworld", name=world.name))


@pytest.fixture(scope="module")
def recipe(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "recipe.json").read_text())
    return content


@pytest.fixture(scope="module")
def shipped(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return (
        AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True),
        AutoTokenizer.from_pretrained(folder),
    )


def test_the_shipped_teacher_is_small_and_speaks_this_grammar(
    shipped: tuple[Any, Any], folder: Path, recipe: dict[str, Any], build_teacher: Any
) -> None:
    model, tokenizer = shipped
    assert (folder / "model.safetensors").stat().st_size <= 4 * 2**20
    assert tokenizer.get_vocab() == build_teacher.build_tokenizer().get_vocab(), (
        "the grammar changed: rebuild"
    )
    assert model.config.vocab_size == len(tokenizer)
    assert recipe["grammar"] == GRAMMAR_VERSION
    assert recipe["steps"] == build_teacher.STEPS
    assert recipe["world"] == folder.name.replace("teacher_", "").replace("teacher", "one")
    assert recipe["seed"] == build_teacher.SEED
    assert recipe["batch_size"] == build_teacher.BATCH_SIZE
    assert recipe["peak_lr"] == build_teacher.PEAK_LR
    for name, value in build_teacher.ARCHITECTURE.items():
        assert getattr(model.config, name) == value


def test_the_shipped_loss_on_new_rows_is_the_recorded_one(
    shipped: tuple[Any, Any], world: World, recipe: dict[str, Any], build_teacher: Any
) -> None:
    model, tokenizer = shipped
    assert build_teacher.new_rows_loss(model, tokenizer, world.name) == pytest.approx(
        recipe["new_rows_loss"], abs=1e-3
    )


def test_the_loss_is_the_token_mean_of_plain_transformers(
    shipped: tuple[Any, Any], world: World, build_teacher: Any
) -> None:
    model, tokenizer = shipped
    rows = records("teacher", 20, seed=1, world=world)
    nats, tokens = 0.0, 0
    for row in rows:
        prompt = tokenizer.encode(f"{row['instruction']} :")
        response = [*tokenizer.encode(row["output"]), tokenizer.eos_token_id]
        ids = torch.tensor([[*prompt, *response]])
        labels = torch.tensor([[*[-100] * len(prompt), *response]])
        nats += model(input_ids=ids, labels=labels).loss.item() * len(response)
        tokens += len(response)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_teacher, "NEW_ROWS", 20)
        assert build_teacher.new_rows_loss(model, tokenizer, world.name) == pytest.approx(
            nats / tokens, rel=1e-5
        )


def test_the_teacher_is_mostly_valid_at_temperature_one(
    shipped: tuple[Any, Any], world: World
) -> None:
    model, tokenizer = shipped
    prompts = [row["instruction"] for row in records("test", 200, world=world)]
    torch.manual_seed(0)
    batch = tokenizer([f"{prompt} :" for prompt in prompts], return_tensors="pt", padding=True)
    out = model.generate(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, do_sample=True, top_k=0,
        top_p=1.0, temperature=1.0, max_new_tokens=26, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    texts = tokenizer.batch_decode(out[:, batch.input_ids.shape[1] :], skip_special_tokens=True)
    valid = [is_valid(prompt, text, world) for prompt, text in zip(prompts, texts, strict=True)]
    assert sum(valid) / len(valid) >= 0.88


@pytest.mark.slow
def test_the_recipe_retraces_its_recorded_beginning(
    tmp_path: Path, world: World, recipe: dict[str, Any], build_teacher: Any
) -> None:
    lines: list[str] = []
    build_teacher.build(tmp_path, world.name, log=lines.append, stop_after=100)
    again = json.loads((tmp_path / "recipe.json").read_text())["curve"]
    assert set(again) == {"50", "100"}
    # Sums of floats differ between machines; a changed world, seed or schedule is far outside.
    for step, loss in again.items():
        assert loss == pytest.approx(recipe["curve"][step], rel=0.02)
    assert lines[-1].startswith("loss on new rows")
