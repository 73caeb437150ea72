"""`kit doctor`: every state that it names. What can be built is built and really run; hardware goes through Facts."""

import ast
import http.server
import itertools
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from kitutils import (
    doctor,
    doctor_data,
    doctor_findings,
    doctor_gpu,
    doctor_packages,
    doctor_probe,
    gpu,
    lock,
    settings,
)

ROOT = settings.root()
PARTS = sorted((ROOT / "kitutils").glob("doctor*.py"))
FOR_ANY_PYTHON = [ROOT / "kit.py", *(ROOT / "kitutils" / f"{name}.py" for name in ("doctor", "doctor_findings"))]
FOR_ANY_PYTHON.append(ROOT / "kitutils" / "doctor_probe.py")
# The Python that the tests' own environment was made from has nothing of the kit in it.
BARE = Path(sys._base_executable).resolve()
posix = pytest.mark.skipif(os.name == "nt", reason="the fake tools on the PATH are scripts with a #! line")
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at what Linux tells of itself")


def loaded(path):
    """kit.py as a module."""
    spec = doctor_probe.importlib.util.spec_from_file_location("kit_of_a_test", path)
    module = doctor_probe.importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- any Python reads it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FOR_ANY_PYTHON, ids=lambda path: path.name)
def test_it_parses_under_the_grammar_of_python_3_6(path):
    source = path.read_text(encoding="utf8")
    tree = ast.parse(source, feature_version=(3, 6))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.NamedExpr | ast.Match)]
    assert not [a for node in ast.walk(tree) if isinstance(node, ast.arguments) for a in node.posonlyargs]
    assert "from __future__ import annotations" not in source


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.name)
def test_it_imports_the_standard_library_and_its_own_parts_only(path):
    own = {"doctor_data", "doctor_findings", "doctor_gpu", "doctor_packages", "doctor_probe", "gpu", "settings"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            assert names <= sys.stdlib_module_names | {"kitutils"}
        elif isinstance(node, ast.ImportFrom):
            head, *rest = node.module.split(".")
            assert head in sys.stdlib_module_names or head == "kitutils"
            if head == "kitutils":
                assert set(rest) <= own and (rest or {alias.name for alias in node.names} <= own)


def test_it_supports_the_pythons_that_the_kit_supports():
    kit = loaded(ROOT / "kit.py")
    assert (doctor_findings.OLDEST, doctor_findings.NEWEST) == (kit.OLDEST, kit.NEWEST)
    assert set(lock.PLATFORMS) == doctor_findings.PLATFORMS


# --- hardware, through Facts ------------------------------------------------------------------------------------------

HEALTHY = doctor.Facts(
    python=(3, 12, 1),
    bits=64,
    supported=True,
    other_python="",
    can_make_venv=True,
    installation="here",
    system="linux",
    machine="x86_64",
    release="2.36",
    translated=False,
    avx=True,
    memory_gb=16.6,
    free_memory_gb=9.0,
    free_disk_gb=50.0,
    needed_disk_gb=0.0,
    unwritable=(),
    gpus=(),
    gpu_trouble="missing",
    variables={},
    keras_json={},
    proxies=(),
    no_proxy="",
    shadows=(),
    python_path_shadows=(),
    port_taken=False,
    private=(),
    user="",
    locked={"keras": "3.15.1", "tensorflow": "2.21.0", "protobuf": "7.36.2"},
    minimums={"keras": "3.12"},
    packages={"keras": "3.15.1", "tensorflow": "2.21.0", "protobuf": "7.36.2"},
    pip="pip",
    python_command=".venv/bin/python",
    cuda_missing=("nvidia-cudnn-cu12",),
)
CUDA = {"cuda": ("nvidia-cudnn-cu12",), "cuda_missing": ()}
T4 = {"gpus": (("Tesla T4", "535.10"),), "gpu_trouble": ""}
WINDOWS = {"system": "win32", "machine": "AMD64", "release": ""}
NEW = {"installation": "none", "needed_disk_gb": 4.5}

# (what is so, the check, the level, words that the finding must hold)
STATES = [
    ({"python": (3, 10, 4), "supported": False}, "Python", "problem", ["too old", "3.11 to 3.13", "apt install"]),
    ({"python": (3, 14, 0), "supported": False}, "Python", "problem", ["too new", "python3.12 kit.py doctor"]),
    (
        {"python": (3, 9, 0), "supported": False, "other_python": "/opt/python3.12"},
        *("Python", "warning", ["/opt/python3.12 kit.py doctor"]),
    ),
    ({"bits": 32, "supported": False}, "Python", "problem", ["32 bits", "64-bit"]),
    ({"bits": 32, "supported": False, **WINDOWS}, "Python", "problem", ["winget install"]),
    ({"system": "darwin", "release": "14.5"}, "system", "problem", ["Intel Mac", "container"]),
    ({"system": "darwin", "release": "14.5", "translated": True}, "system", "problem", ["Rosetta", "brew install"]),
    ({"system": "darwin", "machine": "arm64", "release": "13.6.1"}, "system", "problem", ["13.6.1", "14 or newer"]),
    ({"machine": "riscv64"}, "system", "problem", ["riscv64"]),
    ({"system": "win32", "machine": "ARM64", "release": ""}, "system", "problem", ["ARM64"]),
    ({"release": "2.17"}, "system", "problem", ["glibc 2.17", "2.28"]),
    ({"release": ""}, "system", "problem", ["musl"]),
    ({"avx": False}, "processor", "problem", ["AVX", "Illegal instruction", "-cpu host"]),
    ({"memory_gb": 1.9, "free_memory_gb": 1.0}, "memory", "problem", ["1.9 GB", "0.8 GB"]),
    ({"memory_gb": 3.0, "free_memory_gb": 2.0}, "memory", "warning", ["3.0 GB", "kernel"]),
    ({"free_memory_gb": 0.9}, "memory", "warning", ["0.9 GB of 16.6 GB", "close"]),
    ({"needed_disk_gb": 4.5, "free_disk_gb": 3.0}, "disk", "problem", ["3.0 GB", "4.5"]),
    ({"free_disk_gb": 0.4}, "disk", "warning", ["0.4 GB", "pip cache purge"]),
    ({"unwritable": (("your home folder", "/h"),)}, "folders", "problem", ["home folder", "/h", "export HOME="]),
    ({"unwritable": (("KIT_HOME", "/h"),)}, "folders", "problem", ["export KIT_HOME="]),
    ({"unwritable": (("the kit's folder", "/k"),)}, "folders", "problem", [".venv", "Copy the kit's folder"]),
    ({**NEW, "can_make_venv": False}, "installation", "problem", ["ensurepip", "apt install python3.12-venv"]),
    (NEW, "installation", "warning", ["1 GB", "python3 kit.py lab"]),
    ({**NEW, **WINDOWS}, "installation", "warning", ["py kit.py lab"]),
    ({"installation": "broken"}, "installation", "problem", ["broken off", "python3 kit.py lab"]),
    ({"installation": "outdated"}, "installation", "warning", ["python3 kit.py lab"]),
    ({"installation": "astray"}, "installation", "problem", ["away from the kit's folder"]),
    ({"variables": {"KERAS_BACKEND": "jax"}}, "variables", "problem", ["jax", "unset KERAS_BACKEND"]),
    (
        {"variables": {"KERAS_BACKEND": "jax"}, **WINDOWS},
        *("variables", "problem", ["Remove-Item Env:KERAS_BACKEND"]),
    ),
    ({"variables": {"TF_USE_LEGACY_KERAS": "1"}}, "variables", "problem", ["tf_keras", "unset TF_USE_LEGACY_KERAS"]),
    ({"variables": {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "cpp"}}, "variables", "problem", ["cannot be imported"]),
    ({"variables": {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}}, "variables", "warning", ["slow"]),
    ({"variables": {"TF_ENABLE_ONEDNN_OPTS": "0"}}, "variables", "warning", ["twice as long"]),
    ({"keras_json": {"backend": "torch"}}, "variables", "problem", ["keras.json", "torch", "delete the file"]),
    ({"keras_json": {"image_data_format": "channels_first"}}, "variables", "problem", ["channels_last"]),
    ({"settings": ("KIT_PROFILE is 'x'; no.",)}, "variables", "problem", ["KIT_PROFILE is 'x'", "unset KIT_PROFILE"]),
    ({"proxies": ("HTTPS_PROXY",)}, "proxy", "warning", ["HTTPS_PROXY", "NO_PROXY", "localhost,127.0.0.1"]),
    ({"port_taken": True}, "port", "warning", ["8888", "next free port", "jupyter server list"]),
    (
        {"gpus": T4["gpus"], **WINDOWS},
        "GPU",
        "warning",
        ["native Windows", "wsl --install"],
    ),
    (T4, "GPU", "warning", ["Tesla T4", "kit.py gpu"]),
    ({**T4, "installation": "ready"}, "GPU", "warning", ["Tesla T4", "kit.py gpu"]),
    ({**T4, **CUDA, "cuda_missing": ("nvidia-cufft-cu12",)}, "GPU", "problem", ["nvidia-cufft-cu12", "kit.py gpu"]),
    (CUDA, "GPU", "problem", ["no NVIDIA driver", "nvidia-smi is missing", "ubuntu-drivers"]),
    ({**CUDA, "gpu_trouble": "nvidia-smi does not answer (X)"}, "GPU", "problem", ["does not answer (X)"]),
    ({**CUDA, "gpu_trouble": ""}, "GPU", "warning", ["no GPU", "--gpus all"]),
    ({**CUDA, "gpus": (("K80", "470.57"),)}, "GPU", "problem", ["K80, driver 470.57", "525.60"]),
    ({"gpus": (("K80", "525.59"),)}, "GPU", "warning", ["too old", "525.60"]),
    ({"gpus": (("6800", "96.43.20"),)}, "GPU", "warning", ["too old", "525.60"]),
    ({**CUDA, **T4, "variables": {"CUDA_VISIBLE_DEVICES": "-1"}}, "GPU", "warning", ["hides Tesla T4"]),
    ({"packages": {**HEALTHY.packages, "tensorflow-metal": "1.2"}}, "TensorFlow", "problem", ["uninstall -y tensorf"]),
]


def said(finding):
    return f"{finding.found} {finding.cause} {finding.mend}"


def faults(findings):
    return [finding for finding in findings if finding.level != doctor.OK]


def test_a_healthy_machine_has_no_fault_and_every_check_a_line():
    findings = doctor.diagnose(HEALTHY)
    assert faults(findings) == [] and doctor.exit_code(findings) == 0
    checks = [finding.check for finding in findings]
    assert len(checks) == len(set(checks)) == 18
    assert doctor.closing(HEALTHY, findings) == "All is well."


@pytest.mark.parametrize(("changes", "check", "level", "words"), STATES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_state_is_named_with_its_cause_and_what_mends_it(changes, check, level, words):
    findings = doctor.diagnose(HEALTHY._replace(**changes))
    (finding,) = faults(findings)
    assert (finding.check, finding.level) == (check, level)
    assert finding.cause and finding.mend
    assert [word for word in words if word not in said(finding)] == []
    assert doctor.exit_code(findings) == (level == "problem")


@pytest.mark.parametrize(
    "changes",
    [
        {"machine": "aarch64", "avx": None},
        {"system": "darwin", "machine": "arm64", "release": "15.1", "avx": None},
        WINDOWS,
        {"avx": None},
        {"memory_gb": None, "free_memory_gb": None},
        {"variables": {"KERAS_BACKEND": "tensorflow", "TF_USE_LEGACY_KERAS": "0"}},
        {"variables": {"KERAS_BACKEND": "tensorflow"}, "keras_json": {"backend": "jax"}},  # the variable wins
        {"proxies": ("http_proxy",), "no_proxy": "localhost, 127.0.0.1,.example.org"},
        {"proxies": ("http_proxy",), "no_proxy": "*"},
        {**T4, **CUDA},
        {"installation": "ready"},
    ],
)
def test_what_is_no_fault_is_not_called_one(changes):
    assert faults(doctor.diagnose(HEALTHY._replace(**changes))) == []


def test_an_intel_python_on_an_old_macos_is_not_fooled_by_its_own_compatibility_number():
    facts = HEALTHY._replace(system="darwin", machine="arm64", release="10.16", python=(3, 8, 0), supported=False)
    assert [finding.check for finding in faults(doctor.diagnose(facts))] == ["Python"]


@pytest.mark.parametrize(("installer", "command"), [("uv", "uv pip install --python"), ("", "kit.py lab --fresh")])
def test_the_command_is_one_that_works_here(installer, command):
    (finding,) = faults(doctor.diagnose(HEALTHY._replace(packages={}, pip=installer)))
    assert command in finding.mend


# --- a report that may be shown around --------------------------------------------------------------------------------


@given(
    user=st.sampled_from(["anna", "li.wei", "user1", "o'neil"]),
    folder=st.sampled_from(["/home/{}", "/Users/{}", "/srv/data/{}/home"]),
    inside=st.sampled_from(["课程", "my 课程 folder", "Desktop/2nd"]),
)
def test_a_help_report_tells_no_personal_path(user, folder, inside):
    home = folder.format(user)
    root = f"{home}/{inside}"
    facts = HEALTHY._replace(
        unwritable=(("the kit's folder", root), ("KIT_HOME", f"{home}/.kitutils")),
        shadows=((f"{root}/work/keras.py", "keras"), (f"/media/{user}/stick/numpy.py", "numpy")),
        mirror=f"/media/{user}/stick",
        mirror_trouble="it is not a folder",
        private=((root, "<kit>"), (home, "~"), (f"/media/{user}/stick", "<mirror>")),
        user=user,
    )
    findings = doctor.diagnose(facts)
    for text in (doctor.help_report(facts, findings), doctor.as_json(facts, findings)):
        assert user not in text and home not in text and inside not in text
        assert "<kit>/work/keras.py" in text and "<mirror>" in text
        assert "keras.py hides the library keras" in text  # nothing else is lost


def test_windows_paths_are_hidden_in_any_spelling_and_words_are_left_alone():
    facts = HEALTHY._replace(system="win32", private=(("C:\\Users\\Al", "~"),), user="al")
    assert doctor.impersonal("c:\\users\\al\\kit, C:/Users/AL/kit", facts) == "~\\kit, ~/kit"
    assert doctor.impersonal("D:\\al\\kit also needs al", facts) == "D:\\<user>\\kit also needs al"
    root = HEALTHY._replace(private=(("/root", "~"), ("/", "<folder>")), user="root")
    assert doctor.impersonal("/root/x /rootfs /srv/root.txt a/b", root) == "~/x /rootfs /srv/<user>.txt a/b"


# --- the lock, read without a library ---------------------------------------------------------------------------------


def test_markers_of_the_lock_are_read_as_packaging_reads_them():
    kit = loaded(ROOT / "kit.py")
    rows = [row for name in ("requirements-dev.txt", "requirements-gpu.txt") for row in kit.locked(name)]
    markers = {marker for _, _, marker in rows if marker}
    assert len(markers) >= 5
    for marker, (system, machine), python in itertools.product(markers, lock.PLATFORMS, lock.PYTHONS):
        place = {
            "sys_platform": system,
            "os_name": "nt" if system == "win32" else "posix",
            "platform_machine": machine,
            "python_full_version": python,
            "implementation_name": "cpython",
        }
        assert doctor_packages.applies(marker, **place) == Marker(marker).evaluate(place), (marker, place)
    with pytest.raises(ValueError, match="'a in b'"):
        doctor_packages.applies("a in b")


versions = st.lists(st.integers(0, 30), min_size=1, max_size=3).map(lambda numbers: ".".join(map(str, numbers)))
bounds = st.tuples(st.sampled_from([">=", "<=", "<", ">", "!=", "=="]), versions).map("".join)


@given(specifier=st.lists(bounds, min_size=1, max_size=3).map(",".join), version=versions)
def test_versions_are_accepted_as_packaging_accepts_them(specifier, version):
    assert doctor_packages.accepts(specifier, version) == SpecifierSet(specifier).contains(version)


# --- a kit that is really looked at -----------------------------------------------------------------------------------

LOCKED = {"keras": "3.15.1", "protobuf": "7.36.2", "tensorboard": "2.21.0", "tensorflow": "2.21.0", "tf2onnx": "1.17.0"}
CARDS = {"penguins": "download", "cifar10": "download", "digits": "built-in"}


class Kit:
    """A kit with a tiny lock in a folder with a space and Chinese letters, a home, a working folder and a PATH."""

    def __init__(self, tmp_path):
        self.tmp = tmp_path
        self.root, self.home = tmp_path / "my 课程 kit", tmp_path / "home" / "anna"
        self.bin, self.cwd, self.mirror = tmp_path / "bin", tmp_path / "cwd", tmp_path / "a mirror"
        for folder in (self.root / "kitutils", self.root / "datasets", self.home, self.bin, self.cwd, self.mirror):
            folder.mkdir(parents=True)
        shutil.copy(ROOT / "kit.py", self.root)
        for path in [*PARTS, *(ROOT / "kitutils" / name for name in ("__init__.py", "settings.py", "gpu.py"))]:
            shutil.copy(path, self.root / "kitutils")
        pins = "".join(f"{name}=={version}\n" for name, version in LOCKED.items())
        self.write("requirements.txt", f"{pins}elsewhere==3 ; sys_platform == 'nowhere'\n\n-e .\n")
        self.write("requirements-dev.txt", "-r requirements.txt\n")
        self.write(
            "pyproject.toml", '[project]\ndependencies = ["keras>=3.12", "tensorboard>=2.20", "tf2onnx>=1.17"]\n'
        )
        for name, origin in CARDS.items():
            self.write(f"datasets/{name}.yaml", f"title: {name}\norigin: {origin}\n")
        self.tool("uv", "")

    def write(self, name, text):
        (self.root / name).write_text(text, encoding="utf8")

    def tool(self, name, text):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    @property
    def site(self):
        return self.root / ".venv" / "lib" / "python{}.{}".format(*sys.version_info[:2]) / "site-packages"

    def install(self):
        """A .venv as kit.py leaves it: records and files of every package, the kernel, the marker."""
        (self.root / ".venv" / "bin").mkdir(parents=True)
        (self.root / ".venv" / "bin" / "python").symlink_to(BARE)
        (self.root / ".venv" / "pyvenv.cfg").write_text(f"home = {BARE.parent}\ninclude-system-site-packages = false\n")
        for name, version in LOCKED.items():
            self.package(name, version)
        self.package("tensorflow", "2.21.0", "protobuf>=6.31.1,<8")
        self.kernel(self.root / ".venv" / "share" / "jupyter", "python")
        marker = {**loaded(self.root / "kit.py").lock_hashes(), "root": str(self.root)}
        (self.root / ".venv" / "kit-installed.json").write_text(json.dumps(marker), encoding="utf8")
        return self

    def package(self, name, version, *requires):
        for old in self.site.glob(f"{name.replace('-', '_')}-*.dist-info"):
            shutil.rmtree(old)
        record = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        record.mkdir(parents=True)
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {wanted}" for wanted in requires)]
        (record / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")
        (self.site / name).mkdir(exist_ok=True)
        (self.site / name / "__init__.py").touch()

    def remove(self, name):
        shutil.rmtree(next(self.site.glob(f"{name}-*.dist-info")))
        shutil.rmtree(self.site / name)

    def kernel(self, folder, python):
        path = folder / "kernels" / "python3" / "kernel.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"argv": [str(python), "-m", "ipykernel_launcher"]}), encoding="utf8")

    def pack(self, folder, name, content=b"rows", **entry):
        """A data set's file in a mirror; returns what the manifest says of it."""
        (folder / f"{name}.csv.gz").write_bytes(content)
        made = {"file": f"{name}.csv.gz", "sha256": sha256(content).hexdigest(), "bytes": len(content)}
        return {name: {**made, **entry}}

    def run(self, arguments=("--json",), python=BARE, prelude="", **env):
        """`kit.py doctor`; ``prelude`` is Python that runs before it."""
        clean = {k: v for k, v in os.environ.items() if k in ("LANG", "SYSTEMROOT", "LD_LIBRARY_PATH")}
        clean |= {"PATH": str(self.bin), "HOME": str(self.home), "LOGNAME": "anna", "PYTHONUTF8": "1"}
        if prelude:
            (self.tmp / "prelude").mkdir()
            (self.tmp / "prelude" / "sitecustomize.py").write_text(prelude)
            clean["PYTHONPATH"] = str(self.tmp / "prelude")
        done = subprocess.run(
            [str(python), str(self.root / "kit.py"), "doctor", *arguments],
            cwd=self.cwd,
            env=clean | env,
            capture_output=True,
            encoding="utf8",
            timeout=60,
        )
        assert done.stderr == "", done.stderr
        told = json.loads(done.stdout) if arguments else None
        findings = [doctor.Finding(**row) for row in told["findings"]] if told else None
        return SimpleNamespace(rc=done.returncode, out=done.stdout, told=told, findings=findings)

    def only_fault(self, check, **env):
        """The one finding that is not OK, of a run; its exit code is that of its level."""
        done = self.run(**env)
        (finding,) = faults(done.findings)
        assert finding.check == check, finding
        assert finding.cause and finding.mend and done.rc == (finding.level == "problem")
        assert done.told["ok"] == (done.rc == 0)
        return finding


@pytest.fixture
def kit(tmp_path):
    return Kit(tmp_path)


@pytest.fixture
def installed(kit):
    return kit.install()


def files(folder):
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


@posix
def test_before_anything_is_installed_it_says_how_to_begin_and_makes_nothing(kit):
    before = files(kit.tmp)
    finding = kit.only_fault("installation")
    assert finding.level == "warning" and finding.mend == "python3 kit.py lab"
    assert files(kit.tmp) == before


@posix
def test_a_whole_installation_has_no_fault(installed):
    before = files(installed.tmp)
    done = installed.run()
    assert done.rc == 0 and faults(done.findings) == [], done.out
    assert {"packages", "TensorFlow", "protobuf", "kernel"} <= {finding.check for finding in done.findings}
    assert files(installed.tmp) == before


@posix
def test_the_text_has_a_line_a_check_and_a_report_to_copy(installed):
    installed.remove("tensorboard")
    done = installed.run(arguments=())
    shown, _, report = done.out.partition("--- copy this help report ---")
    lines = shown.splitlines()
    assert done.rc == 1 and len([line for line in lines if line.startswith("ok ")]) == 17
    at = next(i for i, line in enumerate(lines) if line.startswith("problem  packages"))
    assert "tensorboard is missing" in lines[at] and "KerasTuner" in lines[at + 1] and "-> uv pip" in lines[at + 2]
    assert f'1 problem. The commands are meant for the kit\'s folder: cd "{installed.root}"' in shown
    assert "tensorboard is missing" in report and "tensorflow 2.21.0" in report
    assert str(installed.tmp) not in report and "anna" not in report


@posix
def test_json_and_report_tell_no_personal_path(installed):
    (installed.cwd / "keras.py").touch()
    installed.kernel(installed.home / ".local" / "share" / "jupyter", "/opt/other/python")
    done = installed.run(KIT_MIRROR=str(installed.tmp / "no mirror"), KIT_HOME="/proc/anna/kit")
    assert len(faults(done.findings)) == 4
    assert "anna" not in done.out and str(installed.tmp) not in done.out and installed.root.name not in done.out
    assert "<folder>/keras.py" in done.told["report"] and "~/.local" in done.told["report"]


@posix
def test_the_kit_command_shows_the_same(tmp_path):
    env = os.environ | {"KIT_MIRROR": str(tmp_path / "none")}
    command = [sys.executable, "-m", "kitutils", "doctor"]
    done = [
        subprocess.run([*command, *more], cwd=ROOT, env=env, capture_output=True, encoding="utf8", timeout=60)
        for more in ([], ["--json"])
    ]
    assert [run.returncode for run in done] == [1, 1], done[0].stderr
    told = json.loads(done[1].stdout)
    assert not told["ok"] and "The mirror <mirror> cannot be used" in told["report"]
    assert re.search("^problem  mirror .*cannot be used", done[0].stdout, re.MULTILINE)
    assert "--- copy this help report ---" in done[0].stdout


# --- the interpreter and the installation -----------------------------------------------------------------------------


@posix
def test_an_old_python_gets_a_finding(kit, old_python):
    if old_python is None:
        pytest.skip("this machine has no Python below 3.11")
    done = kit.run(python=old_python)
    finding = next(finding for finding in done.findings if finding.check == "Python")
    assert done.rc == 1 and finding.level == "problem" and "too old" in finding.found
    (kit.bin / "python3.13").symlink_to(BARE)
    done = kit.run(python=old_python)
    finding = next(finding for finding in done.findings if finding.check == "Python")
    assert done.rc == 0 and finding.level == "warning" and str(kit.bin / "python3.13") in finding.mend


# sys.version_info's own type makes no second one, so a tuple with the same names stands in for it.
VERSION = "import collections, sys; sys.version_info = collections.namedtuple('v', 'major minor micro')({})"


@posix
@pytest.mark.parametrize(("version", "word"), [("3, 8, 1", "too old"), ("3, 14, 0", "too new")])
def test_an_unsupported_python_looks_no_further_than_it_can(kit, version, word):
    done = kit.run(prelude=VERSION.format(version))
    finding = next(finding for finding in done.findings if finding.check == "Python")
    assert finding.level != "ok" and word in finding.found
    assert not {"packages", "kernel", "GPU", "cache", "mirror"} & {finding.check for finding in done.findings}


@posix
def test_a_python_of_32_bits(kit):
    done = kit.run(prelude="import sys; sys.maxsize = 2**31 - 1")
    assert "32 bits" in next(finding for finding in done.findings if finding.check == "Python").found


HIDE = "import sys; sys.modules['ensurepip'] = None"


@posix
def test_a_python_without_its_venv_module(kit):
    assert kit.only_fault("installation", prelude=HIDE).level == "warning"  # uv can do it
    (kit.bin / "uv").unlink()
    shutil.rmtree(kit.tmp / "prelude")
    finding = kit.only_fault("installation", prelude=HIDE)
    assert finding.level == "problem" and "apt install python3." in finding.mend


def emptied(kit):
    shutil.rmtree(kit.root / ".venv")
    (kit.root / ".venv").mkdir()


def broken_off(kit):
    (kit.root / ".venv" / "kit-installed.json").unlink()


def python_gone(kit):
    (kit.root / ".venv" / "bin" / "python").unlink()
    (kit.root / ".venv" / "bin" / "python").symlink_to(kit.tmp / "a Python that was removed")


@posix
@pytest.mark.parametrize("damage", [emptied, broken_off, python_gone])
def test_an_environment_that_is_not_whole(installed, damage):
    damage(installed)
    finding = installed.only_fault("installation")
    assert finding.level == "problem" and finding.mend == "python3 kit.py lab"


@posix
def test_an_environment_of_another_lock(installed):
    installed.write("requirements.txt", "keras==4.0\n")
    assert installed.only_fault("installation").level == "warning"


@posix
def test_an_environment_whose_packages_were_emptied(installed):
    shutil.rmtree(installed.site)
    (installed.bin / "uv").unlink()
    done = installed.run()
    problems = faults(done.findings)
    assert done.rc == 1 and {finding.check for finding in problems} == {"packages"}
    assert "keras" in said(problems[-1]) and problems[-1].mend == "python3 kit.py lab --fresh"


# --- packages and kernel ----------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    ("change", "check", "level", "words"),
    [
        (lambda kit: kit.remove("tensorboard"), "packages", "problem", ["tensorboard is missing", "KerasTuner"]),
        (lambda kit: kit.remove("protobuf"), "packages", "problem", ["protobuf is missing", "-r requirements.txt"]),
        (lambda kit: kit.package("tf2onnx", "1.16.1"), "packages", "problem", ["tf2onnx 1.16.1", "1.17", "Keras 3"]),
        (lambda kit: kit.package("keras", "2.15.0"), "packages", "problem", ["keras 2.15.0", "3.12 or newer"]),
        (lambda kit: kit.package("keras", "3.16.0"), "packages", "warning", ["keras 3.16.0 (lock: 3.15.1)"]),
        (lambda kit: kit.package("tensorflow-cpu", "2.21.0"), "TensorFlow", "problem", ["2 TensorFlow wheels", "-cpu"]),
        (lambda kit: kit.package("tensorflow-metal", "1.2.0"), "TensorFlow", "problem", ["pip uninstall"]),
        (lambda kit: shutil.rmtree(kit.site / "keras"), "packages", "problem", ["without files: keras", "--no-deps"]),
    ],
)
def test_packages_that_are_not_as_they_should_be(installed, change, check, level, words):
    change(installed)
    finding = installed.only_fault(check)
    assert finding.level == level
    assert [word for word in words if word not in said(finding)] == []


@posix
def test_a_protobuf_that_another_package_refuses(installed):
    installed.package("protobuf", "4.25.3")
    found = faults(installed.run().findings)
    assert [(finding.check, finding.level) for finding in found] == [("packages", "warning"), ("protobuf", "problem")]
    assert "tensorflow wants >=6.31.1,<8" in found[1].found


@posix
@pytest.mark.parametrize("python", ["/opt/other env/bin/python", "python2", BARE])
def test_a_kernel_that_starts_another_python(installed, python):
    installed.kernel(installed.root / ".venv" / "share" / "jupyter", python)
    finding = installed.only_fault("kernel")
    assert finding.level == "problem" and finding.mend == ".venv/bin/python -m ipykernel install --sys-prefix"


@posix
def test_the_kernel_of_the_user_account_is_a_warning_and_jupyter_path_comes_first(installed):
    own = installed.root / ".venv" / "bin" / "python3"
    own.symlink_to(BARE)
    installed.kernel(installed.root / ".venv" / "share" / "jupyter", own)
    assert faults(installed.run().findings) == []
    installed.kernel(installed.home / ".local" / "share" / "jupyter", "/opt/other/python")
    finding = installed.only_fault("kernel")
    assert finding.level == "warning" and "--user" in finding.mend
    installed.kernel(installed.tmp / "extra", "/opt/other/python")
    finding = installed.only_fault("kernel", JUPYTER_PATH=str(installed.tmp / "extra"))
    assert finding.level == "problem" and finding.mend == "unset JUPYTER_PATH"


# --- GPU --------------------------------------------------------------------------------------------------------------

SMI = 'test "$*" = "--query-gpu=name,driver_version --format=csv,noheader" && echo "NVIDIA RTX A2000, 12GB, {}"'


def cuda_build(kit):
    for name in set(gpu.LIBRARIES.values()):
        kit.package(name, "12.0")


@linux
@pytest.mark.parametrize(
    ("smi", "built", "level", "words"),
    [
        (SMI.format("550.54"), False, "warning", ["NVIDIA RTX A2000, 12GB, driver 550.54", "kit.py gpu"]),
        (SMI.format("470.57"), True, "problem", ["driver is too old", "525.60"]),
        ("exit 9", True, "problem", ["nvidia-smi does not answer"]),
        (None, True, "problem", ["nvidia-smi is missing"]),
        ("true", True, "warning", ["no GPU is"]),
        (SMI.format("550.54"), True, None, ["driver 550.54"]),
        (None, False, None, ["none"]),
    ],
)
def test_driver_and_cuda_build_must_fit_together(installed, smi, built, level, words):
    if smi:
        installed.tool("nvidia-smi", smi)
    if built:
        cuda_build(installed)
    done = installed.run()
    finding = next(finding for finding in done.findings if finding.check == "GPU")
    assert faults(done.findings) == ([finding] if level else [])
    assert finding.level == (level or "ok")
    assert [word for word in words if word not in said(finding)] == []


@linux
def test_a_cuda_build_with_a_library_missing(installed):
    installed.tool("nvidia-smi", SMI.format("550.54"))
    cuda_build(installed)
    shutil.rmtree(next(installed.site.glob("nvidia_cudnn_cu12-*")))
    finding = installed.only_fault("GPU")
    assert finding.level == "problem" and "missing: nvidia-cudnn-cu12" in finding.found


@pytest.mark.parametrize(("flags", "avx"), [("fpu avx avx2", True), ("fpu sse4_2 avx_vnni", False), (None, None)])
def test_avx_is_read_from_what_linux_tells(tmp_path, flags, avx):
    path = tmp_path / "cpuinfo"
    if flags:
        path.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t: avx\n")
    assert doctor_probe._avx("linux", "x86_64", path) is avx
    assert doctor_probe._avx("linux", "aarch64", path) is None


# --- what is set, and what lies about ---------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("name", ["keras", "random", "numpy", "json", "subprocess", "code", "yaml"])
def test_a_file_that_hides_a_library_is_named_and_does_not_stop_the_doctor(kit, name):
    kit.install()
    (kit.cwd / f"{name}.py").write_text("raise SystemExit('the wrong file was imported')")
    finding = kit.only_fault("names")
    assert finding.level == "problem"
    assert finding.found == f"<folder>/{name}.py hides the library {name}."
    assert finding.mend == f'mv "<folder>/{name}.py" "<folder>/my_{name}.py"'


@posix
def test_a_file_in_the_kits_folder_is_found_too(installed):
    installed.write("getpass.py", "raise SystemExit('the wrong file was imported')")  # kit.py needs it not, doctor does
    assert installed.only_fault("names").found == "<kit>/getpass.py hides the library getpass."


@posix
def test_fresh_is_refused_by_the_one_who_changes_nothing(installed):
    before = files(installed.root)
    done = subprocess.run(
        [str(BARE), str(installed.root / "kit.py"), "doctor", "--fresh"],
        capture_output=True,
        encoding="utf8",
        timeout=60,
    )
    assert done.returncode == 2 and "unrecognized arguments: --fresh" in done.stderr
    assert files(installed.root) == before


@posix
def test_a_package_hides_a_library_too_and_other_files_hide_nothing(installed):
    for name in ("tests", "sys", "my_keras", "kitutils"):
        (installed.cwd / f"{name}.py").touch()
    (installed.cwd / "pandas").mkdir()  # without __init__.py the library comes first
    (installed.cwd / "numpy.ipynb").touch()
    assert faults(installed.run().findings) == []
    (installed.root / "work" / "tensorflow").mkdir(parents=True)
    (installed.root / "work" / "tensorflow" / "__init__.py").touch()
    assert "<kit>/work/tensorflow hides" in installed.only_fault("names").found


@posix
def test_a_folder_of_python_path_that_hides_a_library(installed):
    (installed.mirror / "pandas.py").touch()
    finding = installed.only_fault("names", PYTHONPATH=str(installed.mirror))
    assert "pandas" in finding.found and finding.mend == "unset PYTHONPATH"


@posix
@pytest.mark.parametrize(
    ("env", "check", "words"),
    [
        ({"KERAS_BACKEND": "jax"}, "variables", ["KERAS_BACKEND is jax"]),
        ({"TF_USE_LEGACY_KERAS": "1"}, "variables", ["TF_USE_LEGACY_KERAS"]),
        ({"KIT_PROFILE": "fast"}, "variables", ["KIT_PROFILE is 'fast'", "unset KIT_PROFILE"]),
        ({"KIT_OFFLINE": "perhaps"}, "variables", ["KIT_OFFLINE is 'perhaps'"]),
        ({"https_proxy": "http://anna:secret@proxy:3128"}, "proxy", ["https_proxy"]),
    ],
)
def test_variables_that_change_what_lessons_do(installed, env, check, words):
    finding = installed.only_fault(check, **env)
    assert [word for word in words if word not in said(finding)] == []
    assert "secret" not in installed.run(**env).out


@posix
def test_keras_own_settings_file(installed):
    (installed.home / ".keras").mkdir()
    path = installed.home / ".keras" / "keras.json"
    path.write_text('{"backend": "torch"}')
    assert "sets backend to torch" in installed.only_fault("variables").found
    path.write_text("{")  # Keras passes over it
    assert faults(installed.run().findings) == []


@linux
def test_a_home_that_refuses_files(installed):
    found = faults(installed.run(HOME="/proc").findings)  # read-only even for root
    assert [finding.check for finding in found] == ["folders", "folders"]
    assert "your home folder, ~" in found[0].found and "KIT_HOME" in found[1].mend


def test_a_folder_of_its_own_is_judged_by_trying_and_nothing_is_left(tmp_path, monkeypatch):
    assert doctor_probe.unwritable([("x", tmp_path / "not" / "made")]) == () and not list(tmp_path.iterdir())

    def refuse(*_, **__):
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "touch", refuse)
    assert doctor_probe.unwritable([("x", tmp_path)]) == (("x", str(tmp_path)),)


def test_a_port_is_taken_while_something_listens_there():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert doctor_probe._taken(port)
    assert not doctor_probe._taken(port)


# --- cache and mirror -------------------------------------------------------------------------------------------------


@pytest.fixture
def cached(installed):
    """A kit with one data set in its cache."""
    folder = installed.home / ".kitutils" / "data"
    folder.mkdir(parents=True)
    entry = installed.pack(folder, "penguins", source="publisher")
    (folder / "penguins.json").write_text(json.dumps(entry["penguins"]))
    return installed, folder


@posix
@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("penguins.csv.gz", b"r0ws", "its sha256 is another"),
        ("penguins.csv.gz", b"ro", "2 bytes where 4"),
        ("penguins.csv.gz", None, "cannot be read"),
        ("penguins.json", b"{", "penguins.json cannot be read"),
        ("penguins.json", b"[]", "penguins.json cannot be read"),
    ],
)
def test_a_cached_file_that_is_not_what_was_written(cached, name, content, word):
    kit, folder = cached
    assert "1 data set," in next(f for f in kit.run().findings if f.check == "cache").found
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    finding = kit.only_fault("cache")
    assert finding.level == "problem" and word in finding.found
    assert finding.mend == "python3 kit.py data fetch penguins"


def test_the_cache_and_a_mirror_are_read_as_the_data_stage_writes_them(tmp_path, monkeypatch):
    """The doctor's few lines of JSON against the ones that they repeat."""
    from kitutils.data import cards, mirror, standins, store

    card = cards.card("penguins")
    with store.workspace(card) as space:
        from kitutils.data import formats

        formats.write(store.part(card, space), standins.make(card), card)
        store.commit(card, space, "publisher")
    names = doctor_data.downloads(ROOT / "datasets")
    assert names == [name for name in cards.names() if cards.card(name).origin == "download"]
    assert doctor_data.look_at_cache(store.folder(), names) == (1, [])
    mirror.pack(tmp_path, ["penguins"])
    trouble, wrong, lacks = doctor_data.look_at_mirror(str(tmp_path), names)
    assert (trouble, wrong) == ("", []) and lacks == [name for name in names if name != "penguins"]
    (store.folder() / card.prepared_file).write_bytes(b"x")
    assert [name for name, _ in doctor_data.look_at_cache(store.folder(), names)[1]] == ["penguins"]


def full_mirror(kit):
    held = {**kit.pack(kit.mirror, "penguins"), **kit.pack(kit.mirror, "cifar10", b"images")}
    manifest = kit.mirror / "MANIFEST.json"
    manifest.write_text(json.dumps(held))
    return manifest, held


def lacking_a_file(kit, manifest, held):
    (kit.mirror / "cifar10.csv.gz").unlink()


def cut(kit, manifest, held):
    (kit.mirror / "cifar10.csv.gz").write_bytes(b"im")


def altered(kit, manifest, held):
    (kit.mirror / "cifar10.csv.gz").write_bytes(b"imagez")


def without_manifest(kit, manifest, held):
    manifest.unlink()


def web_page(kit, manifest, held):
    manifest.write_text("<html>log in</html>")


def leading_out(kit, manifest, held):
    held["cifar10"]["file"] = "../cifar10.csv.gz"
    manifest.write_text(json.dumps(held))


def lacking_a_set(kit, manifest, held):
    manifest.write_text(json.dumps({"penguins": held["penguins"]}))


@posix
@pytest.mark.parametrize(
    ("damage", "level", "word"),
    [
        (lacking_a_file, "problem", "not whole: cifar10.csv.gz cannot be read"),
        (cut, "problem", "not whole: cifar10.csv.gz has 2 bytes where 6"),
        (altered, "problem", "not whole: cifar10.csv.gz has changed"),
        (without_manifest, "problem", "MANIFEST.json cannot be read"),
        (web_page, "problem", "MANIFEST.json is not in the form"),
        (leading_out, "problem", "MANIFEST.json is not in the form"),
        (lacking_a_set, "warning", "does not hold cifar10"),
    ],
)
def test_a_mirror_folder_that_is_not_whole(installed, damage, level, word):
    manifest, held = full_mirror(installed)
    env = {"KIT_MIRROR": str(installed.mirror)}
    assert faults(installed.run(**env).findings) == []
    damage(installed, manifest, held)
    finding = installed.only_fault("mirror", **env)
    assert finding.level == level and word in finding.found


@posix
def test_a_mirror_that_is_no_folder(installed):
    finding = installed.only_fault("mirror", KIT_MIRROR=str(installed.tmp / "unplugged"))
    assert "it is not a folder" in finding.found and finding.mend == "unset KIT_MIRROR"


class Server:
    """A web server on loopback that serves a folder; ``answer`` may take a request's place."""

    def __init__(self, folder, answer=None):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=str(folder))

            def do_GET(self):
                if not (answer and answer(self)):
                    super().do_GET()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self.address

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


NAMES = ["cifar10", "penguins"]


@pytest.mark.parametrize(
    ("damage", "wrong", "lacks"),
    [
        (None, [], []),
        (lacking_a_file, ["cifar10.csv.gz is listed and not there (404 File not found)"], []),
        (cut, ["cifar10.csv.gz has 2 bytes where 6 are listed"], []),
        (lacking_a_set, [], ["cifar10"]),
    ],
)
def test_a_mirror_on_the_web_is_asked_for_each_file(kit, damage, wrong, lacks):
    manifest, held = full_mirror(kit)
    if damage:
        damage(kit, manifest, held)
    with Server(kit.mirror) as address:
        assert doctor_data.look_at_mirror(f"{address}/", NAMES) == ("", wrong, lacks)


@pytest.mark.parametrize(
    ("damage", "word"), [(without_manifest, "answered with 404"), (web_page, "not in the form"), (leading_out, "form")]
)
def test_a_mirror_on_the_web_without_a_good_manifest(kit, damage, word):
    damage(kit, *full_mirror(kit))
    with Server(kit.mirror) as address:
        trouble, wrong, lacks = doctor_data.look_at_mirror(address, NAMES)
    assert word in trouble and (wrong, lacks) == ([], [])


@posix
def test_a_mirror_on_the_web_that_nobody_serves(installed):
    with Server(installed.mirror) as address:
        pass
    finding = installed.only_fault("mirror", KIT_MIRROR=address.replace("//", "//anna:secret@"))
    assert "refused" in finding.found and "secret" not in str(finding) and "127.0.0.1" not in finding.found


def test_a_mirror_that_asks_for_a_password_gets_it(kit):
    full_mirror(kit)

    def refuse(request):
        if request.headers["Authorization"] != "Basic YW5uYTpzM2NyZXQ=":
            request.send_error(401)
            return True

    with Server(kit.mirror, answer=refuse) as address:
        assert "401" in doctor_data.look_at_mirror(address, NAMES)[0]
        assert doctor_data.look_at_mirror(address.replace("//", "//anna:s3cret@"), NAMES) == ("", [], [])


def test_a_mirror_that_stays_silent_is_given_up(kit, monkeypatch):
    monkeypatch.setattr(doctor_data, "CONNECT_S", 0.2)
    over = threading.Event()
    with Server(kit.mirror, answer=lambda request: over.wait(20)) as address:
        trouble, _, _ = doctor_data.look_at_mirror(address, NAMES)
        over.set()
    assert "timed out" in trouble or "no answer within" in trouble


def test_a_wait_has_an_end_whatever_the_system_does():
    with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
        doctor_data.within(0.05, lambda: time.sleep(5))
    assert doctor_data.within(5, lambda: 7) == 7
    with pytest.raises(KeyError):
        doctor_data.within(5, lambda: {}["x"])


def test_the_gpu_part_shares_what_kit_gpu_knows():
    assert doctor_gpu.OLDEST_DRIVER is gpu.OLDEST_DRIVER and doctor_gpu.LIBRARIES is gpu.LIBRARIES
