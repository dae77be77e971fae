import json
import pickle
from pathlib import Path

import pytest
import torch

from akl_bench.config import ModelRef
from akl_bench.errors import UsageError
from akl_bench.models.loading import load_model, load_tokenizer
from akl_bench.models.locate import locate


def edit_config(ref: ModelRef, name: str = "config.json", **changes: object) -> None:
    path = Path(ref.path or "") / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_good_folder_is_found(save_teacher):
    ref, _ = save_teacher()
    assert locate(ref) == Path(ref.path)


@pytest.mark.parametrize(
    ("file", "changes", "key"),
    [
        ("config.json", {"auto_map": {"AutoModelForCausalLM": "evil.Model"}}, "auto_map"),
        ("config.json", {"_attn_implementation_internal": "evil/kernel"}, "_attn_implementation_i"),
        ("config.json", {"attn_implementation": {"": "evil/kernel"}}, "attn_implementation"),
        ("config.json", {"text_config": {"auto_map": {"A": "b"}}}, "text_config.auto_map"),
        ("config.json", {"_experts_implementation_internal": "e/k"}, "_experts_implementation_i"),
        ("config.json", {"parts": [{"custom_pipelines": {}}]}, "parts.0.custom_pipelines"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["e.T", None]}}, "auto_map"),
        ("generation_config.json", {"custom_generate": "evil/generate"}, "custom_generate"),
    ],
)
def test_code_bearing_keys_are_refused_by_name(save_teacher, file, changes, key):
    ref, _ = save_teacher()
    edit_config(ref, file, **changes)
    with pytest.raises(UsageError, match=key) as caught:
        load_model(ref, dtype=torch.float32, device="cpu")
    assert file in str(caught.value)
    with pytest.raises(UsageError, match=key):
        load_tokenizer(ref)


def test_a_known_attention_implementation_is_no_code(save_teacher):
    ref, _ = save_teacher()
    edit_config(ref, _attn_implementation="sdpa", attn_implementation=None)
    assert locate(ref)


class Canary:
    """Unpickling this writes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_a_pickle_is_refused_and_never_opened(save_teacher, tmp_path, name):
    ref, _ = save_teacher()
    folder = Path(ref.path)
    (folder / "model.safetensors").unlink()
    canary = tmp_path / "canary"
    (folder / name).write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(UsageError, match=f"only {name}"):
        load_model(ref, dtype=torch.float32, device="cpu")
    assert not canary.exists()


def test_a_pickle_beside_safetensors_is_ignored(save_teacher, tmp_path):
    ref, model = save_teacher()
    canary = tmp_path / "canary"
    (Path(ref.path) / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(canary)))
    (Path(ref.path) / "training_args.bin").write_bytes(pickle.dumps(Canary(canary)))
    loaded = load_model(ref, dtype=torch.float32, device="cpu")
    assert torch.equal(loaded.lm_head.weight, model.lm_head.weight)
    assert not canary.exists()


def test_an_adapter_is_refused(save_teacher):
    ref, _ = save_teacher()
    (Path(ref.path) / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/base"}')
    with pytest.raises(UsageError, match="adapter"):
        locate(ref)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere.*config\.json"):
        locate(ModelRef(source="path", path=str(tmp_path / "nowhere")))


def test_broken_json_is_named(save_teacher):
    ref, _ = save_teacher()
    (Path(ref.path) / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"config\.json: not readable as JSON"):
        locate(ref)


def test_an_absent_hub_model_names_itself_and_the_remedy():
    with pytest.raises(UsageError, match=r"'nobody/nothing'.*--online"):
        locate(ModelRef(source="hub", name="nobody/nothing"))


def test_an_impossible_hub_name_is_a_usage_error():
    with pytest.raises(UsageError, match=r"'\.\./\.\./etc'"):
        locate(ModelRef(source="hub", name="../../etc"))


def test_a_random_model_has_no_checkpoint():
    with pytest.raises(UsageError, match="random"):
        locate(ModelRef(source="random", architecture={}))


def test_a_cached_hub_model_is_used_without_network(save_teacher, tmp_path, monkeypatch):
    import huggingface_hub.constants

    ref, _ = save_teacher()
    repository = tmp_path / "hub" / "models--some--model"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    (repository / "snapshots").mkdir()
    Path(ref.path).rename(repository / "snapshots" / ("0" * 40))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    hub = ModelRef(source="hub", name="some/model")
    assert load_model(hub, dtype=torch.float32, device="cpu").config.num_hidden_layers == 5
    with pytest.raises(UsageError, match="not in the local cache"):
        locate(hub.model_copy(update={"revision": "other"}))


@pytest.mark.parametrize("name", [None, "one", "two"])
def test_the_shipped_teachers_are_good_checkpoints(name):
    folder = locate(ModelRef(source="microworld", name=name))
    assert (folder / "tokenizer.json").is_file()
    with pytest.raises(UsageError, match="no model here"):
        locate(ModelRef(source="microworld", name="three"))
