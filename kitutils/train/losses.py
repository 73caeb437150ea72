"""A loss that Keras has for one-hot labels only."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("kitutils")
class SmoothedCrossentropy(keras.losses.Loss):
    """Crossentropy of class numbers and logits with label smoothing.

    The truth gets the share 1 - smoothing, and all classes alike the rest, so that a network that is right need not
    become ever more sure of it (Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016).

    Args:
        smoothing: 0 to 1, exclusive.
        reduction, name: of ``keras.losses.Loss``.

    Raises:
        ValueError: ``smoothing`` is out of its range.
    """

    def __init__(
        self,
        smoothing: float = 0.1,
        reduction: str = "sum_over_batch_size",
        name: str = "sparse_categorical_crossentropy_smoothed",
    ) -> None:
        super().__init__(name, reduction)
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing is a share from 0 to below 1; got {smoothing}.")
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        """The loss of each row.

        Args:
            y_true: class numbers of shape (rows,) or (rows, 1).
            y_pred: logits of shape (rows, classes).
        """
        chances = ops.log_softmax(y_pred)
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        truth = ops.take_along_axis(chances, labels[:, None], axis=-1)[:, 0]
        return -(1 - self.smoothing) * truth - self.smoothing * ops.mean(chances, axis=-1)

    def get_config(self) -> dict:
        return {"smoothing": self.smoothing, "reduction": self.reduction, "name": self.name}
