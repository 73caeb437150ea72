"""Batches for pretraining an encoder: paragraphs with hidden words, and beside each another one of the same document.

No labels: what is to be found is in the texts themselves, and in which of them stand together.

Lessons: 44.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kitutils.data.text_batches import mask_tokens
from kitutils.data.text_streams import WIDTHS, TextBatches
from kitutils.data.tokens import PAD, Tokens


class PairBatches(TextBatches):
    """Rows of tokens in pairs, dealt out in batches of similar length, epoch after epoch without end.

    A batch of 2 n rows holds n rows, then a partner for each: another row of its document, or the row itself where the
    document has no other. Partners are drawn anew in each epoch and cut to the batch's width; what is hidden is drawn
    anew for each batch. All depends on seed, epoch and step alone.

    Each batch is what Keras' ``fit`` takes: inputs ``token_ids``, ``padding_mask`` (2 n, width) and ``places`` (m,),
    where the hidden tokens are in the batch laid out row after row; targets ``pieces`` (m,) and ``partner`` (2 n,), the
    row of the batch that is each row's partner.

    Args:
        tokens: of all rows.
        documents: the number of the document that each row comes from; shape (rows,).
        size: pieces in the vocabulary.
        share: of the tokens that are hidden.
        widths: columns that a batch may have; longer rows are cut to the largest.
        per_batch: tokens in a full batch, partners and padding included.
        seed: another one draws otherwise.

    Attributes:
        rows: number of rows.
        steps: batches an epoch.

    Raises:
        ValueError: there are no rows, or not one document for each; see also ``length_buckets`` and ``mask_tokens``.
    """

    columns = ("token_ids", "padding_mask", "places"), ("pieces", "partner")

    def __init__(
        self,
        tokens: Tokens,
        documents: ArrayLike,
        *,
        size: int,
        share: float = 0.15,
        widths: Sequence[int] = WIDTHS,
        per_batch: int = 8192,
        seed: int = 0,
    ) -> None:
        documents = np.asarray(documents)
        if documents.shape != (len(tokens.ids),):
            raise ValueError(f"Each row has one document; got {len(tokens.ids)} rows, documents {documents.shape}.")
        super().__init__(tokens, widths, per_batch // 2, seed)
        self.size, self.share = size, share
        self._sorted = np.argsort(documents, kind="stable")
        _, start, count = np.unique(documents[self._sorted], return_index=True, return_counts=True)
        self._start, self._count = np.repeat(start, count), np.repeat(count, count)

    def partners(self, epoch: int) -> np.ndarray:
        """For each row the position of its partner in this epoch; int64, shape (rows,)."""
        rng = np.random.default_rng([self.seed, 1, int(epoch)])
        place = np.arange(self.rows) - self._start  # within the document
        step = 1 + rng.integers(0, np.maximum(self._count - 1, 1))  # to one of the others
        other = self._start + (place + step) % self._count
        partners = np.empty(self.rows, dtype=np.int64)
        partners[self._sorted] = self._sorted[other]
        return partners

    def epoch(self, epoch: int) -> Iterator:
        """The batches of one epoch, one after the other: inputs and targets, each a dictionary."""
        partners = self.partners(epoch)
        for step, batch in enumerate(self.deal(epoch)):
            yield self._batch(np.concatenate([batch.rows, partners[batch.rows]]), batch.width, epoch, step)

    def _batch(self, rows: np.ndarray, width: int, epoch: int, step: int):
        ids = self.x[rows, :width]
        rng = np.random.default_rng([self.seed, 2, int(epoch), int(step)])
        masked = mask_tokens(ids, rng, size=self.size, share=self.share)
        (places,) = np.nonzero(masked.weights.ravel())
        if not len(places):  # a batch of a few short rows, and nothing was drawn
            places = np.flatnonzero(ids.ravel() != PAD)[:1]
        half = len(rows) // 2
        partner = np.concatenate([np.arange(half, 2 * half), np.arange(half)])
        inputs = {
            "token_ids": masked.inputs,
            "padding_mask": (ids != PAD).astype(np.int32),
            "places": places.astype(np.int32),
        }
        return inputs, {"pieces": masked.targets.ravel()[places], "partner": partner.astype(np.int32)}
