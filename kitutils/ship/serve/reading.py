"""The bodies of requests: read within their limits, and as JSON. What is wrong is refused with a sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

from starlette.types import Receive, Scope

from kitutils.ship.faults import ShipError
from kitutils.ship.serve.batching import Overloaded
from kitutils.ship.serve.settings import Settings

INLINE = 16_384  # bytes of a body that is worked on at once: a thread would take longer
INLINE_TEXT = 2_000  # the same for a text, which costs more a byte
WHOLE = "kit.whole"  # where a server that knows notes that a request has come in whole
_BODIES = 16  # of the largest size, that may be under way in pieces at a time
_THREADS, _QUEUE = 2, 32  # for long work, and how many may wait for them


class Refused(ShipError):
    """A request that is answered with a 4xx.

    Attributes:
        status: of HTTP.
        headers: that go with the answer.
    """

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, dict(headers or {})


class Gone(Exception):
    """The client has gone; there is nobody to answer."""


class Reader:
    """Bodies of requests, each within its limits, and all together too.

    Args:
        settings: ``max_body`` and ``body_seconds`` of them.
    """

    def __init__(self, settings: Settings) -> None:
        self._most, self._seconds = settings.max_body, settings.body_seconds
        self._room = _BODIES * settings.max_body

    async def body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body of a request.

        Raises:
            Refused: 413 if it is too long, as soon as that is known; 408 if it does not come in time.
            Overloaded: too many long bodies are under way.
            Gone: the client went away before it was through.
        """
        headers = dict(scope["headers"])
        # Who waits to be asked before sending, and is refused, may leave the body out; then nobody knows what comes.
        more = {"Connection": "close"} if b"expect" in headers else {}
        declared = headers.get(b"content-length", b"")
        if declared and (not declared.isdigit() or len(declared) > 18):
            raise Refused(400, f"Content-Length is a number of bytes; got {declared.decode('latin1')!r:.40}.", more)
        if declared and int(declared) > self._most:
            raise self._too_long(f"{int(declared):,} bytes", more)
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Refused(415, "Send the body as it is, without Content-Encoding.", more)
        try:
            if scope.get(WHOLE):  # nothing to wait for; the clock would cost more than the reading
                message = await receive()
            else:
                async with asyncio.timeout(self._seconds):
                    message = await receive()
                    if message.get("more_body"):
                        return await self._pieces(message, receive, more)
        except TimeoutError:
            sentence = f"The request was not complete after {self._seconds:g} s. Send it faster, or less at a time."
            raise Refused(408, sentence, {"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise Gone
        body = message.get("body", b"")
        if len(body) > self._most:
            raise self._too_long("more", more)
        return body

    async def _pieces(self, message: Mapping[str, Any], receive: Receive, more: Mapping[str, str]) -> bytes:
        body, held = bytearray(), 0
        try:
            while True:
                if message["type"] == "http.disconnect":
                    raise Gone
                piece = message.get("body", b"")
                if len(piece) > self._room:
                    raise Overloaded("Too many long requests are under way. Ask again later.")
                held += len(piece)
                self._room -= len(piece)
                body += piece
                if len(body) > self._most:
                    raise self._too_long("more", more)
                if not message.get("more_body"):
                    return bytes(body)
                message = await receive()
        finally:
            self._room += held

    def _too_long(self, got: str, more: Mapping[str, str]) -> Refused:
        return Refused(413, f"A request has at most {self._most:,} bytes; got {got}. Send less at a time.", more)


class Aside:
    """Long work, such as decoding a photograph, in a few threads, so that short requests are not held up by it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "aside")
        self._busy = 0

    async def __call__(self, work, *given: Any) -> Any:
        """What ``work(*given)`` returns. Raises ``Overloaded`` at once if too many wait."""
        if self._busy >= _QUEUE:
            raise Overloaded(f"{self._busy} long requests wait already. Ask again later.")
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def media_type(scope: Scope) -> tuple[str, str]:
    """The Content-Type of a request without its parameters, in lower case, and as it came; "" if there is none."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            whole = value.decode("latin1")
            return whole.partition(";")[0].strip().lower(), whole
    return "", ""


def parsed(body: bytes) -> Any:
    """JSON as RFC 8259 has it: UTF-8, no NaN, no Infinity.

    Raises:
        Refused: it is something else, or nested deeper than Python can follow.
    """
    if not body:
        raise Refused(400, "The body is empty; expected JSON.")
    try:
        return _JSON.decode(body.decode("utf8"))
    except UnicodeDecodeError as error:
        raise Refused(400, f"JSON is UTF-8; byte {error.start} of the body is not.") from None
    except RecursionError:
        raise Refused(400, "The JSON is nested too deeply. No input of a model is.") from None
    except json.JSONDecodeError as error:
        raise Refused(400, f"The body is no JSON: {error.msg} at character {error.pos}.") from None
    except ValueError:  # Python's own bound on the digits of a whole number
        raise Refused(400, "The JSON has a number of thousands of digits. No model takes such a number.") from None


def _no_constant(name: str) -> NoReturn:
    raise Refused(400, f"{name} is no JSON. Send null where a value is unknown.")


_JSON = json.JSONDecoder(parse_constant=_no_constant)
