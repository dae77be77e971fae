import pytest
from hypothesis import given
from hypothesis import strategies as st

from akl_bench import specs
from akl_bench.errors import UsageError

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True)
VALUES = (
    st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
)


@pytest.mark.parametrize(
    ("text", "name", "params"),
    [
        ("akl", "akl", {}),
        ("akl()", "akl", {}),
        (" akl ( mu = 0.5 , variant=taid ) ", "akl", {"mu": 0.5, "variant": "taid"}),
        ("a(x=-1, y=1e-4)", "a", {"x": -1, "y": 1e-4}),
        ("a(x=true, y=False)", "a", {"x": True, "y": False}),
        ("a(x='two words')", "a", {"x": "two words"}),
        ("./mine.py:Mine(a=1)", "./mine.py:Mine", {"a": 1}),
        ("/my (1)/x y.py:Mine(a='b.py:C')", "/my (1)/x y.py:Mine", {"a": "b.py:C"}),
    ],
)
def test_parse(text, name, params):
    found = specs.parse(text)
    assert (found.name, found.params) == (name, params)
    assert [type(v) for v in found.params.values()] == [type(v) for v in params.values()]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a(",
        "a)(",
        "a-b",
        "a(1)",
        "a(**b)",
        "a(x=1, x=2)",
        "a(x=1)(y=2)",
        "a(x=1) if f(1) else (2)",
        "a(x=[1])",
        "a(x=None)",
        "a(x=1j)",
        "a(x=1e999)",
        "a(x=__import__('os').system('true'))",
        "a(x='\0')",
        f"a(x={'-' * 900}1)",
        f"a(x={'(' * 400}1{')' * 400})",
        f"a(x={'9' * 5000})",
        f"a(x={'-' * 100_000}1)",
    ],
)
def test_what_is_no_spec_is_refused_in_one_short_sentence(text):
    with pytest.raises(UsageError) as caught:
        specs.parse(text)
    assert len(str(caught.value)) < 1200


@given(NAMES.filter(lambda name: name not in ("true", "false")), st.dictionaries(NAMES, VALUES))
def test_format_reads_back_to_the_same_values(name, params):
    params = {key: value for key, value in params.items() if not specs.iskeyword(key)}
    text = specs.format_spec(name, params)
    if len(text) <= 1000:
        assert specs.parse(text) == specs.Spec(name, params)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (1.0, "1"), (0.1 + 0.2, "0.30000000000000004"), (True, "true"), ("if", "'if'")],
)
def test_a_value_is_written_as_short_as_it_can_be_without_loss(value, text):
    assert specs.format_spec("a", {"x": value}) == f"a(x={text})"
