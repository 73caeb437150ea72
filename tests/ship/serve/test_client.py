"""The client, against what TensorFlow Serving's documentation shows, against a stand-in that computes with the
SavedModel, and against ``kit serve`` itself."""

import contextlib
import io
import json
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from kitutils.ship import BadInput, ShipError
from kitutils.ship.manifest import Form, Manifest, Parity
from kitutils.ship.serve import Client
from kitutils.ship.serve.background import free_port, in_background
from kitutils.ship.serve.client import _plain

TOKEN = "open-sesame"
# From https://www.tensorflow.org/tfx/serving/api_rest, "RESTful API".
STATUS = """{
 "model_version_status": [
  {
   "version": "123",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}
"""
COLUMNS = """{
 "inputs": {
   "tag": ["foo", "bar"],
   "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]],
   "sensor": [[[1, 2], [3, 4]], [[4, 5], [6, 8]]]
 }
}"""
NOT_FOUND = '{ "error": "Servable not found for request: Latest(half)" }'


@pytest.fixture
def serving():
    """A server that gives recorded answers, (status, text, headers), in turn, or what a function makes of a request;
    its URL and what it was asked."""
    with contextlib.ExitStack() as running:
        yield lambda *answers: running.enter_context(_serving(answers))


@contextlib.contextmanager
def _serving(answers):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.command, self.path, json.loads(body) if body else None, dict(self.headers)))
            answer = answers[min(len(asked), len(answers)) - 1]
            status, text, *headers = answer(asked[-1]) if callable(answer) else answer
            self.send_response(status)
            for name, value in {"Content-Length": len(text.encode()), **(headers[0] if headers else {})}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, *given):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def manifest(preprocessing=None, labels=("kept", "returned"), output="logits"):
    fields = preprocessing or {"kind": "plain", "shape": [2], "dtype": "float32", "name": "x"}
    forms = {"savedmodel": Form("saved_model", Parity(0, 1, 1, None, 0))}
    inputs = ({"name": "x", "shape": [2], "dtype": "float32"},)
    return Manifest("half", "123", tuple(labels), inputs, output, fields, forms, {})


def test_the_status_page_of_the_documentation(serving):
    url, asked = serving((200, STATUS))
    assert Client(url, "half_plus_three").status() == [("123", "AVAILABLE", "")]
    assert Client(url + "/", "half plus/three", version=123).status() == [("123", "AVAILABLE", "")]
    assert [one[:3] for one in asked] == [
        ("GET", "/v1/models/half_plus_three", None),
        ("GET", "/v1/models/half%20plus%2Fthree/versions/123", None),
    ]


def test_an_unknown_model_as_in_the_documentation(serving):
    url, _ = serving((404, NOT_FOUND))
    client = Client(url, "half", export=manifest())
    for call in (client.status, lambda: client.predict([[1.0, 5.0]])):
        with pytest.raises(ShipError, match=r"answered 404: Servable not found for request: Latest\(half\)"):
            call()


def test_columns_as_in_the_documentation(serving):
    """The documentation's own columns come out of arrays of their types."""
    arrays = {
        "tag": np.array(["foo", "bar"], object),
        "signal": np.array([[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]], np.int32),
        "sensor": np.array([[[1, 2], [3, 4]], [[4, 5], [6, 8]]], np.float32),
    }
    url, asked = serving((200, '{"outputs": [[0.25, 0.75], [0.5, 0.5]]}'))
    found = Client(url, "half", export=manifest())._columns(arrays)
    assert asked[0][:2] == ("POST", "/v1/models/half:predict") and asked[0][2] == json.loads(COLUMNS)
    assert asked[0][3]["Content-Type"] == "application/json"
    np.testing.assert_array_equal(found, np.array([[0.25, 0.75], [0.5, 0.5]], np.float32))


def test_bytes_as_in_the_documentation():
    assert _plain(b"image bytes") == {"b64": "aW1hZ2UgYnl0ZXM="}
    assert _plain(memoryview(b"awesome image bytes")) == {"b64": "YXdlc29tZSBpbWFnZSBieXRlcw=="}


@pytest.mark.parametrize(
    ("outputs", "output", "expected"),
    [
        ([[0.0, 0.0], [np.log(3), 0.0]], "logits", [0.5, 0.25]),
        ([[0.0], [-np.log(3)]], "logits", [0.5, 0.25]),
        ([[0.5, 0.5], [0.75, 0.25]], "probabilities", [0.5, 0.25]),
        ([[0.5], [0.25]], "probabilities", [0.5, 0.25]),
    ],
)
def test_outputs_become_probabilities(serving, outputs, output, expected):
    for answer in (outputs, {"dense": outputs}):
        url, asked = serving((200, json.dumps({"outputs": answer})))
        found = Client(url, "half", version=7, export=manifest(output=output)).predict([[1, 2], np.array([3.5, 4])])
        assert asked[0][1:3] == ("/v1/models/half/versions/7:predict", {"inputs": {"x": [[1.0, 2.0], [3.5, 4.0]]}})
        assert [p.probabilities["returned"] for p in found] == pytest.approx(expected)
        assert [p.label for p in found] == ["kept", "kept"]
        assert all(sum(p.probabilities.values()) == pytest.approx(1) for p in found)


def test_whole_numbers_are_sent_as_such(serving):
    url, asked = serving((200, '{"outputs": [[1, 0]]}'))
    image = {"kind": "images", "shape": [1, 2, 1], "low": 0, "high": 255, "name": "x"}
    of_bytes = replace(manifest(image), inputs=({"name": "x", "shape": [1, 2, 1], "dtype": "uint8"},))
    Client(url, "half", export=of_bytes).predict([np.array([[[7.0], [9.0]]])])
    assert json.dumps(asked[0][2]) == '{"inputs": {"x": [[[[7], [9]]]]}}'


class Serving:
    """What TensorFlow Serving does with a SavedModel: columns by the signature's names to tensors, and its outputs."""

    def __init__(self, predictor):
        self.manifest, self.predictor, self.rows = predictor.manifest, predictor, []

    def __call__(self, request):
        if request[1].endswith("/metadata"):  # asked for where a number is missing
            return 200, json.dumps(METADATA)
        columns = request[2]["inputs"]
        assert set(request[2]) == {"inputs"} and set(columns) == {one["name"] for one in self.manifest.inputs}
        arrays = {}
        for one in self.manifest.inputs:
            assert None not in columns[one["name"]]  # its documentation knows NaN and no null
            array = np.array(columns[one["name"]], object if one["dtype"] == "string" else one["dtype"])
            assert array.ndim == 1 + len(one["shape"])
            assert all(wanted in (None, got) for wanted, got in zip(one["shape"], array.shape[1:], strict=True))
            arrays[one["name"]] = array
        self.rows.append(len(array))
        return 200, json.dumps({"outputs": self.predictor._runtime.run(arrays).tolist()})


@pytest.mark.parametrize("kind", ["images", "texts", "rows"])
def test_a_saved_model_behind_tensorflow_serving(shipped, predictor, serving, kind):
    one = shipped(kind)
    raw = one.raw[:40]
    if kind == "rows":
        raw = [*raw[:39], raw[0] | {"age": None, "category": None}]
    for export in (one.folder, str(one.folder), one.manifest):
        stand_in = Serving(predictor(kind, "savedmodel"))
        url, _ = serving(stand_in)
        same(Client(url, kind, export=export).predict(raw), predictor(kind, "savedmodel").predict(raw))
        assert sum(stand_in.rows) == 40 and max(stand_in.rows) <= 32


def same(found, expected, within=2e-6):
    assert [p.label for p in found] == [p.label for p in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.probabilities == pytest.approx(theirs.probabilities, abs=within)


def png(image):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def kit(shipped):
    """``kit serve`` in a process of its own, over the three exports; its URL."""
    folders = [shipped(kind).folder for kind in ("images", "texts", "rows")]
    command = ["python", "-m", "kitutils", "serve", *folders, "--port", "{port}", "--format", "litert"]
    with in_background(command, more={"KIT_SERVE_TOKEN": TOKEN}) as (url, _):
        yield url


@pytest.fixture
def client(kit, shipped):
    """(kind, whether with its export) → a client of ``kit serve``."""

    def get(kind, with_export, **more):
        export = shipped(kind).folder if with_export else None
        return Client(kit, shipped(kind).manifest.name, token=TOKEN, export=export, **more)

    return get


@pytest.mark.parametrize("kind", ["images", "texts", "rows"])
@pytest.mark.parametrize("with_export", [False, True])
def test_the_same_answers_as_the_predictor(client, shipped, predictor, kind, with_export):
    raw = shipped(kind).raw[:40]
    found = client(kind, with_export).predict(raw)
    same(found, predictor(kind, "litert").predict(raw))


@pytest.mark.parametrize("with_export", [False, True])
def test_missing_values(client, shipped, predictor, with_export):
    import pandas as pd

    rows = [
        shipped("rows").raw[0] | {"age": gap, "category": None, "and": object()}
        for gap in (None, float("nan"), np.float32("nan"), pd.NA, pd.NaT)
    ]
    one = client("rows", with_export)
    same(one.predict(rows), predictor("rows", "litert").predict(rows))
    table = pd.DataFrame(shipped("rows").raw)
    same(one.predict(table), predictor("rows", "litert").predict(table))


@pytest.mark.parametrize("with_export", [False, True])
def test_images_in_every_form(client, shipped, predictor, tmp_path, with_export):
    image = shipped("images").raw[0]
    (tmp_path / "image.png").write_bytes(png(image))
    forms = [image, image.tolist(), image.astype(np.float32), png(image), tmp_path / "image.png"]
    found = client("images", with_export).predict([*forms, str(forms[-1])])
    same(found, predictor("images", "litert").predict([image] * 6))


@pytest.mark.parametrize("with_export", [False, True])
def test_a_bad_input_is_named_by_its_number(client, shipped, with_export):
    raw = [*shipped("images").raw[:40], shipped("images").raw[0][:9]]
    with pytest.raises(BadInput, match="Input 40: an image is 16 × 16 × 3"):
        client("images", with_export).predict(raw)
    raw = [np.full((16, 16, 3), 300)]
    with pytest.raises(BadInput, match="Input 0: values are 0 to 255"):
        client("images", with_export).predict(raw)


def test_status_and_versions(client, kit, shipped):
    version = shipped("texts").manifest.version
    assert client("texts", False).status() == [(version, "AVAILABLE", "")]
    assert client("texts", False, version=version).predict(["it came too late"])
    for with_export in (False, True):
        with pytest.raises(ShipError, match=r"answered 404: .* has no version '77'"):
            client("texts", with_export, version=77).predict(["it came too late"])
    with pytest.raises(ShipError, match="answered 404: There is no model 'cats'"):
        Client(kit, "cats", token=TOKEN).predict(["it came too late"])


def test_without_the_token(kit, shipped):
    with pytest.raises(ShipError, match="answered 401: This service asks for its token"):
        Client(kit, shipped("texts").manifest.name).status()


def test_no_input_and_no_list(client):
    one = client("texts", False)
    assert one.predict([]) == []
    with pytest.raises(BadInput, match="Put it into a list"):
        one.predict("it came too late")


METADATA = {"model_spec": {"name": "half", "version": "3"}, "metadata": {}}
KIT = METADATA | {"kit": {"labels": ["a", "b"], "output": "logits", "preprocessing": {"kind": "texts"}}}
FULL = (503, '{"error": "256 rows wait."}', {"Retry-After": "0.05"})


def test_the_version_that_gave_the_labels_is_asked(serving):
    url, asked = serving((200, json.dumps(KIT)), (200, '{"predictions": [[0, 1]]}'))
    (found,) = Client(url, "half").predict(["x"])
    assert found.label == "b"
    assert [one[1] for one in asked] == ["/v1/models/half/metadata", "/v1/models/half/versions/3:predict"]
    assert asked[1][2] == {"instances": ["x"]}


def test_tensorflow_serving_without_the_export(serving):
    url, _ = serving((200, json.dumps(METADATA)))
    with pytest.raises(ShipError, match=r"does not say what half takes and answers\. Give the client its export"):
        Client(url, "half").predict(["x"])


def test_who_refuses_is_asked_again(serving):
    url, asked = serving(FULL, FULL, (200, '{"outputs": [[0, 1]]}'))
    (found,) = Client(url, "half", export=manifest()).predict([[1, 2]])
    assert found.label == "returned" and len(asked) == 3 and asked[0][:3] == asked[2][:3]


@pytest.mark.parametrize("patience", [0, 0.12])
def test_patience_has_an_end(serving, patience):
    url, asked = serving(FULL)
    with pytest.raises(ShipError, match=rf"refused for {patience} s: 256 rows wait\. Ask less"):
        Client(url, "half", export=manifest(), patience=patience).predict([[1, 2]])
    assert 1 <= len(asked) <= 1 + patience / 0.05  # no oftener than the service wants


@pytest.mark.parametrize(
    ("said", "waits"), [("2", 2.0), ("0", 0.05), (None, 0.5), ("Fri, 31 Dec 1999 23:59:59 GMT", 0.5)]
)
def test_how_long_it_waits(serving, monkeypatch, said, waits):
    slept = []
    monkeypatch.setattr("kitutils.ship.serve.client.time.sleep", slept.append)
    refusal = (503, "busy", {} if said is None else {"Retry-After": said})
    url, _ = serving(refusal, (200, STATUS))
    Client(url, "half").status()
    assert slept == [waits]


@pytest.mark.parametrize(
    "answer",
    [
        "<html>Welcome to the hotel's Wi-Fi</html>",
        "[]",
        "{}",
        '{"outputs": 3}',
        '{"outputs": [[1, 2], [3, 4]]}',
        '{"outputs": [["a", "b"]]}',
        '{"outputs": {"a": [[1, 2]], "b": [[1, 2]]}}',
        '{"predictions": [[1, 2]]}',
        '{"outputs": null}',
    ],
)
def test_another_service_at_the_address(serving, answer):
    url, _ = serving((200, answer))
    with pytest.raises(ShipError, match="Is another service at this address"):
        Client(url, "half", export=manifest()).predict([[1, 2]])
    for call in (Client(url, "half").status, lambda: Client(url, "half").predict(["x"])):
        with pytest.raises(ShipError, match="Is another service at this address"):
            call()


def test_another_model_behind_the_name(serving):
    url, _ = serving((200, '{"outputs": [[1, 2, 3]]}'))
    with pytest.raises(ShipError, match="answers with 3 numbers an input, and there are 2 labels"):
        Client(url, "half", export=manifest()).predict([[1, 2]])


def test_errors_without_a_sentence(serving):
    for text, said in [("Bad Gateway", "Bad Gateway"), ("", "nothing more"), ('["error"]', r"\[.error.\]")]:
        url, _ = serving((502, text))
        with pytest.raises(ShipError, match=f"answered 502: {said}"):
            Client(url, "half").status()
    url, _ = serving((400, '{"error": "no"}'))
    with pytest.raises(BadInput, match="half refuses the request: no"):
        Client(url, "half", export=manifest()).predict([[1, 2]])


def test_a_redirect_is_not_followed(serving):
    elsewhere, asked = serving((200, STATUS))
    url, _ = serving((302, "", {"Location": elsewhere}))
    with pytest.raises(ShipError, match="answered 302"):
        Client(url, "half", token="secret").status()
    assert asked == []


def test_the_token_goes_into_the_header(serving):
    url, asked = serving((200, STATUS))
    Client(url, "half", token="open-sesame").status()
    Client(url, "half").status()
    assert [one[3].get("Authorization") for one in asked] == ["Bearer open-sesame", None]


def test_nobody_and_somebody_slow():
    with pytest.raises(ShipError, match=r"127\.0\.0\.1:\d+ cannot be reached"):
        Client(f"http://127.0.0.1:{free_port()}", "half").status()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ShipError, match=r"did not answer within 0\.1 s"):
            Client(f"http://127.0.0.1:{silent.getsockname()[1]}", "half", timeout=0.1).status()


def test_what_json_cannot_hold(serving):
    url, asked = serving((200, json.dumps(KIT)))
    with pytest.raises(BadInput, match="object cannot be sent as JSON"):
        Client(url, "half").predict([object()])
    assert len(asked) == 1
