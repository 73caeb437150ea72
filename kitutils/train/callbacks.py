"""Keras callbacks that lessons use.

Lessons: 01, 02.
"""

from __future__ import annotations

import keras

from kitutils.course.waiting import EtaLine


class EtaBar(keras.callbacks.Callback):
    """One line for a whole training: epoch, loss, seconds to go.

    Keras' own bar writes a line per epoch, which in a stored notebook is a page. Use with ``fit(..., verbose=0)``.
    """

    def on_train_begin(self, logs=None):
        self.line = EtaLine("epoch", self.params.get("epochs"))
        self.note = ""
        self.epochs = 0

    def on_train_batch_end(self, batch, logs=None):
        steps = self.params.get("steps")
        if steps:
            self.line.step(self.epochs + (batch + 1) / steps, self.note)

    def on_epoch_end(self, epoch, logs=None):
        self.epochs = epoch + 1
        logs = logs or {}
        self.note = "".join(f" · {k} {logs[k]:.3f}" for k in ("loss", "val_loss") if k in logs)
        self.line.step(self.epochs, self.note)

    def on_train_end(self, logs=None):
        self.line.close(self.epochs, self.note)
