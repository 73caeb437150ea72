"""Which number format this machine trains in faster: a measurement instead of a list of processors."""

from __future__ import annotations

import time

import keras
import numpy as np
from keras import ops

WORTH = 1.2  # times as fast a convolution has to be for the loss of digits to pay


def fastest(rounds: int = 5) -> str:
    """The faster of Keras' dtype policies "float32" and "mixed_bfloat16" for convolutions here; about a second.

    bfloat16 has the range of float32 and 8 instead of 24 binary digits. In the mixed policy the weights stay float32,
    and the arithmetic between them is done in bfloat16 (Micikevicius et al., "Mixed Precision Training", ICLR 2018;
    Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019). Processors that have no instructions for
    it imitate them and are slower, so this tries one convolution in either.

    Args:
        rounds: how often each is timed, in turn; the best time of each counts.
    """
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(64, 16, 16, 64)), rng.normal(size=(3, 3, 64, 64))
    given = {name: [ops.convert_to_tensor(part, dtype=name) for part in (image, kernel)] for name in _POLICIES}
    seconds = {name: [] for name in _POLICIES}
    for _ in range(rounds + 1):  # the first is a warm-up
        for name, (inputs, filters) in given.items():
            seconds[name].append(_timed(inputs, filters))
    best = {name: min(values[1:]) for name, values in seconds.items()}
    return _POLICIES["bfloat16" if best["float32"] > WORTH * best["bfloat16"] else "float32"]


_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def _timed(inputs, filters) -> float:
    """Seconds of a convolution, its result waited for."""
    begun = time.perf_counter()
    keras.ops.convert_to_numpy(ops.conv(inputs, filters, padding="same")[0, 0, 0])
    return time.perf_counter() - begun
