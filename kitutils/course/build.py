"""``kit build``: from a lesson's source to its executed notebook, the same bytes on every machine."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kitutils.course import outputs
from kitutils.course.execute import Run, execute
from kitutils.course.lessons import Lesson
from kitutils.errors import KitError

PROFILE = "workshop"
SLOW = 60.0  # seconds that a cell may take in that profile
_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


class BuildError(KitError):
    """A lesson that cannot be built."""


@dataclass(frozen=True)
class Built:
    """What ``build`` did with one lesson.

    Attributes:
        lesson: the lesson.
        run: the execution, or None if the notebook was up to date.
        problems: why nothing was stored; empty if the notebook was stored or up to date.
    """

    lesson: Lesson
    run: Run | None
    problems: tuple[str, ...] = ()


def build(
    lesson: Lesson, *, artifacts: Path, force: bool = False, on_cell: Callable[[int], None] | None = None
) -> Built:
    """Builds one lesson's notebook if its source has changed, and stores it only if nothing is wrong with it.

    Args:
        lesson: the lesson to build.
        artifacts: the folder that the lessons of one build hand models over in.
        force: build even if the source has not changed.
        on_cell: called with the position of each code cell before it runs.
    """
    source_sha256 = sha256(lesson.source)
    if not force and stored_sha256(lesson.notebook) == source_sha256:
        return Built(lesson, None)
    roots = [str(artifacts), *outputs.machine_roots()]
    run = execute(read_source(lesson), profile=PROFILE, artifacts=artifacts, strict_data=True, on_cell=on_cell)
    outputs.tidy(run.notebook, roots)
    problems = tuple(_problems(run, roots))
    if not problems:
        run.notebook.metadata = _METADATA | {
            "kit": {
                "data_sources": sorted({claim.source for claim in run.claims} - {""}),
                "profile": PROFILE,
                "seconds": 5 * math.ceil(run.seconds / 5),  # coarse, or every rebuild would change it
                "source_sha256": source_sha256,
            }
        }
        write(run.notebook, lesson.notebook)
    return Built(lesson, run, problems)


def remarks(built: Built) -> list[str]:
    """What an author should know about a build that worked: slow cells, and minutes that the header has wrong."""
    if built.run is None or built.problems:
        return []
    found = []
    for position, seconds in built.run.cell_seconds.items():
        if seconds > SLOW and "slow-ok" not in built.run.notebook.cells[position].metadata.get("tags", ()):
            found.append(f"cell {position} took {seconds:.0f} s; a learner should wait {SLOW:.0f} s at most")
    measured = math.ceil(built.run.seconds / 60)
    if measured != built.lesson.run:
        found.append(f'the header says "{built.lesson.run} min" to run; measured: {measured} min')
    return found


def read_source(lesson: Lesson):
    """A lesson's source as a notebook without outputs: stable cell ids, solutions folded.

    Raises:
        BuildError: jupytext, a tool for authors, is not installed.
    """
    try:
        import jupytext
    except ImportError:
        raise BuildError(
            "Building and checking lessons needs jupytext, which is not installed. "
            "Get the author's tools: python3 kit.py test, or pip install -r requirements-dev.txt."
        ) from None

    import nbformat

    notebook = jupytext.reads(lesson.source.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.metadata = dict(_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for position, cell in enumerate(notebook.cells):
        tags = list(cell.metadata.get("tags", []))
        cell.id = cell_id(lesson.number, position, tags)
        cell.metadata = {"tags": tags} if tags else {}
        if "solution" in tags and cell.cell_type == "code":
            cell.metadata["jupyter"] = {"source_hidden": True}
    return nbformat.from_dict(notebook)


def cell_id(number: str, position: int, tags: list[str]) -> str:
    """A cell's id: a hash of lesson, position and tags, so that a rebuild changes no ids."""
    return hashlib.sha256(f"{number}/{position}/{','.join(sorted(tags))}".encode()).hexdigest()[:12]


def sha256(source: Path) -> str:
    """A source's hash, independent of the platform's line ends."""
    return hashlib.sha256(source.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def stored_sha256(notebook: Path) -> str | None:
    """The hash of the source that a stored notebook was built from; None if there is no such notebook."""
    import json

    try:
        return json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["kit"]["source_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def dumps(notebook) -> str:
    """A notebook as text, in the one form in which the kit stores notebooks.

    Raises:
        nbformat.ValidationError: it is not a valid notebook.
    """
    import nbformat

    nbformat.validate(notebook)
    return nbformat.writes(notebook, indent=1, sort_keys=True, ensure_ascii=False).rstrip("\n") + "\n"


def write(notebook, path: Path) -> None:
    """Stores a notebook under its name in one step, so that a reader never meets half a file."""
    part = path.with_name(path.name + ".part")
    part.write_text(dumps(notebook), encoding="utf-8", newline="\n")
    part.replace(path)


def _problems(run: Run, roots: list[str]):
    """Why the executed notebook must not be stored, one sentence each."""
    if run.failure is not None:
        yield f"{run.failure}"
        return
    for claim in run.claims:
        if not claim.holds:
            yield f"the claim {claim.name} is broken: {claim.value:.4g}, expected {claim.band}"
    for position, output in outputs.each(run.notebook):
        if output.get("name") == "stderr":
            line = output["text"].strip().splitlines()[0] if output["text"].strip() else ""
            yield f"cell {position} writes to stderr, which learners read as an error: “{line}”. Mend or silence it."
        for text in outputs.texts(output):
            if found := outputs.machine_dependent(text, roots):
                yield f"cell {position} shows {found}, which is another on every machine. Print a name, not a path."
                break
