"""What the tests of the data stage share: a web server on this machine whose faults a test chooses."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, TypeAlias
from urllib.parse import unquote

import pytest
import yaml

from kitutils.data import cards, download

Answer: TypeAlias = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """A web server; ``files`` maps a path to its bytes or to a function that answers in its own way."""

    files: dict[str, bytes | Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    login_page: ClassVar[bytes] = b"<!DOCTYPE html><html><body>Please log in to this network.</body></html>"

    @property
    def url(self) -> str:
        """Its address, the same before and after it was down."""
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Begin to answer."""
        self._web = _Web(("127.0.0.1", self.port), _handler(self))
        self.port = self._web.server_port
        threading.Thread(target=self._web.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Refuse every connection."""
        self._web.shutdown()
        self._web.server_close()

    def serve_folder(self, folder: Path) -> None:
        """Offer every file of a folder under its name."""
        self.files |= {f"/{path.name}": path.read_bytes() for path in folder.iterdir() if path.is_file()}

    @staticmethod
    def send(handler: BaseHTTPRequestHandler, body: bytes, promised: int | None = None) -> None:
        """Answer with ``body``, having promised ``promised`` bytes."""
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if promised is None else promised))
        handler.end_headers()
        handler.wfile.write(body)

    def cut(self, body: bytes) -> Answer:
        """Break the connection off half-way through ``body``."""
        return lambda handler: self.send(handler, body[: len(body) // 2], promised=len(body))

    def stall(self, body: bytes, seconds: float) -> Answer:
        """Fall silent half-way through ``body``."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            self.send(handler, body[: len(body) // 2], promised=len(body))
            handler.wfile.flush()
            time.sleep(seconds)

        return answer

    @staticmethod
    def silent(seconds: float) -> Answer:
        """Take the request and say nothing, not even a first line."""
        return lambda handler: time.sleep(seconds)

    @staticmethod
    def status(code: int) -> Answer:
        """Answer with an error page."""
        return lambda handler: handler.send_error(code)

    @staticmethod
    def reset(handler: BaseHTTPRequestHandler) -> None:
        """Drop the connection before the first line, as a firewall does."""
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    def dribble(self, body: bytes) -> Answer:
        """Send ``body`` byte by byte, each well before anyone's patience with silence ends."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            self.send(handler, b"", promised=len(body))
            with suppress(OSError):  # the other side has had enough
                for byte in body:
                    handler.wfile.write(bytes([byte]))
                    time.sleep(0.1)

        return answer

    @staticmethod
    def endless(start: bytes) -> Answer:
        """Send ``start`` and then more and more, without having promised a length."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            with suppress(OSError):
                handler.wfile.write(start)
                while True:
                    handler.wfile.write(bytes(1 << 16))
                    time.sleep(0.01)

        return answer

    def in_turn(self, *answers: bytes | Answer) -> Answer:
        """Answer the first request in the first way, the second in the second, and so on; the last way stays."""
        left = list(answers)

        def answer(handler: BaseHTTPRequestHandler) -> None:
            chosen = left.pop(0) if len(left) > 1 else left[0]
            chosen(handler) if callable(chosen) else self.send(handler, chosen)

        return answer


class _Web(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that hangs up on a faulty server is what the tests are after."""


def _handler(made: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = unquote(self.path)
            made.asked.append(path)
            answer = made.files.get(path)
            if answer is None:
                self.send_error(404)
            elif callable(answer):
                answer(self)
            else:
                made.send(self, answer)

        def log_message(self, *_):
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.up()
    yield made
    made.down()


@pytest.fixture(autouse=True)
def own_world(monkeypatch, tmp_path):
    """Each test has its own cache, asks publishers, has no mirror, and has met no dead host yet."""
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KIT_PROFILE", "workshop")
    for name in ("KIT_OFFLINE", "KIT_MIRROR", "KIT_STRICT_DATA", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "_unreachable", {})


@pytest.fixture
def edit_card(monkeypatch, tmp_path):
    """Change fields of a card for one test: ``edit_card("penguins", files=[…])`` returns the changed card."""
    real = cards.folder()
    folder = tmp_path / "cards"
    folder.mkdir()
    for path in real.glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(cards, "folder", lambda: folder)

    def edit(name: str, **fields) -> cards.Card:
        path = folder / f"{name}.yaml"
        raw = yaml.safe_load(path.read_text(encoding="utf8")) | fields
        path.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False), encoding="utf8")
        return cards.card(name)

    return edit
