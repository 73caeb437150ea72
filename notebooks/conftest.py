"""Makes a bare ``pytest --nbval-lax notebooks`` right, from any folder and in any shell.

Every notebook runs as in CI: the smallest profile, strict claims, nothing of the learner's own folders touched. The
seconds of each are shown at the end, and stored as JSON where ``KIT_SECONDS`` names a file.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
AIM, HARD = 15.0, 30.0  # seconds a notebook, on two cores
LIMIT = 3 * HARD  # a shared machine may be slow: only beyond this is it surely the notebook's fault
VERDICTS = (
    (LIMIT, f"  FAILED: more than {LIMIT:.0f} s; use smaller sizes in pick(ci=…)"),
    (HARD, "  over the budget: use smaller sizes in pick(ci=…)"),
    (AIM, "  over the aim"),
)

DOCSTRINGS = r"load(\"docstrings\")"  # as it stands in a notebook's JSON

_before: dict[str, float] = {}
_seconds: dict[str, float] = {}
_started: dict[str, float] = {}
_temporary: list[str] = []


def pytest_configure(config):
    """Sets what the kernels inherit, without overruling the caller."""
    for name in ("KIT_HOME", "KIT_ARTIFACTS"):
        if not os.environ.get(name):
            os.environ[name] = tempfile.mkdtemp(prefix="kit-nbval-")
            _temporary.append(os.environ[name])
    for name, value in {
        "KIT_PROFILE": "ci",
        "KIT_HEADLESS": "1",
        "KIT_STRICT_CLAIMS": "1",
        "MPLBACKEND": "Agg",
        "PYTHONUTF8": "1",
    }.items():
        os.environ.setdefault(name, value)
    path = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(part for part in path if part)
    # The kernel is this interpreter, and not whatever is registered on the machine under the name "python3".
    if hasattr(config.option, "nbval_current_env") and not config.option.nbval_kernel_name:
        config.option.nbval_current_env = True
    if hasattr(config.option, "nbval_cell_timeout"):
        config.option.nbval_cell_timeout = min(config.option.nbval_cell_timeout, LIMIT)  # nbval's own is half an hour


def pytest_ignore_collect(collection_path):
    """Only the lessons themselves: notebooks/NN_name.ipynb."""
    path = Path(collection_path)
    stray = path.suffix == ".ipynb" and (path.parent != HERE or not path.name[:2].isdigit())
    return True if stray else None  # None: whatever pytest itself would do


def pytest_collection_finish(session):
    """Harvests the doc strings once, before any clock starts, if a notebook reads them: that is not its own work."""
    paths = {item.path for item in session.items if item.path.suffix == ".ipynb"}
    if session.config.option.collectonly or not any(DOCSTRINGS in path.read_text("utf-8") for path in paths):
        return
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "from kitutils import data; data.load('docstrings')"], check=False)
    _before["doc strings harvested, once for all"] = time.monotonic() - begun


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Starts a notebook's clock, before its first cell brings the kernel up."""
    if item.path.suffix == ".ipynb":
        _started.setdefault(item.path.stem, time.monotonic())


def pytest_runtest_teardown(item):
    """Moves a notebook's time on, to the end of the cell that just ran."""
    if item.path.suffix == ".ipynb":
        _seconds[item.path.stem] = time.monotonic() - _started[item.path.stem]


def pytest_sessionfinish(session, exitstatus):
    """Stores the seconds, and fails the session for a notebook far over its budget."""
    if _seconds and os.environ.get("KIT_SECONDS"):
        text = json.dumps({name: round(seconds, 1) for name, seconds in sorted(_seconds.items())}, indent=1)
        Path(os.environ["KIT_SECONDS"]).write_text(text + "\n", encoding="utf-8")
    if exitstatus == 0 and any(seconds > LIMIT for seconds in _seconds.values()):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    """One line per notebook: seconds, and what to think of them."""
    if not _seconds:
        return
    terminalreporter.section(f"seconds per notebook (aim {AIM:.0f}, at most {HARD:.0f}, kernel start included)")
    for name, seconds in _before.items():
        terminalreporter.write_line(f"{seconds:7.1f}  {name}")
    for name, seconds in sorted(_seconds.items()):
        verdict = next((words for limit, words in VERDICTS if seconds > limit), "")
        terminalreporter.write_line(f"{seconds:7.1f}  {name}{verdict}", yellow=bool(verdict))


def pytest_unconfigure(config):
    """Leaves nothing behind."""
    while _temporary:
        shutil.rmtree(_temporary.pop(), ignore_errors=True)
