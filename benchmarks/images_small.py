"""CIFAR-10 in a file of at most 100 kB: the kit's fast network made narrower, rounded to int8.

    python benchmarks/images_small.py [--runs 3] [--epochs 40] [--validation | --record]

The network of ``images_fashion.py``, a little narrower and trained longer, then exported as ``kit export`` does it: the
LiteRT file with whole numbers throughout, labels, preprocessing and version inside. MLPerf Tiny asks 85 % of a network
of this size (Banbury et al., "MLPerf Tiny Benchmark", 2021). Accuracy is that of the files, float32 and int8, on the
judged images. ``--validation`` judges by 5,000 training images that are held out; for a record all training images
train, and the test images are looked at once, at the end of each run. Needs cifar10 in the cache or a mirror.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import _record
import keras
import numpy as np
from images import Recipe, Rows, train_fast

from kitutils.models import fast_cnn
from kitutils.ship import Images, export, load
from kitutils.train import precision

STAGES = ((24, 32, 32), (48, 48, 48))
FORMS = ("litert", "litert_int8")


def in_float32(trained: keras.Model, images: np.ndarray) -> keras.Model:
    """The trained network in float32, with float32 pixels as its input, as a predictor gives them."""
    plain = fast_cnn(images, stages=STAGES, dtype="float32")
    plain.set_weights(trained.get_weights())
    image = x = keras.Input(images.shape[1:], name="input")
    for layer in plain.layers[1:]:
        x = layer(x)
    return keras.Model(image, x, name="small_cnn")


def run(rows: Rows, epochs: int, seed: int) -> dict[str, float]:
    """One training: seconds, the file's bytes, and the accuracy of the float32 and the int8 file."""
    model, seconds = train_fast(rows, Recipe(epochs, batch=256, stages=STAGES), seed)
    found: dict[str, float] = {"seconds": round(seconds, 1), "parameters": model.count_params()}
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room) / "small"
        manifest = export(
            in_float32(model, rows.x),
            folder,
            samples=rows.x[:256],
            formats=FORMS,
            preprocessing=Images(rows.x.shape[1:]),
            output="logits",
            agreement=0.8,  # the accuracies below are the judgement
        )
        pixels = rows.x_judged.astype(np.float32)
        for form in FORMS:
            said = load(folder, form, threads=2).outputs({"input": pixels}).argmax(axis=1)
            found |= {
                f"{form}_accuracy": round(float((said == rows.y_judged).mean()), 4),
                f"{form}_bytes": manifest.bytes_of(form),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--validation", action="store_true", help="judge by held-out training images")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    if given.record and given.validation:
        parser.error("A record is of the test images: leave out --validation.")
    rows, begun = Rows.load(given.validation), time.perf_counter()
    runs = []
    for seed in range(given.runs):
        runs.append(run(rows, given.epochs, seed))
        print(seed, runs[-1], flush=True)
    medians = {f"median_{what}": statistics.median(one[what] for one in runs) for what in runs[0]}
    print({**medians, "minutes": round((time.perf_counter() - begun) / 60, 1)})
    if given.record:
        _record.write(
            "images_small",
            what="CIFAR-10, a network whose int8 file takes at most 100 kB: test accuracy of its float32 and int8 file",
            results={"runs": runs, "epochs": given.epochs} | medians,
            packages=["keras", "tensorflow", "ai-edge-litert", "numpy"],
            seeds=list(range(given.runs)),
            number_format=precision.fastest(),
        )


if __name__ == "__main__":
    main()
