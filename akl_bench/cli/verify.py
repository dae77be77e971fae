"""`akl-bench verify`: try the laws on a plug-in and print them one by one."""

from __future__ import annotations

import click

from akl_bench.testing import KINDS, check


@click.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
def verify(kind: str, specs: tuple[str, ...]) -> None:
    """Try every law of its kind on plug-ins: names, specs, ./file.py:Class, or all.

    Prints pass, FAIL or exempt (broken on purpose, with the reason) for each law, and the worst
    case seen. Exits 1 on a failure.
    """
    import importlib

    names = importlib.import_module(KINDS[kind]).registry.names()
    failed = []
    for spec in [name for given in specs for name in (names if given == "all" else [given])]:
        report = check(kind, spec)
        click.echo(f"{report.spec}: {'all laws hold' if report.ok else 'BROKEN'}")
        for result in report.results:
            word = "pass" if result.passed else "exempt" if result.exempt else "FAIL"
            line = (
                f"  {word:6}  {result.law:20}  worst {result.worst:8.1e} of {result.tolerance:g}"
                f"  {result.detail}" + (f"  ({result.exempt})" if result.exempt else "")
            )
            click.echo(line.rstrip())
        failed += [report.spec] * (not report.ok)
    if failed:
        click.echo(f"{len(failed)} broken: {', '.join(failed)}", err=True)
        raise SystemExit(1)
