"""The page of a service in a real browser: exports, the service itself, and Chromium that is watched while it runs."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

# Read here, for tests/conftest.py takes every KIT_ variable away before a test begins.
CHROMIUM = os.environ.get("KIT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
WANTED = os.environ.get("KIT_BROWSER") == "1"
SHIP = Path(__file__).parents[1] / "ship" / "conftest.py"


def _makers():
    """The small models of tests/ship."""
    spec = importlib.util.spec_from_file_location("ship_conftest", SHIP)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MAKERS


def _grey():
    """Digits without training: the tests ask whether the page shows the model's answer, not whether that is right."""
    import keras

    layers = [keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(10)]
    raw = list(np.random.default_rng(0).integers(0, 256, (12, 28, 28, 1)).astype(np.uint8))
    return SimpleNamespace(model=keras.Sequential(layers), raw=raw, labels=list("0123456789"), more={})


def _second_version(folder: Path) -> None:
    """A version 2 beside version 1 that calls every class otherwise, so that the answers differ."""
    newer = folder.parent / "2"
    shutil.copytree(folder, newer)
    manifest = json.loads((newer / "manifest.json").read_text())
    manifest |= {"version": "2", "labels": [f"new {label}" for label in manifest["labels"]]}
    (newer / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window. Ended with the module: while Playwright runs, nobody else in this thread can start an
    event loop, and other tests want one."""
    if CHROMIUM is None:
        say = "no Chromium is installed; name one in KIT_CHROMIUM"
        pytest.fail(say) if WANTED else pytest.skip(say)
    from playwright.sync_api import sync_playwright

    root = hasattr(os, "geteuid") and os.geteuid() == 0  # Chromium's sandbox refuses root
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if root else [])
        yield started
        started.close()


@pytest.fixture(scope="module")
def exports(browser, tmp_path_factory):
    """name → folder: "grey" (28 × 28 × 1), "images" (16 × 16 × 3, two versions), "rows", "texts". After the browser,
    so that nothing is made where there is none."""
    import keras

    from kitutils.ship import export

    root, found = tmp_path_factory.mktemp("exports"), {}
    for name, maker in {"grey": _grey, **_makers()}.items():
        keras.utils.set_random_seed(0)
        made = maker()
        found[name] = root / name
        first = found[name] / "1"
        options = {"samples": made.raw[:12], "formats": ["litert"], "labels": made.labels, "name": name}
        export(made.model, first, **options, **made.more)
    _second_version(found["images"] / "1")
    return found


@pytest.fixture(scope="module")
def predictor(exports):
    """name → the predictor of version 1, for what the page should say."""
    from kitutils.ship import load

    loaded = {}

    def get(name):
        if name not in loaded:
            loaded[name] = load(exports[name] / "1")
        return loaded[name]

    return get


class Service:
    """The real service in a thread of this process.

    Attributes:
        url: its address, with the slash at the end.
    """

    def __init__(self, folders, port=0, **options):
        self._folders, self._port, self._options = folders, port, {"keep": 2, "poll_seconds": 60} | options

    def start(self):
        import uvicorn

        from kitutils.ship.serve import Host, Settings, create_app

        settings = Settings(**self._options)
        app = create_app(Host(self._folders, settings), settings)
        self._server = uvicorn.Server(uvicorn.Config(app, port=self._port, log_level="error"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the service did not start"
            time.sleep(0.01)
        self._port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/"
        return self

    def stop(self):
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the service did not stop"


@pytest.fixture
def serve(exports):
    """(names, settings …) → a ``Service`` of these exports, stopped after the test."""
    running = []

    def start(*names, **options):
        running.append(Service([exports[name] for name in names], **options).start())
        return running[-1]

    yield start
    for service in running:
        service.stop()


@pytest.fixture(scope="module")
def url(exports):
    """The address of a service of all four exports."""
    service = Service(list(exports.values()), max_characters=200).start()
    yield service.url
    service.stop()


# What a browser says of the page's own rules for what it may load, before any script of the page runs.
_WATCH = """
addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective}`));
"""


@pytest.fixture
def visit(browser):
    """(address, options of the context …) → a page that must not complain, and asks nobody but its own service.

    ``page.expected`` is a list of words: a message of the console with one of them in it is no fault.
    """
    opened = []

    def start(address, **options):
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 800}} | options)
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.expected, said, asked = [], [], []
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        opened.append((context, page, address, said, asked))
        page.goto(address)
        return page

    yield start
    for context, page, address, said, asked in opened:
        origin = "/".join(address.split("/")[:3]) + "/"
        context.close()
        assert [url for url in asked if not url.startswith(origin)] == []
        assert [text for text in said if not any(word in text for word in page.expected)] == []
