"""From rows of tokens to batches: tokens that are hidden anew in each epoch, and rows of similar length together.

NumPy only; what is drawn depends on the generator, or on seed and epoch, and on nothing else.

Lessons: 43.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kitutils.data.tokens import MASK, SPECIAL


class Masked(NamedTuple):
    """``inputs``, ``targets``: int32; ``weights``: float32, 1 where a token is to be guessed, else 0. One shape."""

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def mask_tokens(ids: np.ndarray, rng: np.random.Generator, *, size: int, share: float = 0.15) -> Masked:
    """Choose tokens to be guessed, anew at each call, and hide most of them (Devlin et al., 2019, section 3.1).

    Each token is chosen with the same chance. Of the chosen, 80 % become ``[MASK]``, 10 % a random piece, and 10 % stay
    as they are, so that a model cannot rely on the others being right. Special pieces and padding are never chosen.

    Args:
        ids: whole numbers, any shape; not changed.
        rng: where the randomness comes from.
        size: pieces in the vocabulary; the random ones are drawn from those that are not special.
        share: the chance of being chosen.

    Raises:
        ValueError: ``share`` is no share, or an id is not in the vocabulary.
    """
    ids = np.asarray(ids)
    if not 0 <= share <= 1:
        raise ValueError(f"share is a fraction from 0 to 1; got {share}.")
    if ids.size and not (ids.min() >= 0 and ids.max() < size):
        raise ValueError(f"ids are 0 to {size - 1}, the vocabulary's; got {ids.min()} to {ids.max()}.")
    chosen = (rng.random(ids.shape) < share) & (ids >= len(SPECIAL))
    fate = rng.random(ids.shape)
    inputs = np.where(chosen & (fate < 0.8), MASK, ids)
    other = rng.integers(len(SPECIAL), max(size, len(SPECIAL) + 1), ids.shape)
    inputs = np.where(chosen & (fate >= 0.9), other, inputs)
    return Masked(inputs.astype(np.int32), ids.astype(np.int32), chosen.astype(np.float32))


# --- length buckets ---------------------------------------------------------------------------------------------------


class Batch(NamedTuple):
    """Positions of the rows of a batch, int64, and the number of columns that the longest kind of them needs."""

    rows: np.ndarray
    width: int

    def of(self, array: np.ndarray) -> np.ndarray:
        """The batch's part of an array of shape (all rows, length): shape (rows, width)."""
        return array[self.rows, : self.width]


def length_buckets(
    lengths: ArrayLike, widths: Sequence[int], tokens: int, *, seed: int = 0, epoch: int = 0
) -> list[Batch]:
    """Deal rows into batches of similar length, so that little of a batch is padding; every row once.

    Widths are few and fixed because a network is compiled for each shape anew. All batches have about the same number
    of tokens, so narrow ones have more rows. As in ``kitutils.data.pipeline``, seed and epoch alone decide the order.

    Args:
        lengths: of each row, padding not counted; shape (rows,).
        widths: the columns that a batch may have, ascending.
        tokens: rows × columns of a full batch; the last batch of each width has fewer.
        seed, epoch: another epoch deals other batches.

    Raises:
        ValueError: a row is longer than the largest width, the widths do not ascend, or a batch would hold no row.
    """
    lengths, columns = np.asarray(lengths), np.asarray(widths)
    if not len(columns) or (np.diff(columns) <= 0).any() or columns[0] < 1:
        raise ValueError(f"widths ascend from 1 or more; got {list(widths)}.")
    if len(lengths) and lengths.max() > columns[-1]:
        raise ValueError(
            f"The longest row has {lengths.max()} tokens, the largest width is {columns[-1]}. Add a wider one."
        )
    if tokens < columns[-1]:
        raise ValueError(
            f"A batch of {tokens} tokens does not hold one row of {columns[-1]}. Take {columns[-1]} or more."
        )
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    bucket = np.searchsorted(columns, lengths[order])
    batches = []
    for number, width in enumerate(columns.tolist()):
        rows = order[bucket == number]
        batches += [
            Batch(rows[start : start + tokens // width], width) for start in range(0, len(rows), tokens // width)
        ]
    return [batches[number] for number in rng.permutation(len(batches))]
