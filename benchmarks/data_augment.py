"""Augmentation: how fast in tf.data against image by image in Python, and how much it gains at which share of the data.

    python benchmarks/data_augment.py speed [--record]    # half a minute; records/data_augment.json
    python benchmarks/data_augment.py gain [--record]     # 10 to 25 minutes; records/data_augment_gain.json

``speed`` prints images per second of the same moves, light and noise, done a batch at a time in ``tf.data`` and done to
one image after the other with NumPy and SciPy, the two taking turns. ``gain`` prints the accuracy of lesson 15's
network on digits of new writers, and of a larger one on new pictures of shapes10, trained with and without moves on 5,
20 and 100 % of the training rows, for the same number of steps. Needs no download.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KIT_STRICT_DATA"] = "1"

import _record
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy import ndimage

from kitutils import data
from kitutils.data import augment, shapes

DEGREES, ZOOM, SHIFT = 10.0, 0.1, 0.125
GAIN, OFFSET, DEVIATION = 0.2, 0.1, 0.03
ROUNDS, IMAGES, BATCH = 7, 2_048, 64
SHARES = (0.05, 0.2, 1.0)


# --- speed ------------------------------------------------------------------------------------------------------------


def one_by_one(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What ``by_batches`` does, to one uint8 image of shape (height, width, channels)."""
    turn, size, down, right, up, brighter = rng.uniform(-1, 1, 6)
    height, width = image.shape[:2]
    moved = moved_by_scipy(
        image.astype(np.float32),
        flip=rng.random() < 0.5,
        degrees=DEGREES * turn,
        zoom=(1 + ZOOM) ** size,
        down=SHIFT * down * height,
        right=SHIFT * right * width,
    )
    lit = (moved - 127.5) * (1 + GAIN * up) + 127.5 + 255 * OFFSET * brighter
    grain = rng.standard_normal(image.shape, np.float32) * (255 * DEVIATION)
    return np.clip(np.rint(lit + grain), 0, 255).astype(np.uint8)


def moved_by_scipy(image, *, flip, degrees, zoom, down, right) -> np.ndarray:
    """``augment.move`` of one float32 image with SciPy, one channel after the other."""
    cos, sin, mirror = np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), -1 if flip else 1
    back = np.array([[cos, sin], [-mirror * sin, mirror * cos]]) / zoom  # from new to old, in (row, column)
    middle = (np.array(image.shape[:2]) - 1) / 2
    offset = middle - back @ (middle + np.array([down, right]))
    channels = [
        ndimage.affine_transform(image[..., c], back, offset, order=1, mode="reflect") for c in range(image.shape[2])
    ]
    return np.stack(channels, axis=-1)


def by_batches(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Moves, light and noise for a batch."""
    images = augment.random_move(images, seed, flip=True, degrees=DEGREES, zoom=ZOOM, shift=SHIFT)
    return augment.noise(
        augment.random_light(images, seed + 1, gain=GAIN, offset=OFFSET), seed + 2, deviation=DEVIATION
    )


def in_tf_data(images: np.ndarray, labels: np.ndarray) -> Iterable:
    return augment.batches(images, labels, lambda x, y, seed: (by_batches(x, seed), y), batch_size=BATCH)


class InPython:
    """The same endless batches, changed image by image."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels

    def __iter__(self):
        rng = np.random.default_rng(0)
        while True:
            order = rng.permutation(len(self.images))
            for at in range(0, len(order), BATCH):
                rows = order[at : at + BATCH]
                yield np.stack([one_by_one(image, rng) for image in self.images[rows]]), self.labels[rows]


def speed() -> dict:
    """Images per second of both ways in each round, their medians, and the median of the rounds' ratios."""
    images, labels, _ = shapes.draw(IMAGES, 0)
    ways = {"tf_data": in_tf_data(images, labels), "python": InPython(images, labels)}
    per_second: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            per_second[name].append(rate(way, IMAGES // BATCH))
    return summary(per_second)


def rate(way: Iterable, count: int) -> float:
    """Images per second of a fresh iterator, after its first batch.

    A fresh one, and gone at the end: the pipeline works ahead, and would do so during the other's turn.
    """
    batches = iter(way)
    next(batches)
    begin = time.perf_counter()
    for _ in range(count):
        next(batches)
    return count * BATCH / (time.perf_counter() - begin)


def summary(per_second: dict[str, list[float]]) -> dict:
    """Medians of the images per second, and the median of the ratios of each round."""
    ratios = [a / b for a, b in zip(per_second["tf_data"], per_second["python"], strict=True)]
    return {
        **{f"{name}_images_per_s": round(statistics.median(rates)) for name, rates in per_second.items()},
        "ratio": round(statistics.median(ratios), 2),
        "goal": 2,
        "ratios": [round(ratio, 2) for ratio in ratios],
    }


# --- gain -------------------------------------------------------------------------------------------------------------


def digit_reader() -> keras.Model:
    """The network of lesson 15."""
    convolutions = [layers.Conv2D(32, 3, padding="same", activation="relu") for _ in range(2)]
    rest = [layers.MaxPooling2D(), layers.Conv2D(64, 3, activation="relu"), layers.Flatten(), layers.Dropout(0.5)]
    return keras.Sequential([keras.Input((8, 8, 1)), *convolutions, *rest, layers.Dense(10)])


def shape_reader() -> keras.Model:
    """Three convolutions with batch normalisation, the first with stride 2."""
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, -1)])
    for width, size, stride in ((16, 5, 2), (32, 3, 1), (64, 3, 1)):
        model.add(layers.Conv2D(width, size, strides=stride, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
        if stride == 1:
            model.add(layers.MaxPooling2D())
    for layer in (layers.Flatten(), layers.Dropout(0.3), layers.Dense(10)):
        model.add(layer)
    return model


def moves(fill: str) -> augment.Change:
    def change(x, y, seed):
        return augment.random_move(x, seed, degrees=DEGREES, zoom=ZOOM, shift=SHIFT, fill=fill), y

    return change


def accuracy(make: Callable, train: tuple, test: tuple, change, *, steps: int, batch: int, seed: int) -> float:
    """Test accuracy after ``steps`` batches; Adam from 0.004 down to 0 along a cosine."""
    keras.utils.set_random_seed(seed)
    model = make()
    rate = keras.optimizers.schedules.CosineDecay(4e-3, steps)
    model.compile(keras.optimizers.Adam(rate), keras.losses.CategoricalCrossentropy(from_logits=True))
    labels = keras.utils.to_categorical(train[1], 10)
    made = augment.batches(train[0], labels, change, batch_size=batch, seed=seed)
    model.fit(made, steps_per_epoch=steps, verbose=0, shuffle=False)
    return float(np.mean(model.predict(test[0], verbose=0, batch_size=500).argmax(axis=1) == test[1]))


def digits_gain(seeds: int) -> dict:
    """Trained on shares of the first 1,257 digits, tested on the 540 of the writers after them."""
    ds = data.load("digits")
    x = (ds.x_train / 16).astype(np.float32)
    runs = [(share, 300, name) for share in SHARES for name in ("plain", "moved")]
    runs += [(0.05, 300, "mixed"), (1.0, 1200, "plain"), (1.0, 1200, "moved")]
    changes = {"plain": None, "moved": moves("constant"), "mixed": augment.random_mixup}
    results = {}
    for share, steps, name in runs:
        found = []
        for seed in range(seeds):
            rows = np.random.default_rng(seed).permutation(1257)[: round(1257 * share)]
            train, test = (x[rows], ds.y_train[rows]), (x[1257:], ds.y_train[1257:])
            found.append(accuracy(digit_reader, train, test, changes[name], steps=steps, batch=32, seed=seed))
        results[f"{share:.0%} {name} {steps}"] = [round(value, 4) for value in found]
        print(f"digits {share:.0%} {name}, {steps} steps: mean {np.mean(found):.4f} of {seeds}", flush=True)
    return results


def shapes_gain(steps: int) -> dict:
    """Trained on shares of shapes10's 10,000 training pictures, tested on 4,000 newly drawn ones; one seed."""
    ds, (x_test, y_test, _) = data.load("shapes10"), shapes.draw(4_000, 15)
    results = {}
    for share in SHARES:
        part = ds.take(round(share * len(ds.y_train)), 0)
        for name, change in (("plain", None), ("moved", moves("reflect"))):
            train = (part.x_train, part.y_train)
            found = accuracy(shape_reader, train, (x_test, y_test), change, steps=steps, batch=64, seed=0)
            results[f"{share:.0%} {name} {steps}"] = round(found, 4)
            print(f"shapes10 {share:.0%} {name}, {steps} steps: {found:.3f}", flush=True)
    return results


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("part", choices=("speed", "gain"))
    arguments.add_argument("--seeds", type=int, default=8, help="runs of each kind on digits")
    arguments.add_argument("--steps", type=int, default=1500, help="steps of each run on shapes10")
    arguments.add_argument("--record", action="store_true", help="write the record")
    chosen = arguments.parse_args()
    packages = ("numpy", "scipy", "tensorflow", "keras")
    if chosen.part == "speed":
        results = speed()
        print(results)
        what = "images per second of the same moves, light and noise on 32 × 32 pictures, and their ratio"
        setting = {"rounds": ROUNDS, "images_a_round": IMAGES, "batch": BATCH}
        name = "data_augment"
    else:
        results = {"digits": digits_gain(chosen.seeds), "shapes10": shapes_gain(chosen.steps)}
        what = "test accuracy by share of the training rows, kind of augmentation and steps"
        setting = {"seeds": {"digits": list(range(chosen.seeds)), "shapes10": [0]}, "test_rows": [540, 4000]}
        name = "data_augment_gain"
    if chosen.record:
        print(f"wrote {_record.write(name, what=what, results=results, packages=packages, **setting).name}")


if __name__ == "__main__":
    main()
