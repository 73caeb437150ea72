"""Connections that take too long or vanish: what uvicorn leaves open is closed here, what it would compute is not."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kitutils.ship.serve.guard import CLIENT, Caller
from kitutils.ship.serve.reading import WHOLE

BETWEEN, IN_HEAD, IN_BODY = "between requests", "in a head", "in a body"
HEAD = 65_536  # bytes of a request's head
GRACE = 2.0  # seconds that the app has to say by itself that a body is late
LINGER = 0.25  # seconds in which an idle client's next request may still come in when the service is told to stop
# Some clients offer to go on in HTTP/2. Nobody here does, and the parser would take the body for the other protocol.
# Only a header that is whole is taken out: what else stands in one, such as a bare line feed, the parser must see.
_UPGRADE = re.compile(rb"\r\nUpgrade:[^\r\n\x00]*(?=\r\n|\Z)", re.IGNORECASE)
_REASONS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class InOnePiece:
    """A transport that sends at once what is written in one turn of the event loop.

    uvicorn writes the head of an answer and then its body; that each is sent by itself takes the system twice the time.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._held = transport, loop, []

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send(self) -> None:
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))


class Connection(HttpToolsProtocol):
    """One client, as uvicorn has it, and besides:

    - A head that does not come in ``seconds``, or is longer than ``HEAD``, is refused and the connection closed. So is
      that of a client which does not read its answers, or goes on sending what was refused.
    - The request of a client that has gone is cancelled: what still waits in a queue is not computed.
    - When the service is told to stop, what is on its way is still answered, with "Connection: close".
    """

    seconds = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(InOnePiece(transport, self.loop))
        self._caller, self._cycles = Caller(), []
        self._part, self._head = BETWEEN, 0  # bytes of the head that is on its way
        self._coming: float | None = self.loop.time()  # since when a request is awaited or on its way
        self._unread: float | None = None  # since when the client does not read
        self._last = False
        self._timer = self.loop.call_later(self.seconds / 4, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)
        for cycle in self._cycles:  # uvicorn tells only the newest
            cycle.disconnected = True
        self._caller.leave()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._coming is None:
            self._coming = self.loop.time()
        if self._part is BETWEEN and b"pgrade:" in data:
            head, gap, rest = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"", head) + gap + rest
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # its head came in pieces; what follows cannot be told from a body
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(400, "This is no HTTP request that can be read.")
            return
        if self._part is IN_HEAD:
            self._head += len(data)
            if self._head > HEAD:
                self._refuse(431, f"The head of a request has at most {HEAD:,} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CLIENT] = self._caller
        self._part = IN_HEAD
        if self._coming is None:  # it came in one piece with the request before it
            self._coming = self.loop.time()

    def on_headers_complete(self) -> None:
        self._part, self._head = IN_BODY, 0
        super().on_headers_complete()
        self._cycles = [*(one for one in self._cycles if not one.response_complete), self.cycle]
        if self._last:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.scope[WHOLE] = True
        self._part, self._coming = BETWEEN, None
        if self.cycle.response_complete and self.timeout_keep_alive_task is None:  # refused before it was through
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = None

    def shutdown(self) -> None:
        self._last = True
        if self._answering():
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LINGER, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._answering():
            self.transport.close()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _look(self) -> None:
        """Every now and then: has this client taken too long?"""
        now = self.loop.time()
        late = 0.0 if self._coming is None else now - self._coming
        if self._unread is not None and now - self._unread > self.seconds:
            self.transport.abort()
        elif late > self.seconds and not self._answering():
            # Its head does not come, or it was refused and goes on sending.
            self._refuse(408, f"No complete request came in {self.seconds:g} s.")
        elif late > self.seconds + GRACE and self._part is IN_BODY:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(self.seconds / 4, self._look)

    def _refuse(self, status: int, sentence: str) -> None:
        """An answer from here, as the request never reached the app; then the connection is closed."""
        if self._answering():  # to an earlier request: two answers must not mix
            self.transport.abort()
            return
        body = json.dumps({"error": sentence}).encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
