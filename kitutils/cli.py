"""The ``kit`` command: joins what the modules of ``kitutils.commands`` offer.

A command imports what it needs inside its function, so that ``kit --help`` answers at once.
"""

from __future__ import annotations

import sys

import typer

from kitutils import settings
from kitutils.commands import data, doctor, lessons, progress, serving, setup, shipping, testing, workshops
from kitutils.errors import KitError

app = typer.Typer(
    help="The course kit. Two commands are enough to begin: kit lab and kit test.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
for module in (lessons, workshops, progress, shipping, serving, doctor, testing, setup):
    app.registered_commands += module.app.registered_commands


def main() -> None:
    """Run the command; an error written for the user becomes one sentence and exit code 1, any other a traceback."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a Windows console without UTF-8 must not end a command over a "✓"
    settings.make_paths_absolute()
    try:
        app()
    except KitError as error:
        from rich.console import Console

        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise SystemExit(1) from None
