"""The papers around the kit say what is so: licences, CONTRIBUTING, hooks, workflows."""

import hashlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from kitutils import settings

ROOT = settings.root()
PAPERS = ["CONTRIBUTING.md", "README.md", "benchmarks/README.md", "datasets/README.md"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


# --- licences ---------------------------------------------------------------------------------------------------------


def test_the_code_licence_is_apache_2_word_for_word():
    # The hash of LICENSE-2.0.txt as the Apache Software Foundation publishes it.
    text = (ROOT / "LICENSE").read_bytes().replace(b"\r\n", b"\n")
    assert hashlib.sha256(text).hexdigest() == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def test_the_prose_licence_names_the_licence_and_what_it_covers():
    text = read("LICENSE-PROSE")
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in text
    assert "Copyright the course kit's authors." in text
    for path in re.findall(r"(?:notebooks|datasets|benchmarks|kitutils)/[\w./]*|[A-Z]+\.md", text):
        assert (ROOT / path).exists(), path


def test_the_package_declares_both_licences():
    assert PROJECT["license"] == "Apache-2.0 AND CC-BY-4.0"
    assert sorted(PROJECT["license-files"]) == ["LICENSE", "LICENSE-PROSE"]


# --- CONTRIBUTING and the READMEs -------------------------------------------------------------------------------------


def commands():
    from typer.main import get_command

    from kitutils.cli import app

    return get_command(app).commands


@pytest.mark.parametrize("name", PAPERS)
def test_every_command_and_option_that_is_named_is_there(name):
    known = commands()
    for words in re.findall(r"`(?:python3 kit\.py|kit) ([a-z][^`\n]*)`", read(name)):
        command, *rest = words.split()
        assert command in known, f"{name}: kit {words}"
        options = {option for parameter in known[command].params for option in parameter.opts}
        for option in (word for word in rest if word.startswith("--") and word != "--help"):
            assert option in options, f"{name}: kit {words}"


@pytest.mark.parametrize("name", PAPERS)
def test_links_within_the_kit_lead_somewhere(name):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", read(name)):
        assert ((ROOT / name).parent / target).exists(), f"{name}: {target}"


def test_contributing_is_short_and_states_the_rules_that_lint_enforces():
    from kitutils.course import lint, lint_cells, lint_outputs

    text = read("CONTRIBUTING.md")
    rows = {row.split("|")[1].strip(" *"): row for row in text.splitlines() if row.startswith("| ")}
    assert len(text.splitlines()) <= 150
    assert set(re.findall(r"`([\w-]+)`", rows["tags"])) == lint.TAGS
    assert f"{lint_cells.MAX_LINES} lines" in rows["cells"]
    assert f"{lint_outputs.MIN_ALT} characters" in rows["figures"]
    assert f"{lint_outputs.MAX_WIDTH:,} px, {lint_outputs.MAX_DPI} dpi" in rows["figures"]
    assert f"{lint_outputs.MAX_BYTES // 1000} KB" in rows["outputs"]


# --- hooks ------------------------------------------------------------------------------------------------------------


def test_the_hooks_are_valid_and_need_no_network():
    from pre_commit.clientlib import load_config

    load_config(str(ROOT / ".pre-commit-config.yaml"))  # raises if it is not valid
    config = yaml.safe_load(read(".pre-commit-config.yaml"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["id"] for hook in hooks] == ["ruff-check", "ruff-format", "kit-lint"]
    assert all(hook["entry"].startswith("sh .ci/in-venv ") for hook in hooks)


@pytest.mark.parametrize(
    ("path", "looked_at"),
    [
        ("notebooks/source/01_pipeline_in_one_sitting.py", True),
        ("kitutils/checks/lesson_01.py", True),
        ("README.md", True),
        ("datasets/README.md", False),
        ("tests/conftest.py", False),
    ],
)
def test_kit_lint_runs_for_what_its_rules_look_at(path, looked_at):
    config = yaml.safe_load(read(".pre-commit-config.yaml"))
    (lint,) = [hook for hook in config["repos"][0]["hooks"] if hook["id"] == "kit-lint"]
    assert bool(re.search(lint["files"], path)) is looked_at


needs_sh = pytest.mark.skipif(shutil.which("sh") is None or sys.platform == "win32", reason="a POSIX shell's paths")


def in_venv(folder, *arguments, path=""):
    command = ["/bin/sh", ROOT / ".ci" / "in-venv", *arguments]
    return subprocess.run(command, cwd=folder, env={"PATH": path}, capture_output=True, text=True)


@needs_sh
@pytest.mark.parametrize("place", [".venv/bin/python", ".venv/Scripts/python.exe"])
def test_hooks_use_the_kits_own_interpreter(tmp_path, place):
    python = tmp_path / place
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || printf "%s|" "$@"\n')
    python.chmod(0o755)
    done = in_venv(tmp_path, "ruff", "check", "my file.py", path="/nowhere")
    assert (done.returncode, done.stdout) == (0, "-m|ruff|check|my file.py|")


@needs_sh
def test_hooks_say_what_to_do_without_an_interpreter(tmp_path):
    done = in_venv(tmp_path, "ruff", "check", path="/nowhere")
    assert done.returncode == 1
    assert "python3 kit.py test sets up .venv" in done.stderr


# --- workflows --------------------------------------------------------------------------------------------------------


def workflow(name):
    content = yaml.safe_load(read(f".github/workflows/{name}.yml"))
    content["on"] = content.pop(True)  # YAML 1.1 reads the key as a truth value
    return content


def lanes():
    """(system, Python) of each lane that the test workflow's matrix spells out."""
    matrix = workflow("test")["jobs"]["test"]["strategy"]["matrix"]
    product = [(system, python) for system in matrix["os"] for python in matrix["python"]]
    return product + [(lane["os"], lane["python"]) for lane in matrix["include"]]


def test_every_supported_python_on_linux_and_one_lane_on_each_other_system():
    supported = SpecifierSet(PROJECT["requires-python"])
    wanted = [f"3.{minor}" for minor in range(20) if f"3.{minor}.0" in supported]
    assert [python for system, python in lanes() if system.startswith("ubuntu")] == wanted == ["3.11", "3.12", "3.13"]
    others = sorted(system for system, _ in lanes() if not system.startswith("ubuntu"))
    assert [re.match(r"[a-z]+", system)[0] for system in others] == ["macos", "windows"]
    assert int(others[0].partition("-")[2]) >= 14  # the runners before were Intel Macs, which have no wheels
    assert all(python in wanted for _, python in lanes())


def test_one_red_lane_does_not_hide_the_others():
    assert workflow("test")["jobs"]["test"]["strategy"]["fail-fast"] is False


def test_the_lanes_run_the_readmes_command_and_linux_without_a_network():
    steps = workflow("test")["jobs"]["test"]["steps"]
    assert steps[-1]["run"] == "python kit.py test"
    (namespaces,) = [step for step in steps if "userns" in step.get("run", "")]
    assert namespaces["if"] == "runner.os == 'Linux'"


def test_the_newest_versions_are_tried_every_week_and_on_demand():
    newest = workflow("newest")
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", newest["on"]["schedule"][0]["cron"])
    assert "workflow_dispatch" in newest["on"]
    runs = " ".join(step.get("run", "") for step in newest["jobs"]["newest"]["steps"])
    assert "pip install --upgrade" in runs
    assert '-e ".[dev]"' in runs
    assert "requirements" not in runs
    assert "pytest --nbval-lax notebooks" in runs


@pytest.mark.parametrize("name", ["test", "newest"])
def test_workflows_may_only_read_end_in_time_cache_pip_and_pin_actions(name):
    content = workflow(name)
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert job["timeout-minutes"] <= 60
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        assert [re.fullmatch(r"actions/[\w-]+@v\d+", action) is not None for action in used] == [True, True]
        (python,) = [step["with"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
        assert python["cache"] == "pip"
        assert list(ROOT.glob(python["cache-dependency-path"]))
