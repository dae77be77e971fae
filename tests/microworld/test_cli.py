import pytest
from click.testing import CliRunner

from akl_bench.cli.microworld import microworld
from akl_bench.errors import UsageError
from akl_bench.microworld import records


def run(*arguments: str) -> str:
    result = CliRunner().invoke(microworld, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_sample_shows_the_rows_of_a_split() -> None:
    rows = records("open", 2, seed=3)
    expected = [f"{row['instruction']} : {row['output']}" for row in rows]
    assert run("sample", "open", "-n", "2", "--seed", "3").splitlines() == expected
    (row,) = records("cloze", 1)
    assert run("sample", "cloze", "-n", "1") == f"{row['query']} [{row['target']}]\n"


def test_judge_names_the_meaning_and_the_others() -> None:
    asked = "compare the fox and the bear"
    assert run("judge", asked, "the bear is bigger than the fox .").splitlines() == [
        "valid: bigger",
        " 0.750  bigger",
        " 0.250  smaller",
    ]
    assert run("judge", asked, "the fox is bigger than the bear .").startswith("invalid\n")


def test_judge_refuses_what_the_world_does_not_understand() -> None:
    with pytest.raises(UsageError, match="no kind of instruction matches 'write a haiku'"):
        run("judge", "write a haiku", "the cow .")
