"""How hard shapes10 is: a linear model, lesson 40's reference CNN, and a good network.

    python benchmarks/shapes10.py [--seeds 3] [--record]

Prints test accuracies and, with --record, writes benchmarks/records/shapes10.json. Ten minutes on two quiet cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KIT_STRICT_DATA"] = "1"

import _record
import keras
import numpy as np
from keras import layers
from sklearn.linear_model import LogisticRegression

from kitutils import data
from kitutils.data import shapes
from kitutils.models import reference_cnn


def linear(ds: data.Dataset, strength: float) -> float:
    """Test accuracy of scikit-learn's logistic regression on pixels from 0 to 1; ``strength`` is its C."""
    flat = [x.reshape(len(x), -1) / np.float32(255) for x in (ds.x_train, ds.x_test)]
    model = LogisticRegression(C=strength, max_iter=100).fit(flat[0], ds.y_train)
    return float(model.score(flat[1], ds.y_test))


def good_cnn(steps: int) -> keras.Model:
    """Six convolutions with batch normalisation, global pooling, and a learning rate that rises and falls once."""
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 127.5, -1)])
    for width in (24, 48, 96):
        for _ in range(2):
            model.add(layers.Conv2D(width, 3, padding="same", use_bias=False))
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU())
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10))
    rise = steps // 4
    rate = keras.optimizers.schedules.CosineDecay(
        1e-4, steps - rise, alpha=0.001, warmup_target=5e-3, warmup_steps=rise
    )
    return _compiled(model, keras.optimizers.AdamW(rate, weight_decay=1e-4))


def _compiled(model: keras.Model, optimizer) -> keras.Model:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def plain(ds: data.Dataset, seed: int) -> float:
    """Test accuracy of the reference CNN after ten epochs of ``fit``, batch 32, nothing else."""
    keras.utils.set_random_seed(seed)
    model = _compiled(reference_cnn(), "adam")
    model.fit(ds.x_train, ds.y_train, batch_size=32, epochs=10, verbose=0)
    return model.evaluate(ds.x_test, ds.y_test, verbose=0)[1]


def good(ds: data.Dataset, seed: int, epochs: int, batch: int = 64) -> float:
    """Test accuracy of the good network; half its pictures are mirrored, all are shifted, anew each epoch."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = good_cnn(epochs * (len(ds.x_train) // batch))
    for _ in range(epochs):
        order = rng.permutation(len(ds.x_train))[: len(ds.x_train) // batch * batch]
        x = np.pad(ds.x_train[order], ((0, 0), (3, 3), (3, 3), (0, 0)), mode="reflect")
        row, column = rng.integers(0, 7, 2)
        x = x[:, row : row + 32, column : column + 32]
        x[::2] = x[::2, :, ::-1]  # the rows are in random order, so this is a random half
        model.fit(x, ds.y_train[order], batch_size=batch, verbose=0)
    return model.evaluate(ds.x_test, ds.y_test, verbose=0)[1]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=3, help="runs of the reference CNN")
    arguments.add_argument("--epochs", type=int, default=16, help="epochs of the good network")
    arguments.add_argument("--record", action="store_true", help="write benchmarks/records/shapes10.json")
    chosen = arguments.parse_args()

    begin = time.perf_counter()
    ds = data.load("shapes10")
    results: dict = {"generated_in_s": round(time.perf_counter() - begin, 1)}
    print(f"{ds}, generated in {results['generated_in_s']} s", flush=True)
    for strength in (1.0, 0.01):
        results[f"linear_C{strength:g}"] = round(linear(ds, strength), 3)
        print(f"logistic regression, C = {strength:g}: {results[f'linear_C{strength:g}']:.3f}", flush=True)
    seeds = list(range(chosen.seeds))
    results["reference_cnn"] = [round(plain(ds, seed), 3) for seed in seeds]
    print(f"reference CNN, 10 epochs: median {statistics.median(results['reference_cnn']):.3f}", flush=True)
    results["good_cnn"] = round(good(ds, 0, chosen.epochs), 3)
    print(f"good network, {chosen.epochs} epochs: {results['good_cnn']:.3f}", flush=True)
    if chosen.record:
        _record.write(
            "shapes10",
            what="test accuracy on shapes10, 10,000 training and 2,000 test pictures",
            results=results,
            packages=("numpy", "scikit-learn", "tensorflow", "keras"),
            seeds={"data": [shapes.SEED, shapes.SEED + 1], "reference_cnn": seeds, "good_cnn": [0]},
            epochs={"reference_cnn": 10, "good_cnn": chosen.epochs},
        )


if __name__ == "__main__":
    main()
