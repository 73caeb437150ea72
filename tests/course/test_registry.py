"""Checks are found by id, one lesson's module at a time."""

import subprocess
import sys

import pytest

from kitutils import checks
from kitutils.course import registry
from kitutils.course.registry import UnknownExercise, catalogue, find

LESSON = """
from kitutils.course.grading import check, equal

for number in (2, 10, 1):
    @check(f"{lesson}.{{number}}", title=f"number {{number}}", minutes=5, hints=("a", "b", "c"), answer="value")
    def body(answer, rng):
        equal(answer, 1)
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of three lessons, the last of which cannot be imported."""
    for lesson in ("94", "95"):
        (tmp_path / f"lesson_{lesson}.py").write_text(LESSON.format(lesson=lesson))
    (tmp_path / "helpers.py").write_text("")
    monkeypatch.setattr(checks, "__path__", [str(tmp_path)])
    monkeypatch.setattr(registry, "_registry", {})
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for lesson in ("93", "94", "95"):
        sys.modules.pop(f"kitutils.checks.lesson_{lesson}", None)


def test_only_the_lesson_that_is_asked_for_is_imported(course):
    assert find("95.2").title == "number 2"
    assert "kitutils.checks.lesson_95" in sys.modules
    assert "kitutils.checks.lesson_94" not in sys.modules


@pytest.mark.parametrize(
    ("unknown", "told"),
    [
        ("95.3", "Did you mean 95.2"),
        ("95.22", "Did you mean 95.2"),
        ("955.2", "Did you mean 95.2"),
        ("95", "Did you mean 95."),
        ("17.4", "Lessons with exercises: 94, 95."),
        (95.2, "Write its number in quotes"),
    ],
)
def test_an_unknown_id_is_answered_with_what_is_near(course, unknown, told):
    with pytest.raises(UnknownExercise) as error:
        find(unknown)
    assert str(error.value).startswith(f"There is no exercise {unknown!r}.")
    assert told in str(error.value)


def test_a_check_that_needs_what_is_not_installed_says_what(course):
    (course / "lesson_93.py").write_text("import a_library_that_is_not_there\n")
    with pytest.raises(ModuleNotFoundError, match="a_library_that_is_not_there"):
        find("93.1")


def test_the_catalogue_is_in_course_order(course):
    assert list(catalogue()) == ["94.1", "94.2", "94.10", "95.1", "95.2", "95.10"]


def test_registering_and_listing_checks_stays_light():
    """Nothing slow is imported before a check runs: kit progress lists every lesson's exercises."""
    code = (
        "import sys; from kitutils.course import exercise; from kitutils.course.registry import catalogue; catalogue();"
        "print([m for m in ('tensorflow', 'keras', 'IPython', 'ipywidgets', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
