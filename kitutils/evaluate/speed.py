"""How long one call takes, measured so that two ways can be compared.

Lessons: 01.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np


def latency(
    calls: Mapping[str, Callable[[], object]], *, rounds: int = 7, seconds: float = 0.05, warm_up: int = 3
) -> dict[str, float]:
    """Median seconds per call of each function, measured in turns.

    The functions take turns, round by round, so that a machine that slows down for a while slows all of them; the
    median over the rounds then drops the round in which something else ran. Compare the ratio of two entries rather
    than trust either alone.

    Args:
        calls: name → a function without arguments.
        rounds: how often each has its turn.
        seconds: how long a turn lasts at least; one call, if a single one takes longer.
        warm_up: calls before the clock runs: tracing, caches, lazy loading.

    Returns:
        name → median seconds per call.
    """
    for call in calls.values():
        for _ in range(warm_up):
            call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            done, start = 0, time.perf_counter()
            while (gone := time.perf_counter() - start) < seconds or not done:
                call()
                done += 1
            times[name].append(gone / done)
    return {name: float(np.median(t)) for name, t in times.items()}
