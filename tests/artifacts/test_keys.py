"""What several field sets share, and in what two differ."""

from akl_bench.artifacts.keys import common, differences


def test_what_is_common_is_there_in_all_with_one_value():
    one = {"code": {"loss": "a", "loop": "b"}, "lr": 0.1, "lora": None}
    other = {"code": {"loss": "a", "loop": "c"}, "lr": 0.1}
    assert common([one, other]) == {"code.loss": "a", "lr": 0.1}
    assert common([one]) == {"code.loss": "a", "code.loop": "b", "lr": 0.1, "lora": None}
    assert common([]) == {}


def test_differences_name_the_field_and_both_values_but_no_hashes():
    one = {"data": "a" * 64, "decoding": {"top_p": 1.0, "top_k": 0}, "prompt": "x" * 99}
    other = {"data": "b" * 64, "decoding": {"top_p": 0.9}, "prompt": "y"}
    assert list(differences(one, other)) == [
        "data",
        "decoding.top_p: 1.0 -> 0.9",
        "decoding.top_k: 0 -> absent",
        f"prompt: {'x' * 60}... -> y",
    ]
    assert list(differences(one, one)) == []
