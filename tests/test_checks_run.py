"""``kit test``: which checks run, in which order, in what surroundings, and what comes of a failure."""

import os
import stat
import subprocess
import sys

import pytest

from kitutils import settings
from kitutils.course import checks_run

posix = pytest.mark.skipif(os.name == "nt", reason="the fake tools on the PATH are scripts with a #! line")
PREFIX = ["in", "a", "namespace"]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """``run(failing=(), fast=…)``: the exit code and what was started; nothing is really run."""
    (tmp_path / "kit").mkdir()
    monkeypatch.setattr(checks_run.settings, "root", lambda: tmp_path / "kit")
    monkeypatch.setattr(checks_run, "isolation", lambda: PREFIX)

    def go(failing=(), **options):
        started = []

        def call(command, cwd, env):
            started.append((command, cwd, env))
            return int(any(word in command for word in failing))

        monkeypatch.setattr(checks_run.subprocess, "call", call)
        return checks_run.main(**options), started

    return go


def names(started):
    """Each step by the word that tells it from the others."""
    kinds = {"--check": "format", "check": "ruff", "lint": "lint", "--nbval-lax": "notebooks", "pytest": "tests"}
    return [next(kind for word, kind in kinds.items() if word in command) for command, *_ in started]


def test_every_check_runs_in_its_order_and_the_tests_come_last(run):
    code, started = run()
    assert code == 0
    assert names(started) == ["ruff", "format", "lint", "notebooks", "tests"]


def test_fast_leaves_out_the_notebooks_and_the_slow_tests(run):
    code, started = run(fast=True)
    assert code == 0 and names(started) == ["ruff", "format", "lint", "tests"]
    assert started[-1][0][-2:] == ["-m", "not slow"]
    assert "not slow" not in run()[1][-1][0]


def test_notebooks_and_tests_run_without_a_network_all_in_the_kits_folder(run, tmp_path):
    _, started = run()
    for (command, cwd, _), name in zip(started, names(started), strict=True):
        inside = command[: len(PREFIX)] == PREFIX
        assert inside == (name in ("notebooks", "tests"))
        assert command[len(PREFIX) if inside else 0] == sys.executable
        assert cwd == tmp_path / "kit"


def test_without_a_namespace_it_says_so_and_runs_all_the_same(run, monkeypatch, capsys):
    monkeypatch.setattr(checks_run, "isolation", list)
    code, started = run()
    assert code == 0 and len(started) == 5 and all(command[0] == sys.executable for command, *_ in started)
    assert "no network namespace" in capsys.readouterr().out


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(("failing", "words"), [(["ruff"], "ruff, format"), (["lint"], "lint"), (["pytest"], "tests")])
def test_a_failure_is_named_and_the_rest_still_runs(run, capsys, failing, words, fast):
    code, started = run(failing, fast=fast)
    assert code == 1 and len(started) == (4 if fast else 5)
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert "failed: " in last and words in last


def test_the_callers_settings_stay_outside_but_for_the_mirror(run, monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_STRICT_DATA", "1")
    monkeypatch.setenv("KIT_MIRROR", "https://mirror.example")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    for _, _, env in run()[1]:
        assert {name for name in env if name.startswith("KIT_")} == {"KIT_MIRROR", "KIT_SECONDS"}
        assert env["KIT_MIRROR"] == "https://mirror.example" and env["SOMETHING_ELSE"] == "kept"
        assert env["KIT_SECONDS"] == str(tmp_path / "kit" / "build" / "seconds.json")
    assert (tmp_path / "kit" / "build").is_dir()


# --- the namespace ----------------------------------------------------------------------------------------------------


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Puts fakes of ``unshare`` and ``ip`` on a PATH that has nothing else; the former ends with a code."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name, code=0):
        (folder / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (folder / name).chmod(stat.S_IRWXU)

    return add


@posix
def test_the_namespace_is_used_only_where_it_is_there_and_allowed(tools):
    assert checks_run.isolation() == []
    tools("unshare")
    assert checks_run.isolation() == []  # without ip, loopback stays down
    tools("ip")
    assert checks_run.isolation()[0] == "unshare"
    tools("unshare", code=1)
    assert checks_run.isolation() == []


@pytest.mark.skipif(not checks_run.isolation(), reason="this system allows no network namespace")
def test_inside_only_loopback_answers():
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0)); socket.create_connection(server.getsockname()).close()\n"
        # A documentation address (RFC 5737): outside a namespace without routes this would wait for an answer.
        "try: socket.create_connection(('192.0.2.1', 9), timeout=20)\n"
        "except OSError as error: print(type(error).__name__, error.errno)"
    )
    command = [*checks_run.isolation(), sys.executable, "-c", code]
    done = subprocess.run(command, cwd=settings.root(), capture_output=True, encoding="utf8")
    assert done.returncode == 0, done.stderr
    assert "unreachable" in os.strerror(int(done.stdout.split()[1])), done.stdout


@pytest.mark.skipif(not checks_run.isolation(), reason="this system allows no network namespace")
def test_the_prefix_passes_arguments_and_the_exit_code():
    code = "import sys; print(sys.argv[1:]); sys.exit(5)"
    done = subprocess.run(
        [*checks_run.isolation(), sys.executable, "-c", code, "a b", "$HOME", "'"], capture_output=True, encoding="utf8"
    )
    assert done.returncode == 5 and done.stdout.strip() == str(["a b", "$HOME", "'"])
