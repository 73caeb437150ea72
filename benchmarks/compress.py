"""ResNet-20 on CIFAR-10 made smaller in several ways: bytes after one entropy coder, and test accuracy.

    python benchmarks/compress.py [--only WAY …] [--validation | --record] [--room FOLDER]

Lesson 41's network is trained once. Each way begins with it and trains on, with the same images, flips and shifts.
"trained on" does nothing but that: what a way gains by more training alone, it gains too. The baseline's bytes are its
float32 weights and its architecture after xz. All others are files that were written and read again before they were
judged: ``kitutils.ship.pack``, which ends in xz, or LiteRT's file, after xz. "taught" learns from what the baseline
says as well as from the labels. "student" is another architecture, half as wide, without a teacher and with one.

5,000 training images are held out: rates and shares were tried on them, and the number of values is chosen by them.
``--validation`` judges by them alone; for a record the test images are looked at once for each way. It is one run:
intervals are those of the test images, and say nothing about another training. ``--room`` keeps the baseline's weights
and each finished way in a folder, and goes on from there the next time. An hour on two cores; needs cifar10 in the
cache or a mirror (KIT_MIRROR).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _record
import keras
import numpy as np
from images import LOSS, Rows
from images_ladder import train_resnet

from kitutils.data.pipeline import Batches
from kitutils.evaluate import judge
from kitutils.models import resnet
from kitutils.ship import Images, export, load
from kitutils.ship.clustering import ShareWeights, cluster
from kitutils.ship.distil import Distiller
from kitutils.ship.packing import entropy_coded, pack, unpack
from kitutils.ship.pruning import MagnitudePruning
from kitutils.ship.qat import plain, quantisation_aware
from kitutils.ship.structured import prune_filters
from kitutils.train import OneCycle, precision

EPOCHS = 14  # of the baseline
STUDENT = 8  # channels of its first stage; the baseline has 16
VALUES = (12, 16, 24)  # a kernel's, of which the fewest are taken that cost nothing
Found = tuple[int, np.ndarray]  # bytes of a file, and what it says of the judged images


def retyped(model: keras.Model, dtype: str) -> keras.Model:
    """A copy that computes in another number format, all but its logits. No file but Keras' own holds bfloat16."""

    def layer_of(layer: keras.Layer) -> keras.Layer:
        kept = "float32" if layer is model.layers[-1] else dtype
        return type(layer).from_config(layer.get_config() | {"dtype": kept})

    copy = keras.models.clone_model(model, clone_function=layer_of)
    copy.set_weights(model.get_weights())
    return copy


class Bench:
    """The baseline in float32, the images, and what the ways have in common.

    Args:
        rows: the first ``held`` of its judged images are held-out training images, the others test images.
    """

    def __init__(self, rows: Rows, baseline: keras.Model, held: int) -> None:
        self.rows, self.baseline, self.held = rows, baseline, held
        self.fast = precision.fastest()

    def start(self) -> keras.Model:
        """A copy of the baseline in the number format in which this machine trains fastest."""
        return retyped(self.baseline, self.fast)

    def steps(self, epochs: int) -> int:
        return epochs * Batches(self.rows.x, self.rows.y, 128).steps

    def train(self, model: keras.Model, epochs: int, peak: float, *callbacks: keras.callbacks.Callback) -> keras.Model:
        """Trains as the baseline was trained, with a rate of its own; the same model."""
        batches = Batches(self.rows.x, self.rows.y, 128, seed=1, flip=True, shift=2)
        rate = OneCycle(peak, epochs * batches.steps, warm=0.1, start=0.1)
        model.compile(keras.optimizers.SGD(rate, 0.9, nesterov=True, weight_decay=5e-4), LOSS, metrics=["accuracy"])
        how = {"steps_per_epoch": batches.steps, "epochs": epochs, "shuffle": False, "verbose": 0}
        model.fit(batches.stream(), callbacks=list(callbacks), **how)
        return model

    def says(self, model: keras.Model) -> np.ndarray:
        return model.predict(self.rows.x_judged, batch_size=500, verbose=0).argmax(axis=1)

    def right(self, said: np.ndarray) -> float:
        """The share of the held-out images."""
        return float((said == self.rows.y_judged)[: self.held].mean())

    def packed(self, model: keras.Model, **how: Any) -> Found:
        """Of the packed file."""
        content = pack(retyped(model, "float32"), **how)
        return len(content), self.says(unpack(content))

    def int8(self, model: keras.Model) -> Found:
        """Of LiteRT's file with whole numbers throughout."""
        with tempfile.TemporaryDirectory() as room:
            folder = Path(room) / "int8"
            samples, images = self.rows.x[:256], Images(self.rows.x.shape[1:])
            export(model, folder, samples=samples, formats=("litert_int8",), preprocessing=images, agreement=0.8)
            predictor = load(folder, threads=2)
            pixels = self.rows.x_judged.astype(np.float32)
            said = predictor.outputs({predictor.manifest.inputs[0]["name"]: pixels}).argmax(axis=1)
            return entropy_coded(folder / predictor.manifest.forms["litert_int8"].path), said


def pruned_and_shared(bench: Bench, zeros: float, epochs: int = 6) -> dict[str, Found]:
    """Pruned in training with the baseline as teacher; then as few values for each kernel as cost nothing on the
    held-out images, trained on with those values shared."""
    model = bench.start()
    bench.train(Distiller(model, bench.start()), epochs, 0.1, MagnitudePruning(zeros, bench.steps(epochs)))
    name = f"{zeros:.0%} zeros, taught".replace("%", " %")
    found = {name: bench.packed(model)}
    tried = {values: bench.packed(cluster(model, values))[1] for values in VALUES}
    values = min(v for v in VALUES if bench.right(tried[v]) >= bench.right(tried[VALUES[-1]]) - 0.002)
    shared = cluster(model, values)
    bench.train(Distiller(shared, bench.start()), 1, 0.005, ShareWeights())
    return found | {f"{name}, {values} values": bench.packed(shared)}


def clustered(bench: Bench, values: int) -> Found:
    return bench.packed(bench.train(cluster(bench.start(), values), 1, 0.005, ShareWeights()))


def without_filters(bench: Bench, share: float) -> Found:
    return bench.packed(bench.train(prune_filters(bench.start(), share), 2, 0.05))


def rounded_in_training(bench: Bench) -> Found:
    aware = quantisation_aware(bench.baseline, bench.rows.x[:256].astype(np.float32))
    return bench.int8(plain(bench.train(aware, 1, 0.005)))


def student(bench: Bench, taught: bool) -> Found:
    keras.utils.set_random_seed(0)
    small = retyped(resnet(20, width=STUDENT), bench.fast)
    bench.train(Distiller(small, bench.start()) if taught else small, 4, 0.2)
    return bench.packed(small, int8=True)


# Name of a way → the files that it makes.
WAYS: dict[str, Callable[[Bench], dict[str, Found]]] = {
    "combined": lambda bench: pruned_and_shared(bench, 0.75),
    "trained on": lambda bench: {"trained on": bench.packed(bench.train(bench.start(), 6, 0.1))},
    "int8": lambda bench: {"int8": bench.int8(bench.baseline)},
    "values": lambda bench: {"16 values": clustered(bench, 16)},
    "filters": lambda bench: {"without half of the inner filters": without_filters(bench, 0.5)},
    "student": lambda bench: {"student, int8": student(bench, False), "student, taught, int8": student(bench, True)},
    "rounded": lambda bench: {"int8, rounded in training": rounded_in_training(bench)},
}


def baseline(rows: Rows, room: Path | None) -> keras.Model:
    """ResNet-20 in float32, trained now or taken from the folder."""
    model, file = resnet(20), room / "baseline.weights.h5" if room else None
    if file and file.exists():
        model.load_weights(file)
        return model
    model.set_weights(train_resnet(rows, EPOCHS, seed=0)[0].get_weights())
    if file:
        model.save_weights(file)
    return model


def judged(bench: Bench, found: Found, first: np.ndarray, size: int) -> dict[str, Any]:
    """Bytes, times smaller, accuracy on held-out and on test images; on these points lost, with their interval."""
    length, said = found
    test = slice(bench.held, None)
    facts = {"bytes": length, "times smaller": round(size / length, 2), "held out": round(bench.right(said), 4)}
    if bench.held == len(said):
        return facts
    verdict = judge(bench.rows.y_judged[test], said[test], first[test])
    return facts | {
        "accuracy": round(verdict.accuracy, 4),
        "points lost": round(-100 * verdict.difference, 2) + 0.0,  # no -0.0
        "interval": [round(-100 * end, 2) for end in reversed(verdict.difference_interval)],
    }


def compare(bench: Bench, names: Sequence[str], room: Path | None) -> dict[str, dict[str, Any]]:
    """What :func:`judged` says of the baseline and of each file."""
    first, size = bench.says(bench.baseline), entropy_coded(bench.baseline)
    found = {"baseline": judged(bench, (size, first), first, size)}
    print("baseline", found["baseline"], flush=True)
    # What was done to other weights, or judged by other images, is not this way's result.
    digest = hashlib.sha256(b"".join(weight.tobytes() for weight in bench.baseline.get_weights())).hexdigest()[:12]
    for name in names:
        kept = room / f"{name}-{digest}-{len(first)}.json" if room else None
        if kept and kept.exists():
            found |= json.loads(kept.read_text(encoding="utf8"))
            continue
        begun = time.perf_counter()
        new = {file: judged(bench, made, first, size) for file, made in WAYS[name](bench).items()}
        if kept:
            part = kept.with_suffix(".part")
            part.write_text(json.dumps(new), encoding="utf8")
            part.replace(kept)
        found |= new
        print(new, f"{time.perf_counter() - begun:.0f} s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS), metavar="WAY")
    parser.add_argument("--room", type=Path, metavar="FOLDER", help="to go on where an earlier run was stopped")
    parser.add_argument("--validation", action="store_true", help="judge by held-out training images alone")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    if given.record and (given.validation or len(given.only) < len(WAYS)):
        parser.error("A record is of all ways on the test images: leave out --validation and --only.")
    rows = held = Rows.load(validation=True)
    if not given.validation:
        test = Rows.load(validation=False)
        x, y = ((held.x_judged, test.x_judged), (held.y_judged, test.y_judged))
        rows = Rows(held.x, held.y, np.concatenate(x), np.concatenate(y))
    if given.room:
        given.room.mkdir(parents=True, exist_ok=True)
    bench = Bench(rows, baseline(rows, given.room), len(held.x_judged))
    results = compare(bench, given.only, given.room)
    if given.record:
        _record.write(
            "compress",
            what="ResNet-20 on CIFAR-10 made smaller in several ways: bytes after xz, test accuracy, points lost",
            results=results,
            packages=["keras", "tensorflow", "ai-edge-litert", "numpy"],
            seeds=[0],
            epochs=EPOCHS,
            number_format=bench.fast,
        )


if __name__ == "__main__":
    main()
