"""`akl-bench verify`: try the laws on a plug-in and print them one by one."""

from __future__ import annotations

import click


@click.group()
def verify() -> None:
    """Try the laws on a plug-in, your own or a built-in one."""


@verify.command("divergence")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
def verify_divergence(specs: tuple[str, ...]) -> None:
    """Try every law on divergences: names, specs, ./file.py:Class, or all.

    Prints pass, FAIL or exempt (broken on purpose, with the reason) and the worst case found for
    each law. Exits 1 on a failure.
    """
    from akl_bench import divergences
    from akl_bench.testing import check_divergence

    failed = []
    for spec in [n for s in specs for n in (divergences.names() if s == "all" else [s])]:
        report = check_divergence(spec)
        click.echo(f"{report.spec}: {'all laws hold' if report.ok else 'BROKEN'}")
        for result in report.results:
            word = "pass" if result.passed else "exempt" if result.exempt else "FAIL"
            click.echo(
                f"  {word:6}  {result.law:20}  worst {result.worst:8.1e} of {result.tolerance:g}"
                f"  {result.detail}" + (f"  ({result.exempt})" if result.exempt else "")
            )
        failed += [report.spec] * (not report.ok)
    if failed:
        click.echo(f"{len(failed)} broken: {', '.join(failed)}", err=True)
        raise SystemExit(1)
