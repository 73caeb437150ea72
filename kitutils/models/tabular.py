"""The shop model: raw values of an order in, the chance that it comes back out.

Its preprocessing is a part of it, so whoever has the model has the features it was trained on.

Lessons: 13.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from kitutils.data import encoders
from kitutils.data.encoders import Learned

EPOCHS, BATCH = 6, 256  # chosen on the shops of seeds 0 to 2, later orders judging


def shop_model(
    learned: Learned, *, units: Sequence[int] = (32, 16), dropout: float = 0.3, learning_rate: float = 4e-3
) -> keras.Model:
    """A small network on the shop's features, compiled and not yet trained.

    Its inputs are ``kitutils.data.features.as_inputs`` of raw orders, by name; a text that was never seen and a missing
    value give a finite answer. Its output is the chance of a return, float32 of shape (rows, 1).

    Args:
        learned: of the training rows, ``kitutils.data.encoders.learn``.
        units: neurons in each hidden layer; none makes it a logistic regression.
        dropout: share of them that is switched off in training.
        learning_rate: of Adam.
    """
    inputs, x = encoders.keras_encoder(learned)
    for size in units:
        x = layers.Dense(size, activation="relu")(x)
        x = layers.Dropout(dropout)(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid", name="chance")(x), name="shop")
    model.compile(keras.optimizers.Adam(learning_rate), loss="binary_crossentropy")
    return model
