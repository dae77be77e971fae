"""akl-bench: which divergence should I distil my language model with?"""

import os

__version__ = "0.1.0"

# Nothing reaches the network unless the user says `--online` (cli/_options.py lifts these
# before any Hugging Face library is imported).
if os.environ.get("AKL_BENCH_ONLINE") != "1":
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
