"""The kit's fast network beside the reference CNN on CIFAR-10: error and seconds on this machine.

    python benchmarks/images.py [--runs 3] [--validation | --record]

A round trains the reference, then the fast network twice: for about as long, and for part of an epoch. The network and
its rates were chosen on 5,000 training images that were held out; ``--validation`` judges by them. Without it all
training images train, and the test images are looked at once, at the end of each run. Seconds run from before the
network is built to the last step; whitening, tracing and the choice of the number format are counted. 25 minutes on two
cores; needs cifar10 in the cache or a mirror (KIT_MIRROR). ``--backend jax`` trains with Keras on JAX and needs no
TensorFlow; its training was tried on 1,000 images, on a processor, and never on a GPU.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KIT_STRICT_DATA"] = "1"
if __name__ == "__main__":  # before Keras is imported
    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--backend", choices=["tensorflow", "jax", "torch"])
    if backend := early.parse_known_args()[0].backend:
        os.environ["KERAS_BACKEND"] = backend

import _record
import keras
import numpy as np

from kitutils import data
from kitutils.data.pipeline import Batches
from kitutils.models import both_sides, fast_cnn, reference_cnn
from kitutils.train import precision, recipes

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
EPOCHS = 10  # of the reference


@dataclass(frozen=True)
class Rows:
    """What trains, and what judges."""

    x: np.ndarray
    y: np.ndarray
    x_judged: np.ndarray
    y_judged: np.ndarray

    @classmethod
    def load(cls, validation: bool, name: str = "cifar10") -> Rows:
        ds = data.load(name)
        if not validation:
            return cls(ds.x_train, ds.y_train, ds.x_test, ds.y_test)
        order = np.random.default_rng(7).permutation(len(ds.x_train))
        judged, train = order[-5000:], order[:-5000]
        return cls(ds.x_train[train], ds.y_train[train], ds.x_train[judged], ds.y_train[judged])

    def accuracy(self, model: keras.Model) -> float:
        said = model.predict(self.x_judged, batch_size=500, verbose=0).argmax(axis=1)
        return float((said == self.y_judged).mean())


def train_reference(rows: Rows, seed: int) -> tuple[keras.Model, float]:
    """Ten epochs of plain ``fit`` on arrays, batch 32, as lesson 40's textbook has it; the model and its seconds."""
    begun = time.perf_counter()
    keras.utils.set_random_seed(seed)
    model = reference_cnn(rows.x.shape[1:])
    model.compile("adam", LOSS, metrics=["accuracy"])
    model.fit(rows.x, rows.y, batch_size=32, epochs=EPOCHS, verbose=0)
    return model, time.perf_counter() - begun


@dataclass(frozen=True)
class Recipe:
    """How long and how the fast network is trained. A part of an epoch can only stand alone, as in 0.8."""

    epochs: float
    batch: int = 128
    shift: int = 2
    peak: float = 0.02
    smoothing: float = 0.1
    stages: tuple[tuple[int, ...], ...] = ((48, 64, 64), (96, 128, 128))


def train_fast(rows: Rows, recipe: Recipe, seed: int) -> tuple[keras.Model, float]:
    """The kit's fast network, in the number format that is fastest here; the model and its seconds."""
    begun = time.perf_counter()
    keras.utils.set_random_seed(seed)
    model = fast_cnn(rows.x, stages=recipe.stages, dtype=precision.fastest())
    batches = Batches(rows.x, rows.y, recipe.batch, seed=seed, flip=True, shift=recipe.shift)
    steps = round(recipe.epochs * batches.steps)
    recipes.fast(model, steps, peak=recipe.peak, smoothing=recipe.smoothing)
    model.fit(
        batches.stream(),
        steps_per_epoch=min(steps, batches.steps),
        epochs=max(1, round(recipe.epochs)),
        shuffle=False,
        verbose=0,
    )
    return model, time.perf_counter() - begun


# RACE for the time of the reference, SPRINT for its error.
RACE = Recipe(8, batch=256)
SPRINT = Recipe(0.6, shift=0, peak=0.04, smoothing=0.0)


def race(rows: Rows, runs: int) -> dict:
    """The reference and two trainings of the fast network, in turn; errors, seconds, medians of their ratios."""
    found: dict[str, list[dict]] = {"reference": [], "fast": [], "sprint": []}
    for seed in range(runs):
        for name, runs_of in found.items():
            if name == "reference":
                model, seconds = train_reference(rows, seed)
            else:
                model, seconds = train_fast(rows, RACE if name == "fast" else SPRINT, seed)
            runs_of.append({"seconds": round(seconds, 1), "error": round(1 - rows.accuracy(model), 4)})
            if name != "reference":
                runs_of[-1]["error_both_sides"] = round(1 - rows.accuracy(both_sides(model)), 4)
            print(seed, name, runs_of[-1], flush=True)
    return found | ratios(found)


def ratios(found: dict[str, list[dict]]) -> dict[str, float]:
    """Medians over the runs of ours over the reference's, run by run."""

    def middle(name: str, what: str) -> float:
        pairs = zip(found[name], found["reference"], strict=True)
        return round(statistics.median(ours[what] / theirs[what.split("_")[0]] for ours, theirs in pairs), 3)

    return {
        "fast_time_ratio": middle("fast", "seconds"),
        "fast_error_ratio": middle("fast", "error"),
        "fast_error_ratio_both_sides": middle("fast", "error_both_sides"),
        "sprint_time_ratio": middle("sprint", "seconds"),
        "sprint_error_ratio": middle("sprint", "error"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--backend", help="tensorflow, jax or torch; left out, what Keras is set to")
    parser.add_argument("--validation", action="store_true", help="judge by held-out training images")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    if given.backend not in (None, keras.backend.backend()):
        parser.error(f"Keras runs on {keras.backend.backend()} in this process. Set KERAS_BACKEND={given.backend}.")
    if given.record and given.validation:
        parser.error("A record is of the test images: leave out --validation.")
    results = race(Rows.load(given.validation), given.runs)
    print({name: value for name, value in results.items() if not isinstance(value, list)})
    if given.record:
        backend = keras.backend.backend()
        _record.write(
            "images_race" if backend == "tensorflow" else f"images_race_{backend}",
            what="CIFAR-10, test errors and seconds of the reference and of two trainings of the fast network, in turn",
            results=results,
            packages=["keras", backend, "numpy"],
            seeds=list(range(given.runs)),
            number_format=precision.fastest(),
        )


if __name__ == "__main__":
    main()
