"""``kit course``: all lessons headless in order, their executed notebooks, and a page for each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kitutils.course import build, editions, outputs, pages
from kitutils.course.execute import Run, execute
from kitutils.course.lessons import Lesson

# Three times the profile's hard budget: beyond that it is the lesson and not a slow machine. None: as long as it takes.
LIMITS = {"ci": 90.0, "workshop": 900.0, "full": None}


@dataclass(frozen=True)
class Outcome:
    """How one lesson went.

    Attributes:
        lesson: the lesson.
        run: its execution; None if it has no notebook.
        problem: why it failed, empty if it passed.
    """

    lesson: Lesson
    run: Run | None
    problem: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem

    @property
    def seconds(self) -> float:
        """What the learner's clock shows for the cells; 0 if the lesson did not run."""
        return self.run.seconds if self.run else 0.0

    @property
    def claims(self) -> list[outputs.Claim]:
        return self.run.claims if self.run else []


def course(
    lessons: Sequence[Lesson],
    *,
    profile: str,
    folder: Path,
    keep_going: bool = True,
    on_cell: Callable[[Lesson, int], None] | None = None,
) -> Iterator[Outcome]:
    """Runs the lessons in order from an empty artifact root, and yields each outcome as it is known.

    Args:
        lessons: in the order in which they hand models over.
        profile: "ci", "workshop" or "full".
        folder: emptied first; gets ``notebooks/NN_name.ipynb``, ``NN_name.html`` and ``index.html``.
        keep_going: go on after a failed lesson.
        on_cell: called with the lesson and the position of each code cell before it runs.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="kit-artifacts-", ignore_cleanup_errors=True) as artifacts:
        for lesson in lessons:
            outcome = _run(lesson, profile, Path(artifacts), on_cell)
            outcomes.append(outcome)
            _store(outcome, profile, folder)
            (folder / "index.html").write_text(pages.index(outcomes, profile), encoding="utf-8")
            yield outcome
            if not (outcome.passed or keep_going):
                return


def _run(lesson: Lesson, profile: str, artifacts: Path, on_cell: Callable[[Lesson, int], None] | None) -> Outcome:
    limit = LIMITS[profile]
    try:
        notebook = editions.read(lesson)
    except editions.EditionError as error:
        return Outcome(lesson, None, str(error))
    tell = None if on_cell is None else lambda cell: on_cell(lesson, cell)
    run = execute(notebook, profile=profile, artifacts=artifacts, limit=limit, on_cell=tell)
    outputs.tidy(run.notebook, [str(artifacts), *outputs.machine_roots()])
    problem = "" if run.failure is None else str(run.failure)
    if not problem and limit is not None and run.seconds > limit:
        problem = f"it ran for {run.seconds:.0f} s; in {profile} at most {limit:.0f} s are allowed on a slow machine"
    return Outcome(lesson, run, problem)


def _store(outcome: Outcome, profile: str, folder: Path) -> None:
    """Leaves the executed notebook, as far as it got, and its page."""
    if outcome.run is None:
        return
    notebook, lesson = outcome.run.notebook, outcome.lesson
    notebook.metadata.setdefault("kit", {}).update(profile=profile, seconds=round(outcome.seconds, 1))
    build.write(notebook, folder / "notebooks" / lesson.notebook.name)
    html = pages.page(notebook, f"{lesson.number} · {lesson.title}")
    (folder / f"{lesson.name}.html").write_text(html, encoding="utf-8")
