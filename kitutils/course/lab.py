"""Starting JupyterLab on the learner's copies, and saying where it can be reached."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path

from kitutils import settings


def has_browser(env: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether a browser on this machine would be seen by whoever typed the command: no SSH, and a screen."""
    if env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        return False
    if platform == "linux" and not (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def arguments(*, browser: bool, port: int | None, ip: str) -> list[str]:
    """JupyterLab's command line. Jupyter itself takes the next free port when this one is taken."""
    command = [sys.executable, "-m", "jupyterlab", "-y", "--log-level=ERROR", "--LabApp.log_level=ERROR"]
    command.append(f"--ip={ip}")
    # jupytext, an author's tool, would offer to write paired files into notebooks/source.
    command.append("--ServerApp.jpserver_extensions=jupyterlab_jupytext=False")
    if not browser:
        command.append("--no-browser")
    if port is not None:
        command.append(f"--port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container; Jupyter refuses root otherwise
        command.append("--allow-root")
    return command


def run(folder: Path, *, browser: bool, port: int | None, ip: str, on_ready: Callable[[str], None]) -> int:
    """Runs JupyterLab in ``folder`` until it is ended, by Ctrl-C or from its menu.

    Args:
        folder: what its file browser shows.
        browser: open one.
        port: where to listen; Jupyter's own choice if None.
        ip: at which of this machine's addresses to listen; "0.0.0.0" is all of them, which a container needs.
        on_ready: called once with the address, its token included.

    Returns:
        JupyterLab's exit code; 0 after Ctrl-C.
    """
    token = secrets.token_urlsafe(24)
    env = os.environ | {
        "JUPYTER_TOKEN": token,
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel before one of that name in the user's folder
        # Settings under which JupyterLab neither asks about news nor looks for updates: a first start shows the lesson.
        "JUPYTER_CONFIG_PATH": _first("JUPYTER_CONFIG_PATH", Path(__file__).parent / "jupyter"),
        "PYTHONPATH": _first("PYTHONPATH", settings.root()),
    }
    process = subprocess.Popen(arguments(browser=browser, port=port, ip=ip), cwd=folder, env=env)
    try:
        if found := _wait_for(token, process):
            on_ready(found)
        return process.wait()
    except KeyboardInterrupt:  # Jupyter got it as well, and shuts its kernels down
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
        return 0


def address(server: Mapping) -> str:
    """Where a browser reaches a running server, as ``list_running_servers`` describes it.

    For a server that listens everywhere Jupyter names the machine, and a container's name means nothing outside it.
    """
    if server["hostname"] not in ("0.0.0.0", "::"):
        return server["url"]
    return f"{'https' if server['secure'] else 'http'}://127.0.0.1:{server['port']}{server['base_url']}"


def _first(name: str, folder: Path) -> str:
    """A variable that lists folders, with this one put before the user's."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get(name)]))


def _wait_for(token: str, process: subprocess.Popen) -> str | None:
    """The address of the server that has this token, None if it ends before it is up.

    On a cold disk that takes half a minute, so there is no limit: whoever waits too long has Ctrl-C.
    """
    from jupyter_server.serverapp import list_running_servers

    while process.poll() is None:
        for server in list_running_servers():
            if server.get("token") == token:
                return f"{address(server)}lab?token={token}"
        time.sleep(0.3)
    return None
