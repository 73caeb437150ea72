"""The command about teaching: ``kit workshop``, the selections of lessons and their timetables."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def workshop(
    name: Annotated[str, typer.Argument(help="A selection, such as 1-day. All are listed, if none is given.")] = "",
    write: Annotated[bool, typer.Option("--readme", help="Fill the README's table of selections.")] = False,
) -> None:
    """Print the timetable of a workshop: when, which lesson, how many minutes."""
    from rich.console import Console

    from kitutils import settings
    from kitutils.course import results, workshops

    console = Console(soft_wrap=True, highlight=False)
    if write:
        readme = settings.root() / "README.md"
        changed = results.replace(readme, workshops.table(workshops.find()), workshops.BEGIN, workshops.END)
        console.print("README.md: workshops updated." if changed else "README.md: workshops were up to date.")
    elif name:
        _show(console, workshops.one(name))
    else:
        for found in workshops.find():
            console.print(f"{found.name:<8} {found.title} · {_numbers(found.lessons)}", markup=False)


def _show(console, found) -> None:
    from rich.table import Table

    from kitutils.course import workshops

    console.print(f"{found.title}. For {found.audience}.", markup=False)
    if found.before:
        console.print(f"The day before, at home: lesson {_numbers(found.before)}.", markup=False)
    for number, day in enumerate(found.days, 1):
        table = Table("from", "to", "min", "what", title=f"Day {number}" if len(found.days) > 1 else None)
        for start, item in workshops.timetable(day):
            left = f" (for home: {', '.join(item.without)})" if item.without else ""
            end = start + item.minutes
            table.add_row(workshops.clock(start), workshops.clock(end), str(item.minutes), f"{item.words}{left}")
        console.print(table)
    parts = {"taught": ("lesson",), "for own work": ("open",), "of breaks": ("break", "lunch")}
    console.print(", ".join(f"{found.minutes(*kinds)} min {words}" for words, kinds in parts.items()), markup=False)


def _numbers(lessons) -> str:
    return ", ".join(lesson.number for lesson in lessons) or "no lessons"
