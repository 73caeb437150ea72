"""The container of ``kit serve``: what its files say, and a service built and started as they say, without a container.

The second part fetches packages, so it runs with ``KIT_CONTAINER=1`` only, outside the network namespace of kit test.
"""

import base64
import fnmatch
import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer
import yaml

from kitutils import settings
from kitutils.ship.manifest import listed

ROOT = settings.root()
WANTED = os.environ.get("KIT_CONTAINER", "").strip() not in ("", "0")  # read here: every test runs without KIT_*
ABSENT = {"tensorflow", "keras", "pandas", "sklearn", "jupyterlab", "ipykernel", "matplotlib", "flask"}
CHANGES_NOTHING = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}


def stages():
    """The instructions before the first FROM, those of the building stage, those of the final one: (word, rest)."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile.serve").read_text(encoding="utf8"), flags=re.MULTILINE)
    found = [[]]
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            word, rest = line.split(None, 1)
            if word == "FROM":
                found.append([])
            found[-1].append((word, rest.strip()))
    return found


def of(stage, word):
    return [rest for found, rest in stage if found == word]


BEFORE, BUILD, FINAL = stages()
COMPOSE = yaml.safe_load((ROOT / "compose.serve.yaml").read_text(encoding="utf8"))
(ENTRYPOINT,) = map(json.loads, of(FINAL, "ENTRYPOINT"))
(HEALTH,) = (json.loads(rest.partition(" CMD ")[2]) for rest in of(FINAL, "HEALTHCHECK"))
(PORT,) = of(FINAL, "EXPOSE")
(ENVIRONMENT,) = {copied.split()[-1] for copied in of(FINAL, "COPY")}


# --- the files --------------------------------------------------------------------------------------------------------


def test_both_stages_stand_on_one_base_with_a_tag():
    assert BEFORE == [("ARG", "BASE=python:3.12-slim-bookworm")]
    assert of(BUILD, "FROM") == ["${BASE} AS build"] and of(FINAL, "FROM") == ["${BASE}"]


def test_the_final_stage_runs_nothing_as_root_and_takes_the_environment_alone():
    words = [word for word, _ in FINAL]
    assert "RUN" not in words and "ADD" not in words + [word for word, _ in BUILD]
    assert of(FINAL, "COPY") == [f"--from=build {ENVIRONMENT} {ENVIRONMENT}"]
    (user,) = of(FINAL, "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user) and words.index("USER") < words.index("ENTRYPOINT")
    assert of(FINAL, "STOPSIGNAL") == ["SIGTERM"]
    assert f"PATH={ENVIRONMENT}/bin:${{PATH}}" in of(FINAL, "ENV")[0]


def test_what_is_installed_is_the_lock_and_then_the_kit_without_dependencies():
    create, lock, kit = of(BUILD, "RUN")
    assert create.endswith(f"-m venv --without-pip {ENVIRONMENT}")
    assert "-r requirements-serve.txt" in lock and "--only-binary :all:" in lock
    assert kit.endswith("--no-deps .")
    assert all(f"pip --python {ENVIRONMENT}/bin/python install" in run for run in (lock, kit))
    locked = re.findall(r"^([\w-]+)==", (ROOT / "requirements-serve.txt").read_text(encoding="utf8"), re.MULTILINE)
    assert {"fastapi", "uvicorn", "ai-edge-litert", "onnxruntime"} <= set(locked)
    assert not {"tensorflow", "keras", "pandas", "scikit-learn", "jupyterlab"} & set(locked)


def test_nothing_is_copied_that_is_not_there_or_is_left_out_or_is_a_secret():
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf8").splitlines()
    for copied in of(BUILD, "COPY"):
        *sources, _ = copied.split()
        for source in sources:
            assert (ROOT / source).exists() and source != "."
            assert not any(fnmatch.fnmatchcase(source, pattern) for pattern in left_out)
    for _, rest in [*BEFORE, *BUILD, *FINAL]:
        assert not re.search(r"token|secret|passw|credential|https?://(?!127)", rest, re.IGNORECASE), rest


def test_its_command_is_one_that_kit_serve_understands():
    from kitutils.commands import serving

    python, *start = ENTRYPOINT[:4]
    assert python == "python" and start == ["-m", "kitutils", "serve"]
    command = typer.main.get_command(serving.app)
    asked = command.make_context("serve", [*ENTRYPOINT[4:], *COMPOSE["services"]["serve"]["command"]]).params
    assert asked["host"] == "0.0.0.0" and asked["port"] == int(PORT)
    assert list(asked["folders"]) == [Path("/models")]


@pytest.mark.parametrize("name", list(COMPOSE["services"]))
def test_a_service_of_the_compose_file_changes_nothing_and_is_in_reach_of_this_machine_alone(name):
    service = COMPOSE["services"][name]
    assert {key: service[key] for key in CHANGES_NOTHING} == CHANGES_NOTHING
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "container_name" not in service  # or there could be only one
    if "build" not in service:
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])


def test_the_compose_file_starts_the_image_as_it_is_meant():
    serve = COMPOSE["services"]["serve"]
    assert (ROOT / serve["build"]["context"] / serve["build"]["dockerfile"]).is_file()
    assert "entrypoint" not in serve and "user" not in serve  # the image's
    (models,) = serve["volumes"]
    assert models["target"] == "/models" and models["read_only"] is True
    assert serve["tmpfs"] == ["/tmp"] and "HOME=/tmp" in of(FINAL, "ENV")[0]
    (published,) = serve["ports"]
    low, high = map(int, published.split(":")[1].split("-"))
    assert published.endswith(f":{PORT}") and high > low  # a port for each of several replicas
    kind, *command = serve["healthcheck"]["test"]
    assert kind == "CMD" and [re.sub(r"\s+", " ", word) for word in HEALTH] == command


def test_prometheus_asks_every_replica_where_it_answers():
    prometheus = COMPOSE["services"]["prometheus"]
    config, target, mode = prometheus["volumes"][0].split(":")
    assert target == "/etc/prometheus/prometheus.yml" and mode == "ro"
    said = yaml.safe_load((ROOT / config).read_text(encoding="utf8"))
    (job,) = said["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert found["names"] == ["serve"] and "serve" in COMPOSE["services"]
    assert str(found["port"]) == PORT and job["metrics_path"] == "/metrics"


# --- the service ------------------------------------------------------------------------------------------------------


def interpreter():
    """A Python of the base's version with pip, or else the one that runs the tests."""
    version = re.search(r"python:(\d+\.\d+)", BEFORE[0][1])[1]
    found = shutil.which(f"python{version}")
    if found and subprocess.run([found, "-c", "import pip, venv"], capture_output=True).returncode == 0:
        return found
    return sys.executable


def build(folder):
    """Do what the building stage says, in a folder; returns the environment that it makes."""
    environment, work = folder / "opt", folder
    tools = folder / "bin"
    tools.mkdir()
    (tools / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(interpreter())} "$@"\n')
    (tools / "python").chmod(0o755)
    surroundings = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    for word, rest in BUILD:
        if word == "WORKDIR":
            work = folder / rest.strip("/")
            work.mkdir()
        elif word == "COPY":
            *sources, to = rest.split()
            for source in sources:
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, work / to, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy2(ROOT / source, work / to)
        elif word == "RUN":
            line = rest.replace(ENVIRONMENT, str(environment))
            done = subprocess.run(
                ["sh", "-c", line], cwd=work, env=surroundings, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        else:
            assert word == "FROM"
    return environment


@pytest.fixture(scope="module")
def container(shipped, tmp_path_factory):
    """The service as the image starts it: its environment and no other variable, in the root folder."""
    folder = tmp_path_factory.mktemp("container")
    environment = build(folder)
    models, home = folder / "models", folder / "tmp"
    home.mkdir()
    for kind in ("images", "texts", "rows"):
        shutil.copytree(shipped(kind).folder, models / kind)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = dict(word.split("=", 1) for word in shlex.split(of(FINAL, "ENV")[0]))
    given = {key: value.replace("${PATH}", os.environ["PATH"]) for key, value in given.items()}
    given = {key: value.replace(ENVIRONMENT, str(environment)) for key, value in given.items()} | {"HOME": str(home)}
    python = str(environment / "bin" / "python")
    command = [python, *(str(models) if word == "/models" else word for word in ENTRYPOINT[1:]), "--port", str(port)]
    before = listed(environment), listed(models)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd="/", env=given, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        one = SimpleNamespace(process=process, port=port, python=python, env=given, log=folder / "log", home=home)
        one.unchanged = lambda: before == (listed(environment), listed(models))
        try:
            until = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < until:
                try:
                    ask(one, "/healthz")
                    break
                except OSError:
                    time.sleep(0.1)
            yield one
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def ask(one, path, body=None, kind=None):
    request = urllib.request.Request(f"http://127.0.0.1:{one.port}{path}", body, {"Content-Type": kind} if kind else {})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert answer.status == 200
        return answer.read()


def healthy(one):
    """The exit code of the image's own health check."""
    command = [one.python, *(word.replace(PORT, str(one.port)) for word in HEALTH[1:])]
    return subprocess.run(command, cwd="/", env=one.env, capture_output=True, timeout=30).returncode


def png(image):
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(image).save(written, "PNG")
    return written.getvalue()


needs_packages = pytest.mark.skipif(not WANTED, reason="fetches packages: set KIT_CONTAINER=1")


@needs_packages
@pytest.mark.slow
def test_the_image_s_environment_answers_is_healthy_and_stops_when_told(container, shipped, predictor):
    """In one test, because its parts come one after the other in the life of one process."""
    log = lambda: container.log.read_text(errors="replace")
    assert container.process.poll() is None, log()
    assert healthy(container) == 0, log()
    ask(container, "/readyz")

    bodies = {
        "images": (png(shipped("images").raw[0]), "image/png"),
        "texts": (shipped("texts").raw[0].encode(), "text/plain"),
        "rows": (json.dumps({"row": plain(shipped("rows").raw[0])}).encode(), "application/json"),
    }
    for kind, (body, content) in bodies.items():
        one = shipped(kind)
        answer = json.loads(ask(container, f"/predict?model={one.manifest.name}", body, content))
        (expected,) = predictor(kind, "litert").predict(one.raw[:1])
        assert set(answer["probabilities"]) == set(one.labels)
        for label, value in expected.probabilities.items():
            assert answer["probabilities"][label] == pytest.approx(value, abs=1e-5)
    name = shipped("images").manifest.name
    instance = {"b64": base64.b64encode(bodies["images"][0]).decode()}
    answer = ask(container, f"/v1/models/{name}:predict", json.dumps({"instances": [instance]}).encode())
    arrays = predictor("images", "litert").prepare(shipped("images").raw[:1])
    outputs = predictor("images", "litert").outputs(arrays)
    np.testing.assert_allclose(json.loads(answer)["predictions"], outputs, atol=1e-4)

    # The page and its files are in the wheel.
    page = ask(container, "/").decode()
    files = re.findall(r'(?:src|href)="/?([\w.]+\.(?:js|css))"', page)
    assert len(files) >= 2 and all(ask(container, f"/{path}") for path in files)
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())["scrape_configs"][0]["metrics_path"]
    assert re.search(rf'kit_requests_total{{[^}}]*model="{name}"', ask(container, scraped).decode())

    container.process.send_signal(signal.SIGTERM)
    assert container.process.wait(30) == 0, log()
    assert healthy(container) != 0
    assert container.unchanged() and not list(container.home.iterdir())
    assert "Traceback" not in log()


@needs_packages
@pytest.mark.slow
def test_nothing_is_installed_that_a_service_does_not_need(container):
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    done = subprocess.run(
        [container.python, "-c", code, *sorted(ABSENT), "pip", "kitutils"], capture_output=True, cwd="/"
    )
    assert done.stdout.decode().strip() == "['kitutils']", done.stderr
    code = "import kitutils.cli, kitutils.ship.serve, kitutils.data.tokens as t; print(t.__file__)"
    done = subprocess.run([container.python, "-c", code], capture_output=True, cwd="/", env=container.env, text=True)
    assert done.returncode == 0 and str(Path(container.python).parent.parent) in done.stdout, done.stderr


def plain(row):
    """A row as JSON has it: no NumPy, and null where a value is missing."""
    found = {key: value.item() if hasattr(value, "item") else value for key, value in row.items()}
    return {key: None if value != value else value for key, value in found.items()}
