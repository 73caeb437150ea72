"""``kit test``: every check of the kit, in the order in which a failure is cheapest to find."""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command()
def test(
    fast: bool = typer.Option(False, "--fast", help="Leave out the notebooks and the slow tests."),
) -> None:
    """Run ruff, the lint of the lessons, every notebook once without a network, and the unit tests."""
    from kitutils.course import checks_run

    raise typer.Exit(checks_run.main(fast=fast))
