"""The command about what a learner has done: progress."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def progress(
    reset: Annotated[bool, typer.Option("--reset", help="Start afresh; the old record is kept.")] = False,
) -> None:
    """Show which exercises are done, how the predictions went, and what is next."""
    from rich.console import Console

    from kitutils.course import progress as record

    console = Console(soft_wrap=True, highlight=False)
    if reset:
        kept = record.reset()
        console.print("There was no progress to reset." if kept is None else f"Reset. The old record is {kept}.")
        return
    _show(console, record.read())


def _show(console, done: dict) -> None:
    from rich.table import Table

    from kitutils.course.registry import catalogue

    checks = catalogue()
    titles = _titles()
    lessons = sorted({key[:2] for key in (*checks, *done["exercises"], *done["predictions"], *titles)})
    table = Table("lesson", "", "right", "tried", "exercises", "predictions right")
    for lesson in lessons:
        mine = [key for key in checks if key.startswith(lesson)]
        tried = [done["exercises"][key] for key in mine if done["exercises"].get(key, {}).get("attempts")]
        right = sum(entry["right_at"] is not None for entry in tried)
        guesses = [entry for key, entry in done["predictions"].items() if key.startswith(lesson) and _settled(entry)]
        hits = sum(entry["choice"] == entry["outcome"] for entry in guesses)
        guessed = f"{hits} of {len(guesses)}" if guesses else "–"
        table.add_row(lesson, titles.get(lesson, ""), str(right), str(len(tried)), str(len(mine)), guessed)
    if lessons:
        console.print(table)
    console.print(_next(checks, done["exercises"]), markup=False)


def _settled(entry: dict) -> bool:
    return entry["choice"] is not None and entry["outcome"] is not None


def _next(checks: dict, exercises: dict) -> str:
    """What to do now: the first exercise, in course order, that is not right yet."""
    for key, check in checks.items():
        entry = exercises.get(key)
        if entry is None or entry["right_at"] is None:
            return f"Next: exercise {key}, {check.title} ({check.minutes} minutes)."
    return "All exercises are right." if checks else "There are no exercises yet."


def _titles() -> dict[str, str]:
    """Lesson → title, of the lessons whose header can be read."""
    from kitutils.course import lessons

    found = {}
    for path in lessons.sources():
        try:
            lesson = lessons.parse(path)
        except lessons.LessonError:  # kit lint says what is wrong with it
            continue
        found[lesson.number] = lesson.title
    return found
