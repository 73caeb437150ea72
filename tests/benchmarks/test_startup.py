"""The start-up benchmark's arithmetic, on made-up seconds: no test measures a time or installs anything."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kitutils import settings

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def startup(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import startup

    return startup


@pytest.fixture
def course_run(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import _course_run

    return _course_run


@pytest.fixture
def record(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER)
    import _record

    monkeypatch.setattr(_record, "RECORDS", tmp_path / "records")
    return _record


def row(lesson, wall, cells, kernel=1.0, to_model=None, problem=""):
    return {
        "lesson": lesson,
        "wall": wall,
        "cells": cells,
        "kernel": kernel,
        "to_model": to_model,
        "problem": problem,
    }


def test_quick_takes_turns_and_judges_the_median_of_the_differences(startup):
    # Three rounds after the warm-up: the machine slows down from round to round, which must cancel out.
    bare, imports, helped = (9, 1, 2, 3), (99, 1.1, 2.5, 3.05), (99, 1.5, 2.4, 4)
    seconds = iter([s for one_round in zip(bare, imports, helped, strict=True) for s in one_round])
    asked = []

    def wall(arguments):
        asked.append(arguments)
        return next(seconds)

    results = startup.quick(wall, rounds=3)
    assert results["import"] == {"seconds": 0.1, "goal": 0.1, "ratio": 1.0}
    assert results["help"] == {"seconds": 0.5, "goal": 0.5, "ratio": 1.0}
    assert asked == [["-c", "pass"], ["-c", "import kitutils"], ["-m", "kitutils", "--help"]] * 4


def test_course_summary_tells_lessons_from_overhead(startup):
    summary = startup.course_summary([row("01", 12.0, 8.0), row("02", 9.0, 7.0)], seconds=25.0)
    assert summary["cells_seconds"] == 15
    assert summary["overhead_share"] == 0.4
    assert [lesson["wall"] for lesson in summary["lessons"]] == [12.0, 9.0]


def outcome(sources, seconds, kernel=2.0):
    cells = [SimpleNamespace(source=source) for source in sources]
    run = SimpleNamespace(cell_seconds=seconds, kernel_seconds=kernel, notebook=SimpleNamespace(cells=cells))
    return SimpleNamespace(lesson=SimpleNamespace(number="01"), run=run, seconds=sum(seconds.values()), problem="")


def test_the_first_model_is_the_first_network_and_not_a_baseline(course_run):
    sources = ["# text", "svc.fit(x, y)", "history = model.fit(x, y)", "model.fit(again)"]
    found = course_run.report(outcome(sources, {1: 3.0, 2: 10.0, 3: 50.0}), wall=70.0)
    assert found["to_model"] == 2 + 3 + 10
    assert found["cells"] == 63
    json.dumps(found)


def test_a_lesson_without_training_or_without_notebook_has_no_first_model(course_run):
    assert course_run.report(outcome(["print()"], {0: 1.0}), wall=4.0)["to_model"] is None
    missing = SimpleNamespace(lesson=SimpleNamespace(number="09"), run=None, seconds=0.0, problem="no notebook yet")
    found = course_run.report(missing, wall=0.0)
    assert (found["to_model"], found["problem"]) == (None, "no notebook yet")


def test_lesson_01_trains_a_network_where_the_benchmark_looks_for_it(course_run):
    sources = [path.read_text(encoding="utf-8") for path in (settings.root() / "notebooks/source").glob("01_*.py")]
    cells = sources[0].split("# %%")
    assert sum(course_run.TRAINS in cell for cell in cells) >= 1


def stub_kit(folder, *lines):
    """A kit whose lessons are these lines of output."""
    program = folder / "benchmarks" / "_course_run.py"
    program.parent.mkdir(parents=True)
    program.write_text("import sys\n" + "\n".join(lines), encoding="utf-8")
    return folder


def test_run_course_hands_over_profile_and_lessons_and_reads_the_rows(startup, tmp_path):
    kit = stub_kit(tmp_path, "import json", "print(json.dumps(dict(lesson=sys.argv[2], wall=1.5, problem='')))")
    rows, seconds = startup.run_course(Path(sys.executable), kit, "workshop", "01", startup.clean_environment(tmp_path))
    assert rows == [{"lesson": "01", "wall": 1.5, "problem": ""}]
    assert seconds > 0


def test_a_failed_lesson_and_a_crash_leave_no_result(startup, tmp_path):
    failing = stub_kit(tmp_path / "a", f"print({json.dumps(row('07', 1, 1, problem='cell 3: ValueError'))!r})")
    with pytest.raises(SystemExit, match="lesson 07: cell 3: ValueError"):
        startup.run_course(Path(sys.executable), failing, "ci", "", startup.clean_environment(tmp_path))
    crashing = stub_kit(tmp_path / "b", "sys.exit(3)")
    with pytest.raises(SystemExit, match="exit code 3"):
        startup.run_course(Path(sys.executable), crashing, "ci", "", startup.clean_environment(tmp_path))


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_clone_takes_what_is_committed_or_else_the_working_tree(startup, tmp_path, monkeypatch):
    kit = tmp_path / "the kit 课程"
    (kit / "notebooks").mkdir(parents=True)
    (kit / ".gitignore").write_text("/.venv/\n")
    (kit / "kit.py").write_text("print('kit')\n")
    (kit / "notebooks" / "课.md").write_text("text\n", encoding="utf-8")
    (kit / ".venv").mkdir()
    (kit / ".venv" / "heavy").write_text("no")
    git(kit, "init", "--quiet")
    monkeypatch.setattr(startup, "ROOT", kit)

    assert startup.clone(tmp_path / "one") == "working tree"  # nothing is committed yet
    git(kit, "add", ".")
    git(kit, "commit", "--quiet", "-m", "first")
    assert startup.clone(tmp_path / "two") == "clone"
    (kit / "new.py").write_text("pass\n")
    (kit / "kit.py").unlink()
    assert startup.clone(tmp_path / "three") == "working tree"

    for name in ("one", "two"):
        assert (tmp_path / name / "kit.py").read_text() == "print('kit')\n"
        assert (tmp_path / name / "notebooks" / "课.md").exists()
        assert not (tmp_path / name / ".venv").exists()
    assert (tmp_path / "three" / "new.py").exists()
    assert not (tmp_path / "three" / "kit.py").exists()


def test_fresh_sums_clone_environment_and_the_lesson_up_to_its_training(startup, tmp_path, monkeypatch):
    clock = iter([100.0, 103.0, 203.0])
    monkeypatch.setattr(startup.time, "perf_counter", lambda: next(clock))
    commands = []

    def run(command, cwd, env, check):
        commands.append((command[1:], cwd.name))
        (cwd / ".venv").mkdir(parents=True)
        (cwd / ".venv" / "package").write_bytes(b"x" * 30_000_000)

    monkeypatch.setattr(startup, "clone", lambda target: "clone")
    monkeypatch.setattr(startup.subprocess, "run", run)
    monkeypatch.setattr(startup, "run_course", lambda *given: ([row("01", 60.0, 50.0, to_model=20.0)], 64.0))
    found = startup.fresh(tmp_path)
    assert commands == [(["kit.py", "--help"], "kit")]
    assert found["parts"] == {"clone": 3.0, "environment": 100.0, "lesson": 24.0}
    assert (found["seconds"], found["goal"], found["ratio"]) == (127.0, 300.0, 0.423)
    assert found["environment_gb"] == 0.03


def test_the_measured_environment_holds_no_settings_of_the_caller(startup, tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_PROFILE", "full")
    monkeypatch.setenv("KIT_MIRROR", "/mirror")
    monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere")
    found = startup.clean_environment(tmp_path)
    assert not {"KIT_PROFILE", "VIRTUAL_ENV", "PYTHONPATH"} & set(found)
    assert (found["KIT_MIRROR"], found["KIT_HOME"], found["KIT_STRICT_DATA"]) == ("/mirror", str(tmp_path), "1")


QUICK = {name: {"seconds": 0.05, "goal": 0.1, "ratio": 0.5} for name in ("import", "help")}


def test_a_record_holds_every_part_and_says_what_it_was_measured_on(startup, record, monkeypatch, capsys):
    first = {"seconds": 200.0, "goal": 300.0, "ratio": 0.667, "parts": {"clone": 1.0, "environment": 150.0}}
    monkeypatch.setattr(startup, "quick", lambda: dict(QUICK))
    monkeypatch.setattr(startup, "fresh", lambda folder: first)
    monkeypatch.setattr(startup, "whole_course", lambda folder: startup.course_summary([row("01", 12.0, 8.0)], 16.0))
    startup.main(["--record"])
    written = json.loads((record.RECORDS / "startup.json").read_text(encoding="utf8"))
    assert written["results"].keys() == {"import", "help", "first_model", "course"}
    assert written["machine"].keys() == {"system", "architecture", "processor", "cores", "memory_gb"}
    assert {"python", "tensorflow", "keras"} <= written["versions"].keys()
    told = capsys.readouterr().out
    assert "import kitutils" in told
    assert "environment" in told
    assert "50% of it overhead" in told


def test_quick_writes_no_record(startup, record, monkeypatch, capsys):
    monkeypatch.setattr(startup, "quick", lambda: dict(QUICK))
    startup.main(["--quick"])
    with pytest.raises(SystemExit):
        startup.main(["--quick", "--record"])
    assert "a record holds every part" in capsys.readouterr().err
    assert not record.RECORDS.exists()


RECORDS = sorted((FOLDER / "records").glob("*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_committed_records_say_what_when_and_on_which_kind_of_machine(path):
    text = path.read_text(encoding="utf8")
    assert {"what", "results", "machine", "versions", "date"} <= json.loads(text).keys()
    assert str(Path.home()) not in text
    assert str(settings.root()) not in text
