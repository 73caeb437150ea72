"""Runs lessons as ``kit course`` does and prints what each took, one line of JSON a lesson: for ``startup.py``.

    python benchmarks/_course_run.py PROFILE [LESSONS]

A program of its own, because the lessons must run in the environment under test, not in the benchmark's.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from kitutils.course import lessons, runner

# The first network that a learner trains; scikit-learn's models before it are baselines.
TRAINS = "model.fit("


def report(outcome: runner.Outcome, wall: float) -> dict:
    """What ``startup.py`` needs of one outcome. Seconds throughout.

    ``to_model`` is the time from asking for the kernel until the first training cell has ended; None if no cell trains.
    """
    run = outcome.run
    row = {"lesson": outcome.lesson.number, "wall": wall, "problem": outcome.problem, "cells": outcome.seconds}
    if run is None:
        return row | {"kernel": 0.0, "to_model": None}
    training = [cell for cell in run.cell_seconds if TRAINS in run.notebook.cells[cell].source]
    before = sum(seconds for cell, seconds in run.cell_seconds.items() if training and cell <= training[0])
    return row | {"kernel": run.kernel_seconds, "to_model": run.kernel_seconds + before if training else None}


def main(profile: str, wanted: str = "") -> None:
    chosen = lessons.select(lessons.find(), wanted)
    with tempfile.TemporaryDirectory(prefix="kit-", ignore_cleanup_errors=True) as folder:
        start = time.perf_counter()
        for outcome in runner.course(chosen, profile=profile, folder=Path(folder, "course")):
            print(json.dumps(report(outcome, time.perf_counter() - start)), flush=True)
            start = time.perf_counter()


if __name__ == "__main__":
    main(*sys.argv[1:])
