import pytest
from pydantic import Field, ValidationError

from akl_bench.errors import UsageError
from akl_bench.strict import Strict, describe, merge, parse_yaml, read_yaml


class _Inner(Strict):
    rate: float = 1.0
    ratio: float = 1.0
    on: bool = False


class _Outer(Strict):
    inner: _Inner = _Inner()
    many: dict[str, _Inner] = Field(default_factory=dict)
    few: tuple[_Inner, ...] = ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", "1e-4"),  # YAML 1.1 takes it for text; the schema makes it a number
        ("1.0e-4", 1e-4),
        (".5", 0.5),
        ("-3", -3),
        ("1_000", 1000),
        ("2024-01-01", "2024-01-01"),
        ("2024-13-45", "2024-13-45"),
        ("'010'", "010"),
        ("no", False),
        ("[a, 1]", ["a", 1]),
    ],
)
def test_yaml_values(text, value):
    parsed = parse_yaml(text, "here")
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 010", "010 is not a plain finite number (line 1)"),
        ("a: 0x10", "0x10"),
        ("a: 1:30", "1:30"),
        ("a: .nan", ".nan"),
        ("a: -.inf", "-.inf"),
        ("a: 1\nb: 1\na: 2", "the key a appears twice (line 1)"),
        ("x:\n  b: {c: 1, c: 2}", "the key c appears twice (line 2)"),
        ("a: &x [1]\nb: *x", "aliases (*name) are not allowed"),
        ("a: !!python/object/apply:os.system ['true']", "python/object/apply:os.system"),
        ("a: !!python/name:os.system", "python/name"),
        ("a: !include x.yaml", "!include"),
        ("<<: {a: 1}", "not YAML"),
        ("1: 2", "the key 1 is not text"),
        ("? [a]\n: 1", "is not text"),
        ("a: [", "not YAML"),
        ("--- a\n--- b", "not YAML"),
        ("a: \0", "character"),
        ("[" * 20_000, "nested too deeply"),
        (f"a: {'9' * 5000}", "Exceeds the limit"),
    ],
)
def test_yaml_that_is_refused(text, said):
    with pytest.raises(UsageError) as caught:
        parse_yaml(text, "here")
    assert said in str(caught.value)
    assert str(caught.value).startswith("here: ")
    assert "\n" not in str(caught.value)


def test_an_alias_bomb_is_refused_before_it_grows():
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)
    )
    with pytest.raises(UsageError, match="aliases"):
        parse_yaml(bomb, "here")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"", "expected a mapping of keys, got NoneType"),
        (b"- a", "expected a mapping of keys, got list"),
        (b"a: \xff", "not UTF-8 at byte 3"),
    ],
)
def test_a_file_that_is_no_mapping_is_named(tmp_path, content, said):
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_byte_order_mark_is_accepted(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    assert read_yaml(tmp_path / "x.yaml") == {"a": 1}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            {"inner": {"rato": 1}},
            "here: unknown key inner.rato. Did you mean: ratio? Keys here: rate, ratio, on.",
        ),
        ({"zzz": 1}, "here: unknown key zzz. Keys here: inner, many, few."),
        (
            {"many": {"x": {"rat": 1}}},
            "here: unknown key many.x.rat. Did you mean: rate? Keys here: rate, ratio, on.",
        ),
        (
            {"few": [{"on": False, "onn": 1}]},
            "here: unknown key few.0.onn. Did you mean: on? Keys here: rate, ratio, on.",
        ),
        ({"inner": 5}, "here: inner: expected a mapping of keys, got 5"),
        ({"many": [1]}, "here: many: expected a mapping of keys, got [1]"),
        ({"inner": {"rate": True}}, "here: inner.rate: expected no true/false here, got true"),
        ({"inner": {"rate": float("nan")}}, "here: inner.rate: Input should be a finite number"),
    ],
)
def test_each_problem_is_one_line_with_its_key_and_the_nearest(content, line):
    with pytest.raises(ValidationError) as caught:
        _Outer.model_validate(content)
    assert describe(caught.value, "here", _Outer) == line


def test_all_problems_are_listed():
    with pytest.raises(ValidationError) as caught:
        _Outer.model_validate({"inner": {"rat": 1, "rate": "x"}, "zzz": 1})
    assert len(describe(caught.value, "here", _Outer).splitlines()) == 3


def test_merge_goes_into_mappings_and_replaces_the_rest():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}}
    over = {"a": {"c": [3], "f": 4}, "d": 5}
    assert merge(base, over) == {"a": {"b": 1, "c": [3], "f": 4}, "d": 5}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}}
