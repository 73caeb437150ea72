"""A server for as long as a block lasts: ready when the block begins, gone when it ends, its last words if it fails."""

import os
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from kitutils.ship import ShipError
from kitutils.ship.serve.background import free_port, in_background

posix = pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGTERM that a program could ignore")
HTTP = ["python", "-m", "http.server", "{port}", "--bind", "127.0.0.1"]


def listens(url):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


def test_the_server_answers_in_the_block_and_is_gone_after_it(tmp_path):
    (tmp_path / "readyz").write_text("yes")
    with in_background([*HTTP, "--directory", tmp_path]) as (url, process):
        assert urllib.request.urlopen(f"{url}/readyz").read() == b"yes"
        assert process != os.getpid()
    assert not listens(url)


def test_it_ends_with_a_block_that_fails(tmp_path):
    with pytest.raises(KeyError), in_background(HTTP, ready="/") as (url, _):
        raise KeyError
    assert not listens(url)


def test_it_is_waited_for_until_it_is_ready(tmp_path):
    script = tmp_path / "late.py"
    script.write_text(
        "import http.server, sys\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    asked = 0\n"
        "    def do_GET(self):\n"
        "        H.asked += 1\n"
        "        self.send_response(503 if H.asked < 4 else 200)\n"
        "        self.send_header('Content-Length', '1'); self.end_headers(); self.wfile.write(b'%d' % H.asked)\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
    )
    with in_background(["python", script, "{port}"]) as (url, _):
        assert urllib.request.urlopen(url).read() == b"5"  # three times 503, once 200, and this one


def test_a_server_that_ends_says_why():
    with (
        pytest.raises(ShipError, match=r"ended with code 3 .* It said last: no model"),
        in_background(["python", "-c", "print('no model', flush=True); raise SystemExit(3)"]),
    ):
        pass


def test_a_server_that_never_answers_is_ended(monkeypatch):
    import kitutils.ship.serve.background as module

    begun, start = [], module.subprocess.Popen

    def noted(*args, **options):
        begun.append(start(*args, **options))
        return begun[-1]

    monkeypatch.setattr(module.subprocess, "Popen", noted)
    sleeper = ["python", "-c", "import time; time.sleep(60)"]
    with pytest.raises(ShipError, match="was not ready in time"), in_background(sleeper, seconds=0.3):
        raise AssertionError("the block began")
    assert begun[0].poll() is not None


@posix
def test_a_server_that_ignores_the_request_to_end_is_killed(tmp_path, monkeypatch):
    import kitutils.ship.serve.background as module

    wait = module.subprocess.Popen.wait
    monkeypatch.setattr(module.subprocess.Popen, "wait", lambda self, timeout=None: wait(self, timeout and 0.3))
    script = tmp_path / "stubborn.py"
    script.write_text(
        "import http.server, signal, sys\n"
        f"signal.signal({int(signal.SIGTERM)}, signal.SIG_IGN)\n"
        "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')\n"
    )
    with in_background(["python", script, "{port}"], ready="/") as (url, _):
        pass
    assert not listens(url)


def test_variables_go_along_and_a_proxy_is_not_asked(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    script = Path(tmp_path / "env.py")
    script.write_text(
        "import http.server, os, sys\n"
        "assert os.environ['COLOUR'] == 'red'\n"
        "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')\n"
    )
    with in_background(["python", script, "{port}"], ready="/", more={"COLOUR": "red"}) as (url, _):
        assert listens(url)


def test_a_free_port_is_free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))
