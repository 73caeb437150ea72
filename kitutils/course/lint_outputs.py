"""The lint's rules about one lesson's stored notebook: figures, outputs, size, and whether it is the source's."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator

from kitutils.course import build, outputs
from kitutils.course.lint import Page, rule, tags

MAX_BYTES, MAX_DPI, MAX_WIDTH, MIN_ALT = 400_000, 100, 1000, 20

Found = Iterator[tuple[int | None, str]]


@rule("alt text")
def alt_text(page: Page) -> Found:
    for i, cell in enumerate(page.source.cells):
        if cell.cell_type == "markdown":
            for alt in re.findall(r"!\[([^\]]*)\]\(", cell.source):
                if len(alt) < MIN_ALT:
                    yield i, f'Describe the picture in its brackets, at least {MIN_ALT} characters; it says "{alt}".'
    for i, mime, output in _pictures(page):
        alt = output.get("metadata", {}).get(mime, {}).get("alt", "")
        if len(alt) < MIN_ALT:
            yield i, f'Show the figure with a description, at least {MIN_ALT} characters: plots.show(figure, alt="…").'


@rule("figure too large")
def too_large(page: Page) -> Found:
    for i, mime, output in _pictures(page):
        if mime != "image/png":
            continue
        width, dpi = _png_size(base64.b64decode(output["data"][mime]))
        if width > MAX_WIDTH or dpi > MAX_DPI:
            yield i, f"{width} px wide at {dpi} dpi, at most {MAX_WIDTH} at {MAX_DPI}. Show it with kitutils.plots."


@rule("stored stderr")
def stored_stderr(page: Page) -> Found:
    for i, output in outputs.each(page.notebook) if page.notebook else ():
        if output.get("name") == "stderr":
            yield i, "Learners read it as an error. Mend what writes to stderr, or silence it, and build again."


@rule("machine dependent output")
def machine_dependent(page: Page) -> Found:
    for i, output in outputs.each(page.notebook) if page.notebook else ():
        for text in outputs.texts(output):
            if found := outputs.machine_dependent(text):
                yield i, f"It shows {found}. Print a name instead, and build again."


@rule("notebook too large")
def too_many_bytes(page: Page) -> Found:
    size = page.lesson.notebook.stat().st_size if page.lesson.notebook.exists() else 0
    if size > MAX_BYTES:
        yield None, f"{size / 1000:.0f} KB, at most {MAX_BYTES // 1000}. Fewer or smaller figures and tables."


@rule("source and notebook disagree")
def disagree(page: Page) -> Found:
    repair = f"Run: kit build {page.lesson.number}."
    stored = page.notebook
    if stored is None:
        yield None, f"There is no notebook. {repair}"
    elif stored.metadata.get("kit", {}).get("source_sha256") != build.sha256(page.lesson.source):
        yield None, f"The source has changed since the notebook was built. {repair}"
    elif [_essence(cell) for cell in stored.cells] != [_essence(cell) for cell in page.source.cells]:
        yield None, f"The notebook was edited by hand; edit notebooks/source instead. {repair[:-1]} --force."
    else:
        for i, cell in enumerate(stored.cells):
            if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
                yield i, f"It was not executed. {repair[:-1]} --force."


def _pictures(page: Page) -> Iterator[tuple[int, str, dict]]:
    """The stored pictures: cell, type, output."""
    for i, output in outputs.each(page.notebook) if page.notebook else ():
        for mime in output.get("data", {}):
            if mime.startswith("image/"):
                yield i, mime, output


def _png_size(data: bytes) -> tuple[int, int]:
    """A PNG's width in pixels, and its dots per inch, 0 where it does not say."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return image.width, round(image.info.get("dpi", (0, 0))[0])


def _essence(cell) -> tuple:
    """What a stored cell and its source must have in common."""
    folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
    return cell.id, cell.cell_type, cell.source, sorted(tags(cell)), folded
