"""Accuracy over seconds on CIFAR-10: the longer trainings that stand beside those of ``images.py``.

    python benchmarks/images_ladder.py [--runs 3] [--only NAME …] [--validation | --record]
    python benchmarks/images_ladder.py --figure

Each rung is a training of its own, with a schedule that ends where the rung ends; in a round they come in turn. The
lower rungs, the reference and the fast network in its time, are in the record of ``images.py``. ``--validation`` judges
by 5,000 training images that are held out; the long recipe was tried once in this way, and ResNet-20 has usual rates
that were not tuned. For a record all training images train, and the test images are looked at once, at the end of each
run. Seconds as in ``images.py``. 50 minutes on two cores; needs cifar10 in the cache or a mirror. ``--figure`` draws
the records of both programs into ``figures/images_ladder.png``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import _record
import keras
from images import LOSS, Recipe, Rows, train_fast
from matplotlib.figure import Figure

from kitutils import plots
from kitutils.course.records import record
from kitutils.data.pipeline import Batches
from kitutils.models import both_sides, resnet
from kitutils.train import OneCycle, precision

LONG = Recipe(24, batch=256)


def train_resnet(rows: Rows, epochs: int, seed: int, peak: float = 0.2) -> tuple[keras.Model, float]:
    """ResNet-20 by SGD with momentum and a one-cycle rate, flips and shifts; the model and its seconds."""
    begun = time.perf_counter()
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(precision.fastest())
    model = resnet(20)
    keras.config.set_dtype_policy("float32")
    batches = Batches(rows.x, rows.y, 128, seed=seed, flip=True, shift=2)
    rate = OneCycle(peak, epochs * batches.steps)
    model.compile(keras.optimizers.SGD(rate, 0.9, nesterov=True, weight_decay=5e-4), LOSS, metrics=["accuracy"])
    model.fit(batches.stream(), steps_per_epoch=batches.steps, epochs=epochs, shuffle=False, verbose=0)
    return model, time.perf_counter() - begun


RUNGS = {
    "resnet20, 4 epochs": lambda rows, seed: train_resnet(rows, 4, seed),
    "fast, 24 epochs": lambda rows, seed: train_fast(rows, LONG, seed),
}


def ladder(rows: Rows, names: list[str], runs: int) -> dict[str, dict]:
    """For each rung the seconds and accuracies of its runs, and their medians."""
    found: dict[str, dict] = {name: {"runs": []} for name in names}
    for seed in range(runs):
        for name in names:
            model, seconds = RUNGS[name](rows, seed)
            run = {
                "seconds": round(seconds, 1),
                "accuracy": round(rows.accuracy(model), 4),
                "accuracy_both_sides": round(rows.accuracy(both_sides(model)), 4),
            }
            found[name]["runs"].append(run)
            print(seed, name, run, flush=True)
    for rung in found.values():
        rung |= {f"median_{what}": statistics.median(run[what] for run in rung["runs"]) for what in rung["runs"][0]}
    return found


def points(race: Mapping[str, Any], rungs: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Network → (seconds, test accuracy in %) of each run, of the results in both records."""
    networks = {"reference": "reference CNN", "sprint": "fast network", "fast": "fast network"}
    found: dict[str, list[tuple[float, float]]] = {"reference CNN": [], "ResNet-20": [], "fast network": []}
    for name, network in networks.items():
        found[network] += [(run["seconds"], 100 * (1 - run["error"])) for run in race[name]]
    for name, rung in rungs.items():
        network = "ResNet-20" if name.startswith("resnet20") else "fast network"
        found[network] += [(run["seconds"], 100 * run["accuracy"]) for run in rung["runs"]]
    return found


def figure(found: Mapping[str, list[tuple[float, float]]]) -> Figure:
    """Accuracy over seconds, a mark for each training."""
    plots.use_style()
    drawn, axis = plots.plt.subplots(figsize=(7, 3.6))
    for (network, runs), mark in zip(found.items(), "sDo", strict=True):
        axis.plot(*zip(*runs, strict=True), mark, label=network, alpha=0.8)
    axis.set(xlabel="seconds of training, everything counted", ylabel="test accuracy, %", xlim=(0, None))
    axis.legend(loc="lower right")
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(RUNGS), default=list(RUNGS), metavar="NAME")
    parser.add_argument("--validation", action="store_true", help="judge by held-out training images")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--figure", action="store_true", help="draw the committed records")
    given = parser.parse_args()
    if given.figure:
        place = Path(__file__).parent / "figures" / "images_ladder.png"
        place.parent.mkdir(exist_ok=True)
        found = points(record("images_race").results, record("images_ladder").results)
        figure(found).savefig(place, metadata={"Software": None})
        return
    if given.record and (given.validation or len(given.only) < len(RUNGS)):
        parser.error("A record is of all rungs on the test images: leave out --validation and --only.")
    results = ladder(Rows.load(given.validation), given.only, given.runs)
    for name, rung in results.items():
        print(f"{name}: {100 * rung['median_accuracy']:.1f} % in {rung['median_seconds']:.0f} s")
    if given.record:
        _record.write(
            "images_ladder",
            what="CIFAR-10, test accuracy and seconds of longer trainings of two networks, in turn",
            results=results,
            packages=["keras", "tensorflow", "numpy"],
            seeds=list(range(given.runs)),
            number_format=precision.fastest(),
        )


if __name__ == "__main__":
    main()
