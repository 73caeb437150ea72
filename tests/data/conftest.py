"""What the tests of the data stage share: a web server on this machine whose faults a test chooses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, TypeAlias

import pytest
import yaml

from kitutils.data import cards, download

Answer: TypeAlias = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """A web server; ``files`` maps a path to its bytes or to a function that answers in its own way."""

    url: str
    files: dict[str, bytes | Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    login_page: ClassVar[bytes] = b"<!DOCTYPE html><html><body>Please log in to this network.</body></html>"

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

    def in_turn(self, *answers: bytes | Answer) -> Answer:
        """Answer the first request in the first way, the second in the second, and so on; the last way stays."""
        left = list(answers)

        def answer(handler: BaseHTTPRequestHandler) -> None:
            chosen = left.pop(0) if len(left) > 1 else left[0]
            chosen(handler) if callable(chosen) else self.send(handler, chosen)

        return answer


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            made.asked.append(self.path)
            answer = made.files.get(self.path)
            if answer is None:
                self.send_error(404)
            elif callable(answer):
                answer(self)
            else:
                made.send(self, answer)

        def log_message(self, *_):
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.daemon_threads = True
    made = Server(f"http://127.0.0.1:{web.server_port}")
    thread = threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield made
    web.shutdown()
    web.server_close()


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
