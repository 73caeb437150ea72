"""Texts as batches for Keras' ``fit``: rows of similar length together, in an order that seed and epoch decide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from kitutils.data.text_batches import Batch, length_buckets
from kitutils.data.tokens import MASK, PAD, SPECIAL, Tokens

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

WIDTHS = (16, 24, 32, 48, 64, 128)


class TextBatches(ABC):
    """Rows of tokens, dealt out in batches of similar length, epoch after epoch without end.

    ``epoch`` says what a batch holds; this class deals the rows, and turns epochs into what ``fit`` takes.

    Args:
        tokens: of all rows.
        widths: columns that a batch may have; longer rows are cut to the largest.
        per_batch: tokens in a full batch, padding included.
        seed: decides the order of the rows in each epoch.

    Attributes:
        rows: number of rows.
        steps: batches an epoch.

    Raises:
        ValueError: there are no rows; see also ``length_buckets``.
    """

    columns: tuple[Sequence[str], Sequence[str]]  # names of the inputs and of the targets; a grid ends in ids or mask
    augment, flip, shift = None, False, 0  # what ``train.fit`` writes into its record of other batches

    def __init__(self, tokens: Tokens, widths: Sequence[int], per_batch: int, seed: int) -> None:
        if not len(tokens.ids):
            raise ValueError("There are no texts to train on. Look at the step that chose them.")
        self.widths, self.seed = tuple(widths), seed
        self.x = tokens.ids[:, : self.widths[-1]]
        self.y = np.zeros(0, dtype=np.int64)
        self.rows, self.batch_size = len(self.x), per_batch
        self._lengths = np.minimum(tokens.mask.sum(axis=1), self.widths[-1])
        self.steps = len(self.deal(0))

    def deal(self, epoch: int) -> list[Batch]:
        """Which rows come together in an epoch, and how many columns they need."""
        return length_buckets(self._lengths, self.widths, self.batch_size, seed=self.seed, epoch=epoch)

    @abstractmethod
    def epoch(self, epoch: int) -> Iterator:
        """The batches of one epoch, one after the other: inputs and targets as ``fit`` takes them."""

    def stream(self, start: int = 0) -> tf.data.Dataset | keras.utils.PyDataset:
        """The batches from epoch ``start`` on: a ``tf.data`` pipeline under TensorFlow, else arrays."""
        import keras

        return self.tensorflow(start) if keras.backend.backend() == "tensorflow" else self.arrays(start)

    def tensorflow(self, start: int = 0) -> tf.data.Dataset:
        """The batches from epoch ``start`` on as an endless ``tf.data`` pipeline."""
        import tensorflow as tf

        def endless():
            epoch = start
            while True:
                yield from self.epoch(epoch)
                epoch += 1

        grid, line = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)
        inputs, targets = self.columns
        signature = (
            {name: grid if name.endswith(("ids", "mask")) else line for name in inputs},
            {name: line for name in targets} if targets else line,
        )
        # Autotuning has nothing to tune here, and its thread can keep ``fit`` from returning for half a minute.
        options = tf.data.Options()
        options.autotune.enabled = False
        return tf.data.Dataset.from_generator(endless, output_signature=signature).prefetch(4).with_options(options)

    def arrays(self, start: int = 0) -> keras.utils.PyDataset:
        """The batches from epoch ``start`` on as NumPy arrays, for any backend of Keras."""
        import keras

        deal = self

        class Dealt(keras.utils.PyDataset):
            def __init__(self):
                super().__init__()
                self.number = start
                self.batches = list(deal.epoch(start))

            def __len__(self):
                return deal.steps

            def __getitem__(self, step):
                return self.batches[step]

            def on_epoch_end(self):
                self.number += 1
                self.batches = list(deal.epoch(self.number))

        return Dealt()


class LabelledTexts(TextBatches):
    """Rows of tokens with their labels: batches of ``{"token_ids", "padding_mask"}`` and labels.

    Args:
        tokens: of all rows.
        labels: whole numbers from 0 on, or bool; shape (rows,).
        widths: columns that a batch may have; longer rows are cut to the largest.
        per_batch: tokens in a full batch, padding included.
        seed: decides the order of the rows in each epoch, and what is hidden.
        hide: chance of each word piece to be hidden behind ``[MASK]``, anew in each epoch, so that no answer can hang
            on a single one (compare Iyyer et al., "Deep unordered composition rivals syntactic methods for text
            classification", ACL 2015, who drop whole words).

    Raises:
        ValueError: there are no rows, not one label for each, labels of another kind, or ``hide`` is no share below 1;
            see also ``length_buckets``.
    """

    columns = ("token_ids", "padding_mask"), ()

    def __init__(
        self,
        tokens: Tokens,
        labels: ArrayLike,
        *,
        widths: Sequence[int] = WIDTHS,
        per_batch: int = 1024,
        seed: int = 0,
        hide: float = 0.0,
    ) -> None:
        if not 0 <= hide < 1:
            raise ValueError(f"hide is a share of the pieces, 0 or more and less than 1; got {hide}.")
        if np.shape(labels) != (len(tokens.ids),):
            raise ValueError(f"Each row has one label; got {len(tokens.ids)} rows, labels {np.shape(labels)}.")
        super().__init__(tokens, widths, per_batch, seed)
        self.y, self.hide = np.asarray(labels), hide
        whole = self.y.dtype.kind in "biu"
        if not whole or self.y.min() < 0:
            first = self.y.tolist()[int(np.argmax(self.y < 0)) if whole else 0]
            raise ValueError(
                f"Labels are whole numbers from 0 on; got {self.y.dtype} such as {first!r}. Number the classes first: "
                "numpy.unique(labels, return_inverse=True)[1]."
            )

    def epoch(self, epoch: int) -> Iterator:
        """The batches of one epoch, one after the other: inputs, and labels of shape (batch,)."""
        rng = np.random.default_rng([self.seed, 3, int(epoch)])
        for batch in self.deal(epoch):
            ids = batch.of(self.x)
            hidden = (rng.random(ids.shape) < self.hide) & (ids >= len(SPECIAL))
            given = np.where(hidden, MASK, ids).astype(np.int32)
            inputs = {"token_ids": given, "padding_mask": (ids != PAD).astype(np.int32)}
            yield inputs, self.y[batch.rows].astype(np.int32)
