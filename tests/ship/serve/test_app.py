"""The app: what is at which address, who may ask, and that each answer is the predictor's own."""

import base64
import io
import json
import re
import subprocess
import sys
import textwrap
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import kitutils.ship.serve
from kitutils.ship import Images, export, load
from kitutils.ship.manifest import Form, Manifest, Parity
from kitutils.ship.predictor import Predictor
from kitutils.ship.serve import Batcher, Host, Metrics, Settings, Unknown, create_app
from kitutils.ship.serve.app import Service

PAGE = Path(kitutils.ship.serve.__file__).parent / "page"


def png(image, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def client(exports):
    metrics = Metrics()
    with TestClient(create_app(Host([exports], Settings(), metrics), Settings(), metrics)) as asking:
        yield asking


@pytest.fixture(scope="module")
def guarded(exports):
    """Asks a service with a token, of which browsers may call it by two names."""
    settings = Settings(token="open-sesame", hosts=("testserver", "[::1]"))
    with TestClient(create_app(Host([exports], settings), settings), follow_redirects=False) as asking:
        yield asking


def post(client, path, body, kind, **more):
    return client.post(path, content=body, headers={"Content-Type": kind} | more)


def same(answer, prediction, **facts):
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["label"], found["model"], found["version"]) == (prediction.label, facts["model"], "1")
    assert list(found["probabilities"]) == list(prediction.probabilities)
    assert found["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-6)


# --- /predict ---------------------------------------------------------------------------------------------------------


def test_images_get_the_predictors_answer(client, shipped, predictor):
    image = shipped("images").raw[0]
    (expected,) = predictor("images", "litert").predict([image])
    same(post(client, "/predict?model=images", png(image), "image/png"), expected, model="images")
    same(post(client, "/predict?model=images&version=1&fit=crop", png(image), "image/png"), expected, model="images")
    same(
        client.post("/predict?model=images", files={"file": ("a.png", png(image), "image/png")}),
        expected,
        model="images",
    )
    (expected,) = predictor("images", "litert").predict([png(image, "JPEG")])
    same(post(client, "/predict?model=images", png(image, "JPEG"), "image/jpeg"), expected, model="images")


def test_an_image_of_another_size_is_fitted_on_demand(client, predictor):
    image = np.random.default_rng(1).integers(0, 256, (48, 80, 3)).astype(np.uint8)
    refused = post(client, "/predict?model=images", png(image), "image/png")
    assert refused.status_code == 400 and refused.json()["error"].startswith("An image is 16 × 16 × 3")
    mean = image[:, 16:64].reshape(16, 3, 16, 3, 3).mean(axis=(1, 3)).round()
    (expected,) = predictor("images", "litert").predict([mean.astype(np.uint8)])
    found = post(client, "/predict?model=images&fit=crop", png(image), "image/png").json()
    assert found["probabilities"] == pytest.approx(expected.probabilities, abs=0.01)


def test_a_fitted_file_is_rescaled_as_one_of_the_right_size(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 1)).astype(np.uint8)
    given = {"samples": [pixels / 255], "preprocessing": Images((8, 8, 1), 0, 1)}
    export(model, tmp_path / "m", formats=["litert"], name="m", **given)
    (expected,) = load(tmp_path / "m").predict([pixels / 255])
    large = pixels[..., 0].repeat(3, axis=0).repeat(3, axis=1)
    with TestClient(create_app(Host([tmp_path / "m"], Settings()), Settings())) as asking:
        same(post(asking, "/predict", png(pixels[..., 0]), "image/png"), expected, model="m")
        same(post(asking, "/predict?fit=crop", png(large), "image/png"), expected, model="m")


def test_samples_of_whole_numbers_and_of_yes_and_no_can_be_sent_back(tmp_path):
    import keras

    inputs = {"code": keras.Input((), dtype="int32", name="code"), "gift": keras.Input((), dtype="bool", name="gift")}
    x = keras.ops.stack([keras.ops.cast(one, "float32") for one in inputs.values()], axis=-1)
    raw = [{"code": 3, "gift": True}, {"code": 4, "gift": False}]
    export(keras.Model(inputs, keras.layers.Dense(2)(x)), tmp_path / "m", samples=raw, formats=["litert"], name="m")
    with TestClient(create_app(Host([tmp_path / "m"], Settings()), Settings())) as asking:
        answer = asking.get("/v1/models/m/samples")
        assert answer.text.replace(" ", "") == json.dumps({"samples": raw}, separators=(",", ":"))
        for row in raw:
            assert post(asking, "/predict", json.dumps({"row": row}), "application/json").status_code == 200


def test_texts_get_the_predictors_answer(client, predictor):
    for text in ("the dress came too late", "", "Æther \0 \U0001f600", "word " * 3000):
        (expected,) = predictor("texts", "litert").predict([text])
        same(post(client, "/predict?model=texts", text.encode(), "text/plain"), expected, model="texts")
        body = json.dumps({"text": text})
        same(post(client, "/predict?model=texts", body, "application/json; charset=utf-8"), expected, model="texts")
    answer = post(client, "/predict?model=texts", b'{"text": "\\ud800 half a pair"}', "application/json")
    assert answer.status_code == 200


def test_rows_get_the_predictors_answer(client, shipped, predictor):
    for raw in shipped("rows").raw[:5]:
        row = {name: None if value != value else value for name, value in raw.items()}
        (expected,) = predictor("rows", "litert").predict([row])
        same(post(client, "/predict?model=rows", json.dumps({"row": row}), "application/json"), expected, model="rows")


def test_with_one_model_nobody_need_name_it(put, tmp_path, shipped):
    with TestClient(create_app(Host([put("images", tmp_path / "x")], Settings()), Settings())) as alone:
        assert post(alone, "/predict", png(shipped("images").raw[0]), "image/png").json()["model"] == "images"


def test_a_value_that_makes_the_model_overflow_is_the_clients_fault(client, shipped, monkeypatch):
    async def overflow(self, arrays):
        return np.array([[np.nan, 1, np.inf]], np.float32)

    monkeypatch.setattr(Batcher, "submit", overflow)
    answer = post(client, "/predict?model=images", png(shipped("images").raw[0]), "image/png")
    assert answer.status_code == 400 and answer.json()["error"].startswith("The model gives no number")
    answer = client.post("/v1/models/images:predict", json={"instances": [shipped("images").raw[0].tolist()]})
    assert answer.status_code == 400 and answer.json()["error"].startswith("Input 0: the model gives no number")


def test_a_fault_of_the_service_says_so_and_nothing_of_its_inside(client, shipped, monkeypatch, caplog):
    async def fail(self, arrays):
        raise RuntimeError("secret place")

    monkeypatch.setattr(Batcher, "submit", fail)
    answer = post(client, "/predict?model=images", png(shipped("images").raw[0]), "image/png")
    assert answer.status_code == 500 and "secret" not in answer.text
    assert "secret place" in caplog.text


# --- TensorFlow Serving's form, as its documentation shows it (tensorflow.org/tfx/serving/api_rest) -------------------


class Stub:
    """A host of models made by hand, such as the documentation's half_plus_three."""

    ready = True

    def __init__(self, *models):
        self._models = {}
        for name, version, preprocessing, run in models:
            inputs = ({"name": preprocessing["name"], "shape": preprocessing["shape"], "dtype": "float32"},)
            form = Form("model", Parity(0, 1, 1, None, 0))
            manifest = Manifest(name, version, ("0", "1"), inputs, "logits", preprocessing, {"litert": form}, {})
            predictor = Predictor(manifest, "litert", SimpleNamespace(run=run))
            batcher = Batcher(predictor.outputs)
            self._models[name] = SimpleNamespace(
                name=name, version=version, predictor=predictor, batcher=batcher, manifest=manifest
            )
        self.names = sorted(self._models)

    def versions(self, name):
        if name not in self._models:
            raise Unknown(f"There is no model {name!r}.")
        return [self._models[name].version]

    def status(self, name):
        return [(version, "AVAILABLE", "") for version in self.versions(name)]

    @asynccontextmanager
    async def lease(self, name, version=None):
        self.versions(name)
        yield self._models[name]


def plain(*shape):
    return {"kind": "plain", "shape": list(shape), "dtype": "float32", "name": "x"}


@pytest.fixture
def documented():
    half = ("half_plus_three", "123", plain(), lambda arrays: arrays["x"] * 0.5 + 3)
    pairs = ("pairs", "1", plain(1, 2), lambda arrays: arrays["x"].reshape(-1, 2))
    with TestClient(create_app(Stub(half, pairs), Settings())) as asking:
        yield asking


def test_the_status_page_is_the_documented_one(documented):
    assert documented.get("/v1/models/half_plus_three").json() == {
        "model_version_status": [
            {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }
    one = documented.get("/v1/models/half_plus_three/versions/123")
    assert one.json() == documented.get("/v1/models/half_plus_three").json()
    assert documented.get("/v1/models/half_plus_three/versions/124").status_code == 404


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", None])
def test_the_documented_calls_get_the_documented_answers(documented, kind):
    headers = {"Content-Type": kind} if kind else {}  # curl -d sends the first
    ask = lambda name, body: documented.post(f"/v1/models/{name}:predict", content=body, headers=headers).json()
    assert ask("half_plus_three", '{"instances": [1.0,2.0,5.0]}') == {"predictions": [3.5, 4.0, 5.5]}
    assert ask("half_plus_three", '{"inputs": [1.0,2.0,5.0]}') == {"outputs": [3.5, 4.0, 5.5]}
    assert ask("half_plus_three", '{"inputs": {"x": [1.0]}}') == {"outputs": [3.5]}
    assert ask("pairs", '{"instances": [ [[1, 2]], [[3, 4]] ]}') == {"predictions": [[1, 2], [3, 4]]}
    assert ask("half_plus_three/versions/123", '{"signature_name": "serving_default", "instances": [{"x": 1}]}') == {
        "predictions": [3.5]
    }


def test_a_wrong_call_gets_the_documented_kind_of_error(documented):
    answer = documented.post("/v1/models/half:predict", content='{"instances": [1.0,5.0]}')
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["error"]
    for verb in ("classify", "regress"):
        assert documented.post(f"/v1/models/half_plus_three:{verb}", content="{}").status_code in (404, 405)
        assert "predict" in documented.get(f"/v1/models/half_plus_three:{verb}").json()["error"]


def test_outputs_are_the_models_own(client, shipped, predictor):
    for kind in ("images", "texts", "rows"):
        served, raw = predictor(kind, "litert"), shipped(kind).raw[:7]
        instances = [one.tolist() if isinstance(one, np.ndarray) else one for one in raw]
        if kind == "rows":
            instances = [{k: None if v != v else v for k, v in one.items()} for one in raw]
        answer = client.post(f"/v1/models/{kind}:predict", json={"instances": instances})
        found = np.array(answer.json()["predictions"], np.float32)
        assert np.abs(found - served.outputs(served.prepare(raw))).max() < 1e-5


def test_metadata_names_inputs_and_types(client, shipped):
    for kind in ("images", "texts", "rows"):
        found = client.get(f"/v1/models/{kind}/metadata").json()
        assert found["model_spec"] == {"name": kind, "signature_name": "", "version": "1"}
        inputs = found["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]
        for entry in shipped(kind).manifest.inputs:
            sides = [int(side["size"]) for side in inputs[entry["name"]]["tensor_shape"]["dim"]]
            assert sides == [-1, *(-1 if side is None else side for side in entry["shape"])]
        assert {entry["dtype"] for entry in inputs.values()} <= {"DT_FLOAT", "DT_INT32", "DT_STRING"}


# --- what the page needs ----------------------------------------------------------------------------------------------


def test_the_models_are_described(client, shipped):
    models = {model["name"]: model for model in client.get("/v1/models").json()["models"]}
    assert set(models) == {"images", "texts", "rows"}
    assert models["images"]["input"]["shape"] == [16, 16, 3] and models["images"]["versions"] == ["1"]
    assert models["texts"]["labels"] == shipped("texts").labels
    assert "price_eur" in models["rows"]["input"]["numbers"] and "category" in models["rows"]["input"]["texts"]


def test_each_sample_can_be_sent_back(client, shipped):
    found = client.get("/v1/models/images/samples").json()["samples"]
    assert len(found) == 32
    for sample, raw in zip(found, shipped("images").raw[:32], strict=True):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(sample)))), raw)
    assert post(client, "/predict?model=images", base64.b64decode(found[0]), "image/png").status_code == 200
    found = client.get("/v1/models/rows/samples").json()["samples"]
    assert len(found) == 32
    for row in found:
        assert post(client, "/predict?model=rows", json.dumps({"row": row}), "application/json").status_code == 200
    assert client.get("/v1/models/texts/samples").json() == {"samples": []}


def test_the_page_is_fixed_files_that_load_nothing_from_elsewhere(client):
    for path, name in (("/", "index.html"), ("/page.css", "page.css"), ("/page.js", "page.js")):
        answer = client.get(path)
        assert answer.content == (PAGE / name).read_bytes()
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"(src|href)=.https?:|url\(\s*.?https?:|import\s*\(?.https?:", answer.text)
    for path in ("/page/index.html", "/../app.py", "/%2e%2e/app.py", "/page.js/..%2f..%2fapp.py", "/docs", "/redoc"):
        assert client.get(path).status_code == 404


def test_health_readiness_and_figures(client, exports):
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}
    post(client, "/predict?model=texts", b"a", "text/plain")
    client.get("/v1/models/nobody-knows")
    text = client.get("/metrics").text
    assert 'kit_requests_total{code="200",model="texts",route="/predict",version="1"}' in text
    assert 'kit_requests_total{code="404",model="unknown",route="/v1/models/{name}",version="unknown"}' in text
    assert 'kit_refused_total{reason="unknown"}' in text
    assert "nobody-knows" not in text
    idle = TestClient(create_app(Host([exports], Settings()), Settings()))  # without its start
    assert idle.get("/readyz").status_code == 503
    assert idle.get("/healthz").status_code == 200


def test_the_description_names_every_address_and_no_other(client):
    described = client.get("/openapi.json").json()
    found = {
        (path, method.upper())
        for path, entry in described["paths"].items()
        for method in entry
        if method != "parameters"
    }
    there = {(route.path, "POST" if "POST" in route.methods else "GET") for route in client.app.router.routes}
    assert found == there - {(path, "GET") for path in ("/", "/page.css", "/page.js", "/favicon.ico")}
    assert isinstance(client.app, Service) and client.app.openapi() == described


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status, method, path, said",
    [
        (404, "GET", "/nothing", "nothing at this address"),
        (404, "GET", "/predict/", "nothing at this address"),
        (404, "GET", "/v1/models/nix", "no model 'nix'"),
        (404, "GET", "/v1/models/images/versions/9", "no version '9'"),
        (404, "POST", "/v1/models/nix:predict", "no model 'nix'"),
        (404, "POST", "/predict?model=nix", "no model 'nix'"),
        (404, "POST", "/predict?model=images&version=9", "no version '9'"),
        (405, "GET", "/predict", "takes POST"),
        (405, "DELETE", "/predict", "takes POST"),
        (405, "POST", "/v1/models", "takes GET"),
        (405, "GET", "/v1/models/images:predict", "takes POST"),
        (405, "BREW", "/healthz", "takes GET"),
        (400, "POST", "/predict", "Say which model: .* images, rows, texts"),
        (400, "POST", "/predict?model=images&fit=stretch", "fit is crop"),
        (400, "POST", "/predict?modell=images", "known are model, version and fit"),
        (415, "POST", "/predict?model=images", "Content-Type is"),
        (400, "POST", "/v1/models/images:predict", "empty"),
    ],
)
def test_a_wrong_request_gets_a_sentence(client, status, method, path, said):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"] and re.search(said, answer.json()["error"])
    assert (answer.headers.get("Allow") is not None) == (status == 405)


def test_a_model_of_another_kind_and_a_strange_type_are_refused(client):
    assert post(client, "/predict?model=texts", b"x", "image/png").status_code == 415
    assert post(client, "/predict?model=texts&fit=crop", b"x", "text/plain").status_code == 400
    assert post(client, "/v1/models/images:predict", b"{}", "image/png").status_code == 415
    deep = post(client, "/v1/models/rows:predict", '{"instances": [{"age": ' + "[" * 800 + "]" * 800 + "}]}", "")
    assert deep.status_code == 400


def test_without_the_token_nothing_but_health_is_told(guarded):
    for path in ("/", "/page.js", "/v1/models", "/metrics", "/openapi.json", "/nothing"):
        answer = guarded.get(path)
        assert answer.status_code == 401 and "token" in answer.json()["error"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert guarded.post("/predict?model=images&token=open-sesame").status_code == 401
    for path in ("/healthz", "/readyz"):
        assert guarded.get(path).status_code == 200
    page = guarded.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 401 and "?token=" in page.text and page.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer open-sesam"},
        {"Authorization": "open-sesame"},
        {"Authorization": "Bearer "},
        {"Cookie": "kit_token="},
        {"Cookie": "kit_token=open-sesame"},
        {"Cookie": ";;=;kit_token"},
    ],
)
def test_a_wrong_token_is_none(guarded, headers):
    assert guarded.get("/v1/models", headers=headers).status_code == 401


def test_the_token_opens_by_header_and_by_cookie(guarded):
    assert guarded.get("/v1/models", headers={"Authorization": "Bearer open-sesame"}).status_code == 200
    assert guarded.get("/v1/models", headers={"Authorization": "bearer open-sesame"}).status_code == 200
    twice = [("Authorization", "Bearer open-sesame"), ("Authorization", "Bearer open-sesame")]
    assert guarded.get("/v1/models", headers=twice).status_code == 400
    assert guarded.get("/?token=wrong").status_code == 401
    assert guarded.get("/?token=%ff").status_code == 401
    answer = guarded.get("/?token=open-sesame")
    assert answer.status_code == 303 and answer.headers["Location"] == "/"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "open-sesame" not in cookie
    pair = cookie.partition(";")[0]
    assert guarded.get("/", headers={"Cookie": f"other=1; {pair}"}).status_code == 200
    assert guarded.get("/v1/models", headers={"Cookie": pair}).status_code == 200
    guarded.cookies.clear()


@pytest.mark.parametrize(
    "name, status",
    [
        ("testserver:8080", 200),
        ("[::1]:80", 200),
        ("[::1]", 200),
        ("TESTSERVER", 200),
        ("evil.example", 400),
        ("testserver.evil.example", 400),
        ("", 400),
        ("evil:testserver", 400),
    ],
)
def test_only_the_services_own_names_may_be_called(guarded, name, status):
    assert guarded.get("/healthz", headers={"Host": name}).status_code == status


def test_no_training_library_is_imported(exports):
    code = f"""
        import sys
        from starlette.testclient import TestClient
        from kitutils.ship.serve import Host, Settings, create_app
        with TestClient(create_app(Host([{str(exports)!r}], Settings()), Settings())) as client:
            answer = client.post("/predict?model=texts", content="a", headers={{"Content-Type": "text/plain"}})
            assert answer.status_code == 200, answer.text
            assert client.get("/").status_code == 200
        print(sorted({{"tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib"}} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]
