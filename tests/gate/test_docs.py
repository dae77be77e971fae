"""docs/ci.md says what the command line has."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from akl_bench.cli.main import cli
from akl_bench.gate.policy import parsed
from akl_bench.gate.verdicts import Verdict

TEXT = (Path(__file__).parents[2] / "docs" / "ci.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, re.S)


def test_the_workflow_is_yaml_and_its_steps_are_commands_of_ours():
    workflow = yaml.safe_load(YAML[0])
    steps = [step["run"] for step in workflow["jobs"]["gate"]["steps"] if "run" in step]
    commands = [step for step in steps if step.startswith("akl-bench")]
    assert len(commands) == 2
    console = re.findall(r"^\$ (akl-bench .*)$", TEXT, re.M)
    for command in [*commands, *console]:
        parse(shlex.split(command, comments=True)[1:])


def parse(arguments):
    """Parse a command line without running it; an unknown option raises."""
    command, name = cli, "akl-bench"
    while isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        name, command, arguments = command.resolve_command(context, arguments)
    command.make_context(name, arguments)


def test_parse_refuses_what_does_not_exist():
    with pytest.raises(click.ClickException):
        parse(["check", "run", "--baseline", "b.json", "--no-such-option"])


def test_the_policy_is_one():
    assert parsed(yaml.safe_load(YAML[1]), "docs").tiers["rouge_l"] == "critical"


def test_every_verdict_and_exit_code_is_explained():
    for verdict in Verdict:
        assert f"| {verdict.value} |" in TEXT
    assert re.findall(r"^\| ([0-9]) \|", TEXT, re.M) == ["0", "1", "2", "3", "4"]
