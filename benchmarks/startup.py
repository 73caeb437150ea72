"""How long a newcomer waits: for the imports, for the first trained model, for the whole course.

    python benchmarks/startup.py [--quick] [--record]

Prints a table. With --quick only the imports and the help, half a minute; without, about ten minutes, 5 GB of disk for
a fresh environment, and a network or a warm package cache. --record writes benchmarks/records/startup.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import _record

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9
GOALS = {"import": 0.1, "help": 0.5, "first_model": 300.0}  # seconds
BARE = "bare"
COMMANDS = {
    BARE: ["-c", "pass"],
    "import": ["-c", "import kitutils"],
    "help": ["-m", "kitutils", "--help"],
}


def quick(wall: Callable[[Sequence[str]], float] | None = None, rounds: int = ROUNDS) -> dict[str, dict]:
    """Seconds that ``import kitutils`` and ``kit --help`` take on top of a bare Python.

    The commands take turns, so that a busy moment of the machine hits all of them; of each round the difference to
    that round's bare Python counts, and of all rounds the median. A first round warms the file cache and is dropped.

    Args:
        wall: runs Python with these arguments and returns the seconds; a test passes its own.
        rounds: how often each command is measured.
    """
    wall = wall or _wall
    seconds: list[dict[str, float]] = []
    for _ in range(1 + rounds):
        seconds.append({name: wall(arguments) for name, arguments in COMMANDS.items()})
    results = {}
    for name in COMMANDS:
        if name != BARE:
            results[name] = _judged(name, statistics.median(row[name] - row[BARE] for row in seconds[1:]))
    return results


def _wall(arguments: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def fresh(folder: Path) -> dict:
    """Seconds from a clone to the first trained network, as a newcomer meets them, in an empty folder."""
    kit = folder / "kit"
    start = time.perf_counter()
    source = clone(kit)
    cloned = time.perf_counter()
    environment = clean_environment(folder / "home")
    # The help is the smallest command: what it takes is what setting up takes.
    subprocess.run([sys.executable, "kit.py", "--help"], cwd=kit, env=environment, check=True)
    installed = time.perf_counter()
    python = kit / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (row,), seconds = run_course(python, kit, "workshop", "01", environment)
    if row["to_model"] is None:
        raise SystemExit("Lesson 01 has no cell that trains a network, so there is no first model to wait for.")
    parts = {
        "clone": cloned - start,
        "environment": installed - cloned,
        "lesson": seconds - row["wall"] + row["to_model"],  # starting Python counts, what follows the training not
    }
    disk = sum(path.lstat().st_size for path in (kit / ".venv").rglob("*") if not path.is_symlink())
    return _judged("first_model", sum(parts.values())) | {
        "parts": {name: round(value, 1) for name, value in parts.items()},
        "profile": "workshop",
        "source": source,
        "installer": "uv" if shutil.which("uv", path=environment["PATH"]) else "pip",
        "environment_gb": round(disk / 1e9, 2),
    }


def clone(target: Path) -> str:
    """Brings the kit to ``target``, by git; with the working tree's files where they are not all committed.

    Returns:
        "clone" or "working tree".
    """
    status = _git("status", "--porcelain")
    if not status and _git("rev-list", "-n", "1", "--all"):
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
        return "clone"
    for name in _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).exists():  # a file may be deleted and not yet committed as such
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return "working tree"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, encoding="utf8").stdout


def clean_environment(home: Path) -> dict[str, str]:
    """The environment without settings of the kit and without an active virtual environment, but with the mirror."""
    dropped = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}
    kept = {k: v for k, v in os.environ.items() if k not in dropped and (not k.startswith("KIT_") or k == "KIT_MIRROR")}
    return kept | {"KIT_HOME": str(home), "KIT_STRICT_DATA": "1"}


def run_course(
    python: Path, kit: Path, profile: str, wanted: str, environment: dict[str, str]
) -> tuple[list[dict], float]:
    """Runs lessons of the kit in ``kit`` with its interpreter.

    Returns:
        One row a lesson, see ``_course_run.report``, and the seconds that all of it took.

    Raises:
        SystemExit: a lesson failed; its time would say nothing.
    """
    print(f"Running {f'lesson {wanted}' if wanted else 'all lessons'}, profile {profile} …", flush=True)
    start = time.perf_counter()
    command = [python, kit / "benchmarks" / "_course_run.py", profile, wanted]
    rows = []
    with subprocess.Popen(command, cwd=kit, env=environment, stdout=subprocess.PIPE, encoding="utf8") as process:
        for line in process.stdout:
            rows.append(json.loads(line))
            print(f"  lesson {rows[-1]['lesson']}: {rows[-1]['wall']:.1f} s", flush=True)
    seconds = time.perf_counter() - start
    if problems := [f"lesson {row['lesson']}: {row['problem']}" for row in rows if row["problem"]]:
        raise SystemExit("Nothing is recorded, because not all lessons ran. " + "; ".join(problems))
    if process.returncode or not rows:
        raise SystemExit(f"The lessons could not be run (exit code {process.returncode}); the lines above say why.")
    return rows, seconds


def whole_course(folder: Path) -> dict:
    """Seconds of ``kit course`` in the ``ci`` profile, a notebook at a time, and how much of it is not the lessons."""
    rows, seconds = run_course(Path(sys.executable), ROOT, "ci", "", clean_environment(folder))
    return course_summary(rows, seconds)


def course_summary(rows: Sequence[dict], seconds: float) -> dict:
    """The whole course's seconds, the share that is overhead (starting kernels, writing pages), and each lesson's."""
    cells = sum(row["cells"] for row in rows)
    lessons = [
        {"lesson": row["lesson"]} | {name: round(row[name], 1) for name in ("wall", "cells", "kernel")} for row in rows
    ]
    return {
        "profile": "ci",
        "seconds": round(seconds, 1),
        "cells_seconds": round(cells, 1),
        "overhead_share": round(1 - cells / seconds, 3),
        "lessons": lessons,
    }


def _judged(name: str, seconds: float) -> dict[str, float]:
    goal = GOALS[name]
    return {"seconds": round(seconds, 3), "goal": goal, "ratio": round(seconds / goal, 3)}


def show(results: dict) -> None:
    """Prints the results as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    names = {"import": "import kitutils", "help": "kit --help", "first_model": "clone to first trained model"}
    table = Table("", "seconds", "goal", "seconds / goal")
    for key in [key for key in names if key in results]:
        row = results[key]
        table.add_row(names[key], f"{row['seconds']:.3g}", f"{row['goal']:g}", f"{row['ratio']:.2f}")
        for part, seconds in row.get("parts", {}).items():
            table.add_row(f"  {part}", f"{seconds:.1f}", "", "")
    console.print(table)
    if "course" not in results:
        return
    course = results["course"]
    table = Table("lesson", "seconds", "in cells", "kernel start")
    for row in course["lessons"]:
        table.add_row(row["lesson"], f"{row['wall']:.1f}", f"{row['cells']:.1f}", f"{row['kernel']:.1f}")
    console.print(table)
    print(
        f"Whole course, {course['profile']}: {course['seconds']:.0f} s, {course['overhead_share']:.0%} of it overhead"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the imports and the help")
    parser.add_argument("--record", action="store_true", help="write benchmarks/records/startup.json")
    chosen = parser.parse_args(arguments)
    if chosen.quick and chosen.record:
        parser.error("a record holds every part; leave out --quick, or leave out --record")

    results = quick()
    if not chosen.quick:
        with tempfile.TemporaryDirectory(prefix="kit-", ignore_cleanup_errors=True) as folder:
            results["first_model"] = fresh(Path(folder, "fresh"))
            results["course"] = whole_course(Path(folder, "home"))
    show(results)
    if chosen.record:
        what = "seconds until the kit is imported, until a fresh clone has trained its first model, and of the course"
        packages = ("tensorflow", "keras", "nbclient", "typer", "rich")
        _record.write("startup", what=what, results=results, packages=packages, rounds=ROUNDS)


if __name__ == "__main__":
    main()
