import nbformat
import pytest

from kitutils.course import build, editions


@pytest.fixture
def stored(whole, stream):
    """The tiny kit with its lesson built, and the empty folder for the learner's copies."""
    whole.notebook = whole.store(whole.lesson, {4: [stream("total 2\n")]})
    whole.work = whole.root / "work"
    return whole


def read(path):
    return nbformat.read(path, as_version=4)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_learners_get_no_solutions_no_teacher_cells_and_no_outputs(stored):
    copy = editions.learner(stored.notebook)
    tags = [tag for cell in copy.cells for tag in cell.metadata.get("tags", [])]
    assert tags == ["exercise"]
    code = [cell for cell in copy.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    ids = [cell.id for cell in stored.notebook.cells]
    assert [cell.id for cell in copy.cells] == ids[:9] + ids[11:]
    assert stored.notebook.cells[4].outputs  # the original is untouched


def test_teachers_get_everything(stored):
    copy = editions.teacher(stored.notebook)
    assert copy.cells == stored.notebook.cells and copy.metadata.kit.edition == "teacher"


def test_export(stored, tmp_path):
    folder = tmp_path / "给学生 copies"
    (path,) = editions.export("learner", folder, [stored.lesson])
    assert read(path) == editions.learner(stored.notebook)
    assert editions.export("learner", folder, [stored.lesson]) == [path]  # the same again does no harm
    with pytest.raises(editions.EditionError, match="empty folder"):
        editions.export("teacher", folder, [stored.lesson])
    with pytest.raises(editions.EditionError, match="learner, teacher"):
        editions.export("students", folder, [stored.lesson])


def test_refresh_copies_what_is_missing_and_overwrites_nothing(stored):
    assert editions.refresh(stored.work, [stored.lesson]).new == (stored.lesson,)
    copy = stored.work / "01_tiny.ipynb"
    assert read(copy) == editions.learner(stored.notebook)
    copy.write_text("a learner's work")
    again = editions.refresh(stored.work, [stored.lesson])
    assert again.new == () and copy.read_text() == "a learner's work"
    assert names(stored.work) == ["01_tiny.ipynb"]


def test_refresh_says_which_lessons_have_changed_since(stored):
    editions.refresh(stored.work, [stored.lesson])
    assert editions.refresh(stored.work, [stored.lesson]).outdated == ()
    stored.store(stored.lesson, source_sha256="newer")
    assert editions.refresh(stored.work, [stored.lesson]).outdated == (stored.lesson,)


def test_refresh_leaves_out_a_lesson_that_is_not_built(whole):
    assert editions.refresh(whole.root / "work", [whole.lesson]) == editions.Refreshed((), ())


def test_reset_keeps_the_old_copy(stored):
    assert editions.reset(stored.work, stored.lesson) is None
    copy = stored.work / "01_tiny.ipynb"
    kept = []
    for text in ("first try", "second try"):  # within one second, too
        copy.write_text(text)
        kept.append(editions.reset(stored.work, stored.lesson))
        assert kept[-1].read_text() == text
    assert len(set(kept)) == 2 and all(path.name.startswith("01_tiny.20") for path in kept)
    assert read(copy) == editions.learner(stored.notebook)
    assert editions.reset(stored.work, stored.lesson) is None  # nothing was changed: nothing to keep


def test_the_solution_lies_beside_the_copy(stored):
    editions.refresh(stored.work, [stored.lesson])
    path, kept = editions.solution(stored.work, stored.lesson)
    assert kept is None and names(stored.work) == ["01_tiny.ipynb", "01_tiny.solution.ipynb"]
    tags = [tag for cell in read(path).cells for tag in cell.metadata.get("tags", [])]
    assert tags == ["exercise", "solution"]
    assert all("jupyter" not in cell.metadata for cell in read(path).cells)
    assert read(path).cells[4].outputs == stored.notebook.cells[4].outputs
    path.write_text("notes in the solution")
    _, kept = editions.solution(stored.work, stored.lesson)
    assert kept.read_text() == "notes in the solution"


def test_a_lesson_that_is_not_built_is_told(whole):
    with pytest.raises(editions.EditionError, match="kit build 01"):
        editions.reset(whole.root / "work", whole.lesson)


def test_a_copy_can_be_traced_to_its_source(stored):
    editions.refresh(stored.work, [stored.lesson])
    assert build.stored_sha256(stored.work / "01_tiny.ipynb") == build.sha256(stored.lesson.source)
