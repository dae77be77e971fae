import pytest

from akl_bench.config import load, profile_paths
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.errors import UsageError

RECORD = Record("row-7", "Add <1> & 2.", "", ("3",))


def test_a_template_sees_instruction_and_input_and_escapes_nothing():
    prompt = Prompt("{% if input %}{{ input }}|{% endif %}{{ instruction }}:\n")
    assert prompt.render(RECORD) == "Add <1> & 2.:\n"
    assert prompt.render(Record("x", "a", "{{ b }}", ())) == "{{ b }}|a:\n"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ instruction", "unexpected end of template"),
        ("{{ nope }}", "unknown name nope; use instruction and input"),
        ("{% if input %}{{ output }}{% endif %}", "unknown name output"),
        ("{{ instruction.nope }}", "has no attribute 'nope'"),
        ("{{ instruction.__class__.__mro__ }}", "unsafe"),
        ("{{ ''.__class__ }}", "unsafe"),
        ("{{ instruction.format.__globals__ }}", "unsafe"),
        ("{{ range(10 ** 9) }}", "Range too big"),
        ("{% include 'x' %}", "no loader"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% if input %}{{ instruction + 1 }}{% endif %}", "can only concatenate str"),
    ],
)
def test_a_template_that_cannot_work_is_refused_before_any_record_is_read(template, said):
    with pytest.raises(UsageError) as caught:
        Prompt(template)
    assert str(caught.value).startswith("prompt: ")
    assert said in str(caught.value)


def test_a_record_that_a_template_fails_on_is_named():
    prompt = Prompt("{{ {'x': 1}[instruction] }}")
    with pytest.raises(UsageError, match="prompt: record 'row-7'"):
        prompt.render(RECORD)


@pytest.mark.parametrize("name", profile_paths())
def test_the_prompts_of_the_shipped_profiles_show_the_whole_record(name):
    prompt = Prompt(load(name).prompt)
    text = prompt.render(Record("x", "INSTRUCTION", "", ()))
    assert "INSTRUCTION" in text and "None" not in text
    # The microworld has no inputs.
    if load(name).data.train.source != "microworld":
        assert "INPUT" in prompt.render(Record("x", "INSTRUCTION", "INPUT", ()))
