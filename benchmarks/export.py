"""Exports of the course's three models: parity of every form, and for ResNet-20 bytes, accuracy and time in int8.

    python benchmarks/export.py [--epochs 6] [--rounds 15] [--record]

ResNet-20 trains on CIFAR-10 for some epochs, as in ``images_ladder.py``; the shop model and the text classifier train
as in their lessons, for a minute or less. Each is exported in all formats that can hold it, and parity is what
``kitutils.ship.verify`` says of the files. Times are of one image, prepared already, in turns, with one and with two
threads; Keras' own ways, ``predict``, the plain call and a ``tf.function``, take turns with them. Accuracy is that of
the files on all test images. 15 minutes on two cores; needs cifar10 in the cache or a mirror (KIT_MIRROR).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _record
import keras
import numpy as np
from images import Rows
from images_ladder import train_resnet

from kitutils import data
from kitutils.data import encoders, features
from kitutils.data.text_streams import LabelledTexts
from kitutils.evaluate import judge, latency
from kitutils.models import pretrained_text, resnet, shop_model, text_classifier
from kitutils.ship import Images, Texts, export, load, obstacles, verify
from kitutils.ship.manifest import FORMATS, Manifest
from kitutils.train.finetune import train_head


def written(model: keras.Model, folder: Path, samples: Any, **how: Any) -> Manifest:
    """The export of a model in all formats that can hold it."""
    return export(model, folder, samples=samples, formats=[f for f in FORMATS if not obstacles(model, f)], **how)


def images(folder: Path, rows: Rows, epochs: int) -> tuple[keras.Model, Manifest]:
    """ResNet-20, trained, and its export."""
    trained, _ = train_resnet(rows, epochs, seed=0)
    model = resnet(20)  # in float32, whatever it was trained in: no format but Keras' own holds bfloat16
    model.set_weights(trained.get_weights())
    return model, written(model, folder, rows.x[:256], preprocessing=Images((32, 32, 3)))


def shop(folder: Path) -> Manifest:
    """The shop model's export."""
    orders = features.with_history(data.load("shop").frame.iloc[:8000].reset_index(drop=True))
    keras.utils.set_random_seed(0)
    model = shop_model(encoders.learn(orders, orders["returned"]))
    model.fit(features.as_inputs(orders), orders["returned"].to_numpy(), batch_size=256, epochs=6, verbose=0)
    return written(model, folder, orders.head(200), labels=("kept", "returned"))


def text(folder: Path) -> Manifest:
    """The export of the text classifier: the shipped encoder and a head that learned from 1,000 paragraphs."""
    few, shipped = data.load("docstrings").take(1000, seed=0, test=200), pretrained_text()
    keras.utils.set_random_seed(0)
    model = text_classifier(shipped.body, len(few.class_names))
    batches = LabelledTexts(shipped.words.encode(few.x_train), few.y_train, per_batch=512, seed=0)
    train_head(model, batches, 10, bar=False)
    words = Texts(shipped.words.to_dict())
    return written(model, folder, few.x_test, labels=few.class_names, preprocessing=words)


def parities(folders: Sequence[Path]) -> dict[str, dict[str, dict[str, float]]]:
    """Model → form → largest difference and agreement, as ``verify`` finds them in the files."""
    found: dict[str, dict] = {}
    for folder in folders:
        found[folder.name] = {
            form: {"difference": float(f"{parity.difference:.1e}"), "agreement": round(parity.agreement, 4)}
            for form, parity in verify(folder).items()
        }
    return found


def times(model: keras.Model, folder: Path, image: np.ndarray, rounds: int) -> dict[str, float]:
    """Milliseconds for one image: Keras' ways, and each form with one and two threads."""
    import tensorflow as tf

    one = np.asarray(image[None], np.float32)
    tensor, traced = tf.constant(one), tf.function(lambda x: model(x, training=False))
    calls: dict[str, Callable[[], Any]] = {
        "predict": lambda: model.predict(one, verbose=0),
        "model(x)": lambda: model(tensor, training=False),
        "tf.function": lambda: traced(tensor),
    }
    given = {"input": one}
    for form in ("litert", "litert_dynamic", "litert_int8", "onnx"):
        for threads in (1, 2):
            predictor = load(folder, form, threads=threads)
            calls[f"{form}, {threads} thread{'s' * (threads > 1)}"] = lambda p=predictor: p.outputs(given)
    return {name: round(1e3 * seconds, 4) for name, seconds in latency(calls, rounds=rounds).items()}


def accuracies(folder: Path, rows: Rows) -> dict[str, Any]:
    """Of the float32 and the int8 file on all judged images, and the points lost, with their interval."""
    says = {}
    for form in ("litert", "litert_int8"):
        predictor = load(folder, form, threads=2)
        name = predictor.manifest.inputs[0]["name"]
        says[form] = predictor.outputs({name: rows.x_judged.astype(np.float32)}).argmax(axis=1)
    verdict = judge(rows.y_judged, says["litert_int8"], says["litert"])
    return {form: round(float((answers == rows.y_judged).mean()), 4) for form, answers in says.items()} | {
        "p_value": float(f"{verdict.p_value:.2g}")
    }


def measured(rows: Rows, place: Path, epochs: int, rounds: int) -> dict[str, Any]:
    """All of it."""
    model, manifest = images(place / "resnet20", rows, epochs)
    shop(place / "shop")
    text(place / "text")
    clock = times(model, place / "resnet20", rows.x[0], rounds)
    size = {form: manifest.bytes_of(form) for form in manifest.forms}
    return {
        "parity": parities([place / name for name in ("resnet20", "shop", "text")]),
        "milliseconds": clock,
        "predict over": {name: round(clock["predict"] / ms, 1) for name, ms in clock.items() if name != "predict"},
        "bytes": size,
        "int8 bytes over float32": round(size["litert_int8"] / size["litert"], 4),
        "accuracy": accuracies(place / "resnet20", rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=6, help="of ResNet-20")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each way to answer")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        results = measured(Rows.load(validation=False), Path(place), given.epochs, given.rounds)
    for name, found in results.items():
        print(name, found)
    if given.record:
        _record.write(
            "export",
            what="the course's three models: parity of their exports; ResNet-20 on CIFAR-10: ms for one image, bytes, "
            "test accuracy of the float32 and the int8 file",
            results=results,
            packages=["keras", "tensorflow", "ai-edge-litert", "onnxruntime", "tf2onnx"],
            seeds=[0],
            epochs=given.epochs,
            rounds=given.rounds,
        )


if __name__ == "__main__":
    main()
