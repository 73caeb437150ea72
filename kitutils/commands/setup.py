"""``kit gpu``, ``kit lock`` and ``kit map``: the environment itself, and the picture of the course."""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command()
def gpu() -> None:
    """Install TensorFlow's CUDA build and prove that it trains; says what is missing if it does not."""
    from kitutils import gpu

    raise typer.Exit(gpu.main())


@app.command()
def lock() -> None:
    """Resolve pyproject.toml anew and write the requirement files (for maintainers; needs the network)."""
    from rich.console import Console

    from kitutils import lock, settings

    console = Console()
    with console.status("Resolving for all platforms …"):
        written = lock.write_all(settings.root())
    for path in written:
        console.print(f"wrote {path.name}", highlight=False)


@app.command("map")
def course_map() -> None:
    """Draw the course map anew from the lessons that are there (for maintainers)."""
    from rich.console import Console

    from kitutils.course import map as drawing

    drawing.write()
    Console(soft_wrap=True, highlight=False).print("notebooks/course_map.svg shows the lessons that are there.")
