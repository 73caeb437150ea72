"""The load generator, against small servers that answer, stall, refuse, break off or never answer."""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from kitutils.ship.faults import ShipError
from kitutils.ship.serve.load import closed_loop, due_times, open_loop
from kitutils.ship.serve.traffic import percentiles

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nbusy"
BODY, KIND = b"\x89PNG \r\n\r\n of a kind", "image/png"


@pytest.fixture
def server():
    """A server from a coroutine ``answer(number, write)``, called for each request; gives URL and what it has seen."""
    with contextlib.ExitStack() as running:
        yield lambda answer: running.enter_context(_serving(answer))


@contextlib.contextmanager
def _serving(answer):
    loop, seen = asyncio.new_event_loop(), []

    async def client(reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(x[15:]) for x in head.split(b"\r\n") if x.startswith(b"Content-Length:"))
                seen.append((head, await reader.readexactly(length), writer.get_extra_info("peername")))
                await answer(len(seen) - 1, writer)
        writer.close()

    async def listen():
        return await asyncio.start_server(client, "127.0.0.1", 0)

    listening = loop.run_until_complete(listen())
    loop.closing = listening.close  # for a server that goes away
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/predict?model=m", seen
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def answers(*parts, delay=0.0):
    async def answer(number, writer):
        if delay:
            await asyncio.sleep(delay)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)

    return answer


def stalls_once(seconds=0.3, at=20):
    """The whole server stands still, once: what is due meanwhile waits, on whatever connection."""

    async def answer(number, writer):
        if number == at:
            time.sleep(seconds)
        writer.write(OK)

    return answer


def whole(result):
    return result.sent == sum(result.answered.values()) + result.failed + result.hung


def test_the_request_is_whole_and_each_connection_has_one_at_a_time(server):
    url, seen = server(answers(OK, delay=0.02))
    found = closed_loop(url, BODY, KIND, 4, 0.4)
    assert found.answered == {200: len(seen)} and whole(found)
    assert (found.failed, found.hung, found.unsent, found.late_ms) == (0, 0, 0, 0)
    head = seen[0][0]
    assert head.startswith(b"POST /predict?model=m HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nContent-Type: image/png\r\n" in head and {body for _, body, _ in seen} == {BODY}
    assert len({peer for _, _, peer in seen}) == 4  # kept alive
    # 4 connections, 20 ms and more each: at most 4 × 50 a second, and the last of each may end after the seconds.
    assert 4 <= found.sent <= 4 * 0.4 / 0.02 + 4
    assert found.goodput == found.per_second <= 200
    assert found.latency_ms["p50"] >= 20
    assert list(found.latency_ms.values()) == sorted(found.latency_ms.values())


def test_only_answers_within_the_seconds_make_the_rate(server):
    url, _ = server(answers(OK, delay=0.5))
    found = closed_loop(url, BODY, KIND, 3, 0.2)
    assert (found.answered, found.per_second, found.goodput) == ({200: 3}, 0, 0)


def test_an_answer_may_come_in_pieces_and_in_chunks(server):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    for parts in ([OK[:9], OK[9:-1], OK[-1:]], [chunked], [chunked[:50], chunked[50:]]):
        url, seen = server(answers(*parts, delay=0.01))
        found = closed_loop(url, BODY, KIND, 2, 0.1)
        assert found.answered == {200: len(seen)} and not found.failed


def test_a_server_that_closes_after_each_answer_gets_new_connections(server):
    async def answer(number, writer):
        writer.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        writer.close()

    url, seen = server(answer)
    found = closed_loop(url, BODY, KIND, 2, 0.3)
    assert found.answered == {200: len(seen)} and not found.failed
    assert len({peer for _, _, peer in seen}) == len(seen) > 2


def test_a_connection_that_was_closed_meanwhile_is_not_asked(server):
    async def answer(number, writer):
        writer.write(OK)
        writer.close()

    url, seen = server(answer)
    found = open_loop(url, BODY, KIND, 20, 0.4, spacing="even", timeout=1)
    assert found.answered == {200: 8} and whole(found) and found.failed == found.hung == 0
    assert len({peer for _, _, peer in seen}) == 8


def test_coordinated_omission(server):
    """After a stall of 0.3 s, the open loop has all requests that were due in it; the closed loop has one."""
    url, _ = server(stalls_once())
    opened = open_loop(url, BODY, KIND, 100, 1.0, spacing="even")
    url, seen = server(stalls_once())
    closed = closed_loop(url, BODY, KIND, 1, 1.0)
    assert opened.sent == 100 and opened.answered == {200: 100}
    # Of 100 requests in even steps of 10 ms, those of the first 0.1 s of the stall waited 0.2 s or more.
    assert opened.latency_ms["p99"] >= 250 and opened.latency_ms["p90"] >= 180
    assert closed.latency_ms["max"] >= 300 and closed.latency_ms["p90"] < 180
    assert closed.answered == {200: len(seen)}


def test_the_generators_own_lateness_counts(server, monkeypatch):
    """It wakes every 0.2 s here: what was due at 0.01 s is sent at 0.2 s, and that is part of its latency."""
    monkeypatch.setattr("kitutils.ship.serve.traffic.TICK", 0.2)
    url, _ = server(answers(OK))
    found = open_loop(url, BODY, KIND, 100, 0.6, spacing="even")
    assert found.answered == {200: 60}
    assert found.late_ms >= 150 and found.latency_ms["max"] >= 180 and found.latency_ms["p50"] >= 60


def test_the_open_loop_asks_when_it_is_due_whatever_the_answers_do(server):
    url, seen = server(answers())
    found = open_loop(url, BODY, KIND, 100, 0.5, spacing="even", timeout=0.3)
    assert (found.sent, found.hung, found.answered, found.unsent) == (50, 50, {}, 0)
    assert len(seen) == 50 and found.latency_ms == {} and found.goodput == 0


def test_beyond_the_bound_requests_count_as_not_sent(server):
    url, seen = server(answers())
    found = open_loop(url, BODY, KIND, 100, 0.3, spacing="even", connections=7, timeout=1)
    assert (found.sent, found.hung, found.unsent, len(seen)) == (7, 7, 23, 7)


def test_a_closed_loop_gives_a_hung_connection_up_and_goes_on(server):
    async def answer(number, writer):
        if number:
            await asyncio.sleep(0.005)
            writer.write(OK)

    url, seen = server(answer)
    found = closed_loop(url, BODY, KIND, 1, 0.6, timeout=0.2)
    assert found.hung == 1 and found.answered == {200: len(seen) - 1} and whole(found)
    assert len({peer for _, _, peer in seen}) == 2


def test_a_connection_that_breaks_has_failed(server):
    for piece in (b"", OK[:-1]):

        async def answer(number, writer, piece=piece):
            writer.write(piece)
            writer.close()

        url, seen = server(answer)
        found = closed_loop(url, BODY, KIND, 2, 0.2)
        assert found.failed == found.sent == len(seen) > 2 and found.answered == {}


def test_what_is_no_http_has_failed(server):
    url, _ = server(answers(b"220 mail.example.org ESMTP\r\n"))
    found = closed_loop(url, BODY, KIND, 1, 0.1)
    assert found.failed == found.sent > 0


def test_refusals_are_answers_and_no_good_ones(server):
    async def answer(number, writer):
        writer.write(BUSY if number % 4 else OK)

    url, seen = server(answer)
    found = open_loop(url, BODY, KIND, 200, 0.4, spacing="even", connections=1)
    assert found.answered == {200: -(-len(seen) // 4), 503: len(seen) * 3 // 4} and whole(found)
    assert found.sent + found.unsent == 80
    assert found.goodput <= found.per_second
    url, _ = server(answers(BUSY, delay=0.01))
    found = closed_loop(url, BODY, KIND, 2, 0.1)
    assert found.goodput == 0 and found.latency_ms == {} and set(found.answered) == {503}


def test_nothing_listens():
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(ShipError, match=r"Nothing answers at 127\.0\.0\.1:\d+ .* Start the service first"):
            closed_loop(f"http://127.0.0.1:{taken.getsockname()[1]}/", BODY, KIND, 1, 0.1)


def test_a_server_that_goes_away(server):
    async def answer(number, writer):
        writer.write(OK)
        if number == 5:
            asyncio.get_running_loop().closing()
            writer.close()

    url, seen = server(answer)
    found = closed_loop(url, BODY, KIND, 1, 0.5)
    assert found.answered == {200: 6} == {200: len(seen)} and whole(found)
    # The broken connection, and then one refused after the other, 0.05 s apart.
    assert 3 <= found.failed <= 1 + 0.5 / 0.05 + 1


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/", "127.0.0.1:8080", "http:///predict", ""])
def test_what_is_no_url(url):
    with pytest.raises(ShipError, match="A URL is like"):
        closed_loop(url, BODY, KIND, 1, 0.1)


def test_even_times():
    assert due_times(4, 1, "even") == [0, 0.25, 0.5, 0.75]
    assert due_times(3, 0.5, "even") == [0, 1 / 3]


def test_poisson_times():
    times = due_times(50, 200)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    assert times == sorted(times) and times[0] > 0 and times[-1] < 200
    assert len(times) == pytest.approx(10_000, abs=400)  # four standard deviations
    assert mean == pytest.approx(0.02, rel=0.05)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert spread == pytest.approx(mean, rel=0.06)  # an exponential's
    assert due_times(50, 200) == times != due_times(50, 200, seed=1)


@pytest.mark.parametrize("given", [(0, 1), (-1, 1), (float("nan"), 1), (1, 1, "odd")])
def test_no_rate_and_no_spacing(given):
    with pytest.raises(ValueError, match="spacing is"):
        due_times(*given)


def test_percentiles_by_nearest_rank():
    assert percentiles(range(100, 0, -1)) == {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    assert percentiles([7]) == {"p50": 7, "p90": 7, "p99": 7, "max": 7}
    assert percentiles([1, 2, 3, 4]) == {"p50": 2, "p90": 4, "p99": 4, "max": 4}
    assert percentiles([]) == {}


def test_within_a_running_loop(server):
    """As a notebook calls it."""
    url, _ = server(answers(OK, delay=0.01))

    async def cell():
        return closed_loop(url, BODY, KIND, 1, 0.1)

    assert asyncio.run(cell()).goodput > 0


@pytest.mark.parametrize("more", [[], ["--rate", "50", "--spacing", "even"]])
def test_in_a_process_of_its_own(server, tmp_path, more):
    url, seen = server(answers(OK, delay=0.01))
    (tmp_path / "cat.png").write_bytes(BODY)
    options = ["--type", KIND, "--seconds", "0.4", "--connections", "3", *more]
    if hasattr(os, "sched_setaffinity"):
        options += ["--cpu", str(min(os.sched_getaffinity(0)))]
    command = [sys.executable, "-m", "kitutils.ship.serve.load", url, str(tmp_path / "cat.png"), *options]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["answered"] == {"200": len(seen)} and 0 < found["cpu"] < 1.2
    assert {body for _, body, _ in seen} == {BODY} and len({peer for _, _, peer in seen}) <= 3
    if more:
        assert found["sent"] + found["unsent"] == 20


def test_the_generator_starts_without_numpy_and_tensorflow():
    code = "import sys, kitutils.ship.serve.load; print({'numpy', 'tensorflow', 'keras'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == "set()"
