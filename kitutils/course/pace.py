"""How fast this machine is beside the one that the lessons' times were recorded on, and so how long they run here.

Two things are timed, because lessons are made of both: training steps of a small network, and NumPy with plain Python.

Lessons: 00.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kitutils import settings
from kitutils.errors import KitError

if TYPE_CHECKING:
    import keras

    from kitutils.course.lessons import Lesson

BATCH, STEPS = 64, 50
# How far a forecast may be off beyond the difference between the two measured speeds. Lessons 01 and 02, forecast and
# then run on one core and on two of a shared machine, ran in down to 0.66 times what the recorded times promised.
MARGIN = 1.6


class NoReference(KitError):
    """The recorded speed cannot be read."""


@dataclass(frozen=True)
class Speed:
    """How fast a machine is.

    Attributes:
        training: steps per second of :func:`network`, 64 images a step.
        arithmetic: rounds per second of :func:`arithmetic`.
    """

    training: float
    arithmetic: float


@dataclass(frozen=True)
class Forecast:
    """How long a lesson is expected to run, from ``low`` to ``high`` seconds, in the ``workshop`` profile."""

    lesson: Lesson
    low: float
    high: float


def network() -> keras.Model:
    """A small CNN for 8 × 8 images in ten classes, compiled and untrained; its shape must stay, or records are void."""
    import keras
    from keras import layers

    body = [layers.Conv2D(filters, 3, padding="same", activation="relu") for filters in (16, 32)]
    head = [layers.MaxPooling2D(), layers.Flatten(), layers.Dense(64, activation="relu")]
    model = keras.Sequential([keras.Input((8, 8, 1)), *body, *head, layers.Dense(10, activation="softmax")])
    model.compile("adam", loss="sparse_categorical_crossentropy")
    return model


def images(n: int) -> tuple:
    """``n`` random images, float32 of shape (n, 8, 8, 1) in 0 to 1, and random labels, int64 of shape (n,)."""
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.random((n, 8, 8, 1), dtype=np.float32), rng.integers(0, 10, n)


def arithmetic() -> None:
    """One round: distances between 1,000 points, sorted, and a loop of 100,000 steps in plain Python."""
    import numpy as np

    points = np.random.default_rng(0).random((1000, 8))
    ((points[:, None] - points) ** 2).sum(axis=2).argsort(axis=1)
    total = 0
    for i in range(100_000):
        total += i * i


def measure(seconds: float, clock: Callable[[], float] = time.perf_counter) -> Speed:
    """Times training and arithmetic in turn for about that long, one round at least, and takes the medians.

    What comes only once, such as tracing the network, is done before and not timed.

    Args:
        seconds: how long to measure: 10 for a steady result, a fraction of a second to see that it works.
        clock: tells seconds; a test passes its own.

    Raises:
        ValueError: ``seconds`` is not above zero.
    """
    if not seconds > 0:
        raise ValueError(f"measure needs a time above zero seconds; got {seconds}.")
    model = network()
    x, y = images(BATCH * STEPS)

    def train(steps: int = STEPS) -> None:
        model.fit(x[: steps * BATCH], y[: steps * BATCH], batch_size=BATCH, shuffle=False, verbose=0)

    train(steps=1)
    arithmetic()
    training, rounds = [], []
    begin = clock()
    while not rounds or clock() - begin < seconds:
        training.append(STEPS / _timed(train, clock))
        rounds.append(1 / _timed(arithmetic, clock))
    return Speed(statistics.median(training), statistics.median(rounds))


def reference(root: Path | None = None) -> Speed:
    """The speed of the machine on which the lessons' times were recorded, from ``benchmarks/records/pace.json``.

    Raises:
        NoReference: the record is missing or cannot be read.
    """
    path = (root or settings.root()) / "benchmarks" / "records" / "pace.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"))["results"]
        return Speed(float(results["training"]), float(results["arithmetic"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoReference(
            f"benchmarks/records/pace.json cannot be read ({error.__class__.__name__}), so this machine cannot "
            "be compared. Fetch the kit anew, or skip the forecast: no later cell needs it."
        ) from error


def recorded_seconds(lesson: Lesson) -> float:
    """The seconds that a lesson ran in its last build; the header's minutes if it has not been built."""
    try:
        return float(json.loads(lesson.notebook.read_text(encoding="utf-8"))["metadata"]["kit"]["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 60.0 * lesson.run


def forecast(lessons: Sequence[Lesson], here: Speed, there: Speed) -> list[Forecast]:
    """How long each lesson will run on a machine of speed ``here``, given its recorded time at speed ``there``.

    A lesson is a mixture, in unknown shares, of what the two speeds stand for: it should take between the recorded time
    divided by the one ratio and divided by the other. Both ends are moved outwards by the factor ``MARGIN``.

    Raises:
        ValueError: a speed is not above zero.
    """
    for speed in (here, there):
        if not (speed.training > 0 and speed.arithmetic > 0):
            raise ValueError(f"A speed is above zero; got {speed}.")
    ratios = here.training / there.training, here.arithmetic / there.arithmetic
    return [
        Forecast(lesson, seconds / max(ratios) / MARGIN, seconds / min(ratios) * MARGIN)
        for lesson, seconds in ((lesson, recorded_seconds(lesson)) for lesson in lessons)
    ]


def total(forecasts: Sequence[Forecast]) -> tuple[float, float]:
    """Seconds that all lessons take, from and to. A machine is slower in all of them or in none, so the ends add up."""
    return sum(one.low for one in forecasts), sum(one.high for one in forecasts)


def in_minutes(low: float, high: float) -> str:
    """A range of seconds in words: "1 to 3 min", "2 min", "under 1 min"."""
    first, last = round(low / 60), round(high / 60)
    if last < 1:
        return "under 1 min"
    if first == last:
        return f"{last} min"
    return f"up to {last} min" if first < 1 else f"{first} to {last} min"


def _timed(work: Callable[[], None], clock: Callable[[], float]) -> float:
    begin = clock()
    work()
    return clock() - begin
