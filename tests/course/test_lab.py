import sys

import pytest

from kitutils.course import lab


@pytest.mark.parametrize(
    ("env", "platform", "expected"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "1 2 3 4"}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_TTY": "/dev/pts/0"}, "darwin", False),
    ],
)
def test_a_browser_needs_a_screen_in_front_of_the_learner(monkeypatch, env, platform, expected):
    monkeypatch.setattr(lab.webbrowser, "get", lambda: object())
    assert lab.has_browser(env, platform) is expected


def test_no_browser_installed(monkeypatch):
    def get():
        raise lab.webbrowser.Error("none")

    monkeypatch.setattr(lab.webbrowser, "get", get)
    assert lab.has_browser({}, "win32") is False


def test_the_command_line():
    command = lab.arguments(browser=False, port=9000, ip="0.0.0.0")
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert "--no-browser" in command and "--port=9000" in command and "--ip=0.0.0.0" in command
    assert "--ServerApp.jpserver_extensions=jupyterlab_jupytext=False" in command
    plain = lab.arguments(browser=True, port=None, ip="localhost")
    assert "--ip=localhost" in plain
    assert "--no-browser" not in plain and not any(word.startswith("--port") for word in plain)


def test_the_address_of_a_server_that_listens_everywhere_is_one_that_a_browser_reaches():
    server = {"hostname": "localhost", "url": "http://localhost:8888/", "port": 8888, "base_url": "/", "secure": False}
    assert lab.address(server) == "http://localhost:8888/"
    everywhere = server | {"hostname": "0.0.0.0", "url": "http://1f2e3d4c5b6a:8888/"}
    assert lab.address(everywhere) == "http://127.0.0.1:8888/"
    assert lab.address(everywhere | {"secure": True, "base_url": "/a/"}) == "https://127.0.0.1:8888/a/"
