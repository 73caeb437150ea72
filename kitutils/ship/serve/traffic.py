"""The load generator at work: connections that ask and wait for their answers, and the count of what comes of it."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

from kitutils.ship.faults import ShipError

try:
    from uvloop import new_event_loop
except ImportError:  # not on Windows
    from asyncio import new_event_loop

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
TICK = 0.001  # seconds; event loops wake no more exactly


@dataclass(frozen=True)
class Result:
    """What came of a load.

    Attributes:
        sent: requests; each was answered, failed or hung.
        answered: status → answers.
        failed: requests whose connection could not be made, or broke before the whole answer had come.
        hung: requests without an answer within the timeout.
        unsent: requests of an open loop that were due when no more connections were allowed.
        seconds: during which requests were sent; answers to those under way were awaited afterwards.
        per_second, goodput: answers within these seconds, over them: all, and those with status 200.
        latency_ms: p50, p90, p99 and max of the answers with status 200 alone; of an open loop from the moment when the
            request was due. Empty if there are none.
        late_ms: p99 of how long after it was due the open loop began a request: the generator's own error, which is
            also in ``latency_ms``. 0 for a closed loop.
        cpu: the generator's share of one processor core. Near 1, it measures itself.
    """

    sent: int
    answered: dict[int, int]
    failed: int
    hung: int
    unsent: int
    seconds: float
    per_second: float
    goodput: float
    latency_ms: dict[str, float]
    late_ms: float
    cpu: float


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and max by nearest rank: the smallest value that at least so many per cent do not exceed."""
    ranked = sorted(values)
    return {name: ranked[math.ceil(share * len(ranked)) - 1] for name, share in PERCENTILES.items() if ranked}


class _Connection(asyncio.Protocol):
    """One connection; at most one request is under way on it, the one that was due at ``due``."""

    def __init__(self, load: Load, due: float) -> None:
        self.load, self.due = load, due
        self.parser = httptools.HttpResponseParser(self)  # calls on_message_complete

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.send(self.due)

    def send(self, due: float) -> None:
        self.due = due
        self.load.busy.add(self)
        self.transport.write(self.load.request)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    def on_message_complete(self) -> None:
        self.load.busy.discard(self)
        self.load.count(self.parser.get_status_code(), self.due)
        if self.parser.should_keep_alive():
            self.load.free(self)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.open -= 1
        if self in self.load.busy:
            self.load.busy.discard(self)
            self.load.failed += 1
        self.load.free(None)


class Load:
    """One load: its connections, and the count of what comes of the requests. ``due`` makes it an open loop."""

    def __init__(
        self,
        url: str,
        body: bytes,
        content_type: str,
        connections: int,
        seconds: float,
        timeout: float,
        due: list[float] | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ShipError(f"A URL is like http://127.0.0.1:8080/predict; got {url!r}.")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {content_type}\r\n"
        self.request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        self.address = _reached(parts.hostname, parts.port or 80)
        self.connections, self.seconds, self.timeout, self.due = connections, seconds, timeout, due
        self.open = self.sent = self.failed = self.hung = self.unsent = 0
        self.busy: set[_Connection] = set()
        self.idle: list[_Connection] = []
        self.making: set[asyncio.Task] = set()
        self.answered, self.in_time = Counter(), Counter()
        self.latencies, self.late = [], [0.0]

    def measured(self) -> Result:
        """Run it, in an event loop of its own, also where one runs already, as in a notebook."""

        def run() -> Result:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                return runner.run(self._run())

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(run).result()

    async def _run(self) -> Result:
        worked, self.start = time.thread_time(), time.perf_counter()
        self.end = self.start + self.seconds
        sending = asyncio.ensure_future(self._send_all())
        while not sending.done() or self.busy or self.making:
            await asyncio.sleep(0.02)
            given_up = time.perf_counter() - self.timeout
            for connection in [c for c in self.busy if c.due < given_up]:
                self.busy.discard(connection)
                self.hung += 1
                connection.transport.abort()
        await sending  # raises what it raised
        for connection in self.idle:
            connection.transport.abort()
        share = (time.thread_time() - worked) / (time.perf_counter() - self.start)
        return Result(
            **{name: getattr(self, name) for name in ("sent", "failed", "hung", "unsent", "seconds")},
            answered=dict(sorted(self.answered.items())),
            per_second=round(self.in_time.total() / self.seconds, 1),
            goodput=round(self.in_time[200] / self.seconds, 1),
            latency_ms={name: round(1e3 * value, 3) for name, value in percentiles(self.latencies).items()},
            late_ms=round(1e3 * percentiles(self.late)["p99"], 3),
            cpu=round(share, 3),
        )

    async def _send_all(self) -> None:
        if self.due is None:
            for _ in range(self.connections):
                self._begin(time.perf_counter())
            return await asyncio.sleep(self.seconds)
        for offset in self.due:
            moment = self.start + offset
            while (wait := moment - time.perf_counter()) > 0:
                await asyncio.sleep(max(wait, TICK))  # for less, some loops do not sleep at all
            self.late.append(time.perf_counter() - moment)
            self._begin(moment)

    def _begin(self, due: float) -> None:
        """Send a request on a connection that is free, or on a new one."""
        while self.idle:
            connection = self.idle.pop()
            if not connection.transport.is_closing():
                self.sent += 1
                return connection.send(due)
        if self.open >= self.connections:
            self.unsent += 1
            return
        self.sent += 1
        self.open += 1
        self.making.add(task := asyncio.ensure_future(self._connect(due)))
        task.add_done_callback(self.making.discard)

    async def _connect(self, due: float) -> None:
        try:
            async with asyncio.timeout(self.timeout):
                await asyncio.get_running_loop().create_connection(lambda: _Connection(self, due), *self.address)
            return
        except TimeoutError:
            self.hung += 1
        except OSError:
            self.failed += 1
            await asyncio.sleep(0.05)  # who is refused and asks again at once, asks without end
        self.open -= 1
        self.free(None)

    def count(self, status: int, due: float) -> None:
        """An answer has come."""
        now = time.perf_counter()
        self.answered[status] += 1
        self.in_time[status] += now <= self.end
        if status == 200:
            self.latencies.append(now - due)

    def free(self, connection: _Connection | None) -> None:
        """A connection has its answer, or (None) is gone: the closed loop sends the next request."""
        if connection:
            self.idle.append(connection)
        if self.due is None and (now := time.perf_counter()) < self.end:
            self._begin(now)


def _reached(host: str, port: int) -> tuple[str, int]:
    """The address that answers, so that no connection asks for the name again."""
    try:
        with socket.create_connection((host, port), timeout=3) as probe:
            return probe.getpeername()[:2]
    except OSError as error:
        raise ShipError(f"Nothing answers at {host}:{port} ({error}). Start the service first.") from error
