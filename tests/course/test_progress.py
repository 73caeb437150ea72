"""Progress is never lost: not to a second notebook, a crash, a broken file or a folder that cannot be written."""

import json
import multiprocessing
import os

import pytest
from typer.testing import CliRunner

from kitutils import settings
from kitutils.course import progress


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_PROFILE", "workshop")
    monkeypatch.setenv("KIT_HEADLESS", "0")
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(progress, "_unsaveable_told", set())
    progress._id_of_this_process.cache_clear()


def test_an_empty_home_is_no_progress():
    assert progress.read() == {"version": 1, "exercises": {}, "predictions": {}}


def test_records_are_kept():
    assert progress.record_attempt("12.1", right=False) == ()
    progress.record_attempt("12.1", right=True)
    progress.record_hint("12.1", 2)
    progress.record_hint("12.1", 1)
    progress.record_prediction("12.a", choice="more")
    progress.record_prediction("12.a", outcome="none")
    data = progress.read()
    assert data["exercises"]["12.1"]["attempts"] == 2
    assert data["exercises"]["12.1"]["hints"] == 2
    assert data["exercises"]["12.1"]["right_at"].startswith("20")
    assert data["predictions"] == {"12.a": {"choice": "more", "outcome": "none"}}
    assert [p.name for p in settings.home().glob("*.part")] == []


@pytest.mark.parametrize(
    "content",
    [
        b'{"version": 1, "exercises": {"12',
        b"",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b'{"version": 1}',
        b'{"version": 9, "exercises": {}, "predictions": {}}',
        b'{"version": 1, "exercises": {"12.1": {"attempts": "many", "hints": 0, "right_at": null}}, "predictions": {}}',
        b'{"version": 1, "exercises": {"12.1": 3}, "predictions": {}}',
    ],
)
def test_a_file_that_cannot_be_read_is_set_aside_and_said_so(content):
    home = settings.home()
    home.mkdir()
    (home / "progress.json").write_bytes(content)
    assert progress.read()["exercises"] == {}
    assert (home / "progress.json").read_bytes() == content, "reading changes nothing"
    (notice,) = progress.record_attempt("12.1", right=True)
    (kept,) = home.glob("progress-unreadable-*.json")
    assert kept.read_bytes() == content
    assert kept.name in notice
    assert progress.read()["exercises"]["12.1"]["attempts"] == 1
    assert progress.record_attempt("12.1", right=True) == ()


def test_two_broken_files_in_one_second_are_both_kept():
    home = settings.home()
    home.mkdir()
    for _ in range(2):
        (home / "progress.json").write_text("broken")
        progress.record_attempt("12.1", right=True)
    assert len(list(home.glob("progress-unreadable-*.json"))) == 2


def test_a_home_that_cannot_be_written_is_said_once_and_nothing_breaks(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "file" / "home"))
    (notice,) = progress.record_attempt("12.1", right=True)
    assert "cannot be saved" in notice
    assert progress.record_attempt("12.1", right=True) == ()
    assert progress.read()["exercises"] == {}
    assert progress.learner() == progress.learner() != ""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may write everywhere")
def test_a_read_only_home_is_said_once_and_nothing_breaks():
    progress.record_attempt("12.1", right=True)
    home = settings.home()
    home.chmod(0o555)
    try:
        (notice,) = progress.record_attempt("12.1", right=True)
        assert "cannot be saved" in notice
        assert progress.record_attempt("12.1", right=True) == ()
        assert progress.read()["exercises"]["12.1"]["attempts"] == 1
        assert progress.learner() == progress.learner() != ""
    finally:
        home.chmod(0o755)


def test_a_failed_write_leaves_the_old_file(monkeypatch):
    progress.record_attempt("12.1", right=True)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", full)
        (notice,) = progress.record_attempt("12.1", right=True)
    assert "No space left" in notice
    assert progress.read()["exercises"]["12.1"]["attempts"] == 1
    assert list(settings.home().glob("*.part")) == []


def _attempt(home):
    os.environ |= {"KIT_HOME": home, "KIT_PROFILE": "workshop", "KIT_HEADLESS": "0"}
    from kitutils.course import progress

    progress.record_attempt("12.1", right=False)


def test_eight_processes_at_once_lose_no_attempt():
    context = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
    workers = [context.Process(target=_attempt, args=(str(settings.home()),)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert progress.read()["exercises"]["12.1"]["attempts"] == 8


def test_a_headless_run_records_nothing(monkeypatch):
    monkeypatch.setenv("KIT_HEADLESS", "1")
    progress.record_attempt("12.1", right=True)
    progress.record_hint("12.1", 1)
    progress.record_prediction("12.a", choice="more")
    assert progress.learner() == "headless"
    assert not settings.home().exists()


def test_the_learners_id_is_made_once_and_differs_between_homes(tmp_path, monkeypatch):
    mine = progress.learner()
    progress._id_of_this_process.cache_clear()  # as after a restart of the kernel
    assert progress.learner() == mine
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "another"))
    assert progress.learner() != mine


def test_a_broken_learner_file_is_made_anew():
    settings.home().mkdir()
    for broken in ("", "[]", '{"id": 3}', '{"id": ""}', "\x00"):
        (settings.home() / "learner.json").write_text(broken)
        mine = progress.learner()
        assert json.loads((settings.home() / "learner.json").read_text())["id"] == mine


def test_reset_keeps_the_old_record():
    assert progress.reset() is None
    progress.record_attempt("12.1", right=True)
    kept = progress.reset()
    assert "12.1" in json.loads(kept.read_text())["exercises"]
    assert progress.read()["exercises"] == {}


# --- kit progress -----------------------------------------------------------------------------------------------------


@pytest.fixture
def kit(monkeypatch):
    """`kit progress` on a course of three exercises."""
    from kitutils.commands import progress as command
    from kitutils.course import registry

    body = lambda answer, rng: None
    made = [registry.Check(k, f"title {k}", 5, ("a", "b", "c"), "value", {}, body) for k in ("01.1", "01.2", "12.1")]
    monkeypatch.setattr(registry, "catalogue", lambda: {c.id: c for c in made})
    monkeypatch.setattr(command, "_titles", lambda: {"01": "The pipeline"})
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments: CliRunner().invoke(command.app, arguments)


def test_kit_progress_counts_by_lesson_and_says_what_is_next(kit):
    assert "Next: exercise 01.1, title 01.1 (5 minutes)." in kit().output
    progress.record_attempt("01.1", right=True)
    progress.record_attempt("01.2", right=False)
    progress.record_hint("12.1", 1)
    progress.record_prediction("01.a", choice="x", outcome="x")
    progress.record_prediction("01.b", choice="x", outcome="y")
    progress.record_prediction("01.c", choice="x")
    output = kit().output
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if line.startswith("│")]
    assert rows == [["01", "The pipeline", "1", "2", "2", "1 of 2"], ["12", "", "0", "0", "1", "–"]]
    assert "Next: exercise 01.2" in output
    for name in ("01.2", "12.1"):
        progress.record_attempt(name, right=True)
    assert "All exercises are right." in kit().output


def test_kit_progress_reset(kit):
    assert "no progress to reset" in kit("--reset").output
    progress.record_attempt("01.1", right=True)
    assert "before-reset" in kit("--reset").output
    assert progress.read()["exercises"] == {}
