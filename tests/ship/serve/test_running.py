"""``kit serve`` as a process: what it says, and how it starts, ends and starts again."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.client import HTTPConnection, RemoteDisconnected

import pytest
from typer.testing import CliRunner

from kitutils.cli import app
from kitutils.ship.faults import ShipError
from kitutils.ship.serve import Settings
from kitutils.ship.serve.background import free_port
from kitutils.ship.serve.running import announcement, lan_addresses, listening

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


@contextmanager
def served(*words, **more):
    """``kit serve`` with these words: the process, its port and all lines that it said when it was ready."""
    command = [
        sys.executable,
        "-m",
        "kitutils",
        "serve",
        *map(str, words),
        *([] if "--port" in words else ["--port", "0"]),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **more},
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith("Model"):
                break
        if not lines:
            raise AssertionError(process.stderr.read())
        yield process, int(re.search(r":(\d+)/", lines[0])[1]), lines
    finally:
        process.kill()
        process.communicate()


def ask(port, path="/predict", body=b"the dress", **headers):
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "text/plain", **headers})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.fixture(scope="module")
def texts(exports):
    return exports / "texts"


def test_it_says_what_it_serves_and_where_and_ends_in_good_order(texts):
    with served(texts) as (process, port, lines):
        assert lines[0] == f"Page and service: http://127.0.0.1:{port}/"
        assert lines[-1] == "Model texts, version 1"
        assert json.loads(ask(port)[1])["model"] == "texts"
        assert ask(port, Host="evil.example")[0] == 400
        assert ask(port, Host=f"localhost:{port}")[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()


def test_told_to_stop_under_load_it_answers_all_that_it_accepted(texts):
    counts, failures, lock = [], [], threading.Lock()

    def load(port):
        answered = 0
        while True:
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.connect()
            except OSError:
                break  # it lets nobody in any more
            try:
                while True:
                    connection.request("POST", "/predict", b"the dress", {"Content-Type": "text/plain"})
                    answer = connection.getresponse()
                    assert answer.status == 200 and json.loads(answer.read())["label"]
                    answered += 1
                    if answer.will_close:
                        break
            except RemoteDisconnected:
                if answered:  # a connection that nobody had accepted yet may be cut
                    with lock:
                        failures.append("cut")
                break
            except Exception as error:
                with lock:
                    failures.append(repr(error))
                break
        with lock:
            counts.append(answered)

    with served(texts) as (process, port, _):
        threads = [threading.Thread(target=load, args=(port,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        for thread in threads:
            thread.join(30)
        assert "Traceback" not in process.stderr.read()
    assert not failures
    assert len(counts) == 16 and sum(counts) > 16


def test_killed_it_starts_again_on_the_same_port(texts):
    port, held = free_port(), []
    for _ in range(2):
        with served(texts, "--port", port) as (process, _, _):
            assert ask(port)[0] == 200
            held.append(socket.create_connection(("127.0.0.1", port)))
            process.send_signal(signal.SIGKILL)
            assert process.wait(20) == -signal.SIGKILL
    for line in held:  # which keep the port from being quite free
        line.close()


def test_a_taken_port_is_said_in_one_sentence(texts):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(ShipError, match=rf"Port {port} of 127\.0\.0\.1 cannot be used .* --port {port + 1}"),
            listening("127.0.0.1", port),
        ):
            pass
        command = [sys.executable, "-m", "kitutils", "serve", str(texts), "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith(f"Port {port}") and "Traceback" not in done.stderr


def test_a_folder_that_is_no_export_is_said_in_one_sentence(tmp_path):
    command = [sys.executable, "-m", "kitutils", "serve", str(tmp_path), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "Traceback" not in done.stderr and str(tmp_path.name) in done.stderr


def test_the_network_gets_in_with_a_token_alone(texts):
    with served(texts, "--lan") as (_, port, lines):
        token = re.search(r"\?token=(\S+)$", lines[0])[1]
        assert len(token) >= 16
        assert {line.partition("http://")[2].partition(":")[0] for line in lines[:-1]} >= {"127.0.0.1"}
        assert ask(port)[0] == 401
        assert ask(port, Host="phone.example", Authorization=f"Bearer {token}")[0] == 200


def test_the_token_may_come_from_the_environment_and_the_address_from_an_option(texts):
    with served(texts, "--host", "0.0.0.0", KIT_SERVE_TOKEN="open-sesame") as (_, port, lines):
        assert "?token=open-sesame" in lines[0]
        assert ask(port)[0] == 401
        assert ask(port, Host="serve:8080", Authorization="Bearer open-sesame")[0] == 200
    with served(texts, "--host", "0.0.0.0", "--name", "my.example") as (_, port, _):
        assert ask(port)[0] == 400
        assert ask(port, Host=f"my.example:{port}")[0] == 200


@pytest.mark.parametrize(
    "words, said",
    [
        (["--lan", "--host", "0.0.0.0"], "Leave out one of them"),
        (["--token", "short"], "8 signs or more"),
        (["--token", "with spaces in it"], "8 signs or more"),
        (["--host", "nowhere"], "an address of this machine"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, words, said):
    result = CliRunner().invoke(app, ["serve", str(tmp_path), *words])
    assert isinstance(result.exception, ShipError) and said in str(result.exception)


class Models:
    names = ("a", "b")
    versions = staticmethod(lambda name: ["1", "2"] if name == "a" else ["7"])


def test_the_announcement_says_what_is_open():
    lines = announcement(Models, Settings(), "127.0.0.1", 80)
    assert lines == ["Page and service: http://127.0.0.1:80/", "Model a, version 1, 2", "Model b, version 7"]
    assert announcement(Models, Settings(), "::1", 80)[0] == "Page and service: http://[::1]:80/"
    lines = announcement(Models, Settings(token="abcdefgh"), "0.0.0.0", 80)
    assert lines[0] == "Page and service: http://127.0.0.1:80/?token=abcdefgh"
    assert lines[-1].startswith("Open to the network: whoever has the address with its token can")
    assert "whoever reaches this machine" in announcement(Models, Settings(), "0.0.0.0", 80)[-1]
    assert not any(place.startswith("127.") for place in lan_addresses())
