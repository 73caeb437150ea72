"""Writes the requirement files and environment.yml from pyproject.toml: ``kit lock``.

``uv pip compile --universal`` resolves once for every supported platform and Python, and says with markers where they
differ. It attaches the platforms to every line, so the markers are shortened to what distinguishes one line from
another, and the shortened one is checked against the original on every supported platform.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from kitutils.errors import KitError

PLATFORMS = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64"))
# Around every version that a marker has named so far; a marker on another border fails the check below.
PYTHONS = ("3.11.0", "3.11.4", "3.11.5", "3.11.13", "3.12.0", "3.12.11", "3.13.0", "3.13.7")
HEADERS = {
    "requirements.txt": "What the lessons import: pip install -r requirements.txt, in the kit's folder.",
    "requirements-dev.txt": "What the checks, the author's tools and the presets need on top of requirements.txt.",
    "requirements-gpu.txt": "TensorFlow's CUDA build, Linux only; kit gpu installs it and proves that it works.",
    "requirements-serve.txt": "What kit serve needs to answer with LiteRT and ONNX models; for Dockerfile.serve.",
}


class LockFailed(KitError):
    """The resolver found no set of versions, or is not there."""


def write_all(root: Path) -> list[Path]:
    """Resolve pyproject.toml of the kit's folder anew and write its requirement files and environment.yml."""
    main = _compile(root)
    written = [_write(root / "requirements.txt", [*main, "", "-e ."])]
    for name, extras in (("requirements-dev.txt", ("dev", "presets")), ("requirements-gpu.txt", ("gpu",))):
        lines = _compile(root, *extras, constraint=root / "requirements.txt")
        written.append(_write(root / name, ["-r requirements.txt", "", *(x for x in lines if x not in set(main))]))
    # By itself: it is installed where the lessons are not.
    lines = _compile(root, group="serve", constraint=root / "requirements.txt")
    written.append(_write(root / "requirements-serve.txt", lines))
    environment = root / "environment.yml"
    environment.write_text(
        "# conda env create -f environment.yml, in the kit's folder. The lock holds all but Python and pip.\n"
        "# Written by `kit lock`.\n"
        "name: kit\nchannels: [conda-forge]\ndependencies:\n  - python=3.12\n  - pip\n"
        "  - pip:\n      - -r requirements.txt\n",
        encoding="utf8",
    )
    return [*written, environment]


def _write(path: Path, lines: list[str]) -> Path:
    head = f"# {HEADERS[path.name]}\n# Written by `kit lock` from pyproject.toml; edit that instead.\n"
    path.write_text(head + "\n".join(lines) + "\n", encoding="utf8")
    return path


def _compile(root: Path, *extras: str, group: str = "", constraint: Path | None = None) -> list[str]:
    """Locked lines, sorted by name: of the lessons with some extras, or of one dependency group alone."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise LockFailed("kit lock needs uv, which is among the test tools: pip install -r requirements-dev.txt.")
    command = [
        uv,
        "pip",
        "compile",
        "--universal",
        "--quiet",
        "--upgrade",
        "--no-annotate",
        "--no-header",
        "--no-strip-extras",
    ]
    for extra in extras:
        command += ["--extra", extra]
    with tempfile.TemporaryDirectory() as folder:
        if constraint:
            # -e . is no constraint.
            plain = Path(folder) / "constraint.txt"
            lines = constraint.read_text(encoding="utf8").splitlines()
            plain.write_text("\n".join(x for x in lines if "==" in x), encoding="utf8")
            command += ["--constraint", str(plain)]
        command += ["--group", group] if group else ["pyproject.toml"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf8")
    if done.returncode:
        raise LockFailed(f"uv could not resolve pyproject.toml:\n{done.stderr.strip()}")
    return [shorten(line) for line in done.stdout.splitlines() if "==" in line]


def shorten(line: str) -> str:
    """Drop from a requirement's marker what holds on every supported platform and Python.

    Raises:
        LockFailed: the shortened marker would mean something else somewhere; then this function needs a look.
    """
    requirement, _, marker = (part.strip() for part in line.partition(" ; "))
    if not marker:
        return requirement
    terms = _terms(re.findall(r"\(|\)|\band\b|\bor\b|\w+ \S+ '[^']*'", marker))
    by_rest: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for term in terms:
        kept = [c for c in term if c != "python_full_version < '3.14'"]
        place = " and ".join(sorted(c for c in kept if c.startswith(("sys_platform", "platform_machine"))))
        by_rest[tuple(c for c in kept if not c.startswith(("sys_platform", "platform_machine")))].add(place)
    short = []
    for rest, places in by_rest.items():
        known = "" if "" in places else _NAMES.get(frozenset(places))
        for place in sorted(places) if known is None else [known]:
            short.append(" and ".join(filter(None, [*rest, place])))
    if "" in short:
        result = ""
    else:
        result = short[0] if len(short) == 1 else " or ".join(f"({s})" if " and " in s else s for s in short)
    _check(marker, result)
    return f"{requirement} ; {result}" if result else requirement


def _terms(tokens: list[str]) -> list[list[str]]:
    """A marker as "or" between terms of "and", whichever way it was nested. Takes its tokens off the list."""
    found: list[list[str]] = []
    while True:
        product: list[list[str]] = [[]]
        while True:
            if (token := tokens.pop(0)) == "(":
                factor = _terms(tokens)
                tokens.pop(0)  # its closing bracket
            else:
                factor = [[token]]
            product = [[*left, *right] for left in product for right in factor]
            if not tokens or tokens[0] != "and":
                break
            tokens.pop(0)
        found += product
        if not tokens or tokens[0] != "or":
            return found
        tokens.pop(0)


def _places(*systems: str) -> frozenset[str]:
    return frozenset(f"platform_machine == '{m}' and sys_platform == '{s}'" for s, m in PLATFORMS if s in systems)


# Sets of platforms that have a shorter name.
_NAMES = {
    _places("linux", "darwin", "win32"): "",
    _places("linux", "darwin"): "sys_platform != 'win32'",
    _places("linux"): "sys_platform == 'linux'",
    _places("darwin"): "sys_platform == 'darwin'",
    _places("win32"): "sys_platform == 'win32'",
}


def _check(long: str, short: str) -> None:
    from packaging.markers import Marker

    for (system, machine), python in itertools.product(PLATFORMS, PYTHONS):
        place = {
            "sys_platform": system,
            "os_name": "nt" if system == "win32" else "posix",
            "platform_machine": machine,
            "python_full_version": python,
            "python_version": python.rpartition(".")[0],
        }
        if Marker(long).evaluate(place) != (not short or Marker(short).evaluate(place)):
            raise LockFailed(f"The marker {long!r} was shortened to {short!r}, which differs on {place}.")
