"""`akl-bench check`: is this run as good as the baseline?"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from akl_bench.cli._options import run_argument

if TYPE_CHECKING:
    from akl_bench.gate.baseline import Baseline
    from akl_bench.gate.policy import Policy

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(no_args_is_help=True)
@run_argument
@click.option("--baseline", "baseline_path", required=True, type=_FILE, help="The baseline file.")
@click.option(
    "--mode",
    type=click.Choice(["auto", "exact", "seeds", "calibrated", "threshold"]),
    default="auto",
    show_default=True,
    help="exact: the same bits. auto: objectives with the same bits pass, others are tested.",
)
@click.option("--policy", type=_FILE, help="YAML with margins and tiers.  [default: baseline's]")
@click.option(
    "--margin",
    "margins",
    multiple=True,
    metavar="GLOB=VALUE",
    help="Loss that does not matter, as rouge_l=1.0 or 'micro_*/kl_pq=5%'. Repeatable.",
)
@click.option("--alpha", type=float, help="Chance of any false alarm.  [default: the policy's]")
@click.option(
    "--adjust",
    type=click.Choice(["holm", "bh", "none"]),
    help="Correction for many tests.  [default: the policy's]",
)
@click.option(
    "--only", multiple=True, metavar="GLOB", help="Objectives to check, as 'akl*'. Repeatable."
)
@click.option("--strict", is_flag=True, help="Exit with 4 where a metric is inconclusive.")
@click.option("--all", "everything", is_flag=True, help="Print what passed too.")
@click.option("--explain", metavar="OBJECTIVE", help="Also print the items that fell most.")
@click.option("--json", "json_path", type=_FILE, help="Write the report as JSON.")
@click.option("--markdown", "markdown_path", type=_FILE, help="Write it as Markdown.")
@click.option("--junit", "junit_path", type=_FILE, help="Write it as JUnit XML.")
@click.option(
    "--github",
    type=click.Choice(["auto", "on", "off"]),
    default="auto",
    show_default=True,
    help="Annotations and step summary; auto: where GITHUB_ACTIONS is set.",
)
def check(
    run: Path,
    baseline_path: Path,
    mode: Any,
    only: tuple[str, ...],
    strict: bool,
    everything: bool,
    explain: str | None,
    github: str,
    **options: Any,
) -> None:
    """Compare RUN with a baseline, metric by metric, over training seeds.

    Exit codes: 0 pass, 1 regression or missing, 2 bad input or usage, 3 not comparable or a damaged
    baseline, 4 inconclusive under --strict.
    """
    from akl_bench.gate import baseline as files
    from akl_bench.gate import outputs
    from akl_bench.gate.check import check as compare
    from akl_bench.gate.explain import explain as explained
    from akl_bench.gate.snapshot import measure
    from akl_bench.report.frame import load

    base = files.read(baseline_path)
    policy = _policy(base, options)
    items = files.read_items(base, baseline_path) if explain else None
    frame = load(run)
    report = compare(base, measure(frame), policy, mode=mode, only=only, strict=strict)
    shown = outputs.text(report, everything=everything, styled=sys.stdout.isatty())
    if explain and items is not None:
        shown = explained(report, explain, items, frame) + "\n" + shown
    on_github = github == "on" or (github == "auto" and bool(os.environ.get("GITHUB_ACTIONS")))
    click.echo(outputs.inert(shown) if on_github else shown, nl=False)
    _write_files(report, options)
    if on_github:
        for line in outputs.annotations(report):
            click.echo(line)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            outputs.write_summary(report, Path(summary))
    sys.exit(report.exit_code)


def _policy(base: "Baseline", options: dict[str, Any]) -> "Policy":
    """The baseline's policy, or the file's, changed by the options."""
    from akl_bench.errors import UsageError
    from akl_bench.gate.policy import load, matches, parsed

    path: Path | None = options["policy"]
    content = (load(path) if path else base.policy).model_dump(mode="json")
    for key in ("alpha", "adjust"):
        if options[key] is not None:
            content[key] = options[key]
    for pattern, value in _pairs(options["margins"]):
        # A policy file may serve several baselines; an option that does nothing is a typo.
        if not any(matches(column, pattern) for column in base.run.columns):
            names = ", ".join(sorted({column.metric for column in base.run.columns}))
            raise UsageError(f"--margin {pattern}: matches no metric; the baseline has {names}.")
        # Put last even where the pattern is known: the last one that matches counts.
        content["margins"].pop(pattern, None)
        content["margins"][pattern] = value
    return parsed(content, "policy")


def _pairs(settings: Sequence[str]) -> list[tuple[str, Any]]:
    from akl_bench.errors import UsageError
    from akl_bench.strict import parse_yaml

    pairs = []
    for setting in settings:
        # A spec has equals signs of its own, as distinct_n(n=2).
        pattern, equals, value = setting.rpartition("=")
        if not equals or not pattern or not value:
            raise UsageError(f"--margin {setting}: write it as GLOB=VALUE, as rouge_l=1.0.")
        pairs.append((pattern, parse_yaml(value, f"--margin {setting}")))
    return pairs


def _write_files(report: Any, options: dict[str, Any]) -> None:
    from akl_bench.artifacts.files import write_json, write_text
    from akl_bench.gate import outputs

    files: dict[str, tuple[Any, Any]] = {
        "json_path": (write_json, report.as_json()),
        "markdown_path": (write_text, outputs.markdown(report)),
        "junit_path": (write_text, outputs.junit(report)),
    }
    for name, (write, content) in files.items():
        if options[name]:
            options[name].parent.mkdir(parents=True, exist_ok=True)
            write(options[name], content)
