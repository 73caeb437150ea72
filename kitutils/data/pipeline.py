"""Batches for training: in an order that seed and epoch decide, augmented as whole batches.

A training that is broken off in epoch 7 can go on with epoch 7's rows in epoch 7's order, because nothing depends on
how often the data was shuffled before. ``stream`` gives a ``tf.data`` pipeline under Keras' TensorFlow backend and a
``keras.utils.PyDataset`` under any other; both hand out the same rows in the same order.

Lessons: 40.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from kitutils.data import views

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

Augment = Callable  # (images of a batch, seed of shape (2,), int32) -> images


class Batches:
    """Training rows, dealt out in batches, epoch after epoch without end.

    Args:
        x: inputs, shape (rows, …). They are dealt out as they are; scale them before, or inside the model.
        y: targets, shape (rows, …).
        batch_size: rows a batch. The last batch of an epoch is smaller where the rows do not divide.
        seed: decides the order of the rows in each epoch, and what ``augment`` draws.
        shuffle: False deals the rows in the order given, in every epoch.
        augment: called with a batch of inputs and a seed of shape (2,), int32, that is another for each batch; returns
            the inputs to train on. Under TensorFlow it is traced into the pipeline, so it must consist of TensorFlow
            operations; otherwise it is given NumPy arrays.

    Attributes:
        rows: number of rows.
        steps: batches an epoch.

    Raises:
        ValueError: there are no rows, x and y differ in length, or the batch size is not 1 or more.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int = 32,
        *,
        seed: int = 0,
        shuffle: bool = True,
        augment: Augment | None = None,
        flip: bool = False,
        shift: int = 0,
    ) -> None:
        if len(x) != len(y):
            raise ValueError(f"Each row has one input and one target; got {len(x)} inputs and {len(y)} targets.")
        if not len(x):
            raise ValueError(
                "There are no rows to train on. Look at the step that chose them: a filter may match none."
            )
        if batch_size < 1:
            raise ValueError(f"A batch has one row or more; got batch_size={batch_size}.")
        if (flip or shift) and np.ndim(x) != 4:
            raise ValueError(f"Only pictures, (rows, height, width, channels), have other views; got {np.shape(x)}.")
        self.x, self.y = x, y
        self.rows, self.batch_size = len(x), batch_size
        self.steps = -(-self.rows // batch_size)
        self.seed, self.shuffle, self.augment = seed, shuffle, augment
        self.flip, self.shift = flip, shift
        self._first = np.random.default_rng(seed).random(self.rows) < 0.5  # mirrored in the first epoch

    def order(self, epoch: int) -> np.ndarray:
        """Positions of the rows in the order of an epoch, int64 of shape (rows,)."""
        if not self.shuffle:
            return np.arange(self.rows)
        return np.random.default_rng([self.seed, int(epoch)]).permutation(self.rows)

    def inputs(self, rows: np.ndarray, epoch: int, step: int) -> np.ndarray:
        """The inputs of these rows as this step of this epoch sees them: mirrored, shifted; not augmented."""
        inputs = self.x[rows]
        if self.flip:
            inputs = views.alternately(inputs, self._first[rows], epoch)
        if self.shift:
            inputs = views.shifted(inputs, self.shift, np.random.default_rng([self.seed, int(epoch), int(step)]))
        return inputs

    def stream(self, start: int = 0) -> tf.data.Dataset | keras.utils.PyDataset:
        """The batches from epoch ``start`` on, in the form that the Keras backend in use likes best.

        Use with ``model.fit(batches.stream(), steps_per_epoch=batches.steps)``.
        """
        import keras

        return self.tensorflow(start) if keras.backend.backend() == "tensorflow" else self.arrays(start)

    def tensorflow(self, start: int = 0) -> tf.data.Dataset:
        """The batches from epoch ``start`` on as an endless ``tf.data`` pipeline.

        Only row numbers are shuffled. A batch is then gathered in one go from arrays that stay in memory, which is
        faster than to shuffle the rows themselves and to batch them one by one.
        """
        import tensorflow as tf

        viewed = self.flip or self.shift
        x, y = None if viewed else tf.constant(self.x), tf.constant(self.y)

        def epoch_of(epoch):
            order = tf.numpy_function(self.order, [epoch], tf.int64)
            order.set_shape((self.rows,))
            rows = tf.data.Dataset.from_tensor_slices(order).batch(self.batch_size)
            return tf.data.Dataset.zip(rows, tf.data.Dataset.range(self.steps).map(lambda step: (epoch, step)))

        def gather(rows, place):
            if viewed:
                images = tf.numpy_function(self.inputs, [rows, *place], self.x.dtype)
                images.set_shape((None, *self.x.shape[1:]))
            else:
                images = tf.gather(x, rows)
            if self.augment is not None:
                epoch, step = place
                seed = tf.stack([self.seed, epoch * self.steps + step])
                images = self.augment(images, tf.cast(seed, tf.int32))
            return images, tf.gather(y, rows)

        batches = tf.data.Dataset.range(start, 2**31).flat_map(epoch_of)
        return batches.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)

    def arrays(self, start: int = 0) -> keras.utils.PyDataset:
        """The batches from epoch ``start`` on as NumPy arrays, for any backend of Keras."""
        import keras

        deal = self

        class Dealt(keras.utils.PyDataset):
            def __init__(self):
                super().__init__()
                self.epoch = start
                self.rows = deal.order(start)

            def __len__(self):
                return deal.steps

            def __getitem__(self, step):
                rows = self.rows[step * deal.batch_size : (step + 1) * deal.batch_size]
                images = deal.inputs(rows, self.epoch, step)
                if deal.augment is not None:
                    seed = np.array([deal.seed, self.epoch * deal.steps + step], dtype=np.int32)
                    images = np.asarray(deal.augment(images, seed))
                return images, deal.y[rows]

            def on_epoch_end(self):
                self.epoch += 1
                self.rows = deal.order(self.epoch)

        return Dealt()


def batches_of(data, batch_size: int = 32, seed: int = 0) -> Batches:
    """``data`` as batches: itself if it deals out batches as :class:`Batches` does, or made from a pair of arrays.

    Raises:
        TypeError: it is neither.
    """
    if hasattr(data, "stream") and hasattr(data, "steps"):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return Batches(np.asarray(data[0]), np.asarray(data[1]), batch_size, seed=seed)
    raise TypeError(f"Train on Batches(x, y, …) or on a pair (x, y); got {type(data).__name__}.")
