"""A training in a process of its own, which a test kills: python process.py FOLDER [STEP].

With a step, the process kills itself after that many training steps, as nothing else can: no handler runs, no buffer is
flushed. Prints a hash of the weights if it comes to the end.
"""

import hashlib
import os
import signal
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

from kitutils.data.pipeline import Batches
from kitutils.train import OneCycle, fit

EPOCHS, ROWS, BATCH = 4, 96, 16


class Kill(keras.callbacks.Callback):
    def __init__(self, after):
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def noise(rows, seed):
    return rows + 0.1 * tf.random.stateless_normal(tf.shape(rows), seed)


def main(folder, step=0):
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 5)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(OneCycle(0.01, EPOCHS * ROWS // BATCH), use_ema=True)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    batches = Batches(x, y, BATCH, seed=1, augment=noise)
    kill = [Kill(step)] if step else []
    run = fit(model, batches, EPOCHS, validation=(x[:32], y[:32]), patience=3, folder=folder, callbacks=kill, bar=False)
    weights = b"".join(array.tobytes() for array in model.get_weights())
    print("DONE", hashlib.sha256(weights).hexdigest(), run.resumed, run.history["loss"])


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
