"""``kit results``: the README's table of measured results, filled from the claims in the committed notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kitutils.course import editions, outputs
from kitutils.course.lessons import Lesson
from kitutils.errors import KitError

BEGIN, END = "<!-- kit results -->", "<!-- /kit results -->"


class ResultsError(KitError):
    """The README has no place for the results."""


def table(lessons: Sequence[Lesson]) -> str:
    """The results of all built lessons as a Markdown table, the same text for the same notebooks.

    Only the claims that a lesson calls headlines, or the table would bury what a reader looks for. Claims in ``ci`` are
    about mechanics and say nothing here.
    """
    rows = ["| lesson | what was measured | value | expected | data | profile |", "|---|---|---|---|---|---|"]
    for lesson in lessons:
        if not lesson.notebook.exists():
            continue
        link = f"[{lesson.number}](notebooks/{lesson.notebook.name})"
        for claim in outputs.claims(editions.read(lesson)):
            if claim.headline and claim.profile != "ci":
                cells = (link, claim.label, f"{claim.value:.4g}", claim.band or "–", claim.source or "–", claim.profile)
                rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def fill(readme: str, results: str, begin: str = BEGIN, end: str = END) -> str:
    """``readme`` with ``results`` between the two marks.

    Raises:
        ResultsError: the marks are missing, doubled or in the wrong order.
    """
    if readme.count(begin) != 1 or readme.count(end) != 1 or readme.index(begin) > readme.index(end):
        raise ResultsError(f"README.md needs one line {begin} and below it one line {end}; the table goes between.")
    before, rest = readme.split(begin)
    return f"{before}{begin}\n\n{results}\n\n{end}{rest.split(end)[1]}"


def update(readme: Path, lessons: Sequence[Lesson]) -> bool:
    """Fills the README's table; True if that changed the file."""
    return replace(readme, table(lessons))


def replace(readme: Path, text: str, begin: str = BEGIN, end: str = END) -> bool:
    """Puts ``text`` between the two marks of a file; True if that changed it."""
    old = readme.read_text(encoding="utf-8")
    new = fill(old, text, begin, end)
    if new != old:
        readme.write_text(new, encoding="utf-8", newline="\n")
    return new != old


def agrees(readme: Path, lessons: Sequence[Lesson]) -> bool:
    """Whether the README's table is what the notebooks say now."""
    text = readme.read_text(encoding="utf-8")
    return fill(text, table(lessons)) == text
