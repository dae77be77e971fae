"""Bytes of all responses over their deflated bytes: large where they repeat themselves.

Shaib et al. 2024, "Standardizing the measurement of text diversity".
"""

import math
import zlib
from dataclasses import dataclass

from akl_bench.metrics.base import Metric, Texts


@dataclass(frozen=True)
class CompressionRatio(Metric):
    """Redundancy of a corpus; undefined where it has no byte."""

    scope = "corpus"
    higher_is_better = False
    bounds = (0.0, math.inf)
    format = "%.2f"
    # Builds of zlib differ in the bytes that they write. Sorted: no value hangs on the row order.
    details = (f"deflate:zlib_{zlib.ZLIB_RUNTIME_VERSION}_level_9", "order:sorted_lines")

    def corpus(self, texts: Texts) -> float | None:
        # A lone surrogate cannot be encoded strictly; it must not end a run.
        raw = "\n".join(sorted(texts)).encode(errors="surrogatepass")
        if not raw:
            return None
        deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
        return len(raw) / len(deflate.compress(raw) + deflate.flush())
