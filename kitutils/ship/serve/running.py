"""The process that serves: one port, one event loop, and an end in which everything accepted is answered."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn

from kitutils.ship.faults import ShipError
from kitutils.ship.serve.app import create_app
from kitutils.ship.serve.connections import Connection
from kitutils.ship.serve.hosting import Host
from kitutils.ship.serve.metrics import Metrics
from kitutils.ship.serve.settings import Settings

EVERYWHERE = "0.0.0.0"
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def serve(
    folders: Iterable[str | Path],
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    say: Callable[[str], None] = print,
) -> None:
    """Answer requests until the process is told to stop (SIGTERM, SIGINT); then finish what was accepted and return.

    Args:
        folders: exports, or folders that hold versions of them; see ``Host``.
        settings: of the service.
        host: the address to listen on; ``0.0.0.0`` is all of this machine's.
        port: to listen on; 0 takes a free one.
        say: takes the lines that tell what is served and where.

    Raises:
        ShipError: the port is taken, or the address is none of this machine's.
        BadExport: a folder holds no export, or a damaged one.
    """
    with listening(host, port) as place, _signals() as begin:
        logging.basicConfig(format=_FORMAT)
        logging.getLogger("kitutils.ship.serve").setLevel(logging.INFO)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(folders, settings, place, say, begin))


async def _serve(folders, settings: Settings, place: socket.socket, say: Callable, begin: Callable) -> None:
    metrics = Metrics()
    models = Host(folders, settings, metrics)
    await models.start()
    try:
        lines = announcement(models, settings, *place.getsockname()[:2])
        server = server_for(create_app(models, settings, metrics), settings, when_ready=lambda: say("\n".join(lines)))
        gc.collect()
        gc.freeze()  # what was loaded stays; looking through it again and again takes time from requests
        begin()
        await server.serve(sockets=[place])
    finally:
        await models.stop()


def server_for(app: Any, settings: Settings, when_ready: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """The uvicorn server that ``serve`` runs.

    Args:
        app: whose host has been started.
        settings: of the service.
        when_ready: called when clients are let in.
    """

    class Limited(Connection):
        seconds = settings.body_seconds

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            when_ready()

    config = uvicorn.Config(
        app,
        http=Limited,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.body_seconds) + 5,
    )
    return Server(config)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fastest event loop that is installed: uvloop's where there is one."""
    return uvicorn.Config(None, log_config=None).get_loop_factory()


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to an address and port; clients are let in by the server, when it has loaded its models.

    Raises:
        ShipError: the port is taken, or the address is none of this machine's.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as place:
        if sys.platform == "win32":
            place.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # a service that was killed can be started again at once
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind((host, port))
        except (OSError, OverflowError) as error:
            raise ShipError(
                f"Port {port} of {host} cannot be used ({getattr(error, 'strerror', None) or error}). If something "
                f"else listens there, stop it or take another port, such as --port {port + 1}."
            ) from error
        yield place


def announcement(models: Host, settings: Settings, host: str, port: int) -> list[str]:
    """What is served and where, in lines for whoever started the service."""
    token = f"/?token={settings.token}" if settings.token else "/"
    everywhere = ip_address(host).is_unspecified
    places = ["127.0.0.1", *lan_addresses()] if everywhere else [f"[{host}]" if ":" in host else host]
    lines = [f"Page and service: http://{place}:{port}{token}" for place in places]
    for name in models.names:
        lines.append(f"Model {name}, version {', '.join(models.versions(name))}")
    if everywhere or not ip_address(host).is_loopback:
        who = "whoever has the address with its token" if settings.token else "whoever reaches this machine"
        lines.append(
            f"Open to the network: {who} can ask the models and see their samples and figures, and nothing else here; "
            "what is sent is not encrypted."
        )
    return lines


def lan_addresses() -> list[str]:
    """This machine's IPv4 addresses that others in its network may reach, the usual one first."""
    found = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # an address of documentation; nothing is sent
        found.append(probe.getsockname()[0])
    with suppress(OSError):
        found += socket.gethostbyname_ex(socket.gethostname())[2]
    return [place for place in dict.fromkeys(found) if not ip_address(place).is_loopback]


@contextmanager
def _signals() -> Iterator[Callable[[], None]]:
    """SIGTERM and SIGINT end the process with code 0: while it loads at once, later when everything is answered.

    uvicorn handles both while it serves, and raises them again when it is through, which would make an end in good
    order look like a death.

    Yields:
        what is to be called when loading is over.
    """
    loading = True

    def begin() -> None:
        nonlocal loading
        loading = False

    def handle(number: int, frame: Any) -> None:
        if loading:
            raise SystemExit(0)

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield begin
        return
    old = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield begin
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
