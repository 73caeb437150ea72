"""What stands before every request: who may ask, what became of it, and a sentence for whatever goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kitutils.ship.serve.answering import refusal
from kitutils.ship.serve.metrics import Metrics
from kitutils.ship.serve.reading import Gone, Refused
from kitutils.ship.serve.settings import Settings

COOKIE = b"kit_token"
OPEN = ("/healthz", "/readyz")  # for whoever starts and stops the service, and says nothing of the models
ROUTE = "kit.route"  # where the router notes the template of the path
MODEL = "kit.model"  # where a handler notes name and version of the model that it asks
CLIENT = "kit.client"  # where a server that tells of clients which leave puts theirs
_REASONS = {
    400: "input", 401: "token", 404: "unknown", 405: "method", 408: "slow", 413: "size", 415: "type", 503: "busy",
}  # fmt: skip
_STRANGER = (
    "This service asks for its token. Open the address with ?token=… that it printed when it started, or send the "
    "header Authorization: Bearer …"
)


class Caller:
    """Who asks, if the server tells of it: the task that answers ends when its client leaves."""

    def __init__(self) -> None:
        self.task: asyncio.Task | None = None
        self.gone = False

    def leave(self) -> None:
        """The connection is closed; nobody reads an answer any more."""
        self.gone = True
        if self.task is not None and not self.task.done():
            self.task.cancel()


class Guard:
    """The outermost layer of the app.

    Args:
        app: what answers.
        settings: ``token`` and ``hosts`` of them.
        metrics: that are told of each answer.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics
        self._hosts = frozenset(host.lower().encode() for host in settings.hosts)
        token = settings.token.encode() if settings.token is not None else None
        self._token = token
        # A cookie cannot hold every sign that a token may have; its hash can.
        self._cookie = token and hashlib.sha256(b"kit serve: " + token).hexdigest().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        if (client := scope.get(CLIENT)) is not None:
            client.task = asyncio.current_task()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            entrance = self._entrance(scope) if self._token or self._hosts else None
            await (entrance or self._app)(scope, receive, noted)
        except Gone:
            return
        except asyncio.CancelledError:
            if client is None or not client.gone:
                raise
            return
        except Exception as error:
            if status:  # the answer has begun: it can only be cut
                raise
            await refusal(error)(scope, receive, noted)
        model, version = scope.get(MODEL, (None, None))
        route = scope.get(ROUTE, "unknown")
        self._metrics.request(model, version, route, status, time.perf_counter() - began)
        if status in _REASONS:
            self._metrics.refused(_REASONS[status])

    def _entrance(self, scope: Scope) -> Response | None:
        """None if the request may pass, or the answer that gives a browser its cookie.

        Raises:
            Refused: it may not.
        """
        headers = dict(scope["headers"])
        if len([name for name, _ in scope["headers"] if name in (b"host", b"authorization")]) > len(
            headers.keys() & {b"host", b"authorization"}
        ):  # a proxy in front may go by the first, and this service by the last
            raise Refused(400, "The request has two Host or two Authorization headers. Send one of each.")
        if self._hosts and _name(headers.get(b"host", b"")) not in self._hosts:
            # A page elsewhere can make its own name point to this machine, and then ask in its visitors' name.
            names = ", ".join(sorted(host.decode() for host in self._hosts))
            raise Refused(400, f"The Host header names none of {names}. Use one of these names in the address.")
        if not self._token or scope["path"] in OPEN:
            return None
        if scope["path"] == "/" and (shown := self._shown(scope)) is not None:
            if hmac.compare_digest(shown, self._token):
                cookie = f"{COOKIE.decode()}={self._cookie.decode()}; Path=/; HttpOnly; SameSite=Lax"
                # Onwards without the token in the address, which would stay in the browser's history.
                return Response(status_code=303, headers={"Location": "/", "Set-Cookie": cookie} | _PRIVATE)
        elif self._known(headers):
            return None
        if scope["path"] == "/" and b"text/html" in headers.get(b"accept", b""):
            return HTMLResponse(_PAGE, 401, _PRIVATE | {"WWW-Authenticate": "Bearer"})
        raise Refused(401, _STRANGER, {"WWW-Authenticate": "Bearer"})

    def _known(self, headers: dict[bytes, bytes]) -> bool:
        if (bearer := headers.get(b"authorization")) is not None:
            scheme, _, shown = bearer.partition(b" ")
            return scheme.lower() == b"bearer" and hmac.compare_digest(shown, self._token)
        for part in headers.get(b"cookie", b"").split(b";"):
            name, _, value = part.strip().partition(b"=")
            if name == COOKIE and hmac.compare_digest(value, self._cookie):
                return True
        return False

    def _shown(self, scope: Scope) -> bytes | None:
        query: dict[str, Any] = parse_qs(scope["query_string"].decode("latin1"))
        return query["token"][0].encode("utf8", "replace") if "token" in query else None


def _name(host: bytes) -> bytes:
    """A Host header without its port."""
    name, colon, port = host.lower().rpartition(b":")
    return name if colon and port.isdigit() else host.lower()


_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    f"<title>Token needed</title><h1>Token needed</h1><p>{_STRANGER}</p></html>"
)
