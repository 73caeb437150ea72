"""What ``kit doctor`` looks at: the facts about this machine, its settings, its packages and its data. Judges nothing.

Standard library only, and readable by Python 3.6, so that an old Python gets findings and not a traceback. TensorFlow
is never imported: what it would find is read from where it would look.
"""

# Python 3.6 evaluates annotations, and knows neither list[str] nor str | None.
# ruff: noqa: UP006, UP031, UP035, UP045

import ctypes
import getpass
import importlib.util
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Dict, Iterable, NamedTuple, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements.txt"
PORT = 8888  # where JupyterLab listens if it is free
VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "KERAS_BACKEND",
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_USE_LEGACY_KERAS",
)
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
# Distributions that all install the one folder "tensorflow".
TENSORFLOWS = (
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-gpu",
    "tensorflow-intel",
    "tensorflow-macos",
    "tensorflow-rocm",
    "intel-tensorflow",
    "tf-nightly",
    "tf-nightly-cpu",
)
# Before anything is installed, what lessons will import; afterwards the environment's own folders are asked.
LIBRARIES = {
    *("IPython", "PIL", "ai_edge_litert", "google", "ipykernel", "ipywidgets", "jupyter", "keras", "keras_tuner"),
    *("matplotlib", "nbformat", "numpy", "onnx", "onnxruntime", "pandas", "pooch", "rich", "scipy", "sklearn"),
    *("tensorboard", "tensorflow", "tf2onnx", "tqdm", "typer", "yaml"),
}
HARMLESS = {"antigravity", "benchmarks", "docs", "examples", "kitutils", "scripts", "test", "tests", "this"}


class Kernel(NamedTuple):
    """A kernel called "python3", which is the one that the notebooks ask for."""

    place: str  # "environment", "user", "system" or "JUPYTER_PATH"
    path: str  # its kernel.json
    python: str  # what it starts
    ours: bool  # whether that is the Python that was probed


class Facts(NamedTuple):
    """What was found. What has a default is only looked at by a Python that the kit supports."""

    # The interpreter that runs the doctor
    python: Tuple[int, ...]
    bits: int
    supported: bool
    other_python: str  # a supported one on the PATH, looked for if this one is not; "" if there is none
    can_make_venv: bool  # by the modules venv and ensurepip, or by uv
    # "here" (in this Python), "ready" (in .venv), "outdated", "broken", "none", or "astray": no kit.py around
    installation: str
    # The machine; sizes in 10^9 bytes
    system: str  # sys.platform
    machine: str  # platform.machine()
    release: str  # of macOS, or of glibc; "" if there is none
    translated: bool  # an Intel build of Python under Rosetta
    avx: Optional[bool]  # None where the processor needs none, or nothing tells
    memory_gb: Optional[float]
    free_memory_gb: Optional[float]
    free_disk_gb: float  # where the kit lies
    needed_disk_gb: float  # for the installation; 0 once it is there
    unwritable: Tuple[Tuple[str, str], ...]  # (what, path)
    gpus: Tuple[Tuple[str, str], ...]  # (name, driver version) as nvidia-smi tells
    gpu_trouble: str  # "missing" if there is no nvidia-smi; else why it did not answer
    # What is set, and what lies about
    variables: Dict[str, str]
    keras_json: Dict[str, object]  # Keras's own settings file
    proxies: Tuple[str, ...]  # the names of the variables that are set
    no_proxy: str
    shadows: Tuple[Tuple[str, str], ...]  # (file, module that it hides)
    python_path_shadows: Tuple[Tuple[str, str], ...]  # the same in a folder of PYTHONPATH
    port_taken: bool
    private: Tuple[Tuple[str, str], ...]  # (text, what stands for it in a help report)
    user: str
    # The packages, if they are in this Python
    locked: Dict[str, str]  # what the lock asks for on this platform
    minimums: Dict[str, str]
    packages: Dict[str, str]  # of these and of TENSORFLOWS, what is installed
    hollow: Tuple[str, ...] = ()  # recorded as installed, their files gone
    refuses_protobuf: Tuple[Tuple[str, str], ...] = ()  # (package, the versions of protobuf that it accepts)
    pip: str = ""  # "pip", "uv", or "" if neither can install here
    python_command: str = ""  # how to start this Python from the kit's folder
    kernels: Tuple[Kernel, ...] = ()  # in the order in which `kit lab` looks
    cuda: Tuple[str, ...] = ()  # packages of TensorFlow's CUDA build that are here
    cuda_missing: Tuple[str, ...] = ()
    # The settings and the data
    settings: Tuple[str, ...] = ()  # what is wrong with KIT_ variables
    cached: int = 0
    cache_faults: Tuple[Tuple[str, str], ...] = ()  # (data set, what is wrong)
    mirror: str = ""
    mirror_trouble: str = ""  # why it cannot be used at all
    mirror_faults: Tuple[str, ...] = ()
    mirror_lacks: Tuple[str, ...] = ()  # data sets


def probe() -> Facts:
    """Look at this machine and at the interpreter that runs this. Reads, and leaves nothing changed.

    Takes about a second; a mirror that does not answer adds a few.
    """
    kit = entry_point()
    supported = bool(kit and kit.supported(sys.version_info))
    memory, free_memory = _memory()
    installation = _installation(kit) if kit else "astray"
    gpus, gpu_trouble = _gpus()
    facts = Facts(
        python=tuple(sys.version_info[:3]),
        bits=64 if sys.maxsize > 2**32 else 32,
        supported=supported,
        other_python=(kit.python_on_path() or "") if kit and not supported else "",
        can_make_venv=bool(shutil.which("uv")) or all(map(importlib.util.find_spec, ("venv", "ensurepip"))),
        system=sys.platform,
        machine=platform.machine(),
        release=_release(),
        translated=_sysctl("sysctl.proc_translated") == "1",
        avx=_avx(sys.platform, platform.machine()),
        memory_gb=memory,
        free_memory_gb=free_memory,
        free_disk_gb=shutil.disk_usage(str(ROOT)).free / 1e9,
        needed_disk_gb=kit.NEEDED_GB[LOCK] if kit and installation in ("none", "broken") else 0.0,
        unwritable=unwritable([("your home folder", Path.home()), ("the kit's folder", ROOT)]),
        installation=installation,
        gpus=gpus,
        gpu_trouble=gpu_trouble,
        variables={name: os.environ[name] for name in VARIABLES if os.environ.get(name, "").strip()},
        keras_json=_keras_json(),
        proxies=tuple(sorted(name for name in os.environ if name.lower() in PROXIES and os.environ[name].strip())),
        no_proxy=os.environ.get("no_proxy") or os.environ.get("NO_PROXY", ""),
        shadows=_shadows([Path.cwd(), ROOT, ROOT / "work", ROOT / "notebooks"]),
        python_path_shadows=_shadows([Path(f) for f in os.environ.get("PYTHONPATH", "").split(os.pathsep) if f]),
        port_taken=_taken(PORT),
        private=_private(),
        user=_user(),
        locked={},
        minimums={},
        packages={},
    )
    if not supported:
        return facts
    from kitutils import doctor_data, doctor_gpu, doctor_packages  # not readable by old Pythons

    facts = doctor_data.look(facts, ROOT)
    return doctor_gpu.look(doctor_packages.look(facts, kit)) if installation == "here" else facts


# --- the interpreter and the installation -----------------------------------------------------------------------------


def entry_point():
    """kit.py as a module, for what it alone knows: which Pythons are supported, the lock, .venv. None if not there."""
    spec = importlib.util.spec_from_file_location("kit_entry_point", str(ROOT / "kit.py"))
    if not (ROOT / "kit.py").is_file() or spec is None:
        return None
    kit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kit)
    return kit


def _installation(kit) -> str:
    if os.path.normcase(sys.prefix) == os.path.normcase(kit.VENV) or kit.is_this_kit():
        return "here"
    if kit.up_to_date(LOCK):
        return "ready"
    if not Path(kit.VENV).exists():
        return "none"
    return "outdated" if Path(kit.MARKER).exists() and kit.works(kit.venv_python()) else "broken"


# --- the machine ------------------------------------------------------------------------------------------------------


def _release() -> str:
    if sys.platform == "darwin":
        return platform.mac_ver()[0]
    try:
        return os.confstr("CS_GNU_LIBC_VERSION").replace("glibc", "").strip()
    except (AttributeError, ValueError, OSError):  # Windows; musl
        return ""


def _sysctl(name: str) -> str:
    if sys.platform != "darwin":
        return ""
    try:
        told = subprocess.check_output(["sysctl", "-n", name], stderr=subprocess.DEVNULL, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.decode("ascii", "replace").strip()


def _avx(system: str, machine: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> Optional[bool]:
    """Whether an Intel-compatible processor has the instructions that TensorFlow's wheels are built for."""
    if machine.lower() not in ("x86_64", "amd64"):
        return None
    if system == "win32":
        return bool(ctypes.windll.kernel32.IsProcessorFeaturePresent(39))  # PF_AVX_INSTRUCTIONS_AVAILABLE
    if system == "darwin":
        features = _sysctl("machdep.cpu.features")
        return "AVX1.0" in features.split() if features else None
    try:
        flags = re.search(r"^flags\s*:(.*)$", cpuinfo.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
    except OSError:
        return None
    return "avx" in flags.group(1).split() if flags else None


def _memory() -> Tuple[Optional[float], Optional[float]]:
    """Total and free memory in 10^9 bytes; a container's limit counts as the total."""
    if sys.platform == "win32":
        return _memory_of_windows()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):  # version 2, version 1
        text = _text(Path(limit)).strip()
        total = min(total, int(text)) if text.isdigit() else total
    free = re.search(r"^MemAvailable:\s*(\d+) kB", _text(Path("/proc/meminfo")), re.MULTILINE)
    return total / 1e9, min(int(free.group(1)) * 1024, total) / 1e9 if free else None


def _memory_of_windows() -> Tuple[Optional[float], Optional[float]]:
    class Status(ctypes.Structure):  # MEMORYSTATUSEX
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")
        ]

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None, None
    return status.total / 1e9, status.free / 1e9


def unwritable(folders: Iterable[Tuple[str, Path]]) -> Tuple[Tuple[str, str], ...]:
    """Those folders that refuse a file; one that does not exist yet is judged by the one that it would be made in."""
    refused = []
    for what, folder in folders:
        there = [place for place in (folder, *folder.parents) if place.exists()]
        draft = (there or [folder])[0] / (".kit-doctor-%d" % os.getpid())
        try:
            draft.touch(exist_ok=False)  # os.access is wrong on network folders and on Windows
            draft.unlink()
        except OSError:
            refused.append((what, str(folder)))
    return tuple(refused)


def _gpus() -> Tuple[Tuple[Tuple[str, str], ...], str]:
    """What NVIDIA's driver tells of itself, which takes it up to some seconds when no program keeps it awake."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.check_output(command, stderr=subprocess.DEVNULL, timeout=10).decode("utf8", "replace")
    except FileNotFoundError:
        return (), "missing"
    except (OSError, subprocess.SubprocessError) as error:
        return (), "nvidia-smi does not answer (%s)" % error.__class__.__name__
    rows = [line.rpartition(", ") for line in told.strip().splitlines()]
    return tuple((name, driver) for name, _, driver in rows), ""


def _taken(port: int) -> bool:
    """Whether something listens on this port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        if os.name != "nt":  # there it would take the port from a listener; elsewhere it forgives a closed connection
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            return False
        except OSError:
            return True


# --- what is set, and what lies about ---------------------------------------------------------------------------------


def _keras_json() -> Dict[str, object]:
    folder = os.environ.get("KERAS_HOME", "").strip()
    try:
        found = json.loads(_text((Path(folder) if folder else Path.home() / ".keras") / "keras.json") or "{}")
    except ValueError:  # Keras passes over it too
        return {}
    return found if isinstance(found, dict) else {}


def _shadows(folders: Iterable[Path]) -> Tuple[Tuple[str, str], ...]:
    """Files and packages that a notebook or a script in one of these folders would import in place of a library."""
    standard = getattr(sys, "stdlib_module_names", ()) or _modules_in(Path(os.__file__).parent)
    site = {Path(sysconfig.get_paths()[kind]) for kind in ("purelib", "platlib")}
    names = set(standard) | LIBRARIES | {name for folder in site for name in _modules_in(folder)}
    names -= HARMLESS | set(sys.builtin_module_names)  # a built-in module cannot be hidden
    known = site | {Path(os.__file__).parent}
    found = {
        (str(path), name)
        for folder in {folder.absolute() for folder in folders} - known
        for name, path in _modules_in(folder).items()
        if name in names and not name.startswith("_")
    }
    return tuple(sorted(found))


def _modules_in(folder: Path) -> Dict[str, Path]:
    """The top-level modules and packages of a folder; a folder without ``__init__.py`` hides nothing."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return {}
    found = {}
    for path in entries:
        if path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").exists()):
            found[path.stem] = path
    return found


def _private() -> Tuple[Tuple[str, str], ...]:
    """What a help report must not tell, and what it tells instead."""
    pairs = [(str(ROOT), "<kit>"), (str(Path.cwd()), "<folder>"), (str(Path.home()), "~")]
    pairs += [(os.path.realpath(path), name) for path, name in pairs]
    return tuple({text: name for text, name in reversed(pairs)}.items())


def _user() -> str:
    try:
        return getpass.getuser()
    except Exception:  # a container's user without a name: KeyError, or OSError since Python 3.13
        return ""


def _text(path: Path) -> str:
    """The file's text, "" if it cannot be read."""
    try:
        return path.read_text(encoding="utf8", errors="replace")
    except OSError:
        return ""
