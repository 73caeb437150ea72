"""What can be told of the container, the dev container, Binder and Colab without any of them: that their files fit."""

import fnmatch
import json
import re
import shlex
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from typer.testing import CliRunner

from kitutils import settings
from kitutils.commands import lessons as commands
from kitutils.course import editions, lab

ROOT = settings.root()
DOCKERFILE = ROOT / ".devcontainer" / "Dockerfile"
RUNNING = (ROOT / "RUNNING.md").read_text(encoding="utf8")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each as its word and the rest of its line."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(line.split()[0], line.split(None, 1)[1].strip()) for line in lines if line.strip()]


def arguments(word: str) -> list[str]:
    return [rest for found, rest in instructions() if found == word]


def in_image(path: str) -> bool:
    """Whether ``COPY .`` takes a file, by Docker's rules: the patterns are read from the root, ``**/`` is any depth."""
    parts = path.split("/")
    for pattern in (ROOT / ".dockerignore").read_text(encoding="utf8").splitlines():
        if not pattern or pattern.startswith("#"):
            continue
        deep = pattern.removeprefix("**/")
        at_any_depth = deep != pattern
        for end in range(1, len(parts) + 1):
            tried = parts[end - 1] if at_any_depth else "/".join(parts[:end])
            if fnmatch.fnmatchcase(tried, deep):
                return False
    return True


def test_the_base_and_the_lock_are_arguments():
    assert instructions()[:2] == [("ARG", "BASE=python:3.12-slim"), ("FROM", "${BASE}")]
    assert "LOCK=requirements.txt" in arguments("ARG")
    assert any('-r "${LOCK}"' in run for run in arguments("RUN"))
    assert {word for word, _ in instructions()} <= {
        "ARG",
        "FROM",
        "RUN",
        "USER",
        "ENV",
        "WORKDIR",
        "COPY",
        "EXPOSE",
        "CMD",
    }


def test_root_makes_the_user_and_nothing_else():
    words = [word for word, _ in instructions()]
    assert arguments("USER") == ["1000"]
    by_root = instructions()[: words.index("USER")]
    assert [word for word, _ in by_root] == ["ARG", "FROM", "RUN"]
    assert "useradd --create-home --uid 1000" in by_root[-1][1] and "pip install" not in by_root[-1][1]
    assert all(rest.startswith("--chown=1000:1000 ") for rest in arguments("COPY"))


def test_no_secret_goes_into_the_image():
    for rest in arguments("ARG") + arguments("ENV"):
        assert not re.search(r"token|secret|passw|key|credential", rest, re.IGNORECASE), rest
    for path in (".env", ".git/config", "notebooks/.env", "server.key", "certificates/server.pem"):
        assert not in_image(path), path


def test_what_is_copied_exists_and_is_not_left_out():
    for rest in arguments("COPY"):
        *sources, _ = rest.removeprefix("--chown=1000:1000 ").split()
        for source in sources:
            assert (ROOT / source).exists() and (source == "." or in_image(source)), source


def test_the_image_has_the_course_and_none_of_what_git_ignores():
    for path in (
        "kit.py",
        "kitutils/cli.py",
        "datasets/digits.yaml",
        "notebooks/source/x.py",
        "requirements.txt",
        "LICENSE",
    ):
        assert in_image(path), path
    ignored = [line for line in (ROOT / ".gitignore").read_text(encoding="utf8").splitlines() if line]
    assert len(ignored) > 8
    for line in ignored:
        name = line.strip("/").replace("*", "x").replace("[cod]", "c")
        for path in [name] if line.startswith("/") or line.startswith(".") else [name, f"kitutils/data/{name}"]:
            assert not in_image(f"{path}/x" if line.endswith("/") else path), (
                f"{line} of .gitignore gets into the image"
            )
    assert not in_image(".git/HEAD")


def test_the_image_installs_the_lock_before_the_kit_so_that_the_layer_is_kept():
    locked, kit = (run for run in arguments("RUN") if "pip install" in run)
    assert re.search(r'sed -i "/\^-e /d" requirements.txt', locked) and "-e ." not in locked
    assert "--no-deps -e ." in kit
    included = {lock: (ROOT / lock).read_text(encoding="utf8") for lock in ("requirements.txt", "requirements-gpu.txt")}
    assert re.search(r"^-r requirements.txt$", included["requirements-gpu.txt"], re.MULTILINE)
    assert re.search(r"^-e \.$", included["requirements.txt"], re.MULTILINE)
    assert not re.search(r"^-e ", included["requirements-gpu.txt"], re.MULTILINE)


def test_the_container_starts_jupyterlab_where_its_port_is_reached(monkeypatch, tmp_path):
    (port,) = arguments("EXPOSE")
    (command,) = map(json.loads, arguments("CMD"))
    asked = {}
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    monkeypatch.setattr(commands, "_find", lambda wanted="": [])
    monkeypatch.setattr(editions, "refresh", lambda folder, lessons: editions.Refreshed([], []))
    monkeypatch.setattr(lab, "run", lambda folder, **options: asked.update(options) or 0)
    assert command[0] == "kit"
    assert CliRunner().invoke(commands.app, command[1:]).exit_code == 0
    assert (asked["ip"], asked["port"], asked["browser"]) == ("0.0.0.0", int(port), False)
    published = re.findall(r"-p (\S+)", RUNNING)
    assert published == [f"127.0.0.1:{port}:{port}"]  # within reach of this machine alone


def test_the_volumes_lie_where_the_image_keeps_a_learners_work():
    (folder,) = arguments("WORKDIR")
    mounted = re.findall(r"-v [\w-]+:(\S+)", RUNNING)
    assert mounted == [f"{folder}/work", "/home/learner/.kitutils"]
    made = arguments("RUN")[-1]
    assert "mkdir -p work /home/learner/.kitutils" in made


def test_the_build_commands_name_the_dockerfile_and_its_arguments():
    builds = re.findall(r"^docker build (?:.*\\\n)*.*$", RUNNING, re.MULTILINE)
    assert len(builds) == 2
    known = {rest.split("=")[0] for rest in arguments("ARG")}
    for build in builds:
        words = shlex.split(build.replace("\\\n", " "))
        assert (ROOT / words[words.index("-f") + 1]) == DOCKERFILE and words[-1] == "."
        given = [words[i + 1].split("=") for i, word in enumerate(words) if word == "--build-arg"]
        assert {name for name, _ in given} <= known
        assert all((ROOT / value).exists() for name, value in given if name == "LOCK")


def test_the_dev_container_is_the_same_image():
    folder = ROOT / ".devcontainer"
    said = json.loads((folder / "devcontainer.json").read_text(encoding="utf8"))
    assert folder / said["build"]["dockerfile"] == DOCKERFILE
    assert (folder / said["build"]["context"]).resolve() == ROOT
    assert f"--shell /bin/bash {said['remoteUser']}" in arguments("RUN")[0]
    assert [str(port) for port in said["forwardPorts"]] == arguments("EXPOSE")
    # The checkout lies elsewhere than the image's own copy, so the kit is installed anew from it.
    assert said["postCreateCommand"].startswith("pip install") and "-e ." in said["postCreateCommand"]
    interpreter = said["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert f"VIRTUAL_ENV={interpreter.removesuffix('/bin/python')}" in arguments("ENV")


@pytest.mark.parametrize("rival", ["Dockerfile", "binder", ".binder"])
def test_binder_finds_nothing_that_it_prefers_to_environment_yml(rival):
    """repo2docker looks into a folder binder/ or .binder/ first, and takes a Dockerfile before anything else."""
    assert not (ROOT / rival).exists()


def test_binder_and_conda_get_the_lock_and_a_python_that_it_is_for():
    said = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf8"))
    conda = [entry for entry in said["dependencies"] if isinstance(entry, str)]
    (pip,) = (entry["pip"] for entry in said["dependencies"] if isinstance(entry, dict))
    assert pip == ["-r requirements.txt"] and "pip" in conda
    (python,) = (entry for entry in conda if entry.startswith("python"))
    pinned = re.fullmatch(r"python=(\d+\.\d+)", python)  # the only form in which repo2docker reads a version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert pinned and Version(pinned[1]) in Requirement(f"x{project['requires-python']}").specifier


def colab_cell() -> str:
    return re.search(r"```python\n(.*?)```", RUNNING, re.DOTALL)[1]


def test_the_colab_cell_installs_the_lower_bounds_of_all_but_jupyter(monkeypatch, tmp_path):
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [])
    plain = [line for line in colab_cell().splitlines() if line[:1] not in ("!", "%")]
    exec(compile("\n".join(plain), "the cell", "exec"), {})
    needs = [Requirement(line) for line in (tmp_path / "needs.txt").read_text().splitlines()]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    left_out = {Requirement(line).name for line in project["dependencies"]} - {need.name for need in needs}
    assert left_out == {"ipykernel", "ipywidgets", "jupyterlab", "nbclient", "nbconvert", "nbformat"}
    assert {"tensorflow", "keras", "tf2onnx", "pooch"} <= {need.name for need in needs}
    assert all({bound.operator for bound in need.specifier} == {">="} for need in needs)


def test_the_colab_cell_takes_any_clone_and_no_lock():
    cell = colab_cell()
    assert "{CLONE}" in cell and cell.count("http") == 1
    assert "requirements" not in cell and "%pip install --quiet --no-deps -e kit" in cell
