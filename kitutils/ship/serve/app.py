"""The service as an ASGI app: what is at which address.

Lessons: 52.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from kitutils.ship.arrays import Arrays
from kitutils.ship.faults import BadInput
from kitutils.ship.image_files import pixels_of
from kitutils.ship.serve import describing, openapi
from kitutils.ship.serve.answering import NO_SNIFFING, as_json, prediction, tf_serving
from kitutils.ship.serve.batching import Overloaded
from kitutils.ship.serve.guard import MODEL
from kitutils.ship.serve.hosting import Host, Served
from kitutils.ship.serve.instances import arrays_of
from kitutils.ship.serve.metrics import Metrics
from kitutils.ship.serve.reading import INLINE, INLINE_TEXT, Aside, Reader, Refused, media_type, parsed
from kitutils.ship.serve.service import PREDICT, CountedRoute, Handler, Service
from kitutils.ship.serve.settings import Settings
from kitutils.ship.serve.single import one_input

PAGE = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
POLICY = {
    # Nothing from elsewhere, and nobody may frame the page and have its visitors press its buttons.
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
} | NO_SNIFFING
# TensorFlow Serving does not look at the Content-Type, and its documentation calls it with curl's usual one.
_AS_JSON = ("", "application/json", "application/x-www-form-urlencoded", "text/plain", "application/octet-stream")


def create_app(host: Host, settings: Settings, metrics: Metrics | None = None) -> FastAPI:
    """The app over the models of a host.

    A host that is not started yet is started and stopped with the app.

    Args:
        host: of the models.
        settings: of the service, the same that the host has.
        metrics: the host's, so that its figures are shown too; None makes new ones.
    """
    metrics = metrics or Metrics()
    work = _Handlers(host, settings, metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        mine = not host.ready
        if mine:
            await host.start()
        try:
            yield
        finally:
            if mine:
                await host.stop()
            work.aside.close()

    app = Service(settings, metrics, work.predict, lifespan=lifespan)

    def at(path: str, handler: Handler, method: str = "GET") -> None:
        app.router.routes.append(CountedRoute(path, handler, methods=[method]))

    at(PREDICT, work.predict, "POST")
    for path in ("/v1/models/{name}", "/v1/models/{name}/versions/{version}"):
        at(f"{path}:predict", work.tf_predict, "POST")
        at(path, work.status)
        at(f"{path}/metadata", work.metadata)
        at(f"{path}/samples", work.samples)
    at("/v1/models", work.models)
    at("/healthz", work.healthz)
    at("/readyz", work.readyz)
    at("/metrics", work.metrics)
    at("/openapi.json", work.openapi)
    for path in PAGE:
        at(path, work.page)
    at("/favicon.ico", work.no_icon)
    app.openapi = lambda: openapi.document(host, settings)
    return app


class _Handlers:
    """A method for each address."""

    def __init__(self, host: Host, settings: Settings, metrics: Metrics) -> None:
        self.host, self.settings, self._metrics = host, settings, metrics
        self.reader, self.aside = Reader(settings), Aside()
        folder = Path(__file__).parent / "page"
        self._page = {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in PAGE.items()}

    async def predict(self, request: Request) -> Response:
        name, version, fit = self._asked(request)
        body = await self.reader.body(request.scope, request.receive)
        async with self.host.lease(name, version) as served:
            self._begin(request, served)
            kind = served.manifest.preprocessing["kind"]
            try:
                raw = await one_input(kind, *media_type(request.scope), body, self.settings)
                arrays = await self._arrays(served, raw, fit, len(body))
                outputs = await served.batcher.submit(arrays)
                return prediction(served, outputs)
            except BadInput as error:
                sentence = str(error).removeprefix("Input 0: ")
                raise Refused(400, sentence[:1].upper() + sentence[1:]) from None

    async def tf_predict(self, request: Request) -> Response:
        media, _ = media_type(request.scope)
        if media not in _AS_JSON:
            raise Refused(415, f"Send application/json here; got {media!r:.60}. Files and plain texts go to /predict.")
        body = await self.reader.body(request.scope, request.receive)
        async with self._lease(request) as served:
            self._begin(request, served)

            def read() -> tuple[Arrays, str]:
                return arrays_of(parsed(body), served.predictor, self.settings)

            small = len(body) <= (INLINE if served.manifest.preprocessing["kind"] != "texts" else INLINE_TEXT)
            arrays, key = read() if small else await self.aside(read)
            return tf_serving(await served.batcher.submit(arrays), key)

    async def models(self, request: Request) -> Response:
        found = []
        for name in self.host.names:
            async with self.host.lease(name) as served:
                found.append(describing.model_of(served, self.host.versions(name)))
        return as_json({"models": found})

    async def status(self, request: Request) -> Response:
        self._no_verb(request)
        name, version = request.path_params["name"], request.path_params.get("version")
        return as_json(describing.status_of(self.host, name, version))

    async def metadata(self, request: Request) -> Response:
        async with self._lease(request) as served:
            return as_json(describing.metadata_of(served))

    async def samples(self, request: Request) -> Response:
        async with self._lease(request) as served:
            return as_json({"samples": await self.aside(describing.samples_of, served)})

    async def healthz(self, request: Request) -> Response:
        return as_json({"status": "alive"})

    async def readyz(self, request: Request) -> Response:
        ready = self.host.ready
        return as_json({"status": "ready"} if ready else {"error": "No model is loaded yet."}, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        text, kind = self._metrics.render()
        return Response(text, headers={"Content-Type": kind} | NO_SNIFFING)

    async def openapi(self, request: Request) -> Response:
        return as_json(openapi.document(self.host, self.settings))

    async def no_icon(self, request: Request) -> Response:
        return Response(status_code=204)  # browsers ask for one unbidden, and would note a 404 as an error

    async def page(self, request: Request) -> Response:
        content, kind = self._page[request.scope["path"]]
        return Response(content, headers=POLICY, media_type=kind)

    def _asked(self, request: Request) -> tuple[str, str | None, bool]:
        """Model, version and whether the image is to be fitted, as the address says."""
        query = request.scope["query_string"]
        asked = dict(parse_qsl(query.decode("latin1"), keep_blank_values=True)) if query else {}
        if strange := set(asked) - {"model", "version", "fit"}:
            raise Refused(400, f"The address has {min(strange)!r:.60}; known are model, version and fit.")
        if asked.get("fit", "crop") != "crop":
            raise Refused(400, f"fit is crop or left out; got {asked['fit']!r:.60}.")
        if not (name := asked.get("model")):
            names = self.host.names
            if len(names) != 1:
                raise Refused(400, f"Say which model: ?model= and one of {', '.join(names) or 'none yet'}.")
            name = names[0]
        return name, asked.get("version") or None, "fit" in asked

    def _lease(self, request: Request):
        return self.host.lease(request.path_params["name"], request.path_params.get("version"))

    def _begin(self, request: Request, served: Served) -> None:
        """Notes which model is asked, and refuses before anything is decoded if its queue is full."""
        request.scope[MODEL] = served.name, served.version
        if served.batcher.waiting >= self.settings.queue:
            raise Overloaded(f"{served.batcher.waiting} inputs wait already. Ask again later.")

    async def _arrays(self, served: Served, raw: Any, fit: bool, size: int) -> Arrays:
        """One raw input to arrays; in a thread if it takes long."""
        prepare, preprocessing = served.predictor.prepare, served.predictor.preprocessing
        if fit:
            if not isinstance(raw, bytes):
                raise Refused(400, "fit is for images alone. Leave it out.")

            def fitted() -> Arrays:
                pixels = pixels_of(raw, preprocessing.shape, 0, fit=True, most=self.settings.max_pixels)
                return prepare([preprocessing.from_file(pixels)])

            return await self.aside(fitted)
        most = INLINE_TEXT if isinstance(raw, str) else INLINE
        large = isinstance(raw, bytes) and math.prod(preprocessing.shape) > 4 * INLINE
        return await self.aside(prepare, [raw]) if size > most or large else prepare([raw])

    def _no_verb(self, request: Request) -> None:
        """TensorFlow Serving knows more verbs, such as ``:classify``; here they would be taken for part of a name."""
        last = request.scope["path"].rsplit("/", 1)[-1]
        if last.endswith(":predict"):
            raise Refused(405, "This address takes POST, and no other method.", {"Allow": "POST"})
        if ":" in last:
            raise Refused(404, "There is nothing at this address. The one verb is :predict.")
