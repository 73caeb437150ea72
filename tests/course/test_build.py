import dataclasses
import json

import nbformat
import pytest

from kitutils.course import build
from kitutils.course.execute import Failure, Run


@pytest.fixture
def pretend(monkeypatch):
    """Replaces the execution: ``pretend({position: [output, …]})`` and, if it is to fail, the failure."""

    def replace(outputs=(), failure=None):
        def execute(notebook, **options):
            for count, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
                cell.execution_count = count + 1
            for position, found in dict(outputs).items():
                notebook.cells[position].outputs = [nbformat.from_dict(output) for output in found]
            return Run(notebook, {1: 3.2}, failure=failure)

        monkeypatch.setattr(build, "execute", execute)

    return replace


def test_two_real_builds_give_the_same_bytes(whole, tmp_path):
    first = build.build(whole.lesson, artifacts=tmp_path)
    assert first.problems == () and len(first.run.claims) == 1
    one = whole.lesson.notebook.read_bytes()
    build.build(whole.lesson, artifacts=tmp_path, force=True)
    assert whole.lesson.notebook.read_bytes() == one
    stored = json.loads(one)
    assert stored["metadata"]["kit"]["profile"] == "workshop"
    assert stored["cells"][4]["outputs"][0]["text"] == ["total 2\n"]
    assert "version" not in stored["metadata"]["language_info"] and "jupytext" not in stored["metadata"]
    hidden = [cell["metadata"] for cell in stored["cells"] if "solution" in cell["metadata"].get("tags", [])]
    assert hidden == [{"jupyter": {"source_hidden": True}, "tags": ["solution"]}]


def test_an_unchanged_source_is_not_built_again(whole, pretend, tmp_path):
    pretend()
    assert build.build(whole.lesson, artifacts=tmp_path).run is not None
    assert build.build(whole.lesson, artifacts=tmp_path).run is None
    assert build.build(whole.lesson, artifacts=tmp_path, force=True).run is not None
    whole.write(text=whole.header() + whole.BODY + "\n# %% [markdown]\n# more\n")
    assert build.build(whole.lesson, artifacts=tmp_path).run is not None


def test_line_ends_do_not_count_as_a_change(tmp_path):
    unix, windows = tmp_path / "a.py", tmp_path / "b.py"
    unix.write_bytes(b"# %%\nx = 1\n")
    windows.write_bytes(b"# %%\r\nx = 1\r\n")
    assert build.sha256(unix) == build.sha256(windows)


def test_a_failed_cell_is_not_stored(whole, pretend, tmp_path):
    pretend(failure=Failure(4, "ValueError", "no", "int('x')"))
    done = build.build(whole.lesson, artifacts=tmp_path)
    assert "cell 4" in done.problems[0] and "ValueError: no" in done.problems[0]
    assert not whole.lesson.notebook.exists()


@pytest.mark.parametrize(
    ("output", "fragment"),
    [
        ({"output_type": "stream", "name": "stderr", "text": "Warning: old\n"}, "cell 4 writes to stderr"),
        ({"output_type": "stream", "name": "stdout", "text": "in {artifacts}/x\n"}, "cell 4 shows the path"),
        ({"output_type": "stream", "name": "stdout", "text": "<A at 0x7f3bd8a1c0d0>\n"}, "the memory address"),
    ],
)
def test_what_must_not_be_stored(whole, pretend, tmp_path, output, fragment):
    artifacts = tmp_path / "artifacts"
    pretend({4: [output | {"text": output["text"].format(artifacts=artifacts)}]})
    (problem,) = build.build(whole.lesson, artifacts=artifacts).problems
    assert fragment in problem
    assert not whole.lesson.notebook.exists()


def test_a_broken_claim_is_not_stored(whole, pretend, claim, tmp_path):
    pretend({6: [claim(value=3.0, holds=False)]})
    (problem,) = build.build(whole.lesson, artifacts=tmp_path).problems
    assert "tiny.total is broken: 3, expected 2 to 2" in problem


def test_a_refused_build_keeps_the_old_notebook(whole, pretend, tmp_path):
    pretend()
    build.build(whole.lesson, artifacts=tmp_path)
    old = whole.lesson.notebook.read_bytes()
    pretend(failure=Failure(1, "E", "", ""))
    build.build(whole.lesson, artifacts=tmp_path, force=True)
    assert whole.lesson.notebook.read_bytes() == old
    assert [path.name for path in whole.lesson.notebook.parent.iterdir() if path.is_file()] == ["01_tiny.ipynb"]


def test_data_sources_are_stored(whole, pretend, claim, tmp_path):
    pretend({6: [claim(source="mirror"), claim("a.b", source="cache"), claim("a.c", source=None)]})
    assert build.build(whole.lesson, artifacts=tmp_path).problems == ()
    stored = nbformat.read(whole.lesson.notebook, as_version=4)
    assert stored.metadata.kit.data_sources == ["cache", "mirror"] and stored.metadata.kit.seconds == 5


def test_remarks_about_slow_cells_and_wrong_minutes(whole):
    notebook = build.read_source(whole.lesson)
    notebook.cells[6].metadata["tags"] = ["slow-ok"]
    built = build.Built(whole.lesson, Run(notebook, {4: 61.0, 6: 100.0}))
    assert [remark.split(";")[0] for remark in build.remarks(built)] == [
        "cell 4 took 61 s",
        'the header says "1 min" to run',
    ]
    assert build.remarks(build.Built(whole.lesson, Run(notebook, {4: 59.0}))) == []
    assert build.remarks(build.Built(whole.lesson, None)) == []


def test_ids_come_from_lesson_position_and_tags(whole):
    ids = [cell.id for cell in build.read_source(whole.lesson).cells]
    assert ids == [cell.id for cell in build.read_source(whole.lesson).cells]
    assert len(set(ids)) == len(ids)
    assert build.cell_id("01", 3, ["a", "b"]) == build.cell_id("01", 3, ["b", "a"])
    assert len({build.cell_id(*key) for key in (("01", 3, []), ("02", 3, []), ("01", 4, []), ("01", 3, ["a"]))}) == 4


def test_without_jupytext_the_author_is_told_how_to_get_it(whole, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jupytext", None)
    with pytest.raises(build.BuildError, match=r"requirements-dev\.txt"):
        build.read_source(whole.lesson)


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"metadata": {}}'])
def test_a_foreign_notebook_has_no_hash(whole, text):
    whole.lesson.notebook.write_text(text)
    assert build.stored_sha256(whole.lesson.notebook) is None


def test_no_notebook_has_no_hash(whole):
    missing = dataclasses.replace(whole.lesson, notebook=whole.root / "none.ipynb")
    assert build.stored_sha256(missing.notebook) is None
