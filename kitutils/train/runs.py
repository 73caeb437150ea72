"""The record of a training: what was trained how, on what, and what came of it; and several records side by side."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kitutils.train.errors import WrongFolder

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

RECORD = "run.json"


@dataclass
class Run:
    """One training.

    Attributes:
        name: of the run, for tables and figures.
        config: model, number of parameters, optimizer, loss, rows, batch size, seed, epochs asked for.
        history: for each metric a value an epoch; validation metrics begin with ``val_``.
        seconds: of each epoch, validation included. The first one contains the tracing.
        peak_memory_mb: the largest memory of the process so far, in MB; None where the system does not tell.
        versions: of Python, Keras, its backend and NumPy.
        machine: processor, cores and system. No name, no path.
        resumed: how often it was taken up again.
        stopped: "finished", "early" (patience ran out, or another callback stopped it), or "" while it runs or when it
            was broken off.
        best_epoch: from 0, by the monitored metric; None without validation.
    """

    name: str
    config: dict[str, Any] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    peak_memory_mb: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    resumed: int = 0
    stopped: str = ""
    best_epoch: int | None = None

    @property
    def epochs(self) -> int:
        """How many epochs are done."""
        return len(self.seconds)

    def last(self, metric: str) -> float:
        """A metric after the last epoch.

        Raises:
            KeyError: it was not measured; the message names those that were.
        """
        if not self.history.get(metric):
            raise KeyError(f"{self.name} has no {metric}; it has {', '.join(self.history) or 'no metric yet'}.")
        return self.history[metric][-1]

    def save(self, folder: Path) -> Path:
        """Writes ``run.json``, under another name first, so that it is never half there."""
        path, part = folder / RECORD, folder / (RECORD + ".part")
        part.write_text(json.dumps(asdict(self), indent=1, allow_nan=True) + "\n", encoding="utf8")
        part.replace(path)
        return path

    @classmethod
    def read(cls, folder: str | Path) -> Run:
        """The record in a run's folder.

        Raises:
            WrongFolder: there is none, or it is not a record.
        """
        path = Path(folder) / RECORD
        try:
            return cls(**json.loads(path.read_text(encoding="utf8")))
        except (OSError, ValueError, TypeError) as error:
            raise WrongFolder(f"{path} is not the record of a training: {error}") from error


@dataclass(frozen=True)
class Comparison:
    """Runs side by side: ``table`` to read, ``figure()`` to look at."""

    runs: tuple[Run, ...]
    table: pd.DataFrame

    def figure(self, metric: str = "val_accuracy", over: str = "seconds") -> Figure:
        """A curve a run.

        Args:
            metric: a name in the histories. A run that has not measured it is left out.
            over: "seconds" since the start of the training, or "epochs".

        Raises:
            ValueError: no run has measured the metric, or ``over`` is neither.
        """
        import numpy as np

        from kitutils import plots

        if over not in ("seconds", "epochs"):
            raise ValueError(f'over is "seconds" or "epochs"; got {over!r}.')
        chosen = [run for run in self.runs if run.history.get(metric)]
        if not chosen:
            raise ValueError(
                f"No run has measured {metric}; there are {sorted({m for r in self.runs for m in r.history})}."
            )
        figure, axis = plots.plt.subplots()
        for run in chosen:
            across = np.cumsum(run.seconds) if over == "seconds" else np.arange(1, run.epochs + 1)
            axis.plot(across, run.history[metric], marker="o", markersize=3, label=run.name)
        axis.set(xlabel=over, ylabel=metric.replace("_", " "))
        if over == "epochs":
            axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
        return figure

    def _repr_html_(self) -> str:
        return self.table.to_html()


def compare(runs: Sequence[Run | str | Path]) -> Comparison:
    """Runs, or their folders, as one table: a row a run, in the order given.

    Raises:
        WrongFolder: a folder holds no run.
        ValueError: there are none.
    """
    import pandas as pd

    read = tuple(run if isinstance(run, Run) else Run.read(run) for run in runs)
    if not read:
        raise ValueError("There are no runs to compare; give runs, or the folders they were trained in.")
    rows = {}
    for run in read:
        best = run.best_epoch if run.best_epoch is not None else run.epochs - 1
        rows[run.name] = {
            "parameters": run.config.get("parameters"),
            "epochs": run.epochs,
            "seconds": round(math.fsum(run.seconds), 1),
            "best epoch": best + 1,
            **{name: values[best] for name, values in run.history.items() if 0 <= best < len(values)},
        }
    return Comparison(read, pd.DataFrame.from_dict(rows, orient="index"))


def versions() -> dict[str, str]:
    """Versions of what a training depends on. The backend is that of Keras."""
    import keras

    backend = keras.backend.backend()
    found = {"python": platform.python_version(), "backend": backend}
    for package in ("keras", "numpy", backend):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def machine() -> dict[str, Any]:
    """The machine, in words that name nobody."""
    return {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}


def peak_memory_mb() -> float | None:
    """The largest memory that this process has held, in MB; None on Windows, which has no such count."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
