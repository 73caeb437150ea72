"""Every test runs as CI does: the ci profile, no network wanted, nothing of the user's own home read or written."""

from __future__ import annotations

import os

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


def pytest_collection_modifyitems(config, items):
    if os.environ.get("KIT_MIRROR", "").strip():
        return
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(pytest.mark.skip(reason="needs the publishers' data: set KIT_MIRROR to a mirror of it"))


def pytest_terminal_summary(terminalreporter, config):
    mirror = "used" if os.environ.get("KIT_MIRROR", "").strip() else "none, so the real_data tests were skipped"
    terminalreporter.write_line(f"mirror of real data: {mirror}")
