import subprocess
import sys
from pathlib import Path

import pytest

from akl_bench import metrics
from akl_bench.errors import UsageError
from akl_bench.registry import Registry
from akl_bench.testing import check_metric

PLUGIN = '''
"""Share of upper-case letters."""
from dataclasses import dataclass
from akl_bench.metrics import Metric

@dataclass(frozen=True)
class Shouting(Metric):
    floor: float = 0.0

    def score_text(self, text, references, prompt):
        return max(self.floor, sum(map(str.isupper, text)) / max(1, len(text)))
'''


def test_a_file_is_a_metric(tmp_path: Path) -> None:
    path = tmp_path / "shouting_file.py"
    path.write_text(PLUGIN)
    spec = f"{path}:Shouting(floor=0.25)"
    assert metrics.get(spec).per_example(["AB", "Abcd", "x"]) == [1.0, 0.25, 0.25]
    assert check_metric(spec).failures == ()


def test_an_installed_entry_point_is_a_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shouting_plugin.py").write_text(PLUGIN)
    info = tmp_path / "shouting_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[akl_bench.metrics]\nshouting = shouting_plugin:Shouting\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    # The registry of the package has looked already, once for the process.
    registry = Registry("metric", "akl_bench.metrics", "Metric")
    assert "shouting" in registry.names()
    metric = registry.create("shouting(floor=0.5)")
    assert metric.per_example(["a"]) == [0.5]
    assert check_metric(metric).failures == ()
    sys.modules.pop("shouting_plugin")


def test_listing_and_diversity_import_neither_nltk_nor_torch() -> None:
    code = (
        "import sys; from akl_bench import metrics; metrics.names();"
        "metrics.get('self_bleu').corpus(['a','b']); metrics.get('rouge_l');"
        "print([m for m in ('nltk', 'torch', 'transformers', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_parameter_is_named() -> None:
    with pytest.raises(UsageError, match="has no parameter 'order'"):
        metrics.get("self_bleu(order=2)")
