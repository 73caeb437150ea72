"""Image classifiers on CIFAR-10: accuracy for time on this machine.

    python benchmarks/images.py race       [--runs 3] [--record]    the fast network beside the reference
    python benchmarks/images.py throughput [--runs 3] [--record]    images/s of the reference, plain and by the kit
    python benchmarks/images.py changes    [--runs 3] [--record]    lesson 40's three changes, one at a time
    python benchmarks/images.py ladder     [--record]               accuracy over seconds of three networks
    python benchmarks/images.py fashion    [--runs 3] [--record]    Fashion-MNIST with fewer than 100,000 weights

Add ``--backend jax`` to train with Keras on JAX, without TensorFlow. Every number of epochs, width and rate was chosen
on 5,000 training images that were held out; ``--validation`` judges by them. Without it all training images train and
the test images are looked at once, at the end of each run. Seconds run from before the network is built to the last
step, tracing included. Needs cifar10 and fashion_mnist in the cache or a mirror (KIT_MIRROR).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KIT_STRICT_DATA"] = "1"
if "--backend" in sys.argv:  # before Keras is imported
    os.environ["KERAS_BACKEND"] = sys.argv[sys.argv.index("--backend") + 1]

import _record
import keras
import numpy as np

from kitutils import data
from kitutils.data.pipeline import Batches
from kitutils.models import both_sides, fast_cnn, reference_cnn, resnet
from kitutils.train import OneCycle, recipes

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
    def load(cls, name: str, validation: bool) -> Rows:
        ds = data.load(name)
        if not validation:
            return cls(ds.x_train, ds.y_train, ds.x_test, ds.y_test)
        order = np.random.default_rng(7).permutation(len(ds.x_train))
        judged, train = order[-5000:], order[:-5000]
        return cls(ds.x_train[train], ds.y_train[train], ds.x_train[judged], ds.y_train[judged])

    def accuracy(self, model: keras.Model) -> float:
        said = model.predict(self.x_judged, batch_size=500, verbose=0).argmax(axis=1)
        return float((said == self.y_judged).mean())


def train_reference(rows: Rows, seed: int, on_epoch=()) -> tuple[keras.Model, float]:
    """Ten epochs of plain ``fit`` on arrays, batch 32, as lesson 40's textbook has it; the model and its seconds."""
    begun = time.perf_counter()
    keras.utils.set_random_seed(seed)
    model = reference_cnn(rows.x.shape[1:])
    model.compile("adam", LOSS, metrics=["accuracy"])
    model.fit(rows.x, rows.y, batch_size=32, epochs=EPOCHS, verbose=0, callbacks=list(on_epoch))
    return model, time.perf_counter() - begun


@dataclass(frozen=True)
class Recipe:
    """How long and how the fast network is trained. A part of an epoch can only stand alone, as in 0.8."""

    epochs: float
    stages: tuple[tuple[int, ...], ...] = ((48, 64, 64), (96, 128, 128))
    batch: int = 128
    shift: int = 2
    peak: float = 0.02
    smoothing: float = 0.1


def train_fast(rows: Rows, recipe: Recipe, seed: int, on_epoch=()) -> tuple[keras.Model, float]:
    """The kit's fast network; the model and its seconds, whitening and tracing included."""
    begun = time.perf_counter()
    keras.utils.set_random_seed(seed)
    model = fast_cnn(rows.x, stages=recipe.stages)
    batches = Batches(rows.x, rows.y, recipe.batch, seed=seed, flip=True, shift=recipe.shift)
    steps = round(recipe.epochs * batches.steps)
    recipes.fast(model, steps, peak=recipe.peak, smoothing=recipe.smoothing)
    model.fit(
        batches.stream(),
        steps_per_epoch=min(steps, batches.steps),
        epochs=max(1, round(recipe.epochs)),
        shuffle=False,
        verbose=0,
        callbacks=list(on_epoch),
    )
    return model, time.perf_counter() - begun


# Chosen on held-out training images: RACE for the time of the reference, SPRINT for the error of the reference.
RACE = Recipe(6, batch=256)
SPRINT = Recipe(0.8, shift=0, peak=0.04, smoothing=0.0)


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


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.begun)


def throughput(rows: Rows, runs: int, batch: int = 250) -> dict:
    """Images a second of the reference network: plain ``fit`` on arrays by 32, and the kit's pipeline by ``batch``.

    The first epoch of each, which holds the tracing, does not count.
    """
    from kitutils.train import fit

    found = {"plain": [], "kit": []}
    for seed in range(runs):
        for way in found:
            keras.utils.set_random_seed(seed)
            model, clock = reference_cnn(), Clock()
            model.compile("adam", LOSS, metrics=["accuracy"], steps_per_execution=1 if way == "plain" else 10)
            if way == "plain":
                model.fit(rows.x, rows.y, batch_size=32, epochs=2, verbose=0, callbacks=[clock])
                seconds = clock.seconds
            else:
                seconds = fit(model, Batches(rows.x, rows.y, batch, seed=seed), 2, bar=False).seconds
            found[way].append(len(rows.x) / seconds[-1])
            print(seed, way, f"{found[way][-1]:.0f} images/s", flush=True)
    gain = statistics.median(kit / plain for kit, plain in zip(found["kit"], found["plain"], strict=True))
    return found | {"gain": gain, "batch": batch}


def changes(rows: Rows, runs: int) -> dict:
    """Lesson 40's three changes to the reference, each added to the one before; ten epochs, batches of 32.

    The reference itself is in the record of ``race``, with the same seeds.
    """
    steps = EPOCHS * -(-len(rows.x) // 32)
    found: dict[str, list[float]] = {"+ batch norm": [], "+ one-cycle": [], "+ flips": []}
    for seed in range(runs):
        for place, name in enumerate(found):
            keras.utils.set_random_seed(seed)
            model = reference_cnn(batch_norm=True)
            model.compile("adam" if place == 0 else keras.optimizers.Adam(OneCycle(0.004, steps)), LOSS)
            batches = Batches(rows.x, rows.y, 32, seed=seed, flip=place == 2)
            model.fit(batches.stream(), steps_per_epoch=batches.steps, epochs=EPOCHS, shuffle=False, verbose=0)
            found[name].append(rows.accuracy(model))
            print(seed, name, found[name][-1], flush=True)
    return {"accuracy": found}


class Curve(keras.callbacks.Callback):
    """Accuracy on the rows that judge after each epoch, and the seconds of training until then; judging not counted."""

    def __init__(self, rows: Rows, begun: float):
        super().__init__()
        self.rows, self.begun, self.judging, self.points = rows, begun, 0.0, []

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        accuracy = self.rows.accuracy(self.model)
        self.points.append([round(now - self.begun - self.judging, 1), round(accuracy, 4)])
        self.judging += time.perf_counter() - now
        print(self.points[-1], end=" ", flush=True)


LADDER = {  # minutes → recipe
    1: Recipe(2),
    2: Recipe(4),
    5: Recipe(10),
    10: Recipe(12, stages=((64, 96, 96), (128, 192, 192))),
}
RESNET_EPOCHS = 7  # about ten minutes on two cores


def train_resnet20(rows: Rows, epochs: int, seed: int, on_epoch=()) -> tuple[keras.Model, float]:
    """ResNet-20, SGD with momentum and one-cycle, flips and shifts; the model and its seconds."""
    begun = time.perf_counter()
    keras.utils.set_random_seed(seed)
    model = resnet(20)
    batches = Batches(rows.x, rows.y, 128, seed=seed, flip=True, shift=4)
    rate = OneCycle(0.4, epochs * batches.steps)
    model.compile(keras.optimizers.SGD(rate, 0.9, nesterov=True, weight_decay=5e-4), LOSS, metrics=["accuracy"])
    model.fit(
        batches.stream(),
        steps_per_epoch=batches.steps,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=list(on_epoch),
    )
    return model, time.perf_counter() - begun


def ladder(rows: Rows) -> dict:
    """Accuracy over seconds: the reference and ResNet-20 after each epoch, the fast network at the end of four runs."""
    found = {}
    for name, train in {
        "reference": lambda curve: train_reference(rows, 0, [curve]),
        "ResNet-20": lambda curve: train_resnet20(rows, RESNET_EPOCHS, 0, [curve]),
    }.items():
        curve = Curve(rows, time.perf_counter())
        train(curve)
        found[name] = curve.points
        print(name, flush=True)
    found["fast"], found["fast, both sides"] = [], []
    for minutes, recipe in LADDER.items():
        model, seconds = train_fast(rows, recipe, 0)
        for name, judged in {"fast": model, "fast, both sides": both_sides(model)}.items():
            found[name].append([round(seconds, 1), round(rows.accuracy(judged), 4)])
        print(minutes, "min", found["fast"][-1], found["fast, both sides"][-1], flush=True)
    return {"curves": found}


FASHION = Recipe(7, stages=((24, 32, 32), (48, 56, 56)))


def fashion(rows: Rows, runs: int) -> dict:
    """Fashion-MNIST with fewer than 100,000 weights."""
    found = []
    for seed in range(runs):
        model, seconds = train_fast(rows, FASHION, seed)
        assert model.count_params() < 100_000, model.count_params()
        accuracy, both = rows.accuracy(model), rows.accuracy(both_sides(model))
        found.append({"seconds": seconds, "accuracy": accuracy, "accuracy_both_sides": both})
        print(seed, found[-1], flush=True)
    return {"runs": found, "parameters": model.count_params()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["race", "throughput", "changes", "ladder", "fashion"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--backend", default="tensorflow", choices=["tensorflow", "jax", "torch"])
    parser.add_argument("--validation", action="store_true", help="judge by held-out training images")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    if given.record and given.validation:
        parser.error("A record is of the test images: leave out --validation.")
    rows = Rows.load("fashion_mnist" if given.what == "fashion" else "cifar10", given.validation)
    results = ladder(rows) if given.what == "ladder" else globals()[given.what](rows, given.runs)
    print({name: value for name, value in results.items() if not isinstance(value, list | dict)})
    if given.record:
        backend = keras.backend.backend()
        suffix = "" if backend == "tensorflow" else f"_{backend}"
        _record.write(
            f"images_{given.what}{suffix}",
            what=WHAT[given.what],
            results=results,
            packages=["keras", backend, "numpy"],
            seeds=list(range(1 if given.what == "ladder" else given.runs)),
        )


WHAT = {
    "race": "CIFAR-10, test errors and seconds of the reference and of two trainings of the fast network, in turn",
    "throughput": "CIFAR-10, images a second of the reference network, plain fit by 32 and the kit's fit, in turn",
    "changes": "CIFAR-10, test accuracy after ten epochs on 50,000 images, three changes to the textbook network",
    "ladder": "CIFAR-10, test accuracy over seconds of training",
    "fashion": "Fashion-MNIST, test accuracy with fewer than 100,000 weights",
}

if __name__ == "__main__":
    main()
