"""Where the seconds of one cell go, from the start of its process to its last seal.

    python benchmarks/cell.py [--objective fkl] [--profile micro] [--cells 3]

Runs the profile with so many seeds in a folder that is thrown away, one cell at a time, and prints
a line for each stage: the median over the seeds.
"""

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from akl_bench import config
from akl_bench.artifacts.store import CellFolder, Run, read_seal
from akl_bench.executors.base import Event
from akl_bench.executors.local import Local
from akl_bench.pipeline.run import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objective", default="fkl")
    parser.add_argument("--profile", default="micro")
    parser.add_argument("--cells", type=int, default=3)
    args = parser.parse_args()
    profile = config.load(args.profile).with_seeds(args.cells)
    events: dict[str, list[tuple[float, Event]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        run(
            [args.objective],
            profile,
            folder,
            executor=Local(workers=1),
            on_event=lambda event: events[event.job.name].append((time.monotonic(), event)),
        )
        trained = [cell.name for cell in Run(folder).read().cells if cell.kind == "trained"]
        tables = [stages(CellFolder(Run(folder).cells / name), events[name]) for name in trained]
    for stage in tables[0]:
        print(f"{stage:32} {statistics.median(table[stage] for table in tables):7.2f} s")


def stages(cell: CellFolder, events: list[tuple[float, Event]]) -> dict[str, float]:
    """Seconds by stage."""
    start, end = events[0][0], events[-1][0]
    training = [at for at, event in events if event.stage == "train"]
    seconds = {
        "process, imports, models, data": training[0] - start,
        "train, all steps but the first": training[-1] - training[0],
    }
    for kind in ("completions", "scores"):
        for path in sorted((cell.folder / kind).glob("*")):
            seals = [seal for seal in map(read_seal, (path, *path.glob("*"))) if seal]
            seconds[f"{path.name}: {kind}"] = sum(seal.made.seconds for seal in seals)
    seconds["the rest"] = end - start - sum(seconds.values())
    return seconds | {"total": end - start}


if __name__ == "__main__":
    main()
