"""Every text that an answer can be, written out: what the judge is held against."""

import itertools
import math

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
