"""``kit doctor``: what is wrong with this machine or the installation, and what mends it."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, without personal paths.")] = False,
) -> None:
    """Say what is wrong with this machine or the installation, from what cause, and the command that mends it.

    Changes nothing. Exit code 1 if there is a problem. Where the kit does not start at all: python3 kit.py doctor.
    """
    from rich.console import Console

    from kitutils import doctor as examination

    facts = examination.probe()
    findings = examination.diagnose(facts)
    if as_json:
        print(examination.as_json(facts, findings))
        raise typer.Exit(examination.exit_code(findings))
    console = Console(soft_wrap=True, highlight=False)
    styles = {examination.OK: "green", examination.WARNING: "yellow", examination.PROBLEM: "red", "mend": "bold"}
    for level, text in examination.lines(findings):
        console.print(text, style=styles.get(level, ""), markup=False)
    console.print(f"\n{examination.closing(facts, findings)}", markup=False)
    console.print(f"\n{examination.help_report(facts, findings)}", style="dim", markup=False)
    raise typer.Exit(examination.exit_code(findings))
