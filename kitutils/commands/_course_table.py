"""The live table of ``kit course``; plain lines where nobody watches a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence


def watched(lessons: Sequence, start: Callable[[Callable], Iterable]) -> list:
    """Runs a course and shows it as it goes.

    Args:
        lessons: all that will run.
        start: takes a callback (lesson, cell) and gives the outcomes one by one.

    Returns:
        The outcomes.
    """
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    if console.is_terminal:
        return _live(lessons, start, console)
    outcomes = []
    for outcome in start(None):
        outcomes.append(outcome)
        result = "passed" if outcome.passed else "FAILED"
        console.print(f"{result}  {outcome.seconds:6.1f} s  {len(outcome.claims)} claims  {outcome.lesson.name}")
    return outcomes


def _live(lessons: Sequence, start: Callable[[Callable], Iterable], console) -> list:
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.table import Table

    outcomes: dict[str, object] = {}
    spinner, cells = Spinner("dots"), {}
    begin = time.monotonic()

    def table() -> Table:
        grid = Table("lesson", "seconds", "claims", "result")
        for lesson in lessons:
            name = f"{lesson.number} · {lesson.title}"
            outcome = outcomes.get(lesson.number)
            if outcome is None and lesson is next(one for one in lessons if one.number not in outcomes):
                spinner.update(text=f"cell {cells[lesson.number]}" if lesson.number in cells else "kernel starts")
                grid.add_row(name, f"{time.monotonic() - begin:.0f}", "", spinner)
            elif outcome is None:
                grid.add_row(name, "", "", "")
            else:
                result = "[green]passed[/green]" if outcome.passed else "[red]failed[/red]"
                grid.add_row(name, f"{outcome.seconds:.1f}", str(len(outcome.claims)), result)
        return grid

    with Live(get_renderable=table, console=console, refresh_per_second=4):
        for outcome in start(lambda lesson, cell: cells.update({lesson.number: cell})):
            outcomes[outcome.lesson.number] = outcome
            begin = time.monotonic()
    return list(outcomes.values())
