"""``fit``: Keras' own, with what a training of more than a minute needs around it.

A record of what was done, a look at the data before the first step, one file from which a broken-off training goes on,
and the weights of the best epoch. What it adds is in callbacks below, each a few lines; the training is ``model.fit``.

Lessons: 40.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kitutils.data.pipeline import Batches, batches_of
from kitutils.train import checkpoint, guards
from kitutils.train import runs as records
from kitutils.train.callbacks import EtaBar
from kitutils.train.errors import WrongFolder
from kitutils.train.runs import Run


def fit(
    model: keras.Model,
    data: Batches | tuple[np.ndarray, np.ndarray],
    epochs: int,
    *,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    patience: int | None = None,
    monitor: str = "val_loss",
    folder: str | Path | None = None,
    name: str = "",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    tensorboard: str | Path | None = None,
    bar: bool = True,
) -> Run:
    """Train a compiled model, and keep the record.

    With a folder, the training can be killed at any moment: called again with the same arguments it goes on after the
    last finished epoch. Under ``keras.utils.set_random_seed`` and, on TensorFlow, ``enable_op_determinism`` it then
    ends with the weights of a training that was never broken off. A finished run is not trained again: its weights are
    loaded. More epochs than before go on from where it ended.

    Args:
        model: compiled. Its learning-rate schedule and ``steps_per_execution`` are those given to ``compile``.
        data: :class:`Batches`, or a pair (inputs, targets), which is dealt out in batches of 32 with seed 0.
        epochs: how many in all, those before an interruption included.
        validation: a pair (inputs, targets), judged after each epoch.
        patience: stop when ``monitor`` has not improved for so many epochs, and go back to the best epoch's weights.
        monitor: what to judge epochs by; the larger the better if its name ends in accuracy, auc, precision or recall,
            otherwise the smaller.
        folder: where state and record are kept; made if it is missing. None keeps nothing.
        name: of the run; the folder's name if empty.
        callbacks: Keras callbacks. After an interruption they begin anew; what they have counted is lost.
        tensorboard: a folder for TensorBoard's event files, or None.
        bar: one line of progress. Never in the record.

    Returns:
        The record, which is also in ``folder/run.json``.

    Raises:
        TrainingStopped: see :mod:`kitutils.train.guards`.
        WrongFolder: the folder holds the run of another model or other settings.
        ValueError: ``epochs`` or ``patience`` is not 1 or more, patience is asked for without validation, or
            ``steps_per_execution`` does not divide the batches of an epoch.
    """
    _arguments(epochs, patience, validation, monitor)
    batches = batches_of(data)
    at_once = getattr(model, "steps_per_execution", 1) or 1
    if batches.steps % at_once:
        raise ValueError(
            f"steps_per_execution={at_once} does not divide the {batches.steps} batches of an epoch, so epochs would "
            "run into one another. Compile with one that does, or change the batch size."
        )
    guards.before(model, batches)
    keep = None if folder is None else Path(folder)
    run = Run(name or (keep.name if keep else model.name), _config(model, batches, monitor, patience))
    run.versions, run.machine = records.versions(), records.machine()
    keeper = _Keeper(run, keep, monitor, patience)
    keeper.take_up(model)
    run.config["epochs"] = epochs
    if run.epochs < epochs and run.stopped != "early":
        run.stopped = ""
        model.fit(
            batches.stream(run.epochs),
            steps_per_epoch=batches.steps,
            initial_epoch=run.epochs,
            epochs=epochs,
            validation_data=validation,
            validation_batch_size=max(batches.batch_size, 256),
            shuffle=False,  # the batches have their own order
            verbose=0,
            callbacks=[
                guards.Watch(batches.rows, run.history),
                *([keras.callbacks.TensorBoard(str(tensorboard))] if tensorboard else []),
                *([EtaBar()] if bar else []),
                *callbacks,
                keeper,  # last, so that what it saves is what the others left
            ],
        )
    elif run.epochs:
        model.optimizer.finalize_variable_values(model.trainable_variables)  # the averages, where use_ema is set
    keeper.best_weights(model)
    return run


class _Keeper(keras.callbacks.Callback):
    """Measures the epochs, saves state and record after each, remembers the best, stops when patience has run out."""

    def __init__(self, run: Run, folder: Path | None, monitor: str, patience: int | None) -> None:
        super().__init__()
        self.run, self.folder, self.monitor, self.patience = run, folder, monitor, patience
        self.best: list[np.ndarray] | None = None

    def take_up(self, model: keras.Model) -> None:
        """Goes back to the state in the folder, if there is one."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / checkpoint.STATE
        if (facts := checkpoint.facts(path)) is None:
            return
        theirs = {key: value for key, value in facts["config"].items() if key != "epochs"}
        if different := [key for key, value in self.run.config.items() if theirs.get(key) != value]:
            key = different[0]
            raise WrongFolder(
                f"{self.folder} holds a run with {key} {theirs.get(key)!r}; this one has {self.run.config[key]!r}. Use "
                "another folder for another run, or remove that one to begin anew."
            )
        checkpoint.restore(path, model)
        for key in ("history", "seconds", "stopped", "best_epoch", "resumed"):
            setattr(self.run, key, facts[key])
        self.run.resumed += self.run.stopped == ""

    def on_train_begin(self, logs=None):
        if self.run.resumed:
            self._save()  # so that the count outlives another interruption

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        run = self.run
        for key, value in (logs or {}).items():
            run.history.setdefault(key, []).append(float(value))
        run.seconds.append(round(time.perf_counter() - self.began, 3))
        run.peak_memory_mb = records.peak_memory_mb()
        if values := run.history.get(self.monitor):
            better = np.nanargmax if _larger_is_better(self.monitor) else np.nanargmin
            run.best_epoch = None if np.isnan(values).all() else int(better(values))
            if self.patience and run.best_epoch == epoch:
                self._keep_best(epoch)
            if self.patience and epoch - (run.best_epoch or 0) >= self.patience:
                self.model.stop_training = True
        # Said now and not after the training, where use_ema has put averages in place of the weights to go on from.
        last = epoch + 1 == self.params["epochs"]
        run.stopped = "early" if self.model.stop_training else "finished" if last else ""
        self._save()

    def best_weights(self, model: keras.Model) -> None:
        """Gives the model the weights of the best epoch, if patience was asked for."""
        if not self.patience or self.run.best_epoch is None:
            return
        if self.folder is not None:
            with np.load(self._best_file(self.run.best_epoch), allow_pickle=False) as saved:
                self.best = [saved[name] for name in sorted(saved.files)]
        model.set_weights(self.best)

    def _keep_best(self, epoch: int) -> None:
        weights = self.model.get_weights()
        if self.folder is None:
            self.best = weights
            return
        # Under the epoch's own name: if the training is killed before the state is saved, the older best is still
        # there.
        np.savez(self._best_file(epoch), **{f"w{place:05d}": array for place, array in enumerate(weights)})

    def _best_file(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch}.npz"

    def _save(self) -> None:
        if self.folder is None:
            return
        run = self.run
        keys = ("config", "history", "seconds", "stopped", "best_epoch", "resumed")
        checkpoint.save(self.folder / checkpoint.STATE, self.model, {key: getattr(run, key) for key in keys})
        run.save(self.folder)
        for old in self.folder.glob("best-*.npz"):
            if old != self._best_file(run.best_epoch if run.best_epoch is not None else -1):
                old.unlink(missing_ok=True)


def _config(model: keras.Model, batches: Batches, monitor: str, patience: int | None) -> dict[str, Any]:
    optimizer = keras.optimizers.serialize(model.optimizer)
    loss = getattr(model, "loss", None)
    return {
        # Not by names: Keras numbers them through a process, so that the same model has another one the second time.
        "model": " ".join(type(layer).__name__ for layer in model.layers) or type(model).__name__,
        "parameters": int(model.count_params()),
        "optimizer": _plain(optimizer["class_name"]),
        "optimizer_config": _plain({key: value for key, value in optimizer["config"].items() if key != "name"}),
        "loss": {key: _name(part) for key, part in loss.items()} if isinstance(loss, dict) else _name(loss),
        "rows": batches.rows,
        "batch_size": batches.batch_size,
        "seed": batches.seed,
        "augmented": batches.augment is not None,
        "views": {"flip": batches.flip, "shift": batches.shift},
        "monitor": monitor,
        "patience": patience,
    }


def _name(loss: Any) -> str:
    return loss if isinstance(loss, str) else getattr(loss, "name", str(loss))


def _plain(value: Any) -> Any:
    """What JSON gives back as it was given: texts, numbers, lists and mappings."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _larger_is_better(monitor: str) -> bool:
    return monitor.lower().endswith(("accuracy", "auc", "precision", "recall", "f1_score"))


def _arguments(epochs: int, patience: int | None, validation, monitor: str) -> None:
    if epochs < 1:
        raise ValueError(f"A training has one epoch or more; got epochs={epochs}.")
    if patience is not None and patience < 1:
        raise ValueError(f"Patience is one epoch or more; got {patience}.")
    if patience is not None and validation is None and monitor.startswith("val_"):
        raise ValueError(f"Patience waits for {monitor}, which needs validation rows: give validation=(x_val, y_val).")
