"""`akl-bench`: the group of all verbs; each is imported when it is asked for."""

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from akl_bench import __version__
from akl_bench.errors import AklBenchError, UnknownNameError
from akl_bench.report.escape import terminal_text

# By what a user wants, in the order of the work.
_GROUPS = {
    "Run": ("run", "score", "plan", "status", "doctor"),
    "Look": ("table", "plot", "report", "show", "ls"),
    "Judge": ("answer", "baseline", "check", "audit", "claims"),
    "Extend": ("verify", "microworld"),
}
_VERBS = tuple(verb for verbs in _GROUPS.values() for verb in verbs)
_INTERRUPTED = 130
_READER_GONE = 141  # what a shell reports for a program that SIGPIPE ended


class _Verbs(click.Group):
    """Imports `akl_bench.cli.VERB` and takes the command of that name from it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in _GROUPS.items():
            with formatter.section(title):
                commands = [(verb, self.get_command(ctx, verb)) for verb in verbs]
                width = formatter.width - max(map(len, _VERBS)) - 6
                formatter.write_dl(
                    [(v, c.get_short_help_str(width)) for v, c in commands if c is not None]
                )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            raise UnknownNameError("command", cmd_name, _VERBS)
        command: click.Command = getattr(
            importlib.import_module(f"akl_bench.cli.{cmd_name}"), cmd_name
        )
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader (head, less) has seen enough; click would end with 1, "a cell failed".
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_READER_GONE)


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="akl-bench")
def cli() -> None:
    """Which divergence should I distil my language model with?

    Trains students from one teacher under many objectives, scores them and prints the comparison:

        akl-bench run all

    Exit codes: 0 fine, 1 some cell or check failed, 2 bad input or usage, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; an expected error is one message without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # The same bytes in every locale; a name that is no UTF-8 still shows.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        # What comes back is the code of `context.exit(code)`, as after --help.
        sys.exit(cli.main(args=arguments, prog_name="akl-bench", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except AklBenchError as error:
        # Line by line: what a message quotes from a file must not steer the terminal.
        click.echo("Error: " + "\n".join(map(terminal_text, str(error).split("\n"))), err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename is not None else ""
        click.echo(f"Error: {where}{error.strerror or error}.", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. The same command goes on from here.", err=True)
        sys.exit(_INTERRUPTED)
