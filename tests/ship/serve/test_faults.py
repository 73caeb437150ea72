"""Everything that can go wrong between a client and the service, over real sockets."""

import asyncio
import io
import json
import logging
import socket
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from kitutils.ship.predictor import Predictor
from kitutils.ship.serve import Host, Metrics, Settings, create_app
from kitutils.ship.serve.connections import HEAD
from kitutils.ship.serve.running import listening, loop_factory, server_for

OWN_OUTPUTS = Predictor.outputs


@contextmanager
def running(folders, **more):
    """The server of ``kit serve`` in a thread; its port, host and uvicorn's own state."""
    settings, metrics = Settings(**{"poll_seconds": 60, **more}), Metrics()
    one, ready = SimpleNamespace(), threading.Event()

    async def main(place):
        one.host = Host(folders, settings, metrics)
        await one.host.start()
        one.server = server_for(create_app(one.host, settings, metrics), settings, when_ready=ready.set)
        one.state, one.loop = one.server.server_state, asyncio.get_running_loop()
        await one.server.serve(sockets=[place])
        await one.host.stop()

    with listening("127.0.0.1", 0) as place:
        one.port = place.getsockname()[1]
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            thread = threading.Thread(target=lambda: runner.run(main(place)))
            thread.start()
            try:
                assert ready.wait(30)
                yield one
            finally:
                one.server.should_exit = True
                thread.join(30)
                assert not thread.is_alive()


@pytest.fixture
def start(exports, caplog, monkeypatch):
    """``start(**settings)``: a running service of the three models. No test may leave a warning in the log."""
    for name in ("uvicorn", "uvicorn.error"):  # whoever ran a server before may have given it a log of its own
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    with ExitStack() as stack:
        yield lambda folders=(exports,), **more: stack.enter_context(running(folders, **more))
    loud = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert not loud


@pytest.fixture(scope="module")
def service(exports):
    """One for all tests that leave it as it was."""
    with running([exports]) as one:
        yield one


@pytest.fixture
def gate(monkeypatch):
    """While it is closed, the model takes its time; ``rows`` are those that it computed."""
    held = SimpleNamespace(open=threading.Event(), entered=threading.Event(), rows=[])
    held.open.set()

    def outputs(self, arrays):
        held.rows.append(len(next(iter(arrays.values()))))
        held.entered.set()
        assert held.open.wait(30)
        return OWN_OUTPUTS(self, arrays)

    monkeypatch.setattr(Predictor, "outputs", outputs)
    yield held
    held.open.set()


def close(gate):
    gate.open.clear()
    gate.entered.clear()
    gate.rows.clear()


def ask(one, path="/predict?model=texts", body=b"the dress", kind="text/plain", method="POST", **headers):
    connection = HTTPConnection("127.0.0.1", one.port, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": kind, **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        connection.close()


def dial(one):
    return socket.create_connection(("127.0.0.1", one.port), timeout=20)


def heard(line):
    """All that the server still says, until it closes the connection."""
    said = b""
    with suppress(ConnectionResetError):
        while piece := line.recv(65536):
            said += piece
    return said


def request(body=b"the dress", path="/predict?model=texts", kind="text/plain", more=""):
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def png(pixels, kind="PNG", **more):
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, kind, **more)
    return file.getvalue()


# --- what is sent -----------------------------------------------------------------------------------------------------

NOISE = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)


def bomb():
    chunk = lambda kind, x: struct.pack(">I", len(x)) + kind + x + struct.pack(">I", zlib.crc32(kind + x))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10_000_000), 9)) + chunk(b"IEND", b"")


FILES = {
    "nothing": b"",
    "no image": b"GIF89a" + bytes(100),
    "wrong size": png(NOISE[:9]),
    "huge": png(np.zeros((3000, 4000), np.uint8)),
    "truncated": png(NOISE)[:200],
    "truncated JPEG": png(NOISE, "JPEG")[:300],
    "decompression bomb": bomb(),
    "animated": png(NOISE, save_all=True, append_images=[Image.fromarray(255 - NOISE)]),
    "16 bits": png(NOISE[..., 0].astype(np.uint16) * 257),
    "CMYK": png(Image.fromarray(NOISE).convert("CMYK"), "JPEG"),
    "transparent": png(np.dstack([NOISE, NOISE[..., 0]])),
}
BODIES = {
    "empty": b"",
    "no JSON": b"{instances: [1]}",
    "cut": b'{"instances": [[1, 2',
    "not UTF-8": b'{"instances": ["\xff"]}',
    "a number": b"3",
    "null": b"null",
    "nested": b"[" * 100_000,
    "nested and closed": b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested in a row": b'{"instances": [{"age": ' + b"[" * 900 + b"]" * 900 + b"}]}",
    "long number": b'{"instances": [1' + b"0" * 5000 + b"]}",
    "large number": b'{"instances": [1e999]}',
    "NaN": b'{"instances": [[[[NaN]]]]}',
    "Infinity": b'{"inputs": [-Infinity]}',
    "lone surrogate as a key": b'{"inputs": {"\\ud800": [1]}}',
    "lone surrogates as a name": b'{"signature_name": "\\ud800", "instances": [1]}',
    "wrong shape": b'{"instances": [[[1, 2], [3]]]}',
    "wrong type": b'{"instances": [true]}',
    "a strange signature": b'{"instances": [1], "signature_name": 3}',
    "too many": json.dumps({"instances": ["a"] * 257}).encode(),
    "both forms": b'{"instances": [1], "inputs": [1]}',
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_gets_a_sentence(service, name):
    for fit in ("", "&fit=crop"):
        for kind in ("image/png", "image/jpeg"):
            status, answer, _ = ask(service, f"/predict?model=images{fit}", FILES[name], kind)
            if fit and name in ("wrong size", "huge", "CMYK", "transparent"):
                assert status == 200 and set(answer["probabilities"]) == {"cat", "dog", "owl"}
            else:
                assert status == 400 and len(answer["error"]) > 20


def test_an_image_over_the_limit_of_pixels_is_not_fitted(start):
    status, answer, _ = ask(start(max_pixels=11_000_000), "/predict?model=images&fit=crop", FILES["huge"], "image/png")
    assert status == 400 and "at most 11,000,000 pixels; got 4,000 × 3,000" in answer["error"]


def test_an_indexed_and_a_camera_s_image_are_answered(service):
    for content in (png(Image.fromarray(NOISE).convert("P")), png(NOISE, "JPEG"), png(NOISE, interlace=1)):
        assert ask(service, "/predict?model=images", content, "image/png")[0] == 200


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("model", ["images", "texts", "rows"])
def test_a_bad_body_gets_a_sentence(service, model, name):
    for path in (f"/v1/models/{model}:predict", f"/v1/models/{model}/versions/1:predict", f"/predict?model={model}"):
        status, answer, _ = ask(service, path, BODIES[name], "application/json")
        assert status in (400, 413) and len(answer["error"]) > 20
    assert ask(service)[0] == 200


def test_lone_surrogates_in_texts_are_read_as_signs_nobody_knows(service):
    assert ask(service, "/v1/models/texts:predict", b'{"instances": ["\\ud800 \\udfff"]}', "application/json")[0] == 200


def test_a_body_over_the_limit_is_refused_before_it_is_sent_and_the_connection_goes_on(start):
    one = start(max_body=100_000)
    with dial(one) as line:
        whole = request(bytes(100_001))
        line.sendall(whole[: whole.index(b"\r\n\r\n") + 4])
        assert line.recv(65536).startswith(b"HTTP/1.1 413")
        line.sendall(bytes(100_001) + request(more="Connection: close\r\n"))
        assert heard(line).startswith(b"HTTP/1.1 200")
    assert ask(one, body=b"x" * 100_000)[0] == 200


def test_a_body_over_the_limit_in_pieces_is_refused_as_soon_as_it_is_too_long(start):
    one = start(max_body=100_000)
    with dial(one) as line:
        line.sendall(b"POST /predict?model=texts HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n")
        line.sendall(b"Transfer-Encoding: chunked\r\n\r\n" + (b"c350\r\n" + bytes(50_000) + b"\r\n") * 3)
        assert line.recv(65536).startswith(b"HTTP/1.1 413")
    with dial(one) as line:  # and one in pieces that is not
        line.sendall(
            b"POST /predict?model=texts HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nConnection: close\r\n"
        )
        line.sendall(b"Transfer-Encoding: chunked\r\n\r\n" + b"c350\r\n" + b"a" * 50_000 + b"\r\n0\r\n\r\n")
        assert heard(line).startswith(b"HTTP/1.1 200")


def test_who_asks_first_is_told_before_sending(start):
    one = start(max_body=1000)
    with dial(one) as line:
        line.sendall(request(bytes(1001), more="Expect: 100-continue\r\n")[:-1001])
        said = heard(line)
        assert said.startswith(b"HTTP/1.1 413") and b"connection: close" in said.lower()
    with dial(one) as line:
        line.sendall(request(more="Expect: 100-continue\r\nConnection: close\r\n")[: -len(b"the dress")])
        assert line.recv(100).startswith(b"HTTP/1.1 100")
        line.sendall(b"the dress")
        assert heard(line).startswith(b"HTTP/1.1 200")


# --- how it is sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
        b"\0" * 100,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_closed(start, content):
    one = start()
    with dial(one) as line:
        line.sendall(content)
        said = heard(line)
    assert not said or said.startswith(b"HTTP/1.1 4"), said
    assert ask(one)[0] == 200


def test_an_offer_to_speak_otherwise_is_passed_over(service):
    offer = "Connection: Upgrade\r\nUpgrade: h2c\r\n"
    with dial(service) as line:
        line.sendall(request(more=offer))
        assert line.recv(65536).startswith(b"HTTP/1.1 200")
        line.sendall(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + offer.encode() + b"\r\n" + request(more="Connection: close\r\n")
        )
        assert heard(line).count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize("stop", [b"\n", b"\x00"])
def test_an_offer_that_hides_another_header_is_no_http(start, stop):
    hidden = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    with dial(start()) as line:
        line.sendall(
            b"POST /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: x%sContent-Length: %d\r\n\r\n%s"
            % (stop, len(hidden), hidden)
        )
        said = heard(line)
    assert said.startswith(b"HTTP/1.1 400") and said.count(b"HTTP/1.1") == 1


def test_requests_in_one_piece_are_answered_in_their_order(service):
    texts = [b"the dress", b"x", b"came too late"] * 5
    alone = [ask(service, body=text)[1] for text in texts]
    with dial(service) as line:
        line.sendall(b"".join(request(text) for text in texts[:-1]) + request(texts[-1], more="Connection: close\r\n"))
        found = [json.loads(part.partition(b"\r\n\r\n")[2]) for part in heard(line).split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert [one["probabilities"] for one in found] == [pytest.approx(one["probabilities"], abs=1e-6) for one in alone]


def test_a_slow_body_is_given_up_and_holds_nobody_meanwhile(start):
    one = start(body_seconds=1)
    with dial(one) as line:
        whole = request(b"x" * 1000)
        line.sendall(whole[:-1000])
        began, said = time.monotonic(), b""
        line.settimeout(0.1)
        while not said and time.monotonic() - began < 10:
            line.sendall(b"x")
            assert ask(one)[0] == 200
            with suppress(TimeoutError):
                said = line.recv(65536)
    assert said.startswith(b"HTTP/1.1 408") and b"not complete after 1 s" in said
    assert b"connection: close" in said.lower()


def test_a_slow_head_an_idle_line_and_an_endless_refused_body_are_closed(start):
    one = start(body_seconds=0.5, max_body=1000)
    slow, idle, endless = dial(one), dial(one), dial(one)
    with slow, idle, endless:
        slow.sendall(b"POST /predict HTTP/1.1\r\n")
        endless.sendall(b"POST /predict?model=texts HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n")
        endless.sendall(b"Content-Length: 1000000000\r\n\r\n")
        assert endless.recv(65536).startswith(b"HTTP/1.1 413")
        with suppress(OSError):
            for _ in range(100):
                slow.sendall(b"X: y\r\n")
                endless.sendall(bytes(100))
                time.sleep(0.05)
        assert heard(idle).startswith(b"HTTP/1.1 408")
        until(lambda: not one.state.connections)
    assert ask(one)[0] == 200


def test_a_refused_body_that_came_after_all_leaves_an_idle_line_which_is_closed(start):
    one = start(max_body=1000)
    one.server.config.timeout_keep_alive = 0.2
    with dial(one) as line:
        line.sendall(request(bytes(100_000))[:-50_000])
        assert line.recv(65536).startswith(b"HTTP/1.1 413")
        line.sendall(bytes(50_000))
        assert heard(line) == b""


def test_a_line_in_use_and_a_model_that_takes_long_are_left_alone(start, gate):
    one = start(body_seconds=0.4)
    connection = HTTPConnection("127.0.0.1", one.port, timeout=30)
    connection.connect()
    line, began = connection.sock, time.monotonic()
    while time.monotonic() - began < 1.2:
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        assert connection.sock is line  # or it was closed, and another one opened
        time.sleep(0.05)
    close(gate)
    connection.request("POST", "/predict?model=texts", b"the dress", {"Content-Type": "text/plain"})
    assert gate.entered.wait(10)
    time.sleep(1.2)
    gate.open.set()
    assert connection.getresponse().status == 200
    connection.close()


def test_told_to_stop_an_idle_line_may_ask_once_more(start):
    one = start()
    with dial(one) as idle, dial(one) as line:
        line.sendall(request())
        assert line.recv(65536).startswith(b"HTTP/1.1 200")
        until(lambda: len(one.state.connections) == 2)

        async def stop():
            for connection in list(one.state.connections):
                connection.shutdown()

        asyncio.run_coroutine_threadsafe(stop(), one.loop).result()
        line.sendall(request())
        said = heard(line)
        assert said.startswith(b"HTTP/1.1 200") and b"connection: close" in said.lower()
        assert heard(idle) == b""


def test_a_slow_head_is_told_why(start):
    with dial(start(body_seconds=0.5)) as line:
        line.sendall(b"POST /predict HTTP/1.1\r\nHost:")
        said = heard(line)
    assert said.startswith(b"HTTP/1.1 408") and b"No complete request" in said


def test_an_endless_head_is_refused(start):
    one = start()
    with dial(one) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        with suppress(OSError):
            for _ in range(10 * HEAD // 1000):
                line.sendall(b"X: " + b"y" * 995 + b"\r\n")
        said = b""
        with suppress(OSError):
            said = heard(line)
        assert not said or said.startswith(b"HTTP/1.1 431")
    until(lambda: not one.state.connections)


def test_one_who_sends_a_head_and_vanishes_leaves_nothing(start):
    one = start()
    for cut in (-1000, -500):
        with dial(one) as line:
            line.sendall(request(b"x" * 1000)[:cut])
            until(lambda: one.state.tasks)
    until(lambda: not one.state.tasks and not one.state.connections)
    assert ask(one)[0] == 200


def test_one_who_vanishes_while_it_waits_is_not_computed(start, gate):
    one = start(max_batch=1)
    batcher = next(served.batcher for key, served in one.host._served.items() if key[0] == "texts")
    close(gate)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, one)
        assert gate.entered.wait(10)
        with dial(one) as line:
            line.sendall(request(b"this one leaves"))
            until(lambda: batcher.waiting == 2)
        until(lambda: batcher.waiting == 1)
        last = pool.submit(ask, one)
        until(lambda: batcher.waiting == 2)
        gate.open.set()
        assert first.result()[0] == last.result()[0] == 200
    assert gate.rows == [1, 1]
    until(lambda: not one.state.tasks and not one.state.connections)


def test_one_who_never_reads_is_closed(start):
    one = start(body_seconds=0.5)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", one.port))
        line.settimeout(0.2)
        with suppress(OSError):
            for _ in range(3000):
                line.sendall(b"GET /page.js HTTP/1.1\r\nHost: x\r\n\r\n")
        assert ask(one)[0] == 200
        until(lambda: not one.state.connections)


# --- how much is asked ------------------------------------------------------------------------------------------------


def test_more_than_may_wait_is_refused_at_once_and_what_was_accepted_is_answered(start, gate):
    one = start(queue=4, max_batch=2)
    batcher = next(served.batcher for key, served in one.host._served.items() if key[0] == "texts")
    close(gate)
    with ThreadPoolExecutor(4) as pool:
        accepted = [pool.submit(ask, one) for _ in range(4)]
        until(lambda: batcher.waiting == 4)
        for _ in range(5):  # the model computes nothing meanwhile: these do not wait for it
            status, answer, headers = ask(one)
            assert status == 503 and "wait already" in answer["error"] and int(headers["Retry-After"]) >= 1
        assert ask(one, "/v1/models/texts:predict", b'{"instances": ["a"]}', "application/json")[0] == 503
        gate.open.set()
        assert [future.result()[0] for future in accepted] == [200] * 4
    assert sum(gate.rows) == 4
    assert 'kit_refused_total{reason="busy"} 6.0' in _figures(one)


def _figures(one):
    connection = HTTPConnection("127.0.0.1", one.port, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_parallel_requests_get_the_answer_that_each_gets_alone(service):
    bodies = [png(NOISE + np.uint8(i)) for i in range(5)]
    alone = [ask(service, "/predict?model=images", body, "image/png")[1] for body in bodies]
    with ThreadPoolExecutor(50) as pool:
        found = list(pool.map(lambda i: ask(service, "/predict?model=images", bodies[i % 5], "image/png"), range(100)))
    for number, (status, answer, _) in enumerate(found):
        assert status == 200 and answer["label"] == alone[number % 5]["label"]
        assert answer["probabilities"] == pytest.approx(alone[number % 5]["probabilities"], abs=1e-6)


def test_a_new_version_is_swapped_in_and_the_old_one_taken_away_without_a_failed_request(put, tmp_path, start):
    put("texts", tmp_path / "models" / "1")
    one, stop, seen, failed = start([tmp_path / "models"], poll_seconds=0.05), threading.Event(), [], []

    def load():
        connection = HTTPConnection("127.0.0.1", one.port, timeout=30)
        while not stop.is_set():
            connection.request("POST", "/predict", b"the dress", {"Content-Type": "text/plain"})
            answer = connection.getresponse()
            body = json.loads(answer.read())
            seen.append(body.get("version")) if answer.status == 200 else failed.append(body)

    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(load) for _ in range(4)]
        for version in ("2", "3"):
            put("texts", tmp_path / version, version=version).rename(tmp_path / "models" / version)
            until(lambda version=version: seen and seen[-1] == version)
        stop.set()
        assert [one.result() for one in loads] == [None] * 4
    assert not failed and set(seen) == {"1", "2", "3"}
