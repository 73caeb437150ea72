"""The commands about lessons, on a kit in a temporary folder."""

import pytest
from typer.testing import CliRunner

from kitutils import settings
from kitutils.commands import lessons as commands
from kitutils.course import build, results, runner
from kitutils.course.execute import Failure, Run
from kitutils.course.lessons import LessonError


@pytest.fixture
def kit(whole, monkeypatch):
    """``kit("lint", "01")`` runs a command and gives its exit code and output."""
    monkeypatch.setattr(settings, "root", lambda: whole.root)

    def run(*words):
        done = CliRunner().invoke(commands.app, words)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    run.root, run.lesson, run.store = whole.root, whole.lesson, whole.store
    return run


@pytest.fixture
def pretend(monkeypatch):
    """Replaces the execution, which has tests of its own."""

    def replace(failure=None):
        for module in (build, runner):
            monkeypatch.setattr(module, "execute", lambda notebook, **options: Run(notebook, {1: 2.0}, failure=failure))

    return replace


def test_build_stores_and_then_finds_nothing_to_do(kit, pretend):
    pretend()
    code, output = kit("build")
    assert code == 0 and "01_tiny: built in 2 s" in output and kit.lesson.notebook.exists()
    assert kit("build", "01") == (0, "01_tiny: up to date\n")


def test_a_refused_build_says_why(kit, pretend):
    pretend(Failure(4, "ValueError", "[no]", "int('x')"))
    code, output = kit("build", "--all")
    assert code == 1 and "01_tiny: not stored" in output and "cell 4, at “int('x')”: ValueError: [no]" in output


def test_lint_tells_findings_and_measures(kit):
    code, output = kit("lint")
    assert code == 1 and "01_tiny: source and notebook disagree: There is no notebook." in output
    kit.store(kit.lesson)
    kit("results")
    code, output = kit("lint", "01", "--report")
    assert code == 0 and "No findings." in output and "words" in output


def test_results(kit, claim):
    kit.store(kit.lesson, {6: [claim()]})
    code, output = kit("results", "--check")
    assert code == 1 and "kit results" in output
    assert kit("results") == (0, "README.md: results updated.\n")
    assert kit("results", "--check")[0] == 0
    assert results.agrees(kit.root / "README.md", [kit.lesson])


def test_course_shows_each_lesson_and_fails_with_the_worst(kit, pretend):
    kit.store(kit.lesson)
    pretend()
    code, output = kit("course", "--only", "1")
    assert code == 0 and "passed" in output and "1 of 1 lessons passed, in 2 s." in output
    assert (kit.root / "build" / "course" / "index.html").exists()
    pretend(Failure(4, "ValueError", "no", ""))
    code, output = kit("course")
    assert code == 1 and "01_tiny failed: cell 4: ValueError: no" in output


def test_course_refuses_an_unknown_profile(kit):
    assert kit("course", "--profile", "fast")[0] == 2


def test_reset_and_solution(kit):
    kit.store(kit.lesson)
    copy = kit.root / "work" / "01_tiny.ipynb"
    assert kit("reset", "1") == (0, "work/01_tiny.ipynb is fresh.\n")
    copy.write_text("mine")
    assert "Your old copy: work/01_tiny.20" in kit("reset", "01")[1]
    assert "work/01_tiny.solution.ipynb" in kit("solution", "01")[1]


@pytest.mark.parametrize("number", ["", "02", "0-9"])
def test_reset_wants_one_lesson(kit, number):
    (kit.root / "notebooks" / "source" / "03_x.py").write_text(
        kit.lesson.source.read_text(encoding="utf-8").replace("# 01 ·", "# 03 ·"), encoding="utf-8"
    )
    with pytest.raises(LessonError):
        kit("reset", number)


def test_edition(kit, tmp_path):
    kit.store(kit.lesson)
    code, output = kit("edition", "teacher", str(tmp_path / "out"))
    assert code == 0 and "01_tiny.ipynb" in output and (tmp_path / "out" / "01_tiny.ipynb").exists()


def test_lab_brings_copies_and_tells_the_address(kit, monkeypatch):
    from kitutils.course import lab

    def run(folder, *, browser, port, ip, on_ready):
        assert folder == kit.root / "work" and not browser and port == 9999 and ip == "localhost"
        on_ready("http://localhost:9999/lab?token=x")
        return 0

    monkeypatch.setattr(lab, "run", run)
    kit.store(kit.lesson)
    code, output = kit("lab", "--no-browser", "--port", "9999")
    assert code == 0 and "New in work/: 01 · A tiny lesson" in output and "http://localhost:9999" in output
    kit.store(kit.lesson, source_sha256="newer")
    assert "kit reset 01" in kit("lab", "--no-browser", "--port", "9999")[1]
