"""FastAPI with what a service of models needs around its handlers, and no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from kitutils.ship.serve.guard import ROUTE, Guard
from kitutils.ship.serve.metrics import Metrics
from kitutils.ship.serve.settings import Settings

Handler = Callable[[Request], Awaitable[Response]]
PREDICT = "/predict"


class Service(FastAPI):
    """FastAPI without its own layers for errors, forms and telemetry, each of which costs on every request: the guard
    does what is needed of them. Routes are plain ones; those of FastAPI's own kind need its layers."""

    def __init__(self, settings: Settings, metrics: Metrics, predict: Handler, **more: Any) -> None:
        super().__init__(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, **more)
        self._predict, self._guard = predict, Guard(self._answer, settings, metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await self._guard(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == PREDICT and scope["method"] == "POST":  # the busiest; looking through all routes takes time
            scope[ROUTE] = PREDICT
            response = await self._predict(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await self.router(scope, receive, send)


class CountedRoute(Route):
    """Notes its template, under which the request is counted."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if match is not Match.NONE:
            found[ROUTE] = self.path
        return match, found
