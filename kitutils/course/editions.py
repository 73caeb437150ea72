"""Who gets which cells: the learners' and the teachers' edition, and the learner's own copies in ``work/``."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from kitutils.course import build
from kitutils.course.lessons import Lesson
from kitutils.errors import KitError


class EditionError(KitError):
    """An edition cannot be written."""


def learner(notebook):
    """A copy without solutions, teacher cells and outputs. Cell ids and tags stay, so that it can be traced back."""
    copy = deepcopy(notebook)
    copy.cells = [cell for cell in copy.cells if not {"solution", "teacher"} & set(cell.metadata.get("tags", ()))]
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    copy.metadata.setdefault("kit", {})["edition"] = "learner"
    return copy


def teacher(notebook):
    """A copy with everything: solutions, teacher cells, outputs."""
    copy = deepcopy(notebook)
    copy.metadata.setdefault("kit", {})["edition"] = "teacher"
    return copy


EDITIONS = {"learner": learner, "teacher": teacher}


def export(edition: str, folder: Path, lessons: Sequence[Lesson]) -> list[Path]:
    """Writes one edition of the lessons into a folder, which is made if it is not there.

    Raises:
        EditionError: there is no such edition, a lesson is not built, or the folder holds a notebook of that name
            with other content; nothing is written then.
    """
    if edition not in EDITIONS:
        raise EditionError(f'There is no edition "{edition}"; there are: {", ".join(EDITIONS)}.')
    texts = {folder / lesson.notebook.name: build.dumps(EDITIONS[edition](read(lesson))) for lesson in lessons}
    for path, text in texts.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise EditionError(f"{path} is there already with other content. Choose an empty folder, or remove it.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        _write(text, path)
    return list(texts)


@dataclass(frozen=True)
class Refreshed:
    """What ``refresh`` found: copies it made, and copies of which the course has a newer lesson now."""

    new: tuple[Lesson, ...]
    outdated: tuple[Lesson, ...]


def refresh(work: Path, lessons: Sequence[Lesson]) -> Refreshed:
    """Copies the learners' edition of each built lesson into ``work`` unless a file of its name is there already."""
    work.mkdir(parents=True, exist_ok=True)
    new, outdated = [], []
    for lesson in lessons:
        copy = work / lesson.notebook.name
        if not lesson.notebook.exists():
            continue
        if not copy.exists():
            _write(build.dumps(learner(read(lesson))), copy)
            new.append(lesson)
        elif build.stored_sha256(copy) != build.stored_sha256(lesson.notebook):
            outdated.append(lesson)
    return Refreshed(tuple(new), tuple(outdated))


def reset(work: Path, lesson: Lesson) -> Path | None:
    """Brings a fresh copy of one lesson into ``work``.

    Returns:
        Where the old copy lies now, under a dated name; None if there was none.
    """
    text = build.dumps(learner(read(lesson)))
    work.mkdir(parents=True, exist_ok=True)
    return _replace(work / lesson.notebook.name, text)


def solution(work: Path, lesson: Lesson) -> tuple[Path, Path | None]:
    """Puts the lesson with solutions and outputs beside the learner's copy, as ``NN_name.solution.ipynb``.

    Returns:
        The file, and where an older one that differed lies now, under a dated name, or None.
    """
    notebook = read(lesson)
    notebook.cells = [cell for cell in notebook.cells if "teacher" not in cell.metadata.get("tags", ())]
    for cell in notebook.cells:
        cell.metadata.pop("jupyter", None)  # who asks for the solution need not unfold it
    notebook.metadata.setdefault("kit", {})["edition"] = "solution"
    work.mkdir(parents=True, exist_ok=True)
    path = work / f"{lesson.name}.solution.ipynb"
    return path, _replace(path, build.dumps(notebook))


def read(lesson: Lesson):
    """A lesson's executed notebook.

    Raises:
        EditionError: it has not been built.
    """
    import nbformat

    try:
        return nbformat.read(lesson.notebook, as_version=4)
    except FileNotFoundError:
        raise EditionError(
            f"Lesson {lesson.number} has no notebook yet; an author builds it with: kit build {lesson.number}."
        ) from None


def _replace(path: Path, text: str) -> Path | None:
    """Writes ``text`` to ``path`` and sets aside what was there, unless it is the same."""
    kept = None
    if path.exists():
        if path.read_text(encoding="utf-8") == text:
            return None
        kept = _dated(path)
        path.rename(kept)
    _write(text, path)
    return kept


def _dated(path: Path) -> Path:
    """A name beside ``path`` that carries the time and is free."""
    stamp = datetime.datetime.now().strftime("%Y-%m-%d_%H%M%S")
    candidate, count = path.with_name(f"{path.stem}.{stamp}.ipynb"), 1
    while candidate.exists():
        count += 1
        candidate = path.with_name(f"{path.stem}.{stamp}-{count}.ipynb")
    return candidate


def _write(text: str, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
