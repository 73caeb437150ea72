"""What ``kit doctor`` says about the Python that lessons run in: its packages, beside the lock, and its kernel.

Standard library only, for any package may be what is broken. Only a Python that the kit supports comes this far.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import operator
import os
import platform
import re
import shutil
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from kitutils.doctor_findings import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
    install,
    kit,
    listed,
    python_word,
    release,
    uninstall,
    unset_variable,
)
from kitutils.doctor_probe import LOCK, TENSORFLOWS, Facts, Kernel

# Why the lower bound of pyproject.toml stands, or why the package must be there, where that is not obvious.
WHY = {
    "tensorboard": "KerasTuner imports it, and TensorFlow 2.21 no longer brings it.",
    "tf2onnx": "Versions before 1.17 cannot read Keras 3 models.",
}
# Modules whose files must be there if their distribution is recorded: two TensorFlow wheels take each other's away.
MODULES = {
    "keras": "keras",
    "numpy": "numpy",
    "pandas": "pandas",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow",
}


def look(facts: Facts, entry_point: ModuleType) -> Facts:
    """What this Python has installed, beside what the lock asks for.

    Args:
        facts: what is known already.
        entry_point: kit.py, which reads the lock.
    """
    locked = {name: version for name, version, marker in entry_point.locked(LOCK) if not marker or applies(marker)}
    root = Path(entry_point.ROOT)
    with (root / "pyproject.toml").open("rb") as file:
        bounds = [line.partition(">=") for line in tomllib.load(file)["project"]["dependencies"]]
    here = versions([*locked, *TENSORFLOWS, "tensorflow-metal", "kitutils"])
    python = Path(sys.executable)
    return facts._replace(
        pip="pip" if importlib.util.find_spec("pip") else "uv" if shutil.which("uv") else "",
        python_command=str(python.relative_to(root) if root in python.parents else python),
        locked=locked,
        minimums={name: bound.partition(";")[0].strip() for name, _, bound in bounds},
        packages=here,
        hollow=tuple(package for module, package in MODULES.items() if package in here and not _has_files(module)),
        refuses_protobuf=tuple(refusals("protobuf", here)),
        kernels=tuple(kernels()),
    )


def versions(names: Iterable[str]) -> dict[str, str]:
    """Those of the distributions that this Python has, with their versions."""
    found = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name) or "unknown"
    return found


def applies(marker: str, **surroundings: str) -> bool:
    """Whether a marker of the lock holds here, or in the given surroundings (PEP 508's names).

    ``packaging`` would do it, and need not be installed. The lock compares with ``==``, ``!=``, ``<`` and the like,
    which are Python's own; versions are compared as numbers.
    """
    here = {
        "implementation_name": sys.implementation.name,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "python_full_version": platform.python_version(),
        "sys_platform": sys.platform,
    } | surroundings

    def value(node: ast.expr) -> Any:
        match node:
            case ast.BoolOp(op=op, values=parts):
                return (all if isinstance(op, ast.And) else any)(map(value, parts))
            case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[ast.Constant(value=right)]):
                key = release if name.endswith("version") else str
                return COMPARE[type(op)](key(here[name]), key(right))
        raise ValueError(f"the marker {marker!r} of {LOCK} is not in the form that kit lock writes")

    return value(ast.parse(marker, mode="eval").body)


COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def refusals(package: str, installed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Which of the installed distributions do not accept the installed version of ``package``, and what they want."""
    here = installed.get(package)
    for name in installed if here else ():
        for requirement in metadata.requires(name) or ():
            wanted, _, marker = requirement.partition(";")
            match = re.fullmatch(rf"{package}\s*\(?([^()]*)\)?", wanted.strip())
            if match and "extra" not in marker and not accepts(match.group(1), here):
                yield name, match.group(1).strip()


def accepts(specifier: str, version: str) -> bool:
    """Whether ``">=6.31.1,<8"`` accepts a release; ``~=``, wildcards and ``===`` are taken as accepting it."""
    tests = {">=": operator.ge, "<=": operator.le, "<": operator.lt, ">": operator.gt, "!=": operator.ne}
    for part in specifier.split(","):
        match = re.fullmatch(r"\s*(>=|<=|!=|==|<|>)\s*([\d.]+)\s*", part)
        if match and not tests.get(match.group(1), operator.eq)(release(version), release(match.group(2))):
            return False
    return True


def _has_files(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None


def kernels() -> Iterator[Kernel]:
    """The kernels called "python3", in the order in which JupyterLab looks when `kit lab` starts it."""
    places = [("JUPYTER_PATH", Path(f)) for f in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if f]
    places += [("environment", Path(sys.prefix) / "share" / "jupyter"), ("user", _jupyter_folder())]
    if os.name == "nt":
        places += [("system", Path(os.environ.get("PROGRAMDATA", "C:\\ProgramData")) / "jupyter")]
    else:
        places += [("system", Path(f)) for f in ("/usr/local/share/jupyter", "/usr/share/jupyter")]
    for place, folder in places:
        path = folder / "kernels" / "python3" / "kernel.json"
        with suppress(OSError, ValueError, KeyError, IndexError, TypeError):
            python = str(json.loads(path.read_text(encoding="utf8"))["argv"][0])
            yield Kernel(place, str(path), python, _is_this_python(python))


def _jupyter_folder() -> Path:
    """The user's own, as jupyter_core finds it."""
    if os.environ.get("JUPYTER_DATA_DIR"):
        return Path(os.environ["JUPYTER_DATA_DIR"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Jupyter"
    if os.name == "nt":
        return Path(os.environ.get("APPDATA") or Path.home()) / "jupyter"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "jupyter"


def _is_this_python(command: str) -> bool:
    """Whether a kernel's command starts this interpreter. The link in .venv is not followed: all end in one Python."""
    major, minor = sys.version_info[:2]
    if command in ("python", f"python{major}", f"python{major}.{minor}"):
        return True  # Jupyter puts its own interpreter in the place of these
    own, other = (os.path.normcase(os.path.realpath(Path(path).parent)) for path in (sys.executable, command))
    return Path(command).exists() and own == other


# --- the findings -----------------------------------------------------------------------------------------------------


def _packages(facts: Facts) -> list[Finding]:
    found, again = [], install(facts)
    missing = [name for name in facts.locked if name not in facts.packages]
    for name in [name for name in missing if name in WHY]:
        found.append(Finding("packages", PROBLEM, f"{name} is missing.", WHY[name], again))
    others = [name for name in missing if name not in WHY]
    if others:
        are = "are" if len(others) > 1 else "is"
        cause = "The installation was broken off, or something else has removed them."
        found.append(Finding("packages", PROBLEM, f"{listed(others)} {are} missing.", cause, again))
    changed = []
    for name, version in facts.packages.items():
        bound = facts.minimums.get(name, "")
        if bound and release(version) < release(bound):
            cause = WHY.get(name, "The lessons use what came with that version.")
            what = f"{name} {version} is too old; the kit needs {bound} or newer."
            found.append(Finding("packages", PROBLEM, what, cause, again))
        elif facts.locked.get(name, version) != version:
            changed.append(f"{name} {version} (lock: {facts.locked[name]})")
    if changed:
        cause = "The course was measured with the lock's versions; others may warn, fail or give other numbers."
        what = f"Not at the lock's version: {listed(changed)}."
        found.append(Finding("packages", WARNING, what, cause, again))
    if facts.hollow:
        what = f"Recorded as installed, but without files: {listed(facts.hollow)}."
        cause = "Another package of the same content was removed, or files were deleted."
        exactly = " ".join(f"{name}=={facts.packages[name]}" for name in facts.hollow)
        mend = install(facts, f"--force-reinstall --no-deps {exactly}")
        found.append(Finding("packages", PROBLEM, what, cause, mend))
    return found or [Finding("packages", OK, f"{len(facts.locked)}, all at the lock's versions")]


def _tensorflow(facts: Facts) -> list[Finding]:
    found = []
    wheels = [name for name in TENSORFLOWS if name in facts.packages]
    if len(wheels) > 1:
        what = f"There are {len(wheels)} TensorFlow wheels in one environment: {listed(wheels)}."
        cause = "They write into the same folder: which one is imported is chance, and removing one breaks the other."
        mend = f"{uninstall(facts, wheels)}\n{install(facts)}"
        found.append(Finding("TensorFlow", PROBLEM, what, cause, mend))
    if "tensorflow-metal" in facts.packages:
        cause = "It is built for an older TensorFlow: the import fails, or training gives wrong numbers."
        mend = uninstall(facts, ["tensorflow-metal"])
        found.append(Finding("TensorFlow", PROBLEM, "tensorflow-metal is installed.", cause, mend))
    if not found and wheels:
        return [Finding("TensorFlow", OK, f"{facts.packages[wheels[0]]}, one wheel")]
    return found  # its absence is among the missing packages


def _protobuf(facts: Facts) -> list[Finding]:
    if "protobuf" not in facts.packages:
        return []
    here = facts.packages["protobuf"]
    if not facts.refuses_protobuf:
        return [Finding("protobuf", OK, f"{here}, which all packages accept")]
    wishes = listed(f"{name} wants {wanted}" for name, wanted in facts.refuses_protobuf)
    cause = "A package that was installed later has brought it; TensorFlow then fails when it is imported."
    return [Finding("protobuf", PROBLEM, f"protobuf {here} clashes: {wishes}.", cause, install(facts))]


def _kernel(facts: Facts) -> list[Finding]:
    first = facts.kernels[0] if facts.kernels else None
    if first and not first.ours:
        what = f'The kernel "python3" ({first.path}) starts {first.python}, another Python.'
        cause = "Notebooks would run without the kit's packages, or with other versions of them."
        where = "--sys-prefix" if first.place != "user" else "--user"
        mend = f"{python_word(facts)} -m ipykernel install {where}"
        if first.place == "JUPYTER_PATH":
            mend = unset_variable(facts, "JUPYTER_PATH")
        return [Finding("kernel", PROBLEM, what, cause, mend)]
    strangers = [kernel for kernel in facts.kernels if kernel.place == "user" and not kernel.ours]
    if strangers:
        what = f'The kernel "python3" of your user account ({strangers[0].path}) starts {strangers[0].python}.'
        cause = (
            "kit lab passes over it; Jupyter started otherwise, or an editor, may run notebooks with that Python. The "
            "second command makes it start this one."
        )
        mend = f"{kit(facts, 'lab')}\n{python_word(facts)} -m ipykernel install --user"
        return [Finding("kernel", WARNING, what, cause, mend)]
    return [Finding("kernel", OK, "notebooks run with this Python")]


CHECKS = (_packages, _tensorflow, _protobuf, _kernel)  # for facts that were found inside the environment
