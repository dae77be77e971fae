"""One style for all pictures, and the one way to write them."""

import sys

import pytest

from akl_bench.errors import MissingDependencyError
from akl_bench.report import figures


def test_an_objective_looks_the_same_wherever_it_stands():
    first = figures.looks(["forward_kl", "mine", "symmetric_kl(weight=0.5)"])
    other = figures.looks(["sft", "theirs", "symmetric_kl(weight=0.1)", "forward_kl"])
    assert first["forward_kl"] == other["forward_kl"]
    assert first["symmetric_kl(weight=0.5)"] == other["symmetric_kl(weight=0.1)"]
    assert first["mine"].color not in {look.color for n, look in first.items() if n != "mine"}


def test_a_variant_is_another_objective():
    looks = figures.looks(["adaptive_kl", "adaptive_kl(variant=taid)"])
    assert len({look.color for look in looks.values()}) == 2


def test_another_source_or_a_checkpoint_s_label_is_another_objective():
    labels = ["forward_kl", "forward_kl@seqkd(temperature=1)", "me/my model @v2"]
    looks = figures.looks(labels)
    assert len({look.color for look in looks.values()}) == 3
    assert looks["forward_kl"] == figures.looks(["forward_kl"])["forward_kl"]


def test_of_many_only_the_papers_have_a_colour():
    looks = figures.looks(["sft", *(f"mine_{i}" for i in range(12))])
    assert [name for name, look in looks.items() if look.known] == ["sft"]
    assert looks["mine_3"].color == figures.GREY


def test_no_two_of_a_few_share_colour_marker_or_dashes():
    names = [*figures._FIXED, *(f"mine_{i}" for i in range(len(figures._SPARE)))]
    looks = figures.looks(names).values()
    for trait in ("color", "marker", "dash"):
        assert len({getattr(look, trait) for look in looks}) == len(names)


@pytest.mark.parametrize("format", figures.FORMATS)
def test_a_picture_has_the_same_bytes_twice(tmp_path, format):
    pytest.importorskip("matplotlib", reason="needs akl-bench[plots]")
    paths = [tmp_path / name / f"picture.{format}" for name in ("one", "two")]
    for path in paths:
        with figures.figure(3, 2) as made:
            made.subplots().plot([0, 1], [1, 0], label="a")
            figures.save(made, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("module", ["matplotlib", "matplotlib.figure"])
def test_without_matplotlib_the_extra_is_named(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r'pip install "akl-bench\[plots\]"'):
        figures.check()
