import pytest

from akl_bench import metrics, tasks
from akl_bench.errors import UsageError

GOOD = """
name: {name}
version: 1
kind: generation
description: mine
data: {{path: rows.jsonl}}
metrics: [rouge_l, length]
headline: rouge_l
"""


@pytest.fixture
def local(tmp_path, monkeypatch):
    """Write `./tasks/NAME.yaml` in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks").mkdir()

    def write(name, text=GOOD):
        (tmp_path / "tasks" / f"{name}.yaml").write_text(text.format(name=name))

    return write


@pytest.mark.parametrize("name", tasks.available())
def test_a_shipped_task_loads_and_its_metrics_exist(name):
    task = tasks.get(name)
    assert task.description.strip()
    labels = [metrics.registry.spec_of(metrics.get(spec)) for spec in task.metrics]
    assert len(set(labels)) == len(labels)
    if task.kind == "harness":
        lists = task.lm_eval.get("metric_list")
        assert lists is None or task.headline in [entry["metric"] for entry in lists]


def test_overrides_go_key_by_key():
    plain = tasks.get("micro_test")
    other = tasks.get("micro_test", {"data": {"rows": 3}, "generation": {"samples": 1}})
    assert other.data.rows == 3 and other.data.split == plain.data.split
    assert other.generation.samples == 1
    assert other.generation.max_new_tokens == plain.generation.max_new_tokens
    assert tasks.get("micro_test") == plain


def test_a_file_in_the_current_folder_adds_a_task_or_hides_a_shipped_one(local):
    local("mine")
    local("micro_test")
    assert {"mine", "arc_easy"} <= tasks.available().keys()
    assert tasks.get("micro_test").description == "mine"


def test_an_unknown_task_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"Unknown task 'arc_esy'\. Did you mean: arc_easy\?"):
        tasks.get("arc_esy")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 1", "versio: 1", "unknown key versio. Did you mean: version?"),
        ("name: {name}", "name: other", "name is 'other'; it must be the file's name, mine"),
        ("name: {name}", "name: ../mine", "name: String should match"),
        ("headline: rouge_l", "headline: rouge", "headline: rouge is none of the metrics"),
        ("metrics: [rouge_l, length]", "", "a generation task needs metrics"),
        ("data: {{path: rows.jsonl}}", "", "a generation task needs data"),
        ("data: {{path: rows.jsonl}}", "data: {{}}", "data: name a place"),
        ("kind: generation", "kind: harness", "a harness task needs lm_eval"),
        ("kind: generation", "kind: poetry", "kind: Input should be 'generation'"),
        ("version: 1", "version: 1\nversion: 2", "the key version appears twice"),
        ("description: mine", "description: !function x.y", "not YAML"),
    ],
)
def test_a_wrong_task_file_is_named_with_its_key(local, old, new, said):
    assert old in GOOD
    local("mine", GOOD.replace(old, new))
    with pytest.raises(UsageError) as caught:
        tasks.get("mine")
    assert str(caught.value).startswith("tasks/mine.yaml: ")
    assert said in str(caught.value)
