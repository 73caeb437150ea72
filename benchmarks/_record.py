"""What every benchmark writes down beside its numbers: the machine, the versions, the date."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import psutil

RECORDS = Path(__file__).parent / "records"


def write(name: str, *, what: str, results: dict, packages: Sequence[str] = (), **setting) -> Path:
    """Writes ``records/<name>.json``, replacing the older one.

    Args:
        name: the benchmark's file name without its ending.
        what: what was measured, with its unit, in one line.
        results: the numbers.
        packages: distributions whose versions decide the numbers; Python's own is always recorded.
        setting: what else a reader needs to judge them: seeds, epochs, number of runs.
    """
    record = {
        "what": what,
        "results": results,
        **setting,
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in packages},
        "date": time.strftime("%Y-%m-%d"),
    }
    RECORDS.mkdir(exist_ok=True)
    path = RECORDS / f"{name}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf8", newline="\n")
    return path


def machine() -> dict[str, str | int | float]:
    """The machine as far as it explains a number, and nothing by which it could be found again."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": _cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
    }


def _cores() -> int:
    """The logical cores that this process may use, which in a container are fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """The processor's model name; "unknown" where the system does not say."""
    if platform.system() == "Linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return names[0] if names else "unknown"  # on arm64, Linux gives numbers and no name
    if platform.system() == "Darwin":
        asked = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True)
        return asked.stdout.strip() or "unknown"
    return platform.processor() or "unknown"
