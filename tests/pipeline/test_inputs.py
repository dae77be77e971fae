"""What makes a cell, and what cells share, anew."""

import shutil

import pytest

from akl_bench import config
from akl_bench.pipeline import inputs


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package's sources, which `code_digest` reads."""
    copy = tmp_path / "akl_bench"
    ignored = shutil.ignore_patterns("*.safetensors", "__pycache__")
    shutil.copytree(inputs._PACKAGE, copy, ignore=ignored)
    monkeypatch.setattr(inputs, "_PACKAGE", copy)
    return copy


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("data/batches.py", True),
        ("divergences/_closed_form.py", True),
        ("divergences/adaptive_kl.py", True),  # every cell's head and tail gaps are its
        ("divergences/forward_kl.py", True),  # the skewed one takes it
        ("divergences/hellinger.py", False),
        ("cli/run.py", False),
        ("report/table.py", False),
        ("papers/akl/claims/toy.py", False),
        ("testing/divergence_laws.py", False),
    ],
)
def test_code_counts_for_all_cells_unless_only_one_objective_has_it(package, file, counts):
    before = inputs.code_digest()
    path = package / file
    path.write_text(path.read_text() + "# changed\n")
    assert (inputs.code_digest() != before) == counts


def test_what_cells_share_is_made_anew_where_the_code_that_makes_it_changed(package):
    profile = config.load("micro")
    made = inputs.Inputs(profile, [], [], {}, {"train": "1"})
    before = made.key
    assert inputs.Inputs(profile, [], [], {}, {"train": "1"}).key == before
    path = package / "data" / "batches.py"
    path.write_text(path.read_text() + "# changed\n")
    assert made.key != before
    assert inputs.Inputs(profile, [], [], {}, {"train": "2"}).key != made.key
