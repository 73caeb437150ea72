"""Lesson 40's three changes to the reference CNN, one after the other, at full length on CIFAR-10.

    python benchmarks/images_changes.py [--runs 3] [--record]

Batch normalisation; then a learning rate that rises and falls as well; then mirrored images as well. All 50,000
training images, ten epochs, batches of 32, as in the reference, whose own runs are in ``images.py``'s record. The test
images are looked at once, at the end of each run. No rate was searched for: the peak is three times Adam's own. Errors
alone count, so other work may go on beside it. 40 minutes on two cores; needs cifar10 in the cache or a mirror.
"""

from __future__ import annotations

import argparse

import _record
import keras
from images import EPOCHS, LOSS, Rows

from kitutils.data.pipeline import Batches
from kitutils.models import reference_cnn
from kitutils.train import OneCycle

PEAK = 3e-3
CHANGES = {
    "batch norm": {},
    "batch norm, one-cycle": {"one_cycle": True},
    "batch norm, one-cycle, flips": {"one_cycle": True, "flip": True},
}


def train(rows: Rows, seed: int, *, one_cycle: bool = False, flip: bool = False) -> keras.Model:
    """The reference with batch normalisation, and what else is asked for, as lesson 40 trains it."""
    keras.utils.set_random_seed(seed)
    model = reference_cnn(rows.x.shape[1:], batch_norm=True)
    batches = Batches(rows.x, rows.y, 32, seed=seed, flip=flip)
    rate = OneCycle(PEAK, EPOCHS * batches.steps) if one_cycle else 1e-3
    model.compile(keras.optimizers.Adam(rate), LOSS, metrics=["accuracy"])
    model.fit(batches.stream(), steps_per_epoch=batches.steps, epochs=EPOCHS, shuffle=False, verbose=0)
    return model


def errors(rows: Rows, runs: int) -> dict[str, list[float]]:
    """Errors on the judged images: for each change one of every seed."""
    found: dict[str, list[float]] = {name: [] for name in CHANGES}
    for seed in range(runs):
        for name, change in CHANGES.items():
            found[name].append(round(1 - rows.accuracy(train(rows, seed, **change)), 4))
            print(seed, name, found[name][-1], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    found = errors(Rows.load(validation=False), given.runs)
    if given.record:
        _record.write(
            "images_changes",
            what="CIFAR-10, test errors of the reference CNN with three changes, ten epochs",
            results=found,
            packages=["keras", "tensorflow", "numpy"],
            seeds=list(range(given.runs)),
        )


if __name__ == "__main__":
    main()
