"""The speed of this machine, to which lesson 00 compares the reader's. Half a minute; needs nothing.

    python benchmarks/pace.py [--record]

Prints steps per second of a small training and rounds per second of NumPy and plain Python, each the median of five
measurements of five seconds. --record writes benchmarks/records/pace.json. Record it on the machine that the
lessons are built on (`kit build --all --force`), while it does nothing else, for it is their times that are scaled.
"""

from __future__ import annotations

import argparse
import os
import statistics

import _record

from kitutils.course import pace

REPEATS, SECONDS = 5, 5.0


def summary(speeds: list[pace.Speed]) -> dict[str, float | list[float]]:
    """The median of each speed, with all that were measured."""
    training, arithmetic = ([getattr(speed, name) for speed in speeds] for name in ("training", "arithmetic"))
    return {
        "training": round(statistics.median(training), 1),
        "arithmetic": round(statistics.median(arithmetic), 2),
        "training_all": [round(value, 1) for value in training],
        "arithmetic_all": [round(value, 2) for value in arithmetic],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write records/pace.json")
    chosen = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    results = summary([pace.measure(SECONDS) for _ in range(REPEATS)])
    for name, unit in (("training", "steps/s"), ("arithmetic", "rounds/s")):
        print(f"{name}: {results[name]} {unit}, of {results[f'{name}_all']}")
    if chosen.record:
        path = _record.write(
            "pace",
            what="speed of the machine that the lessons' times were recorded on: training steps of 64 images per "
            "second, rounds of NumPy and plain Python per second",
            results=results,
            packages=("keras", "tensorflow", "numpy"),
            repeats=REPEATS,
            seconds=SECONDS,
        )
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
