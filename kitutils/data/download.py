"""Bring one file over http: whole and verified, or not at all.

A host that cannot be reached is not asked again by this process, so that a room without a network waits once and not at
every cell.
"""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kitutils.data import files
from kitutils.data.faults import DamagedFile, Unavailable

if TYPE_CHECKING:
    import requests

CONNECT_S = 3.0  # to find the host and to be let in
SILENCE_S = 10.0  # without a single byte
GRACE_S = 30.0  # for the whole file, and on top of it what the file needs at the slowest useful speed
SLOWEST = 50_000  # bytes a second
TRIES = 2  # a transfer that stalls or breaks off is begun once more, from its start

_unreachable: dict[str, str] = {}


def fetch(url: str, target: Path, size: int | None = None, sha256: str | None = None) -> None:
    """Download ``url`` into ``target``, with a bar on stdout if it takes more than two seconds.

    Args:
        url: an http or https address.
        target: the file to write; it is removed again if the download fails.
        size: the expected size in bytes, None if it is not known.
        sha256: the expected hash, None if it is not known.

    Raises:
        Unavailable: the host cannot be reached, stalls, or answers with an error.
        DamagedFile: what arrived is cut, is another file, or is a web page.
        CacheTrouble: the file cannot be written.
    """
    host = urlsplit(url).netloc
    if host in _unreachable:
        raise Unavailable(f"{host} did not answer before ({_unreachable[host]}); restart the kernel to ask it again")
    try:
        with files.writing(target):
            _transfer(url, target, size)
        _verify(url, target, size, sha256)
    except BaseException:
        files.remove(target)
        raise


def _transfer(url: str, target: Path, size: int | None) -> None:
    import requests
    from pooch import HTTPDownloader
    from requests.exceptions import ChunkedEncodingError
    from urllib3.exceptions import MaxRetryError

    host = urlsplit(url).netloc
    for attempt in range(1, TRIES + 1):
        watch = _Watch(target, size)
        # A server that packs a .gz on its way, to be unpacked again here, would change its hash.
        get = HTTPDownloader(
            progressbar=watch,
            chunk_size=1 << 16,
            timeout=(CONNECT_S, SILENCE_S),
            headers={"Accept-Encoding": "identity"},
            hooks={"response": watch.begin},
        )
        try:
            _find(url)
            get(url, str(target), None)
            watch.in_time()
            return
        except _Enough:
            return
        except requests.HTTPError as error:
            answer = error.response
            raise Unavailable(f"{url} answered {answer.status_code} {answer.reason}") from error
        except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError, TimeoutError) as broken:
            error = broken if watch.late is None else watch.late
            never_began = isinstance(error, TimeoutError) or isinstance(error.args[0], MaxRetryError)
            if attempt < TRIES and not never_began:
                continue
            if isinstance(error, ChunkedEncodingError):
                raise DamagedFile(
                    f"The transfer of {url} broke off {TRIES} times, after {files.size_of(target):,} bytes"
                    f"{f' of {size:,}' if size else ''}. Load the data set again, {_WITHOUT}"
                ) from error
            _unreachable[host] = _reason(error)
            raise Unavailable(f"{host} did not answer ({_unreachable[host]})") from error
        except requests.RequestException as error:
            raise Unavailable(f"{url} cannot be asked for ({error})") from error
        finally:
            watch.close()


_WITHOUT = "or set KIT_OFFLINE=1 to go on with the stand-in."


def _verify(url: str, target: Path, size: int | None, sha256: str | None) -> None:
    got = files.size_of(target)
    with target.open("rb") as stream:
        start = stream.read(512).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise DamagedFile(
            f"{url} brought a web page where the data set was expected; a network that asks for a login does that. "
            f"Open the network's login page in a browser, then load the data set again, {_WITHOUT}"
        )
    if size is not None and got > size:
        raise DamagedFile(
            f"{url} brought more than the {size:,} bytes that were expected. Load the data set again, {_WITHOUT}"
        )
    if size is not None and got != size:
        raise DamagedFile(
            f"{url} brought {got:,} bytes where {size:,} were expected. Load the data set again, {_WITHOUT}"
        )
    if sha256 is not None and (found := files.sha256(target)) != sha256:
        raise DamagedFile(
            f"{url} brought another file than the card expects: its sha256 is {found}, expected was {sha256}. "
            f"Load the data set again, {_WITHOUT} If it happens again, the file has changed at its source."
        )


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, TimeoutError):
        return str(error)
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_S:g} s"
    if isinstance(error, requests.ReadTimeout) or "Read timed out" in str(error):
        return f"silent for {SILENCE_S:g} s"
    return "no connection"


def _find(url: str) -> None:
    """Look the host up with a time limit, for the system's own look-up can take half a minute without a network."""
    from requests.utils import get_environ_proxies, select_proxy

    if select_proxy(url, get_environ_proxies(url)):
        return  # the proxy looks it up
    host = urlsplit(url).hostname
    outcome: list[bool] = []

    def ask() -> None:
        try:
            outcome.append(bool(socket.getaddrinfo(host, None)))
        except (OSError, UnicodeError):
            outcome.append(False)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(CONNECT_S)
    if outcome != [True]:
        raise TimeoutError("its name was not found" if outcome else f"its name was not found within {CONNECT_S:g} s")


class _Enough(Exception):
    """More has arrived than the whole file has: it is not that file, and its end need not be waited for."""


class _Watch:
    """What pooch takes for a progress bar: draws one after two seconds, and ends a transfer that crawls.

    A server that sends a byte now and then keeps a read from ever returning, so the time is kept by a thread of its
    own, which hangs up.
    """

    def __init__(self, target: Path, size: int | None):
        self.total = size or 0  # pooch puts in its place what the server promises
        self.late: TimeoutError | None = None
        self._target, self._size = target, size
        self._bar = None
        self._response: requests.Response | None = None
        self._patience = max(GRACE_S + self.total / SLOWEST, 0.0)
        self._timer = threading.Timer(self._patience, self._hang_up)
        self._timer.daemon = True
        self._timer.start()

    def begin(self, response: requests.Response, **_) -> None:
        """Called by requests when the body is about to come."""
        self._response = response
        self.in_time()

    def in_time(self) -> None:
        """Raise TimeoutError if the time for the whole file is over."""
        if self.late is not None:
            raise self.late

    def _hang_up(self) -> None:
        self.late = TimeoutError(f"still not done after {self._patience:.0f} s")
        if self._response is not None:
            with suppress(RuntimeError, ValueError):  # the transfer has ended at this very moment
                self._response.raw.shutdown()

    def update(self, count: int) -> None:
        """Called by pooch when ``count`` bytes have been written."""
        self.in_time()
        if self._size is not None and files.size_of(self._target) > self._size:
            raise _Enough
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=self.total or None,
                desc=self._target.name.removesuffix(".part"),
                unit="B",
                unit_scale=True,
                delay=2,
                leave=False,
                file=sys.stdout,
            )
        self._bar.update(min(count, max(self.total - self._bar.n, 0)) if self.total else count)

    def reset(self) -> None:
        """Called by pooch before it fills the bar; the bar is taken away instead."""

    def close(self) -> None:
        """Take the bar away and stop the clock."""
        self._timer.cancel()
        if self._bar is not None:
            self._bar.close()
            self._bar = None
