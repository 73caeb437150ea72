"""The one predictor: raw inputs in, labels and probabilities out, whatever runtime computes them.

Lessons: 51.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kitutils.ship import inputs
from kitutils.ship.arrays import Arrays, Signature
from kitutils.ship.faults import BadExport, BadInput, ShipError
from kitutils.ship.manifest import Manifest, read_manifest
from kitutils.ship.runtimes import Runtime, installed, start

BATCH = 32  # rows computed at once: more gain nothing on a processor, and take memory
# Forms that answer as the model itself come first, and of these the ones that start without TensorFlow.
PREFERRED = ("litert", "onnx", "litert_float16", "litert_dynamic", "litert_int8", "savedmodel", "keras", "skops")


@dataclass(frozen=True)
class Prediction:
    """The label of the largest probability (of the first, if two are equal), and label → probability."""

    label: str
    probabilities: dict[str, float]


class Predictor:
    """A model that takes raw inputs, by the preprocessing that it was exported with.

    Several threads may use it at once. LiteRT and Keras answer them one after the other; for more at a time, load one
    predictor a thread.

    Attributes:
        manifest: of the export.
        format: that runs.
        labels: the name of class 0, 1, …
        preprocessing: how raw inputs become the model's arrays.
    """

    def __init__(self, manifest: Manifest, form: str, runtime: Runtime) -> None:
        self.manifest, self.format, self.labels = manifest, form, manifest.labels
        self.preprocessing = preprocessing_of(manifest)
        self._signature = Signature(manifest.inputs)
        self._runtime = runtime

    def predict(self, raw: Iterable[Any]) -> list[Prediction]:
        """Answers raw inputs, in their order. An input gets the same label alone and among others, and the same
        probabilities to 1e-6.

        Args:
            raw: any number of images (arrays of the manifest's shape, or PNG or JPEG as path or bytes), of texts, of
                rows (mappings, or a DataFrame), as the manifest's preprocessing says.

        Raises:
            BadInput: one is not as the model needs it; the message says which, and nothing is answered.
        """
        rows = as_list(raw)
        return (
            [self._prediction(p) for p in probabilities(self.outputs(self.prepare(rows)), self.manifest.output)]
            if rows
            else []
        )

    def prepare(self, raw: Iterable[Any]) -> Arrays:
        """Raw inputs, one or more, to the arrays that the model takes, by name and of its types, one row each.

        Raises:
            BadInput: there is none, or one is not as the model needs it.
        """
        if not (rows := as_list(raw)):
            raise BadInput("there is no input.")
        return self._signature.fitted(self.preprocessing.arrays(rows))

    def outputs(self, arrays: Arrays) -> np.ndarray:
        """What the model gives for prepared arrays: float32 (rows, classes), logits or probabilities.

        Rows that go together are computed together, at most ``BATCH`` at a time.

        Raises:
            BadInput: there is no row, or the arrays are of other names, shapes or values than the model takes.
        """
        arrays = self._signature.fitted(arrays)
        if not len(next(iter(arrays.values()))):
            raise BadInput("there is no input.")
        return run(self._runtime, self.preprocessing, arrays)

    def _prediction(self, row: np.ndarray) -> Prediction:
        return Prediction(self.labels[int(row.argmax())], dict(zip(self.labels, row.tolist(), strict=True)))


def load(folder: str | Path, format: str | None = None, *, threads: int = 1) -> Predictor:
    """The predictor of an export.

    Args:
        folder: as ``export`` wrote it.
        format: which form runs; None takes the first of ``PREFERRED`` that is there and whose library is installed.
        threads: of LiteRT and ONNX Runtime.

    Raises:
        BadExport: the folder is no export, or a file in it is not the one that was written.
        ShipError: the format is not in the export, or its library is not installed.
    """
    manifest = read_manifest(folder)
    if format is None:
        format = next((form for form in PREFERRED if form in manifest.forms and installed(form)), None)
        if format is None:
            raise ShipError(f"No library that runs one of {', '.join(manifest.forms)} is installed. Install one.")
    if format not in manifest.forms:
        raise ShipError(f"{manifest.name} was exported as {', '.join(manifest.forms)}; {format!r} is not among them.")
    return Predictor(manifest, format, start(manifest, format, threads))


def run(runtime: Runtime, preprocessing: inputs.Preprocessing, arrays: Arrays) -> np.ndarray:
    """The outputs of all rows, in their order, group by group."""
    found = None
    for rows, part in preprocessing.groups(arrays):
        for first in range(0, len(rows), BATCH):
            chunk = {name: array[first : first + BATCH] for name, array in part.items()}
            out = runtime.run(chunk)
            if found is None:
                found = np.zeros((len(next(iter(arrays.values()))), *out.shape[1:]), np.float32)
            found[rows[first : first + BATCH]] = out
    return found


def probabilities(outputs: np.ndarray, kind: str) -> np.ndarray:
    """Outputs of shape (rows, classes), or (rows, 1) for two classes, to float64 probabilities of (rows, classes).

    Args:
        outputs: of the model.
        kind: "logits" (softmax, or the logistic function of a single one) or "probabilities".
    """
    x = outputs.astype(np.float64)
    if x.shape[1] == 1:
        if kind == "logits":
            x = 0.5 * (1 + np.tanh(x / 2))  # the logistic function, without an overflow
        return np.concatenate([1 - x, x], axis=1)
    if kind == "logits":
        x = np.exp(x - x.max(axis=1, keepdims=True))
        x /= x.sum(axis=1, keepdims=True)
    return x


def preprocessing_of(manifest: Manifest) -> inputs.Preprocessing:
    """The manifest's preprocessing; a vocabulary comes from its file.

    Raises:
        BadExport: it is none that this kit knows, or the vocabulary is not the one that was written.
    """
    kept = dict(manifest.preprocessing)
    words = kept.get("wordpiece")
    if isinstance(words, dict) and isinstance(name := words.get("vocabulary"), str):
        if name not in manifest.files:
            raise BadExport(f"The vocabulary {name!r} is not a file of the export {manifest.name}. Export it again.")
        kept["wordpiece"] = words | {"vocabulary": manifest.read(name).decode("utf8").split("\n")}
    return inputs.from_dict(kept)


def as_list(raw: Iterable[Any]) -> list[Any]:
    """Raw inputs as a list; of a DataFrame its rows.

    Raises:
        BadInput: it is a single input, or nothing that has inputs in it.
    """
    if hasattr(raw, "to_dict") and hasattr(raw, "columns"):
        return raw.to_dict("records")
    if isinstance(raw, str | bytes | dict) or hasattr(raw, "__fspath__"):
        raise BadInput(f"expected a list of inputs; got one {raw.__class__.__name__}. Put it into a list.")
    try:
        return list(raw)
    except TypeError as error:
        raise BadInput(f"expected a list of inputs; got {raw.__class__.__name__}.") from error
