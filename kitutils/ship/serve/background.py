"""A server in a process of its own for as long as a block lasts: for lessons, tests and benchmarks.

Lessons: 52.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kitutils.ship.faults import ShipError


def free_port() -> int:
    """A port of the loopback address that nobody listens on now. Another process may take it before you do."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def in_background(
    command: Sequence[str | Path], *, ready: str = "/readyz", seconds: float = 60, more: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """Start a server, wait until it answers, and end it with the block.

    Args:
        command: the program and its arguments; ``{port}`` in one of them becomes a free port. ``python`` is this one.
        ready: the path that answers with 200 when the server is ready.
        seconds: that it may take until then.
        more: environment variables beside those of this process.

    Yields:
        its address, such as ``http://127.0.0.1:5000``, and its process number.

    Raises:
        ShipError: it ended or was not ready in time; the message ends in what it printed last.
    """
    port = free_port()
    words = [str(word).replace("{port}", str(port)) for word in command]
    words = [sys.executable if word == "python" else word for word in words]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as said:  # a pipe that nobody reads would stop the server when it is full
        process = subprocess.Popen(words, stdout=said, stderr=said, env={**os.environ, **(more or {})})
        try:
            _wait(process, url + ready, seconds, said)
            yield url, process.pid
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen, url: str, seconds: float, said) -> None:
    end = time.monotonic() + seconds
    # The machine's own proxies know nothing of its loopback address.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < end and process.poll() is None:
        try:
            with opener.open(url, timeout=2):
                return
        except OSError:  # not listening yet, or answers 503 until it is ready
            time.sleep(0.05)
    said.seek(0)
    last = said.read().decode("utf8", "replace").strip()[-600:]
    what = "was not ready in time" if process.poll() is None else f"ended with code {process.returncode}"
    raise ShipError(f"The server {what} ({seconds:g} s allowed). It said last: {last or 'nothing'}")
