"""Recurrent networks for rows of token ids: a SimpleRNN, a GRU or an LSTM between an embedding and a dense head.

Keras only, so any backend trains them. They end in logits, without a softmax; compile them with
``SparseCategoricalCrossentropy(from_logits=True)``.

Lessons: 43.
"""

from __future__ import annotations

import keras
from keras import layers

KINDS = {"simple": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}


def recurrent_classifier(
    vocabulary: int,
    length: int | None,
    classes: int,
    *,
    kind: str = "gru",
    width: int = 64,
    embedding: int = 64,
    bidirectional: bool = False,
    unroll: bool = False,
) -> keras.Model:
    """Reads tokens from left to right and judges by its state after the last one.

    Id 0 is padding, behind the tokens. It is masked: at a masked step the state stays as it is, so that the padding of
    a row changes nothing.

    Sources: Elman, "Finding structure in time", Cognitive Science 14, 1990 (``"simple"``); Cho et al., "Learning phrase
    representations using RNN encoder-decoder for statistical machine translation", EMNLP 2014 (``"gru"``); Hochreiter
    and Schmidhuber, "Long short-term memory", Neural Computation 9, 1997 (``"lstm"``); Schuster and Paliwal,
    "Bidirectional recurrent neural networks", IEEE Transactions on Signal Processing 45, 1997.

    Args:
        vocabulary: ids are 0 to ``vocabulary - 1``.
        length: steps of a row; None takes rows of any length, as from length buckets, each batch of one length.
        classes: how many.
        kind: of the cell: "simple", "gru" or "lstm".
        width: numbers in the state; of each direction, where there are two.
        embedding: numbers that stand for a token.
        bidirectional: a second cell of the same kind reads from right to left, and the head sees both last states.
        unroll: lay the steps out one after the other instead of in a loop; needs a length. Same numbers, a larger
            model that takes longer to build.

    Returns:
        A model: whole numbers of shape (rows, length) → float32 logits of shape (rows, classes).

    Raises:
        ValueError: the kind is not known, a size is less than 1 (``vocabulary``: 2), or a loop of no fixed length is to
            be laid out.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}; got {kind!r}.")
    sizes = {"vocabulary": vocabulary, "classes": classes, "width": width, "embedding": embedding}
    for name, size in (sizes if length is None else sizes | {"length": length}).items():
        least = 2 if name == "vocabulary" else 1
        if size < least:
            raise ValueError(f"{name} is {least} or more; got {size}.")
    if unroll and length is None:
        raise ValueError("unroll=True lays out a fixed number of steps: give the length, or leave the loop.")
    ids = keras.Input((length,), dtype="int32", name="ids")
    x = layers.Embedding(vocabulary, embedding, mask_zero=True)(ids)
    cell = KINDS[kind](width, unroll=unroll)
    x = (layers.Bidirectional(cell) if bidirectional else cell)(x)
    return keras.Model(ids, layers.Dense(classes, dtype="float32", name="head")(x), name=f"{kind}_classifier")
