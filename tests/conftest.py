"""Every test runs as CI does: the ci profile, no network wanted, nothing of the user's own home read or written."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from jupyter_client.manager import start_new_kernel


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


class FrontEnd:
    """A kernel and the messages that JupyterLab would send it."""

    def __init__(self, home):
        env = {**os.environ, "KIT_PROFILE": "workshop", "KIT_HEADLESS": "0", "KIT_HOME": str(home)}
        self.manager, self.client = start_new_kernel(kernel_name="python3", env=env)

    def run(self, code):
        """Runs a cell; returns what it printed. Whether it showed a widget is in ``widgets``."""
        shown = []
        hook = lambda message: shown.append(message["content"])
        reply = self.client.execute_interactive(code, allow_stdin=True, output_hook=hook, timeout=60)
        assert reply["content"]["status"] == "ok", shown
        view = "application/vnd.jupyter.widget-view+json"
        self.widgets = any(view in content.get("data", {}) for content in shown)
        return "".join(content.get("text", "") for content in shown)

    def click(self, button):
        """Clicks a button; ``button`` is the expression that names it in the kernel."""
        comm = self.run(f"print({button}.comm.comm_id)").strip()
        event = {"comm_id": comm, "data": {"method": "custom", "content": {"event": "click"}}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", event))


@pytest.fixture
def front_end(tmp_path):
    there = FrontEnd(tmp_path)
    yield there
    there.client.stop_channels()
    there.manager.shutdown_kernel(now=True)
