"""Heads to pretrain a text encoder with: guess the hidden words, and find the paragraph of the same document.

The first task is BERT's masked language model. The second replaces BERT's own (does this sentence follow that one?):
among all rows of a batch, which one comes from the same document? It is told apart by the mean of the tokens' vectors,
which is what a classifier sees later (van den Oord, Li and Vinyals, "Representation learning with contrastive
predictive coding", 2018; Giorgi et al., "DeCLUTR", ACL 2021).

Lessons: 44.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from kitutils.models.text import FAR, MaskedMean, named_inputs

TEMPERATURE = 0.1


def pretraining_model(body: keras.Model, *, partners: bool = True) -> keras.Model:
    """An encoder with the heads that pretraining needs; the weights are shared with ``body``.

    Args:
        body: :func:`kitutils.models.text_encoder`; its layer "pieces" also turns vectors back into word pieces.
        partners: whether there is the second task.

    Returns:
        A model for :class:`kitutils.data.text_pairs.PairBatches`: its inputs → ``pieces``, logits (m, vocabulary) for
        the hidden tokens, and ``partner``, logits (rows, rows): which row is the partner.
    """
    inputs = named_inputs(body)
    places = keras.Input((), dtype="int32", name="places")
    tokens = body(inputs)
    pieces = body.get_layer("pieces")
    hidden = ops.take(ops.reshape(tokens, (-1, tokens.shape[-1])), places, axis=0)
    hidden = layers.Dense(tokens.shape[-1], name="guess")(hidden)
    hidden = layers.LayerNormalization(epsilon=1e-5, name="guess_norm")(ops.gelu(hidden, approximate=True))
    outputs = {"pieces": Bias(name="piece_bias")(pieces(hidden, reverse=True))}
    if partners:
        outputs["partner"] = Likeness(name="likeness")(MaskedMean(name="mean")(tokens, inputs["padding_mask"]))
    return keras.Model(inputs | {"places": places}, outputs, name="pretraining")


@keras.saving.register_keras_serializable("kitutils")
class Bias(layers.Layer):
    """Adds one trained number to each logit: how frequent a piece is, whatever stands around it."""

    def build(self, shape) -> None:
        """Makes the numbers, zeros at first."""
        self.bias = self.add_weight(shape=(shape[-1],), initializer="zeros", name="bias")

    def call(self, x):
        return ops.cast(x, "float32") + ops.cast(self.bias, "float32")


@keras.saving.register_keras_serializable("kitutils")
class Likeness(layers.Layer):
    """How alike each vector of a batch is to each other: cosines over a temperature, -10,000 to itself."""

    def call(self, x):
        """Vectors (rows, width) to logits (rows, rows)."""
        x = ops.cast(x, "float32")
        x = x / ops.maximum(ops.norm(x, axis=-1, keepdims=True), 1e-6)
        return x @ ops.transpose(x) / TEMPERATURE + FAR * ops.eye(ops.shape(x)[0])

    def compute_output_spec(self, x):
        """As many columns as rows; JAX cannot work it out where the number of rows is open."""
        return keras.KerasTensor((x.shape[0], x.shape[0]), dtype="float32")
