"""Running one notebook from top to bottom in a fresh kernel, with nobody in front of it."""

from __future__ import annotations

import asyncio
import math
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

from kitutils import settings
from kitutils.course import outputs
from kitutils.errors import KitError


class KernelError(KitError):
    """No kernel could be started."""


@dataclass(frozen=True)
class Failure:
    """The first thing that went wrong in a run.

    Attributes:
        cell: the cell's position in the notebook, from 0.
        ename: the exception's type, such as "ValueError".
        evalue: its message.
        line: the line of the cell in which it happened, empty where that is not known.
    """

    cell: int
    ename: str
    evalue: str
    line: str

    def __str__(self) -> str:
        where = f", at “{self.line}”" if self.line else ""
        return f"cell {self.cell}{where}: {self.ename}: {self.evalue}"


@dataclass
class Run:
    """What came out of executing a notebook.

    Attributes:
        notebook: the executed notebook, as far as it got.
        cell_seconds: seconds by position, for each code cell that ran.
        kernel_seconds: seconds until the kernel answered, not part of ``seconds``.
        failure: the first error, or None.
    """

    notebook: object
    cell_seconds: dict[int, float] = field(default_factory=dict)
    kernel_seconds: float = 0.0
    failure: Failure | None = None

    @property
    def seconds(self) -> float:
        """Seconds that the cells took, TensorFlow's import included."""
        return sum(self.cell_seconds.values())

    @property
    def traceback(self) -> str:
        """The failed cell's traceback, without colours; empty if nothing failed or there is none."""
        if self.failure is None:
            return ""
        found = [
            output for output in self.notebook.cells[self.failure.cell].outputs if output["output_type"] == "error"
        ]
        return outputs.plain("\n".join(found[0]["traceback"])) if found else ""

    @property
    def claims(self) -> list[outputs.Claim]:
        """The claims that the notebook made."""
        return outputs.claims(self.notebook)


def execute(
    notebook,
    *,
    profile: str,
    artifacts: Path,
    strict_data: bool = False,
    limit: float | None = None,
    folder: Path | None = None,
    on_cell: Callable[[int], None] | None = None,
) -> Run:
    """Executes a copy of ``notebook`` in a fresh kernel of this interpreter.

    Broken claims raise in it. An error does not raise here: it ends the run and is the result's ``failure``.

    Args:
        notebook: an ``nbformat`` notebook of version 4.
        profile: "ci", "workshop" or "full".
        artifacts: the folder that lessons hand models over in.
        strict_data: refuse stand-ins, unless the caller's environment decides otherwise.
        limit: seconds that all cells together may take, None for no limit.
        folder: where the kernel runs, an empty temporary folder if None: a lesson must run from any.
        on_cell: called with the position of each code cell before it runs.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    run = Run(deepcopy(notebook))
    started: dict[int, float] = {}
    begin = time.monotonic()

    def on_start(cell, cell_index):
        if on_cell is not None:
            on_cell(cell_index)
        started[cell_index] = time.monotonic()

    def on_executed(cell, cell_index, execute_reply):
        run.cell_seconds[cell_index] = time.monotonic() - started[cell_index]

    def on_ready(notebook):
        run.kernel_seconds = time.monotonic() - begin
        # nbclient would take Ctrl-C for a kernel that died, and a course would go on with its next lesson.
        with suppress(NotImplementedError, ValueError, RuntimeError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    def time_left(cell):
        return None if limit is None else max(1, math.ceil(limit - run.seconds))

    with tempfile.TemporaryDirectory(prefix="kit-", ignore_cleanup_errors=True) as scratch:
        empty = Path(scratch, "lesson")
        empty.mkdir()
        client = NotebookClient(
            run.notebook,
            km=_kernel_manager(),
            timeout_func=time_left,
            record_timing=False,
            store_widget_state=False,
            shutdown_kernel="immediate",
            on_notebook_start=on_ready,
            on_cell_execute=on_start,
            on_cell_executed=on_executed,
        )
        env = _environment(profile, artifacts, strict_data) | {"IPYTHONDIR": str(Path(scratch, "ipython"))}
        log = Path(scratch, "kernel.log")  # what the kernel's own process says, which is noise while all goes well
        try:
            with log.open("w") as stderr:
                client.execute(cwd=str(folder or empty), env=env, cleanup_kc=True, stderr=stderr)
        except CellExecutionError as error:
            cell = max(started)
            run.failure = Failure(cell, error.ename, error.evalue, "")
            run.failure = replace(run.failure, line=_failing_line(run.traceback))
        except CellTimeoutError:
            cell = max(started)
            run.cell_seconds[cell] = time.monotonic() - started[cell]
            run.failure = Failure(cell, "TimeLimit", f"the lesson ran for more than {limit:.0f} seconds", "")
        except DeadKernelError:
            message = f"the kernel died; the machine may have run out of memory. Its last words: {_last_line(log)}"
            run.failure = Failure(max(started, default=0), "DeadKernel", message, "")
        except RuntimeError as error:
            if started:
                raise
            raise KernelError(f"No kernel could be started ({error}). Its last words: {_last_line(log)}") from error
    return run


def _kernel_manager():
    """A manager whose kernel is this interpreter, whatever kernels are registered under the name "python3"."""
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisInterpreter(KernelSpecManager):
        def get_kernel_spec(self, kernel_name):
            return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    return AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisInterpreter())


def _environment(profile: str, artifacts: Path, strict_data: bool) -> dict[str, str]:
    """The kernel's environment: the caller's, with what a headless run of a lesson needs."""
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}  # figures go into the notebook
    path = [str(Path(settings.__file__).parents[1]), env.get("PYTHONPATH", "")]  # this kitutils, wherever it lies
    env |= {
        "KIT_PROFILE": profile,
        "KIT_HEADLESS": "1",
        "KIT_STRICT_CLAIMS": "1",
        "KIT_ARTIFACTS": str(artifacts),
        "PYTHONPATH": os.pathsep.join(part for part in path if part),
        "PYTHONUTF8": "1",
    }
    if strict_data:
        env.setdefault("KIT_STRICT_DATA", "1")
    return env


def _failing_line(traceback: str) -> str:
    """The line of the cell that a traceback's first arrow points to; empty if there is none."""
    arrow = re.search(r"^-+> *\d+ (.*)$", traceback, re.MULTILINE)
    return arrow[1].strip() if arrow else ""


def _last_line(log: Path) -> str:
    """The last line of the kernel's log that says something."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "none"
