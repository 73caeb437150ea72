"""What ``kit doctor`` makes of the facts: one function for each check, pure, in the order in which they are shown.

Standard library only, and readable by Python 3.6, so that an old Python gets findings and not a traceback. A problem
keeps lessons from running or makes their results wrong; a warning costs time, space or comfort.
"""

# Python 3.6 evaluates annotations, and knows neither list[str] nor str | None.
# ruff: noqa: UP006, UP031, UP035

import re
from pathlib import Path
from typing import Iterable, List, NamedTuple, Tuple

from kitutils.doctor_probe import PORT, Facts

OK, WARNING, PROBLEM = "ok", "warning", "problem"
OLDEST, NEWEST = (3, 11), (3, 13)  # as in kit.py
PLATFORMS = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")}
OLDEST_MACOS = 14  # what ONNX Runtime's wheels are built for
OLDEST_GLIBC = (2, 28)  # the same, of most wheels in the lock: manylinux_2_28
# TensorFlow after its first operation takes 0.8 GB (measured). The limits leave room for JupyterLab, a browser and the
# system beside it; they are a judgement.
LEAST_MEMORY_GB, MEMORY_GB, FREE_MEMORY_GB = 2.0, 3.5, 1.5
SPARE_DISK_GB = 1.0  # the largest data sets and what lessons leave in artifacts/


class Finding(NamedTuple):
    """One line of the doctor's view."""

    check: str  # what was looked at
    level: str  # OK, WARNING or PROBLEM
    found: str  # one sentence
    cause: str = ""  # why that is a fault, and where it comes from; never empty unless OK
    mend: str = ""  # the commands that mend it, one a line; a step to take where none can; never empty unless OK


# --- words, and commands for the shell at hand ------------------------------------------------------------------------


def inside(facts: Facts) -> bool:
    """Whether the doctor runs in the environment that lessons run in, so that its packages were looked at."""
    return facts.supported and facts.installation == "here"


def kit(facts: Facts, command: str) -> str:
    return f"{'py' if facts.system == 'win32' else 'python3'} kit.py {command}"


def python_word(facts: Facts) -> str:
    return quoted(facts, facts.python_command)


def quoted(facts: Facts, program: str) -> str:
    """A program's path as it is typed at the start of a line."""
    if " " not in program:
        return program
    return f'& "{program}"' if facts.system == "win32" else f'"{program}"'


def install(facts: Facts, what: str = "-r requirements.txt") -> str:
    if facts.pip == "pip":
        return f"{python_word(facts)} -m pip install {what}"
    if facts.pip == "uv":
        return f'uv pip install --python "{facts.python_command}" {what}'
    return kit(facts, "lab --fresh")


def uninstall(facts: Facts, names: Iterable[str]) -> str:
    if facts.pip == "uv":
        return f'uv pip uninstall --python "{facts.python_command}" {" ".join(names)}'
    return f"{python_word(facts)} -m pip uninstall -y {' '.join(names)}"


def set_variable(facts: Facts, name: str, value: str) -> str:
    return f'$env:{name} = "{value}"' if facts.system == "win32" else f'export {name}="{value}"'


def unset_variable(facts: Facts, name: str) -> str:
    return f"Remove-Item Env:{name}" if facts.system == "win32" else f"unset {name}"


def release(version: str) -> Tuple[int, ...]:
    """The leading numbers of a version, without zeros at the end."""
    numbers = [int(part) for part in re.findall(r"\d+", re.match(r"[\d.]*", version).group())]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def listed(names: Iterable[str], most: int = 5) -> str:
    """The names in one phrase; beyond a handful, how many more there are."""
    every = list(names)
    if len(every) < 2:
        return "".join(every)
    shown = every if len(every) <= most + 1 else [*every[:most], f"{len(every) - most} more"]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


# --- the machine ------------------------------------------------------------------------------------------------------


def _python(facts: Facts) -> List[Finding]:
    version = ".".join(map(str, facts.python))
    span = "%d.%d to %d.%d" % (OLDEST + NEWEST)
    if facts.bits == 32:
        found = f"This is Python {version} in 32 bits; the kit needs 64."
        cause = "TensorFlow exists for 64-bit Python only."
    elif facts.python[:2] < OLDEST:
        found = f"Python {version} is too old; the kit needs {span}."
        cause = "The packages of the course have no builds for it."
    elif facts.python[:2] > NEWEST:
        found = f"Python {version} is too new; the kit needs {span}."
        cause = "TensorFlow has no build for it yet."
    else:
        return [Finding("Python", OK, f"{version}, {facts.bits} bits")]
    if facts.other_python:
        found = f"{found} kit.py will take {facts.other_python} instead."
        cause += " The command looks at the rest with the other one."
        return [Finding("Python", WARNING, found, cause, f"{quoted(facts, facts.other_python)} kit.py doctor")]
    cause += " Python 3.12 also comes from python.org and from conda."
    return [Finding("Python", PROBLEM, found, cause, _get_python(facts))]


def _get_python(facts: Facts) -> str:
    if facts.system == "win32":
        return f"winget install Python.Python.3.12\n{kit(facts, 'doctor')}"
    if facts.system == "darwin":
        return "brew install python@3.12\npython3.12 kit.py doctor"
    return "sudo apt install python3.12 python3.12-venv\npython3.12 kit.py doctor"


def _system(facts: Facts) -> List[Finding]:
    elsewhere = 'Run the kit in a Linux container or on another machine: README, "What was run where".'
    release = tuple(map(int, re.findall(r"\d+", facts.release)))
    where = f"{facts.system} on {facts.machine}"
    if facts.system == "darwin" and facts.translated:
        return [
            Finding(
                "system",
                PROBLEM,
                "This Python is built for Intel Macs and runs translated, on an Apple processor.",
                "TensorFlow has wheels for Apple processors only. Get a Python in a terminal without Rosetta.",
                "brew install python@3.12\npython3.12 kit.py doctor",
            )
        ]
    if facts.system == "darwin" and facts.machine == "x86_64":
        cause = "TensorFlow, LiteRT and ONNX Runtime have no wheels for it."
        return [Finding("system", PROBLEM, "This is an Intel Mac.", cause, elsewhere)]
    # An old Python on a newer macOS takes it for 10.16.
    if facts.system == "darwin" and release and release[0] < OLDEST_MACOS and release[:2] != (10, 16):
        found = f"macOS {facts.release} is too old; the kit needs {OLDEST_MACOS} or newer."
        cause = f"ONNX Runtime's wheels are built for macOS {OLDEST_MACOS} and newer. See what this Mac can take."
        return [Finding("system", PROBLEM, found, cause, "softwareupdate --list-full-installers")]
    if (facts.system, facts.machine) not in PLATFORMS:
        cause = "TensorFlow has wheels for Linux on x86_64 and aarch64, Windows on AMD64 and macOS on arm64."
        return [Finding("system", PROBLEM, f"{where} is not supported.", cause, elsewhere)]
    if facts.system == "linux" and release[:2] < OLDEST_GLIBC:
        library = f"glibc {facts.release}" if facts.release else "musl or another C library than glibc"
        cause = "The wheels of TensorFlow and others need glibc %d.%d or newer." % OLDEST_GLIBC
        return [Finding("system", PROBLEM, f"This Linux has {library}.", cause, elsewhere)]
    name = {"darwin": "macOS ", "linux": "glibc "}.get(facts.system, "") + facts.release
    return [Finding("system", OK, f"{where}, {name}" if facts.release else where)]


def _processor(facts: Facts) -> List[Finding]:
    if facts.avx is False:
        return [
            Finding(
                "processor",
                PROBLEM,
                "This processor has no AVX instructions, or a virtual machine hides them.",
                "TensorFlow is built with AVX and ends with “Illegal instruction” without them.",
                "In a virtual machine, pass the host's processor on (QEMU: -cpu host); else use another machine.",
            )
        ]
    found = "AVX" if facts.avx else "needs no AVX" if facts.machine in ("arm64", "aarch64") else "AVX not told"
    return [Finding("processor", OK, f"{facts.machine}, {found}")]


def _memory(facts: Facts) -> List[Finding]:
    if facts.memory_gb is None:
        return [Finding("memory", OK, "the system does not tell")]
    total = f"{facts.memory_gb:.1f} GB"
    cause = "TensorFlow alone takes 0.8 GB; a lesson's data, JupyterLab, a browser and the system come on top."
    if facts.memory_gb < LEAST_MEMORY_GB:
        mend = "Use a machine with 4 GB; give a container or a virtual machine more (docker run --memory=4g)."
        return [Finding("memory", PROBLEM, f"There is only {total} of memory.", cause, mend)]
    if facts.memory_gb < MEMORY_GB:
        mend = "Have one notebook open at a time, and shut its kernel down before the next."
        return [Finding("memory", WARNING, f"There is only {total} of memory.", cause, mend)]
    if facts.free_memory_gb is not None and facts.free_memory_gb < FREE_MEMORY_GB:
        found = f"{facts.free_memory_gb:.1f} GB of {total} of memory are free."
        mend = "Shut down other notebooks' kernels and close large programs."
        return [Finding("memory", WARNING, found, cause, mend)]
    free = "" if facts.free_memory_gb is None else f", {facts.free_memory_gb:.1f} GB free"
    return [Finding("memory", OK, total + free)]


def _disk(facts: Facts) -> List[Finding]:
    free = f"{facts.free_disk_gb:.1f} GB"
    if facts.free_disk_gb < facts.needed_disk_gb:
        found = f"{free} of disk are free where the kit lies; the installation needs {facts.needed_disk_gb:.1f}."
        cause = "TensorFlow and the other packages are that large, pip's copy of their archives included."
        return [Finding("disk", PROBLEM, found, cause, "Free some, or move the kit's folder to a larger disk.")]
    if facts.free_disk_gb < SPARE_DISK_GB:
        cause = (
            "Data sets and the models that lessons leave may take as much. The command frees what pip has kept; "
            "artifacts/ and build/ may be deleted, too."
        )
        mend = f"{'py' if facts.system == 'win32' else 'python3'} -m pip cache purge"
        return [Finding("disk", WARNING, f"Only {free} of disk are free where the kit lies.", cause, mend)]
    return [Finding("disk", OK, f"{free} free")]


def _folders(facts: Facts) -> List[Finding]:
    if not facts.unwritable:
        return [Finding("folders", OK, "home, kit and KIT_HOME can be written to")]
    causes = {
        "your home folder": "Jupyter keeps its running servers there, and the kit your progress.",
        "the kit's folder": "The kit makes .venv, work/ and artifacts/ in it.",
        "KIT_HOME": "Data and your progress are kept there.",
    }
    mends = {
        "your home folder": set_variable(facts, "HOME", "a folder that you may write to"),
        "the kit's folder": "Copy the kit's folder to a place of your own, and start it there.",
        "KIT_HOME": set_variable(facts, "KIT_HOME", "a folder that you may write to"),
    }
    return [
        Finding("folders", PROBLEM, f"Nothing can be written to {what}, {path}.", causes[what], mends[what])
        for what, path in facts.unwritable
    ]


def _installation(facts: Facts) -> List[Finding]:
    lab = kit(facts, "lab")
    if facts.installation == "astray":
        found = "kitutils is installed away from the kit's folder."
        cause = "The lessons, the cards of the data and the lock lie in that folder."
        return [Finding("installation", PROBLEM, found, f"{cause} Start it from there.", lab)]
    if facts.installation in ("none", "broken") and facts.supported and not facts.can_make_venv:
        cause = "Debian and Ubuntu put the module venv, or ensurepip that it needs, into a package of its own."
        if facts.system == "linux":
            mend = "sudo apt install python%d.%d-venv" % facts.python[:2]
        else:
            mend = "Install Python again, from python.org, with all of its parts."
        return [Finding("installation", PROBLEM, "This Python cannot make a virtual environment.", cause, mend)]
    if facts.installation == "none":
        cause = "The first start makes .venv in the kit's folder and downloads about 1 GB."
        return [Finding("installation", WARNING, "Nothing is installed yet.", cause, lab)]
    if facts.installation == "broken":
        cause = "An installation was broken off, or the Python that .venv was made with has gone."
        return [Finding("installation", PROBLEM, ".venv is there, but it is not whole.", cause, lab)]
    if facts.installation == "outdated":
        cause = "The kit's requirements have changed since, or its folder was moved."
        return [Finding("installation", WARNING, ".venv is not up to date.", cause, lab)]
    if facts.installation == "ready":
        return [Finding("installation", OK, f"in .venv; {kit(facts, 'doctor')} looks into it")]
    return [Finding("installation", OK, f"in {facts.python_command or 'this Python'}")]


# --- what is set, and what lies about ---------------------------------------------------------------------------------


def _variables(facts: Facts) -> List[Finding]:
    found = []

    def add(level: str, name: str, what: str, cause: str, mend: str = "") -> None:
        found.append(Finding("variables", level, what, cause, mend or unset_variable(facts, name)))

    for text in facts.settings:
        name = text.partition(" ")[0]
        add(PROBLEM, name, text, f"{name} is set for this terminal, or in its start-up file.")
    backend = facts.variables.get("KERAS_BACKEND", "")
    if backend not in ("", "tensorflow"):
        cause = "The lessons run Keras on TensorFlow, and the kit installs no other backend."
        add(PROBLEM, "KERAS_BACKEND", f"KERAS_BACKEND is {backend}.", cause)
    legacy = facts.variables.get("TF_USE_LEGACY_KERAS", "")
    if legacy in ("1", "true", "True"):
        cause = "TensorFlow then looks for Keras 2 (tf_keras), which the lessons do not use."
        add(PROBLEM, "TF_USE_LEGACY_KERAS", f"TF_USE_LEGACY_KERAS is {legacy}.", cause)
    protobuf = facts.variables.get("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "")
    if protobuf in ("cpp", "python"):
        name = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"
        # A cure from the years of protobuf 3 that many an article still recommends.
        cause = "protobuf has no such part any more, and cannot be imported." if protobuf == "cpp" else "It is slow."
        add(PROBLEM if protobuf == "cpp" else WARNING, name, f"{name} is {protobuf}.", cause)
    if facts.variables.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        cause = "Training on the processor takes about twice as long."
        add(WARNING, "TF_ENABLE_ONEDNN_OPTS", "TF_ENABLE_ONEDNN_OPTS is 0.", cause)
    wanted = {"backend": "tensorflow", "floatx": "float32", "image_data_format": "channels_last"}
    for key, value in wanted.items():
        got = facts.keras_json.get(key, value)
        if got != value and not (key == "backend" and backend):
            cause = f"The lessons are written for {value}, and Keras reads this file at every start."
            what = f"Keras's settings file, ~/.keras/keras.json, sets {key} to {got}."
            add(PROBLEM, "", what, cause, f"Set it to {value} there, or delete the file: Keras makes it anew.")
    kept = [f"{name}={value}" for name, value in sorted(facts.variables.items())]
    return found or [Finding("variables", OK, ", ".join(kept) or "none that changes what lessons do")]


def _proxy(facts: Facts) -> List[Finding]:
    if not facts.proxies:
        return [Finding("proxy", OK, "none")]
    names = " and ".join(facts.proxies)
    spared = {host.strip() for host in facts.no_proxy.split(",")}
    if spared & {"*"} or spared >= {"localhost", "127.0.0.1"}:
        return [Finding("proxy", OK, f"downloads go through the one that {names} names; this machine is spared")]
    found = f"A proxy is set ({names}), and this machine itself is not spared from it."
    cause = "Downloads go through it; so would what a lesson asks of its own server, which no proxy can reach."
    return [Finding("proxy", WARNING, found, cause, set_variable(facts, "NO_PROXY", "localhost,127.0.0.1"))]


def _shadows(facts: Facts) -> List[Finding]:
    found = []
    for path, module in facts.shadows:
        file = Path(path)
        own = f"my_{file.name}"
        rename = f'ren "{path}" {own}' if facts.system == "win32" else f'mv "{path}" "{file.parent / own}"'
        cause = f"Python looks in the working folder first: import {module} brings this file."
        found.append(Finding("names", PROBLEM, f"{path} hides the library {module}.", cause, rename))
    if facts.python_path_shadows:
        modules = listed(module for _, module in facts.python_path_shadows)
        what = f"PYTHONPATH names a folder that hides {modules}."
        cause = "Python looks in the folders of PYTHONPATH before its own packages."
        found.append(Finding("names", PROBLEM, what, cause, unset_variable(facts, "PYTHONPATH")))
    return found or [Finding("names", OK, "no file here hides a library")]


def _port(facts: Facts) -> List[Finding]:
    if not facts.port_taken:
        return [Finding("port", OK, f"{PORT} is free for JupyterLab")]
    cause = "Another program listens there, often a JupyterLab that still runs."
    mend = "Nothing need be done: kit lab takes the next free port."
    if inside(facts):
        cause = f"{cause} The command lists those; kit lab takes the next free port."
        mend = f"{python_word(facts)} -m jupyter server list"
    return [Finding("port", WARNING, f"Port {PORT} is taken.", cause, mend)]


CHECKS = (
    *(_python, _system, _processor, _memory, _disk, _folders, _installation),
    *(_variables, _proxy, _shadows, _port),
)
