"""What is wrong with a training, said before its first step or as soon as it shows.

Each check looks for one of the faults that otherwise end in a poor accuracy and no message: labels that the loss cannot
know, pixels fed as 0 to 255, a loss that is no number, an accuracy that does not move.
"""

from __future__ import annotations

import keras
import numpy as np

from kitutils.data.pipeline import Batches
from kitutils.train.errors import TrainingStopped

LARGE = 20.0  # inputs whose spread is beyond this are not scaled
STUCK = 3  # epochs in which a metric does not move by one row
# Of a few rows, or of rows that are nearly all right already, the same number may well be right three times running:
# the head of a pretrained encoder, trained on 1,000 rows, had 785 of them right in three epochs.
FEW, MANY, LONG = 100, 10_000, 9
SCALERS = (keras.layers.Rescaling, keras.layers.Normalization, keras.layers.BatchNormalization)
TOKENS = (keras.layers.Embedding, keras.layers.TextVectorization, keras.layers.StringLookup, keras.layers.IntegerLookup)


def before(model: keras.Model, batches: Batches) -> None:
    """Look at the model and at its rows before the first step.

    Raises:
        TrainingStopped: the model is not compiled; inputs hold no numbers or infinite ones, or are not scaled, while
        the
            model does not scale them; labels are out of the range of the model's outputs.
    """
    if getattr(model, "optimizer", None) is None:  # Keras has no such attribute before compile
        raise TrainingStopped("The model has no optimizer yet. Call model.compile(optimizer, loss, metrics) first.")
    sample = batches.x[: min(batches.rows, 4096)]
    if isinstance(sample, np.ndarray) and sample.dtype.kind in "fiu":
        _inputs(model, sample)
    if _sparse(model):
        _labels(model, np.asarray(batches.y))


def _inputs(model: keras.Model, sample: np.ndarray) -> None:
    if sample.dtype.kind == "f" and not np.isfinite(sample).all():
        row = int(np.argwhere(~np.isfinite(sample))[0, 0])
        raise TrainingStopped(
            f"Inputs must be numbers; row {row} holds {sample[row][~np.isfinite(sample[row])].flat[0]}. One such row "
            "turns every weight into nan. Fill or remove such values (lesson 12)."
        )
    spread = float(sample.std())
    kinds = [type(layer) for layer in _flat(model)]
    if spread > LARGE and not any(issubclass(kind, (*SCALERS, *TOKENS)) for kind in kinds[:3]):
        low, high = sample.min(), sample.max()
        raise TrainingStopped(
            f"Inputs run from {low:g} to {high:g}, and the model does not scale them. Networks learn badly from that: "
            "put keras.layers.Rescaling(1 / 255), or Normalization, first in the model; it cannot be forgotten there."
        )


def _labels(model: keras.Model, labels: np.ndarray) -> None:
    outputs = int(model.output_shape[-1])
    low, high = labels.min(), labels.max()
    if low < 0 or high >= outputs:
        raise TrainingStopped(
            f"Labels run from {low} to {high}; a model with {outputs} outputs knows the labels 0 to {outputs - 1}. "
            "Number the classes from 0, or give the last layer one unit a class."
        )


def _sparse(model: keras.Model) -> bool:
    loss = getattr(model, "loss", None)
    name = loss if isinstance(loss, str) else getattr(loss, "name", "")
    return "sparse_categorical" in str(name) and isinstance(model.output_shape, tuple)


def _flat(model: keras.Model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


class Watch(keras.callbacks.Callback):
    """Stops a training whose loss is no number any more, or whose metrics do not move.

    ``history``: of the epochs before this call of ``fit``, where a run is taken up again.
    """

    def __init__(self, rows: int, history: dict[str, list[float]] | None = None) -> None:
        super().__init__()
        self.rows = rows
        self.seen = {name: list(values) for name, values in (history or {}).items()}

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(loss):
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
            raise TrainingStopped(
                f"The loss is {loss} at step {batch + 1} of the epoch, and so are the weights. Most often the learning "
                f"rate is too high (it is {rate:g}: try a tenth), or a row holds nan or a huge value; clipnorm=1 in "
                "the optimizer keeps single steps short."
            )

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.seen.setdefault(name, []).append(float(value))
        last = {name: values[-STUCK:] for name, values in self.seen.items() if not name.startswith("val_")}
        loss = last.pop("loss", [])
        if len(loss) < STUCK:
            return
        if np.ptp(loss) <= 1e-9 * abs(loss[0]):
            raise TrainingStopped(
                f"The loss has been {loss[0]:.6g} for {STUCK} epochs: nothing is learned. Is the learning rate 0? Are "
                "the layers trainable? Do relu units all give 0?"
            )
        for name in last:
            value = self.seen[name][-1]
            epochs = STUCK if self.rows >= MANY or value < 0.5 else LONG
            values = self.seen[name][-epochs:]
            still = len(values) == epochs and np.ptp(values) * self.rows < 0.5
            if self.rows >= FEW and 0 <= value < 0.9 and still:
                raise TrainingStopped(
                    f"{name} has been {value:.6g} for {epochs} epochs while the loss changed. Labels and loss may "
                    "not match: whole-number labels need sparse_categorical_crossentropy and the metric "
                    "sparse_categorical_accuracy; or every answer is the same class."
                )
