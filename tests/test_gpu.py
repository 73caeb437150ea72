"""``kit gpu`` on machines without one: each thing that can be missing has its sentence."""

import ctypes.util
import json
import os
import stat
import subprocess
import sys

import pytest

from kitutils import gpu, settings

posix = pytest.mark.skipif(os.name == "nt", reason="the fake tools on the PATH are scripts with a #! line")


@pytest.fixture
def path(tmp_path, monkeypatch):
    """``path(name, script)`` puts a tool on a PATH that has nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name, script):
        file = folder / name
        file.write_text(f"#!{sys.executable} -IS\nimport sys\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return file

    return add


# --- the platform and the driver --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("win32", "AMD64", "WSL2"),
        ("darwin", "arm64", "macOS"),
        ("linux", "riscv64", "linux on riscv64"),
        ("freebsd14", "x86_64", "freebsd14"),
    ],
)
def test_where_there_is_no_cuda_build_it_says_so(system, machine, words):
    assert words in gpu.platform_problem(system, machine)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_linux_is_served(machine):
    assert gpu.platform_problem("linux", machine) is None


@posix
@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, ["nvidia-smi is missing", "525.60", "--gpus all"]),
        ("sys.exit(9)", ["does not answer", "CalledProcessError", "Restart"]),
        ("print('')", ["sees no GPU", "--gpus all"]),
        ("print('Tesla K80, 470.199.02')", ["Tesla K80 has driver 470.199.02", "525.60 or newer"]),
        ("print('A, 550.54.14\\nB, rev 2, 525.59')", ["B, rev 2 has driver 525.59"]),
        ("print('Fancy GPU, [N/A]')", ["Fancy GPU", "[N/A]"]),
    ],
)
def test_what_is_wrong_with_the_driver(path, script, words):
    if script:
        path("nvidia-smi", script)
    problem = gpu.driver_problem()
    assert problem and all(word in problem for word in words), problem


@posix
@pytest.mark.parametrize("answer", ["NVIDIA H200, 570.86.15", "NVIDIA A100, 525.60.13", "A, 525.60\nB, 1000.1"])
def test_a_driver_that_is_new_enough_is_fine(path, answer):
    path("nvidia-smi", f"print({answer!r})")
    assert gpu.driver_problem() is None


@posix
def test_a_driver_that_hangs_is_not_waited_for(path, monkeypatch):
    path("nvidia-smi", "import time; time.sleep(60)")
    run = subprocess.run
    monkeypatch.setattr(gpu.subprocess, "run", lambda *a, **options: run(*a, **options | {"timeout": 0.2}))
    assert "TimeoutExpired" in gpu.driver_problem()


# --- the libraries ----------------------------------------------------------------------------------------------------


def test_a_library_that_cannot_be_loaded_is_named_with_the_reason(tmp_path, monkeypatch):
    broken = tmp_path / "nvidia" / "cudnn" / "lib" / "libbroken.so.9"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"this is no library")
    good = ctypes.util.find_library("m") or ctypes.util.find_library("c")
    monkeypatch.setattr(gpu, "LIBRARIES", {"libbroken.so.9": "a", "libnowhere.so.1": "b", good: "c"})
    missing = gpu.missing_libraries([tmp_path / "absent", tmp_path])
    assert set(missing) == {"libbroken.so.9", "libnowhere.so.1"}
    assert str(broken) in missing["libbroken.so.9"]


def test_each_library_comes_with_a_package_of_the_lock():
    lock = (settings.root() / "requirements-gpu.txt").read_text(encoding="utf8")
    assert gpu.LIBRARIES
    for library, package in gpu.LIBRARIES.items():
        assert f"\n{package}==" in lock, f"{library}: {package} is not in requirements-gpu.txt"


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch):
    """A machine on which CUDA can be installed; the proof's process is replaced by a note and an exit code."""
    monkeypatch.setattr(gpu, "platform_problem", lambda *a: None)
    monkeypatch.setattr(gpu, "driver_problem", lambda: None)
    calls = []

    def call(code):
        def run(command, **options):
            calls.append((command, options))
            return code if command[1:] == ["-m", "kitutils.gpu"] else 0

        return run

    return lambda code: (monkeypatch.setattr(gpu.subprocess, "call", call(code)), calls)[1]


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("uv", [None, "/usr/bin/uv"])
def test_it_installs_then_proves_in_a_fresh_process(served, monkeypatch, uv, code):
    calls = served(code)
    monkeypatch.setattr(gpu.shutil, "which", lambda name: uv)
    assert gpu.main() == code
    (install, options), (proof, _) = calls
    assert install[:3] == ([uv, "pip", "install"] if uv else [sys.executable, "-m", "pip"])
    assert not uv or install[install.index("--python") + 1] == sys.executable
    assert install[-2:] == ["-r", "requirements-gpu.txt"] and options["cwd"] == settings.root()
    assert proof == [sys.executable, "-m", "kitutils.gpu"]


def test_an_installation_that_fails_is_told_and_proves_nothing(served, monkeypatch, capsys):
    served(0)
    commands = []
    monkeypatch.setattr(gpu.subprocess, "call", lambda command, **options: commands.append(command) or 1)
    assert gpu.main() == 1
    assert len(commands) == 1 and "did not finish" in capsys.readouterr().out


@pytest.mark.parametrize("which", ["platform_problem", "driver_problem"])
def test_a_problem_is_told_before_anything_is_downloaded(served, monkeypatch, capsys, which):
    calls = served(0)
    monkeypatch.setattr(gpu, which, lambda *a: "the reason")
    assert gpu.main() == 1
    assert calls == [] and capsys.readouterr().out.strip() == "the reason"


# --- the proof --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def step():
    return gpu.training_step("/CPU:0")


def test_one_step_is_the_same_each_time(step):
    again = gpu.training_step("/CPU:0")
    assert again == step and gpu.difference(again, step) == 0
    assert 0 < step["loss"] < 10
    assert len(step["weights"]) == 8 * 27 + 8 + 4 * 8 + 8 * 10 + 10  # convolution, normalisation, dense


def test_a_planted_change_is_seen(step):
    for place in (0, -1):
        weights = list(step["weights"])
        weights[place] += 0.01
        assert gpu.difference(step | {"weights": weights}, step) == pytest.approx(0.01, rel=1e-3)
    assert gpu.difference(step | {"loss": step["loss"] - 0.5}, step) == pytest.approx(0.5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_result_that_is_no_number_is_no_agreement(step, bad):
    assert not gpu.difference(step | {"weights": [bad, *step["weights"][1:]]}, step) <= gpu.TOLERANCE


class FakeGpus:
    """TensorFlow with GPUs that this machine does not have."""

    __version__ = "2.99"

    def __init__(self, *names):
        self.names = names
        self.config = self.experimental = self.sysconfig = self

    def list_physical_devices(self, kind):
        return list(self.names)

    def get_device_details(self, device):
        return {"device_name": device}

    def get_build_info(self):
        return {"cuda_version": "12.9"}


@pytest.fixture
def machine(monkeypatch, step):
    """``machine(*names, results=…)``: GPUs with these names, and what each device's step gives."""

    def install(*names, results=()):
        monkeypatch.setitem(sys.modules, "tensorflow", FakeGpus(*names))
        devices = {"/CPU:0": step} | {f"/GPU:{i}": result for i, result in enumerate(results)}
        monkeypatch.setattr(gpu, "training_step", devices.__getitem__)

    return install


def test_gpus_that_agree_are_listed(machine, capsys, step):
    near = step | {"loss": step["loss"] + 1e-5}
    machine("H200", "A100", results=[step, near])
    assert gpu.prove() == 0
    first, second, versions = capsys.readouterr().out.splitlines()
    assert first.startswith("GPU 0: H200: one training step agrees") and second.startswith("GPU 1: A100")
    assert json.loads(versions) == {"tensorflow": "2.99", "cuda": "12.9"}


@pytest.mark.parametrize("change", [0.1, float("nan")])
def test_a_gpu_that_computes_something_else_is_not_trusted(machine, capsys, step, change):
    machine("H200", results=[step | {"loss": step["loss"] + change}])
    assert gpu.prove() == 1
    out = capsys.readouterr().out
    assert "differs from the CPU's" in out and "Do not trust it" in out and "agrees" not in out


@pytest.mark.parametrize(
    ("missing", "driver", "words"),
    [
        (
            {"libcudnn.so.9": "no such file"},
            None,
            ["libcudnn.so.9 cannot be loaded", "nvidia-cudnn-cu12", "pip install"],
        ),
        ({}, "the driver is old", ["the driver is old"]),
        ({}, None, ["CUDA_VISIBLE_DEVICES"]),
    ],
)
def test_no_gpu_in_sight_says_why(machine, monkeypatch, capsys, missing, driver, words):
    machine()
    monkeypatch.setattr(gpu, "missing_libraries", lambda folders: missing)
    monkeypatch.setattr(gpu, "driver_problem", lambda: driver)
    assert gpu.prove() == 1
    out = capsys.readouterr().out
    assert "sees no GPU" in out and all(word in out for word in words), out
