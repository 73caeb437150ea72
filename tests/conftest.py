"""Every test runs as CI does: the ci profile, no network wanted, nothing of the user's own home read or written."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path_factory, monkeypatch, request):
    real_mirror = os.environ.get("KIT_MIRROR", "").strip()
    for name in [n for n in os.environ if n.startswith("KIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KIT_PROFILE", "ci")
    monkeypatch.setenv("KIT_OFFLINE", "1")
    monkeypatch.setenv("KIT_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("KIT_ARTIFACTS", str(tmp_path_factory.mktemp("artifacts")))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    if request.node.get_closest_marker("real_data"):
        monkeypatch.setenv("KIT_MIRROR", real_mirror)


def pytest_generate_tests(metafunc):
    if "old_python" in metafunc.fixturenames:  # a test that has it runs with each; with None where there is none
        metafunc.parametrize("old_python", _old_pythons() or [None])


def _old_pythons() -> list[str]:
    """Interpreters of this machine that are too old for the kit."""
    found = []
    for minor in range(6, 11):
        if path := shutil.which(f"python3.{minor}"):
            # pyenv's shims start another one, or none.
            told = subprocess.run([path, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True)
            found += [told.stdout.strip()] if told.returncode == 0 else []
    return found


def pytest_collection_modifyitems(config, items):
    if os.environ.get("KIT_MIRROR", "").strip():
        return
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(pytest.mark.skip(reason="needs the publishers' data: set KIT_MIRROR to a mirror of it"))


def pytest_terminal_summary(terminalreporter, config):
    mirror = "used" if os.environ.get("KIT_MIRROR", "").strip() else "none, so the real_data tests were skipped"
    terminalreporter.write_line(f"mirror of real data: {mirror}")
