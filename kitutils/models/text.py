"""A small BERT from plain Keras layers: attention, blocks, an encoder, and heads that fit KerasHub's encoders as well.

Inputs have KerasHub's names: ``token_ids`` and ``padding_mask``, int32 of shape (rows, tokens), the mask 1 where there
is a token; a KerasHub encoder also takes ``segment_ids``. GELU is approximate throughout, because the exact one does
not export to ONNX.

Lessons: 44, 45.
"""

from __future__ import annotations

import keras
from keras import layers, ops

FAR = -1e4  # added to what must not be looked at; within the range of float16


@keras.saving.register_keras_serializable("kitutils")
class Attention(layers.Layer):
    """Self-attention with several heads (Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2).

    Args:
        heads: they share the width: each has width / heads numbers for query, key and value.

    Raises:
        ValueError: the heads do not divide the width.
    """

    def __init__(self, heads: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, shape) -> None:
        """Makes one layer for queries, keys and values, and one that mixes the heads' results."""
        width = shape[-1]
        if width % self.heads:
            raise ValueError(f"{self.heads} heads cannot share a width of {width}. Choose a number that divides it.")
        self.project = layers.Dense(3 * width, name="query_key_value", dtype=self.dtype_policy)
        self.mix = layers.Dense(width, name="mix", dtype=self.dtype_policy)
        self.project.build(shape)
        self.mix.build(shape)

    def call(self, x, mask):
        """Tokens (rows, tokens, width) and the padding mask (rows, tokens) to tokens of the same shape."""
        weights, values = self._look(x, mask)
        return self.mix(ops.reshape(ops.transpose(weights @ values, (0, 2, 1, 3)), ops.shape(x)))

    def scores(self, x, mask):
        """How much each token looks at each other: (rows, heads, tokens, tokens), rows of the last axis sum to 1."""
        return self._look(x, mask)[0]

    def _look(self, x, mask):
        size = x.shape[-1] // self.heads
        parts = ops.reshape(self.project(x), (-1, ops.shape(x)[1], 3, self.heads, size))
        query, key, value = ops.unstack(ops.transpose(parts, (2, 0, 3, 1, 4)), 3)  # each rows, heads, tokens, size
        likeness = query @ ops.transpose(key, (0, 1, 3, 2)) / size**0.5
        hidden = FAR * (1 - ops.cast(mask, "float32"))
        weights = ops.softmax(ops.cast(likeness, "float32") + hidden[:, None, None, :])
        return ops.cast(weights, value.dtype), value

    def get_config(self) -> dict:
        return super().get_config() | {"heads": self.heads}


@keras.saving.register_keras_serializable("kitutils")
class Block(layers.Layer):
    """Attention, then a small network on each token; each with a shortcut, normalised before and not after.

    Normalising first keeps the shortcut free from end to end (Xiong et al., "On layer normalization in the transformer
    architecture", ICML 2020); BERT itself normalises after.

    Args:
        heads: of the attention.
        dropout: share of each part's result that is dropped while training.
    """

    def __init__(self, heads: int, dropout: float = 0.1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.heads, self.dropout = heads, dropout
        policy = self.dtype_policy
        self.attend = Attention(heads, name="attention", dtype=policy)
        self.first, self.second = (layers.LayerNormalization(epsilon=1e-5, dtype=policy) for _ in range(2))
        self.drop = layers.Dropout(dropout, dtype=policy)

    def build(self, shape) -> None:
        """Makes the network: four times as wide inside, as in BERT."""
        width = shape[-1]
        self.wide = layers.Dense(4 * width, name="wide", dtype=self.dtype_policy)
        self.narrow = layers.Dense(width, name="narrow", dtype=self.dtype_policy)
        for layer in (self.attend, self.first, self.second, self.wide):
            layer.build(shape)
        self.narrow.build((*shape[:-1], 4 * width))

    def call(self, x, mask, training=None):
        """Tokens (rows, tokens, width) and the padding mask (rows, tokens) to tokens of the same shape."""
        x = x + self.drop(self.attend(self.first(x), mask), training=training)
        inner = ops.gelu(self.wide(self.second(x)), approximate=True)
        return x + self.drop(self.narrow(inner), training=training)

    def compute_output_spec(self, x, mask, training=None):
        """Shape and type of the tokens."""
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)

    def scores(self, x, mask):
        """What :meth:`Attention.scores` gives for the tokens that come into the block."""
        return self.attend.scores(self.first(x), mask)

    def get_config(self) -> dict:
        return super().get_config() | {"heads": self.heads, "dropout": self.dropout}


@keras.saving.register_keras_serializable("kitutils")
class Positions(layers.Layer):
    """Adds a learned vector to each token, by its place: without it attention does not see any order.

    Args:
        length: the most tokens that a row may have.

    Raises:
        ValueError: rows have more tokens, where their number is known: always but in a graph that leaves it open.
    """

    def __init__(self, length: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.length = length

    def build(self, shape) -> None:
        """Makes a vector for each place."""
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        self.vectors = self.add_weight(shape=(self.length, shape[-1]), initializer=normal, name="vectors")

    def call(self, x):
        tokens = x.shape[1]
        if isinstance(tokens, int) and tokens > self.length:
            raise ValueError(
                f"Got rows of {tokens} tokens, and this encoder has {self.length} positions. Encode the texts with "
                f"length={self.length}, which cuts longer ones."
            )
        return x + ops.cast(self.vectors, x.dtype)[: ops.shape(x)[1]]

    def compute_output_shape(self, shape):
        """That of the tokens; JAX cannot work it out where the number of tokens is open."""
        return shape

    def get_config(self) -> dict:
        return super().get_config() | {"length": self.length}


def text_encoder(
    vocabulary: int,
    *,
    width: int = 128,
    depth: int = 3,
    heads: int = 4,
    length: int = 128,
    dropout: float = 0.1,
    norm: bool = True,
) -> keras.Model:
    """A small BERT without a head (Devlin et al., "BERT", NAACL 2019): tokens to vectors that know their neighbours.

    Its layers are "pieces" (the embedding), "positions", "block_0", "block_1", … and "norm".

    Args:
        vocabulary: number of word pieces.
        width: numbers a token.
        depth: blocks.
        heads: of the attention; they divide the width.
        length: the most tokens that a row may have. Rows may be shorter, all rows of a batch alike.
        dropout: share that is dropped while training.
        norm: end with a normalisation of each token's vector. Without it a strong word counts for more in the mean of a
            text than a weak one; for film reviews, without blocks, that was worth 1.7 points (``text_reviews.py``).

    Returns:
        A model: ``{"token_ids", "padding_mask"}`` of shape (rows, tokens) → (rows, tokens, width).

    Raises:
        ValueError: the heads do not divide the width.
    """
    ids, mask = (keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "padding_mask"))
    pieces = layers.ReversibleEmbedding(
        vocabulary, width, embeddings_initializer=keras.initializers.TruncatedNormal(stddev=0.02), name="pieces"
    )
    x = layers.Dropout(dropout, name="drop")(Positions(length, name="positions")(pieces(ids)))
    for number in range(depth):
        x = Block(heads, dropout, name=f"block_{number}")(x, mask)
    if norm:
        x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model({"token_ids": ids, "padding_mask": mask}, x, name="encoder")


def take_over(deep: keras.Model, shallow: keras.Model) -> keras.Model:
    """Let a deep encoder begin where a shallow one, most often without blocks, has come to.

    The shallow one's layers are copied. Each block that it does not have begins by adding nothing, so that both say the
    same (compare Gong et al., "Efficient training of BERT by progressively stacking", ICML 2019).

    Args:
        deep, shallow: both from :func:`text_encoder`, alike but for the depth. ``deep`` is changed in place.

    Returns:
        ``deep``.
    """
    known = {layer.name: layer for layer in shallow.layers if layer.weights}
    for layer in deep.layers:
        if layer.name in known:
            layer.set_weights(known[layer.name].get_weights())
        elif isinstance(layer, Block):
            for last in (layer.attend.mix, layer.narrow):
                last.set_weights([0 * weight for weight in last.get_weights()])
    return deep


def text_classifier(body: keras.Model, classes: int, *, dropout: float = 0.1) -> keras.Model:
    """An encoder with a head that tells texts apart: the mean of the tokens' vectors, and one dense layer on it.

    Args:
        body: :func:`text_encoder`, or an encoder of KerasHub such as ``BertBackbone``, with inputs by name and, if
            there are several outputs, one called "sequence_output". Its weights are shared, not copied. If it takes
            ``segment_ids``, which of two sentences a token stands in, it gets zeros: a text is one segment, and the
            classifier takes ``token_ids`` and ``padding_mask`` alone.
        classes: how many; the result is logits of shape (rows, classes).
        dropout: share of the mean that is dropped while training.

    Raises:
        ValueError: the body has no input called "padding_mask".
    """
    inputs = named_inputs(body)
    given = dict(inputs)
    if inputs.pop("segment_ids", None) is not None:
        given["segment_ids"] = ops.zeros_like(inputs["token_ids"])
    found = body(given)
    tokens = found["sequence_output"] if isinstance(found, dict) else found
    pooled = layers.Dropout(dropout)(MaskedMean(name="mean")(tokens, inputs["padding_mask"]))
    return keras.Model(inputs, layers.Dense(classes, name="head", dtype="float32")(pooled), name="text_classifier")


@keras.saving.register_keras_serializable("kitutils")
class MaskedMean(layers.Layer):
    """The mean of the tokens' vectors over the tokens that are there."""

    def call(self, x, mask):
        """Tokens (rows, tokens, width) and the padding mask (rows, tokens) to (rows, width), float32."""
        weights = ops.cast(mask, "float32")[:, :, None]
        return ops.sum(ops.cast(x, "float32") * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)


def named_inputs(body: keras.Model) -> dict[str, keras.KerasTensor]:
    """Fresh inputs of the names, shapes and types that an encoder takes.

    Raises:
        ValueError: it has no input called "padding_mask".
    """
    names = [tensor.name for tensor in body.inputs]
    if "padding_mask" not in names:
        raise ValueError(f"An encoder takes token_ids and padding_mask by name; this one takes {', '.join(names)}.")
    return {tensor.name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name) for tensor in body.inputs}


def attention_maps(body: keras.Model, token_ids, padding_mask) -> list:
    """What each head of each block of :func:`text_encoder` looks at.

    Returns:
        For each block an array (rows, heads, tokens, tokens): from which token (the third axis) to which.

    Raises:
        ValueError: the encoder has no block of the kit's.
    """
    blocks = [layer for layer in body.layers if isinstance(layer, Block)]
    if not blocks:
        raise ValueError("This encoder has none of the kit's blocks to map. Take text_encoder with depth=1 or more.")
    before = keras.Model(body.input, [block.input[0] for block in blocks])
    found = before({"token_ids": token_ids, "padding_mask": padding_mask})
    found = found if isinstance(found, list) else [found]
    return [
        ops.convert_to_numpy(block.scores(x, ops.convert_to_tensor(padding_mask)))
        for block, x in zip(blocks, found, strict=True)
    ]
