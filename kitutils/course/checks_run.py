"""``kit test``: ruff, the lint of the lessons, the notebooks, the unit tests, one after the other.

The notebooks and the tests run in a network namespace without routes where the system allows one, so that a hidden
download fails here and not in a workshop.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from kitutils import settings

# A test file stays with one worker, because the costly fixtures are made once a file or folder. Two workers: more would
# not gain on the two cores of a CI job, and each that imports TensorFlow takes a gigabyte.
_SHARED_OUT = ("-n", "2", "--dist", "loadfile")


def main(*, fast: bool = False) -> int:
    """Run every check and say which failed. Returns the exit code.

    Args:
        fast: leave out the notebooks and the tests marked slow.
    """
    root = settings.root()
    python = sys.executable
    isolated = isolation()
    if not isolated:
        print("This system allows no network namespace: the notebooks and tests run with the network in reach.")
    (root / "build").mkdir(exist_ok=True)
    steps: dict[str, list[str]] = {
        "ruff": [python, "-m", "ruff", "check", "--quiet", "."],
        "format": [python, "-m", "ruff", "format", "--check", "--quiet", "."],
        "lint": [python, "-m", "kitutils", "lint"],
        "notebooks": [*isolated, python, "-m", "pytest", "--nbval-lax", "notebooks", "-q"],
        # Last, so that a log ends in its summary.
        "tests": [*isolated, python, "-m", "pytest", "-q", *_SHARED_OUT, *(["-m", "not slow"] if fast else [])],
    }
    if fast:
        del steps["notebooks"]
    failed, seconds = [], {}
    for name, command in steps.items():
        print(f"\n── {name} ──", flush=True)
        start = time.monotonic()
        if subprocess.call(command, cwd=root, env=_environment(root)):
            failed.append(name)
        seconds[name] = time.monotonic() - start
        if name == "notebooks" or (fast and name == "lint"):
            # Said before the tests begin, whose own summary comes last.
            print("\n" + ", ".join(f"{step} {s:.0f} s" for step, s in seconds.items()), flush=True)
    if failed:
        print(f"\nkit test: failed: {', '.join(failed)}. The lines under that heading above say why.")
    return 1 if failed else 0


def isolation() -> list[str]:
    """The command prefix that runs a program without a network but for loopback; empty where that is not allowed.

    Loopback must be up, or a notebook cannot talk to its own kernel.
    """
    prefix = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if not (shutil.which("unshare") and shutil.which("ip")):
        return []
    allowed = subprocess.run([*prefix, "true"], capture_output=True).returncode == 0
    return prefix if allowed else []


def _environment(root: Path) -> dict[str, str]:
    # The profile and the rest are set by the two conftest files; a learner's own settings must not reach the checks.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KIT_") or k in ("KIT_MIRROR", "KIT_BROWSER")}
    return kept | {"KIT_SECONDS": str(root / "build" / "seconds.json")}
