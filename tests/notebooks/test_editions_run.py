"""The learners' edition, untouched, runs from top to bottom, from any folder."""

import nbformat
import pytest

from kitutils.course import editions, lessons
from kitutils.course.execute import execute

LESSONS = [lesson for lesson in lessons.find() if lesson.notebook.exists()]


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_the_learners_edition_runs_untouched(lesson, tmp_path):
    folder = tmp_path / "Anna's 课程 copies"
    editions.refresh(folder, [lesson])
    copy = nbformat.read(folder / lesson.notebook.name, as_version=4)
    assert copy.cells and not any(cell.get("outputs") for cell in copy.cells)
    done = execute(copy, profile="ci", artifacts=folder / "artifacts", folder=folder)
    assert done.failure is None, str(done.failure)
    assert done.claims and all(claim.holds for claim in done.claims)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_the_learners_edition_gives_nothing_away(lesson):
    copy = editions.learner(editions.read(lesson))
    tags = {tag for cell in copy.cells for tag in cell.metadata.get("tags", [])}
    assert not tags & {"solution", "teacher"}
    assert all(not cell.outputs for cell in copy.cells if cell.cell_type == "code")
