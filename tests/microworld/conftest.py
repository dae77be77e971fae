"""What the judge is held against, and the script that trains the teacher."""

import importlib.util
import itertools
import math
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def texts_of():
    """Answer -> its texts with their probabilities, likeliest first."""

    def texts(answer):
        shares = {}
        for mode in answer.modes:
            for phrases in itertools.product(*mode.slots):
                text = " ".join(word for words, _ in phrases for word in words)
                share = mode.probability * math.prod(share for _, share in phrases)
                shares[text] = shares.get(text, 0.0) + share
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    return texts


@pytest.fixture(scope="session")
def build_teacher():
    """The module benchmarks/build_teacher.py."""
    path = Path(__file__).parents[2] / "benchmarks" / "build_teacher.py"
    spec = importlib.util.spec_from_file_location("build_teacher", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
