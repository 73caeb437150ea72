"""The commands about lessons: lab, reset, solution, course, build, lint, results, edition."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kitutils import settings

app = typer.Typer()

Numbers = Annotated[list[str] | None, typer.Argument(help="Lessons, such as 01 or 10-15. All, if none is given.")]
Number = Annotated[str, typer.Argument(help="One lesson, such as 01.")]


@app.command()
def lab(
    author: Annotated[bool, typer.Option("--author", help="Open notebooks/ instead of your copies in work/.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    port: Annotated[int | None, typer.Option(help="Where to listen; the next free port if it is taken.")] = None,
    ip: Annotated[str, typer.Option(help="Who may come: this machine, or 0.0.0.0 in a container.")] = "localhost",
) -> None:
    """Open JupyterLab on your own copies of the lessons."""
    from kitutils.course import editions
    from kitutils.course import lab as server

    folder = settings.root() / ("notebooks" if author else "work")
    if not author:
        _say_refreshed(editions.refresh(folder, _find()))
    browser = not no_browser and server.has_browser()

    def on_ready(address: str) -> None:
        _print("JupyterLab is running. " + ("If no browser opens, go to" if browser else "Open in a browser:"))
        _print(f"  {address}")
        _print("Ctrl-C here ends it.")

    _print("Starting JupyterLab …")
    if code := server.run(folder, browser=browser, port=port, ip=ip, on_ready=on_ready):
        raise typer.Exit(code)
    _print("JupyterLab has ended. Your notebooks are in work/." if not author else "JupyterLab has ended.")


def _say_refreshed(refreshed) -> None:
    for lesson in refreshed.new:
        _print(f"New in work/: {lesson.number} · {lesson.title}")
    for lesson in refreshed.outdated:
        _print(f"Lesson {lesson.number} has changed since you copied it. For a fresh copy: kit reset {lesson.number}")
        _print("  (your own is kept under a dated name)")


@app.command()
def reset(lesson: Number) -> None:
    """Bring a fresh copy of one lesson into work/; the old one is kept under a dated name."""
    from kitutils.course import editions

    chosen = _one(lesson)
    kept = editions.reset(settings.root() / "work", chosen)
    _print(f"work/{chosen.notebook.name} is fresh." + (f" Your old copy: work/{kept.name}" if kept else ""))


@app.command()
def solution(lesson: Number) -> None:
    """Put one lesson with its solutions beside your copy in work/."""
    from kitutils.course import editions

    path, kept = editions.solution(settings.root() / "work", _one(lesson))
    _print(f"The lesson with its solutions: work/{path.name}" + (f". The older one: work/{kept.name}" if kept else ""))


@app.command()
def edition(
    kind: Annotated[str, typer.Argument(help="learner or teacher", metavar="learner|teacher")],
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")],
) -> None:
    """Write the learners' or the teachers' edition of all lessons into a folder."""
    from kitutils.course import editions

    built = [lesson for lesson in _find() if lesson.notebook.exists()]
    written = editions.export(kind, folder, built)
    _print(f"In {folder}: {', '.join(path.name for path in written) or 'nothing, for no lesson is built'}")


@app.command()
def course(
    profile: Annotated[str, typer.Option(help="ci (minutes), workshop or full (hours).")] = "ci",
    only: Annotated[str, typer.Option(help="Lessons, such as 10-15,40. All, if not given.")] = "",
    keep_going: Annotated[bool, typer.Option("--keep-going/--stop", help="Go on after a failed lesson.")] = True,
) -> None:
    """Run all lessons from top to bottom, headless, and write a page for each into build/course."""
    from kitutils.commands._course_table import watched
    from kitutils.course import runner

    if profile not in settings.PROFILES:
        raise typer.BadParameter(f"{profile!r} is none of {', '.join(settings.PROFILES)}.", param_hint="--profile")
    chosen = _find(only)
    folder = settings.root() / "build" / "course"
    outcomes = watched(
        chosen,
        lambda on_cell: runner.course(chosen, profile=profile, folder=folder, keep_going=keep_going, on_cell=on_cell),
    )
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        _print(f"{outcome.lesson.name} failed: {outcome.problem}", style="red", markup=False)
    seconds = sum(outcome.seconds for outcome in outcomes)
    passed = len(outcomes) - len(failed)
    _print(f"{passed} of {len(outcomes)} lessons passed, in {seconds:.0f} s. Pages: build/course/index.html")
    if failed:
        raise typer.Exit(1)


@app.command()
def build(
    lessons: Numbers = None,
    every: Annotated[bool, typer.Option("--all", help="All lessons, as when none is given.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Build even where the source has not changed.")] = False,
) -> None:
    """Turn notebooks/source into executed notebooks, where a source has changed."""
    from kitutils.course import build as builder

    chosen = _find("" if every else " ".join(lessons or ()))
    refused = 0
    with tempfile.TemporaryDirectory(prefix="kit-artifacts-", ignore_cleanup_errors=True) as artifacts:
        for lesson in chosen:
            with _progress(lesson.name) as on_cell:
                done = builder.build(lesson, artifacts=Path(artifacts), force=force, on_cell=on_cell)
            refused += bool(done.problems)
            _say_built(done)
    if refused:
        raise typer.Exit(1)


def _say_built(done) -> None:
    from kitutils.course import build as builder

    name = done.lesson.name
    if done.run is None:
        _print(f"{name}: up to date")
    elif done.problems:
        _print(f"[red]{name}: not stored[/red]")
        for problem in done.problems:
            _print(f"  - {problem}", markup=False)
        _print(done.run.traceback, markup=False)
    else:
        slow = max(done.run.cell_seconds, key=done.run.cell_seconds.get, default=None)
        slowest = f", the slowest cell ({slow}) {done.run.cell_seconds[slow]:.0f} s" if slow is not None else ""
        claims = len(done.run.claims)
        _print(f"[green]{name}: built[/green] in {done.run.seconds:.0f} s{slowest}, {claims} claims hold")
        for remark in builder.remarks(done):
            _print(f"  - {remark}", markup=False)


@app.command()
def lint(
    lessons: Numbers = None,
    report: Annotated[bool, typer.Option("--report", help="Show lengths, words and minutes too.")] = False,
) -> None:
    """Check the rules for lessons, and that source, notebook and README agree."""
    from kitutils.course import lint as linter

    wanted = " ".join(lessons or ())
    findings = linter.check(wanted)
    for finding in findings:
        _print(str(finding), markup=False)
    if report:
        _say_measures([(lesson, linter.measure(linter.Page(lesson, settings.root()))) for lesson in _find(wanted)])
    if findings:
        raise typer.Exit(1)
    _print("No findings.")


def _say_measures(measures: list) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("lesson", "cells", "words", "lines, median", "lines, 90 %", "minutes", "measured", "exercises")
    for lesson, found in measures:
        measured = "–" if found.measured is None else f"{found.measured:.0f} s"
        numbers = (
            f"{found.cells}",
            f"{found.words}",
            f"{found.median:g}",
            f"{found.p90:.0f}",
            f"{found.run}",
            measured,
        )
        table.add_row(lesson.number, *numbers, ", ".join(found.kinds))
    Console().print(table)
    _print("Aims: about 40 cells, 500–1,100 words, median of 5 lines, 90 % within 15.")


@app.command()
def results(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if the table is out of date.")] = False,
) -> None:
    """Fill the README's table of results from the claims in the notebooks."""
    from kitutils.course import results as tables

    readme = settings.root() / "README.md"
    if not check:
        changed = tables.update(readme, _find())
        _print("README.md: results updated." if changed else "README.md: results were up to date.")
    elif not tables.agrees(readme, _find()):
        _print("README.md: its results are not those of the notebooks. Run: kit results")
        raise typer.Exit(1)


def _find(wanted: str = "") -> list:
    """The lessons that ``wanted`` selects, all for an empty string."""
    from kitutils.course import lessons

    return lessons.select(lessons.find(), wanted)


def _one(number: str):
    """The one lesson of that number."""
    from kitutils.course.lessons import LessonError

    chosen = _find(number)
    if not number.strip() or len(chosen) != 1:
        raise LessonError(f'Name one lesson, such as 01; "{number}" names {len(chosen)}.')
    return chosen[0]


def _print(text: str, **options) -> None:
    from rich.console import Console

    Console(soft_wrap=True, highlight=False).print(text, **options)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int], None]]:
    """A line that names the lesson, the running cell and the seconds; one plain line where nobody watches."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        told = []

        def tell_once(cell: int) -> None:
            if not told:
                told.append(console.print(f"{name}: running …", markup=False))

        yield tell_once
        return

    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{name}: starting the kernel")
        yield lambda cell: progress.update(task, description=f"{name}: cell {cell}")
