import itertools

import pytest
import yaml

from akl_bench import config
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.errors import UsageError

MINIMAL = {
    "name": "mine",
    "description": "as small as a profile can be",
    "teacher": {"source": "microworld"},
    "students": {"small": {"source": "teacher", "layers": [0]}},
    "prompt": "{{ instruction }}",
    "data": {
        "train": {"source": "microworld"},
        "validation": {"source": "microworld", "split": "validation"},
        "max_prompt_tokens": 8,
        "max_response_tokens": 8,
    },
    "training": {"steps": 1, "batch_size": 2, "lr": 0.1},
    "tasks": {"micro_test": None},
}


@pytest.mark.parametrize("name", config.profile_paths())
def test_a_shipped_profile_loads_and_validates_again_from_what_a_run_stores(name):
    profile = config.load(name)
    assert profile.name == name
    stored = profile.model_dump(mode="json")
    assert config.Profile.model_validate(stored) == profile


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("training.lr=1e-4", "training.lr", 1e-4),
        ("training.lr=.5", "training.lr", 0.5),
        (" training.batch_size = 7", "training.batch_size", 7),
        ("training.micro_batch_size=null", "training.micro_batch_size", None),
        ("seeds=[5, 6]", "seeds", (5, 6)),
        ("data.root=2024-01-01", "data.root", "2024-01-01"),
        ("prompt=a=b {{ instruction }}", "prompt", "a=b {{ instruction }}"),
        ("training.schedule=constant", "training.schedule", "constant"),
    ],
)
def test_a_setting_is_laid_over_the_profile(setting, path, value):
    setting_read = config.load("micro", [setting])
    for key in path.split("."):
        setting_read = getattr(setting_read, key)
    assert setting_read == value


def test_leaving_out_a_task_that_nobody_knows_is_a_typo():
    with pytest.raises(UsageError, match=r"Unknown task 'micro_tst'. Did you mean: micro_test"):
        config.load("micro", ["tasks.micro_tst=null"])


def test_settings_reach_into_students_and_tasks_and_the_last_one_wins():
    profile = config.load(
        "micro",
        [
            "students.one_layer.layers=[2, 3]",
            "tasks.micro_test.data.rows=7",
            "tasks.micro_open=null",
            "training.lr=1",
            "training.lr=2",
        ],
    )
    assert profile.students["one_layer"].layers == (2, 3)
    assert profile.students["one_layer"].source == "teacher"
    assert profile.tasks["micro_test"].data.rows == 7
    assert "micro_open" not in profile.tasks
    assert profile.training.lr == 2


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("training.stepz=1", "unknown key training.stepz. Did you mean: steps?"),
        ("trainin.steps=1", "unknown key trainin. Did you mean: training?"),
        ("tasks.micro_test.data.row=1", "unknown key data.row. Did you mean: rows?"),
        ("tasks.micro_tests={}", "Unknown task 'micro_tests'. Did you mean: micro_test?"),
        ("training=5", "training: expected a mapping of keys, got 5"),
        ("tasks.micro_test=5", "tasks.micro_test: expected a mapping of settings, got 5"),
        ("tasks=null", "tasks: Dictionary should have at least 1 item"),
        ("tasks=[micro_test]", "tasks: expected a mapping"),
        ("students=null", "students: expected a mapping"),
        ("x", "write it as key.path=value"),
        ("=1", "write it as key.path=value"),
        ("a..b=1", "write it as key.path=value"),
        ("training.lr=[", "--set training.lr=[: not YAML"),
        ("training.lr=!!python/name:os.system", "not YAML"),
        ("training.steps=010", "010 is not a plain finite number"),
        ("training.steps=yes", "expected no true/false here, got true"),
        ("tuning=null", "training.lr: tuned needs tuning: {start: ...}"),
        ("tuning.seeds=[2]", "tuning.seeds: 2 is a seed of the run"),
        ("seeds=[]", "seeds: Tuple should have at least 1 item"),
        ("seeds=[1, 1]", "seeds: [1, 1] has one of them twice"),
        ("seeds=[-1]", "seeds.0: Input should be greater than or equal to 0"),
        ("seeds=[4294967296]", "seeds.0: Input should be less than"),
        ("smoke=true", "smoke is not a key of a profile; add --smoke instead"),
        ("dry_models=true", "dry_models is not a key of a profile; add --dry-models instead"),
        ("name=../x", "name: String should match"),
        ("name=.x", "name: String should match"),
        (f"name={'x' * 81}", "name: String should match"),
        ("students.a/b={source: random, architecture: {}}", "students.a/b: use letters"),
        ("students.\u00fc={source: random, architecture: {}}", "use letters, digits"),
        (f"students.{'x' * 300}={{source: random, architecture: {{}}}}", "at most 24"),
        ("teacher.source=hub", "teacher: source: hub needs name"),
        ("teacher.source=random", "teacher: source: random needs architecture"),
        ("data.train.source=null", "data.train: name a place"),
        ("data.train.rows=0", "data.train.rows: Input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_key(setting, said):
    with pytest.raises(UsageError) as caught:
        config.load("micro", [setting])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def write(tmp_path):
    def file(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return str(path)

    return file


def test_a_profile_file_loads(write):
    profile = config.load(write(yaml.safe_dump(MINIMAL)))
    assert profile.seeds == (1, 2, 3)
    assert profile.training.lr == 0.1


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("training: {}", "the key training appears twice"),
        ("trainings: {}", "unknown key trainings. Did you mean: training?"),
        ("seeds: [010]", "010 is not a plain finite number"),
        ("seeds: !!python/object/apply:os.getpid []", "python/object/apply:os.getpid"),
        ("online: true", "online is not a key of a profile; add --online instead"),
    ],
)
def test_a_wrong_profile_file_is_named(write, extra, said):
    path = write(yaml.safe_dump(MINIMAL) + extra + "\n")
    with pytest.raises(UsageError) as caught:
        config.load(path)
    assert str(caught.value).startswith(path)
    assert said in str(caught.value)


def test_an_unknown_profile_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"Unknown profile 'mico'\. Did you mean: micro\?"):
        config.load("mico")


@pytest.mark.parametrize("name", config.profile_paths())
def test_smoke_shrinks_budget_data_tasks_and_seeds_and_says_so(name):
    full, smoke = config.load(name), config.load(name, smoke=True)
    assert smoke.smoke and not full.smoke
    assert smoke.training.steps == 3 and smoke.training.epochs is None
    sources = [task.data for task in smoke.tasks.values() if task.data]
    assert all(s.rows <= 16 for s in [smoke.data.train, smoke.data.validation, *sources])
    assert smoke.seeds == full.seeds[:1]
    assert smoke.tasks.keys() == full.tasks.keys()
    assert smoke.students == full.students and smoke.teacher == full.teacher


def test_smoke_does_not_raise_a_number_of_rows():
    assert config.load("micro", ["data.train.rows=5"], smoke=True).data.train.rows == 5


@pytest.mark.parametrize(
    ("own", "asked", "seeds"),
    [
        ("[4, 2]", 1, (4,)),
        ("[4, 2]", 2, (4, 2)),
        ("[4, 2]", 5, (4, 2, 5, 6, 7)),
    ],
)
def test_seeds_go_on_from_the_profile_s_own(own, asked, seeds):
    assert config.load("micro", [f"seeds={own}"], seeds=asked).seeds == seeds


def test_more_seeds_keep_the_fewer():
    asked = [config.load("micro", seeds=n).seeds for n in range(1, 8)]
    assert all(longer[: len(shorter)] == shorter for shorter, longer in itertools.pairwise(asked))


@pytest.mark.parametrize("name", ["smollm2", "gpt2-dolly"])
def test_the_papers_profiles_use_the_template_of_minillm_to_the_letter(name):
    prompt = Prompt(config.load(name).prompt)
    task = "Below is an instruction that describes a task"
    do = "Write a response that appropriately completes the request."
    assert prompt.render(Record("a", "Do x.", "", ("o",))) == (
        f"{task}. {do}\n\n### Instruction:\nDo x.\n\n### Response:\n"
    )
    assert prompt.render(Record("a", "Do x.", "With y.", ("o",))) == (
        f"{task}, paired with an input that provides further context. {do}\n\n"
        "### Instruction:\nDo x.\n\n### Input:\nWith y.\n\n### Response:\n"
    )


def test_the_rate_of_a_smoke_run_and_a_fixed_one_is_where_tuning_would_begin():
    assert config.load("micro").training.lr == "tuned"
    for options in ({"smoke": True}, {"fixed_lr": True}):
        assert config.load("micro", ["tuning.start=3e-3"], **options).training.lr == 0.003
    assert config.load("micro", ["training.lr=0.1"], fixed_lr=True).training.lr == 0.1


def test_seeds_of_trials_are_never_counted_up_to():
    assert config.load("micro", ["tuning.seeds=[4, 6]"], seeds=5).seeds == (1, 2, 3, 5, 7)
