"""An optimiser that Keras almost has: Muon, for convolutions too."""

from __future__ import annotations

import math
import re

import keras
from keras import ops


@keras.saving.register_keras_serializable("kitutils")
class ConvMuon(keras.optimizers.Muon):
    """Keras' Muon, which also takes the kernels of convolutions as matrices.

    Muon turns the averaged gradient of a weight matrix into the nearest matrix whose columns are orthogonal and of one
    length, so that a step moves all directions alike and not mostly the few that the gradient prefers (Jordan et al.,
    "Muon: An optimizer for hidden layers in neural networks", 2024). A kernel of shape (height, width, channels,
    filters) is a matrix too, with a row for each pixel and channel of its window; Keras leaves such kernels to AdamW.
    All else, such as biases, stays with AdamW, and so should the last layer: name it in ``exclude_layers``.

    Args:
        learning_rate: length of a step: the largest stretch (spectral norm) by which a kernel changes. 0.02 is a good
            start. AdamW's rate is this times ``adam_lr_ratio``.
        kwargs: of ``keras.optimizers.Muon``.
    """

    def __init__(self, learning_rate=0.02, *, adam_lr_ratio=0.1, weight_decay=0.0, adam_weight_decay=0.0, **kwargs):
        super().__init__(
            learning_rate,
            adam_lr_ratio=adam_lr_ratio,
            weight_decay=weight_decay,
            adam_weight_decay=adam_weight_decay,
            **kwargs,
        )

    def _should_use_adamw(self, variable):
        if len(variable.shape) == 4:
            return any(re.search(name, variable.path) for name in self.exclude_layers)
        return super()._should_use_adamw(variable)

    def zeropower_via_newtonschulz5(self, x, steps: int):
        """The nearest orthogonal matrix to ``x``, where ``x`` may be a kernel; in the shape of ``x``."""
        matrix = ops.reshape(x, (-1, x.shape[-1]))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x):
        """Longer steps for a wide kernel, of more filters than inputs, so that each filter moves as far."""
        return x * max(1.0, x.shape[-1] / math.prod(x.shape[:-1])) ** 0.5
