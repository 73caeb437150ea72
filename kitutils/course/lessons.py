"""Which lessons there are: their sources in course order, and what each header says."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kitutils import settings
from kitutils.errors import KitError

_NAME = re.compile(r"(\d\d)_[a-z0-9_]+")
_TITLE = re.compile(r"# (\d\d) · (\S.*)")
_QUESTION = re.compile(r"\*(.+\?)\*")
_MINUTES = re.compile(r"(\d+) min")
_COLUMNS = ["teach", "run", "needs", "opens"]


class LessonError(KitError):
    """A lesson that cannot be found, or whose header cannot be read."""


@dataclass(frozen=True)
class Lesson:
    """One lesson, as its source's header describes it.

    Attributes:
        number: two digits, such as "01".
        name: the file's name without its ending, such as "01_pipeline_in_one_sitting".
        title: what stands behind the number in the first line.
        question: the question that the lesson answers.
        teach: minutes that a class needs.
        run: minutes that the notebook runs in the ``workshop`` profile, as measured, rounded up.
        needs: numbers of the lessons to be done before.
        opens: dotted names of the modules that the lesson opens.
        source: the jupytext file, ``notebooks/source/NN_name.py``.
        notebook: the executed notebook, ``notebooks/NN_name.ipynb``; it need not exist yet.
    """

    number: str
    name: str
    title: str
    question: str
    teach: int
    run: int
    needs: tuple[str, ...]
    opens: tuple[str, ...]
    source: Path
    notebook: Path


def sources(root: Path | None = None) -> list[Path]:
    """The lessons' source files in course order, whether or not their headers can be read."""
    folder = (root or settings.root()) / "notebooks" / "source"
    return sorted(path for path in folder.glob("*.py") if _NAME.fullmatch(path.stem))


def find(root: Path | None = None) -> list[Lesson]:
    """All lessons in course order.

    Raises:
        LessonError: a header cannot be read, or two lessons have one number.
    """
    lessons = [parse(path) for path in sources(root)]
    for one, other in itertools.pairwise(lessons):
        if one.number == other.number:
            raise LessonError(f"Two lessons have the number {one.number}: {one.name} and {other.name}. Rename one.")
    return lessons


def parse(path: Path) -> Lesson:
    """Reads one lesson's header, the first cell of its source.

    Raises:
        LessonError: the header lacks something; the message lists all of it.
    """
    lines = header(path.read_text(encoding="utf-8")).splitlines()
    faults = []

    title = _TITLE.fullmatch(lines[0]) if lines else None
    if title is None:
        faults.append(f'the first line must read "# {path.stem[:2]} · Title"')
    elif title[1] != path.stem[:2]:
        faults.append(f"the first line says lesson {title[1]}, the file's name says {path.stem[:2]}")

    questions = [match[1] for line in lines if (match := _QUESTION.fullmatch(line))]
    if not questions:
        faults.append("there is no question, a line of its own between asterisks that ends in a question mark")

    row = _table(lines)
    teach, run = (_MINUTES.fullmatch(row.get(column, "")) for column in ("teach", "run"))
    if not row:
        faults.append(f"there is no table with the columns {', '.join(_COLUMNS)} and one row")
    elif not (teach and run):
        faults.append(f'teach and run must read like "75 min", not {row["teach"]!r} and {row["run"]!r}')

    if faults:
        raise LessonError(f"The header of {path.name} cannot be read: {'; '.join(faults)}.")
    return Lesson(
        number=title[1],
        name=path.stem,
        title=title[2].strip(),
        question=questions[0],
        teach=int(teach[1]),
        run=int(run[1]),
        needs=tuple(re.findall(r"\b\d\d\b", row["needs"])),
        opens=tuple(re.findall(r"`([\w.]+)`", row["opens"])),
        source=path,
        notebook=path.parent.parent / f"{path.stem}.ipynb",
    )


def header(source: str) -> str:
    """The Markdown of a source's first cell; empty if that is not a Markdown cell."""
    lines = iter(source.splitlines())
    first = next((line for line in lines if line.startswith("# %%")), "")
    if "[markdown]" not in first:
        return ""
    text = []
    for line in lines:
        if line.startswith("# %%") or not line.startswith("#"):
            break
        text.append(line[2:] if line.startswith("# ") else line[1:])
    return "\n".join(text).strip()


def select(lessons: Sequence[Lesson], wanted: str) -> list[Lesson]:
    """Those lessons that ``wanted`` names, in course order: "01", "10-15,40", or all for an empty string.

    Raises:
        LessonError: a part of ``wanted`` is no lesson or range, or names a lesson that is not there.
    """
    if not lessons:
        raise LessonError("There are no lessons in notebooks/source. Is this the kit's own folder?")
    parts = [part for part in re.split(r"[,\s]+", wanted.strip()) if part]
    if not parts:
        return list(lessons)
    chosen: set[str] = set()
    for part in parts:
        match = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", part)
        if match is None:
            raise LessonError(f'"{part}" is no lesson. Give numbers and ranges, such as 10-15,40.')
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise LessonError(f'The range "{part}" runs backwards; write {last:02}-{first:02}.')
        found = {lesson.number for lesson in lessons if first <= int(lesson.number) <= last}
        if not found:
            have = ", ".join(lesson.number for lesson in lessons)
            raise LessonError(f'There is no lesson "{part}". There are: {have}.')
        chosen |= found
    return [lesson for lesson in lessons if lesson.number in chosen]


def _table(lines: Sequence[str]) -> dict[str, str]:
    """The header table's one row by column, empty if there is no such table."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    if len(rows) != 3 or rows[0] != _COLUMNS or len(rows[2]) != len(_COLUMNS):
        return {}
    return dict(zip(_COLUMNS, rows[2], strict=True))
