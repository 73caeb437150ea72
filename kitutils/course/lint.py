"""``kit lint``: small named rules about lessons. Each finding says what is wrong, where, and how to mend it.

The rules stand in ``lint_cells`` (a lesson's cells), ``lint_outputs`` (its stored notebook) and ``lint_course`` (the
course as a whole).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kitutils import settings
from kitutils.course import build, lessons
from kitutils.course.lessons import Lesson, LessonError

TAGS = {
    "exercise",
    "solution",
    "teacher",
    "slow-ok",
    "nbval-check-output",
    "nbval-ignore-output",
    "raises-exception",
}


@dataclass(frozen=True)
class Finding:
    """One thing to mend.

    Attributes:
        lesson: the lesson's file name without its ending, or the file that a course-wide rule is about.
        cell: the cell's position in the lesson, None if the finding is not about one cell.
        rule: the broken rule's name.
        message: what is wrong and how to mend it.
    """

    lesson: str
    cell: int | None
    rule: str
    message: str

    def __str__(self) -> str:
        where = self.lesson if self.cell is None else f"{self.lesson}, cell {self.cell}"
        return f"{where}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Page:
    """What the rules about one lesson look at: the lesson, its source, and its notebook if it has been built."""

    lesson: Lesson
    root: Path

    @cached_property
    def text(self) -> str:
        return self.lesson.source.read_text(encoding="utf-8")

    @cached_property
    def source(self):
        """The source as a notebook without outputs, as ``kit build`` would execute it."""
        return build.read_source(self.lesson)

    @cached_property
    def notebook(self):
        """The stored notebook, None if there is none."""
        import nbformat

        path = self.lesson.notebook
        return nbformat.read(path, as_version=4) if path.exists() else None

    def code(self) -> Iterator[tuple[int, object]]:
        """The source's code cells, each with its position."""
        return ((i, cell) for i, cell in enumerate(self.source.cells) if cell.cell_type == "code")


def tags(cell) -> set[str]:
    """A cell's tags."""
    return set(cell.metadata.get("tags", ()))


PageRule = Callable[[Page], Iterator[tuple[int | None, str]]]
CourseRule = Callable[[Sequence[Lesson], Path], Iterator[tuple[str, str]]]
page_rules: dict[str, PageRule] = {}
course_rules: dict[str, CourseRule] = {}


def rule(name: str, register: dict = page_rules):
    """Registers a rule under the name that its findings carry.

    A rule about a lesson takes a ``Page`` and yields (cell or None, message); one about the course takes all lessons
    and the kit's folder and yields (file, message).
    """

    def keep(function):
        register[name] = function
        return function

    return keep


def check(wanted: str = "", root: Path | None = None) -> list[Finding]:
    """All findings about the lessons that ``wanted`` selects ("" for all), and about the course as a whole.

    A header that cannot be read is a finding itself, and the only one about its lesson.
    """
    from kitutils.course import lint_cells, lint_course, lint_outputs  # noqa: F401 - they register their rules

    root = root or settings.root()
    readable, findings = [], []
    for path in lessons.sources(root):
        try:
            readable.append(lessons.parse(path))
        except LessonError as error:
            findings.append(Finding(path.stem, None, "header", str(error)))
    if not readable:
        return findings
    for lesson in lessons.select(readable, wanted):
        page = Page(lesson, root)
        for name, look in page_rules.items():
            findings += [Finding(lesson.name, cell, name, message) for cell, message in look(page)]
    for name, look in course_rules.items():
        findings += [Finding(file, None, name, message) for file, message in look(readable, root)]
    return findings


@dataclass(frozen=True)
class Measures:
    """What is reported about a lesson and not enforced.

    Attributes:
        cells: number of cells, solutions and teacher cells left out.
        words: words of prose in them.
        median, p90: median and 90th percentile of the lengths of code cells, in lines that are not blank.
        run: minutes to run, as the header says.
        measured: seconds to run, as measured by the last build; None if there is none.
        kinds: the kinds of the lesson's exercises, as their checks declare them.
    """

    cells: int
    words: int
    median: float
    p90: float
    run: int
    measured: float | None
    kinds: tuple[str, ...]


def measure(page: Page) -> Measures:
    """The reported measures of one lesson."""
    from kitutils.course.lint_course import exercise_kinds

    shown = [cell for cell in page.source.cells if not tags(cell) & {"solution", "teacher"}]
    lengths = [count_lines(cell.source) for cell in shown if cell.cell_type == "code"] or [0]
    cuts = statistics.quantiles(lengths, n=10, method="inclusive") if len(lengths) > 1 else lengths * 9
    return Measures(
        cells=len(shown),
        words=sum(len(cell.source.split()) for cell in shown if cell.cell_type == "markdown"),
        median=statistics.median(lengths),
        p90=cuts[8],
        run=page.lesson.run,
        measured=page.notebook.metadata.get("kit", {}).get("seconds") if page.notebook else None,
        kinds=tuple(exercise_kinds(page.lesson.number, page.root).values()),
    )


def count_lines(source: str) -> int:
    """Lines that are not blank."""
    return sum(bool(line.strip()) for line in source.splitlines())
