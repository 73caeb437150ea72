"""The small BERT against attention computed by hand, against its own sub-layers, and against KerasHub's conventions."""

import keras
import numpy as np
import pytest
from keras import layers

from kitutils.models import attention_maps, text_classifier, text_encoder
from kitutils.models.text import Attention, Block, MaskedMean, Positions, take_over

RNG = np.random.default_rng(0)
IDS = np.array([[2, 7, 8, 3, 0, 0], [2, 9, 10, 11, 12, 3]])
MASK = (IDS != 0).astype("int32")


def small(**changed):
    keras.utils.set_random_seed(1)
    return text_encoder(30, **({"width": 16, "depth": 2, "heads": 2, "length": 12} | changed))


def by_hand(attention, x, mask):
    """Attention as in the paper, with loops, from the layer's own weights."""
    rows, tokens, width = x.shape
    size = width // attention.heads
    kernel, bias, mix, mix_bias = (np.array(weight, dtype=np.float64) for weight in attention.get_weights())
    projected = x @ kernel + bias
    out = np.zeros_like(x)
    for row in range(rows):
        for head in range(attention.heads):
            query, key, value = (
                projected[row, :, part * width + head * size : part * width + (head + 1) * size] for part in range(3)
            )
            for token in range(tokens):
                likeness = np.array([query[token] @ key[other] / np.sqrt(size) for other in range(tokens)])
                weights = np.where(mask[row], np.exp(likeness - likeness[mask[row] == 1].max()), 0)
                out[row, token, head * size : (head + 1) * size] = weights / weights.sum() @ value
    return out @ mix + mix_bias


def test_attention_is_the_papers():
    attention = Attention(2)
    x = RNG.normal(size=(2, 6, 8)).astype("float32")
    attention.build(x.shape)
    attention.set_weights([RNG.normal(size=weight.shape) for weight in attention.get_weights()])
    np.testing.assert_allclose(attention(x, MASK), by_hand(attention, x.astype(float), MASK), atol=2e-5)


def test_attention_is_that_of_keras():
    ours, theirs = Attention(2), layers.MultiHeadAttention(2, 4)
    x = RNG.normal(size=(2, 6, 8)).astype("float32")
    ours.build(x.shape)
    theirs.build(x.shape, x.shape)
    ours.set_weights([RNG.normal(size=weight.shape) for weight in ours.get_weights()])
    kernel, bias, mix, mix_bias = ours.get_weights()
    parts = [part for three in zip(np.split(kernel, 3, 1), np.split(bias, 3), strict=True) for part in three]
    shapes = [weight.shape for weight in theirs.get_weights()]
    theirs.set_weights([part.reshape(shape) for part, shape in zip([*parts, mix, mix_bias], shapes, strict=True)])
    there = MASK[:, None, :].astype(bool)
    np.testing.assert_allclose(ours(x, MASK), theirs(x, x, attention_mask=there), atol=2e-5)


def test_scores_are_shares_of_what_is_there():
    attention = Attention(2)
    x = RNG.normal(size=(2, 6, 8)).astype("float32")
    attention(x, MASK)
    scores = np.array(attention.scores(x, MASK))
    assert scores.shape == (2, 2, 6, 6)
    np.testing.assert_allclose(scores.sum(axis=-1), 1, atol=1e-5)
    assert scores[0, :, :, 4:].max() == 0


def test_heads_share_the_width():
    with pytest.raises(ValueError, match="3 heads cannot share a width of 8"):
        Attention(3).build((None, 4, 8))


def test_block_is_attention_and_a_network_with_shortcuts():
    block = Block(2, dropout=0.5)
    x = RNG.normal(size=(2, 6, 8)).astype("float32")
    block(x, MASK)
    after = x + np.array(block.attend(block.first(x), MASK))
    expected = after + np.array(block.narrow(keras.ops.gelu(block.wide(block.second(after)), approximate=True)))
    np.testing.assert_allclose(block(x, MASK, training=False), expected, atol=1e-5)
    assert not np.allclose(block(x, MASK, training=True), expected, atol=1e-3)


def test_padding_changes_nothing():
    body = small()
    whole = body({"token_ids": IDS, "padding_mask": MASK})
    alone = body({"token_ids": IDS[:1, :4], "padding_mask": MASK[:1, :4]})
    np.testing.assert_allclose(whole[0, :4], alone[0], atol=1e-5)


def test_without_positions_order_is_not_seen_and_with_them_it_is():
    body = small()
    turned = np.array([0, 4, 3, 2, 1, 5])

    def mean(rows):
        return np.array(body({"token_ids": rows, "padding_mask": MASK[1:]})).mean(axis=1)

    body.get_layer("positions").vectors.assign(np.zeros((12, 16)))
    np.testing.assert_allclose(mean(IDS[1:]), mean(IDS[1:, turned]), atol=1e-5)
    body.get_layer("positions").vectors.assign(RNG.normal(size=(12, 16)))
    assert np.abs(mean(IDS[1:]) - mean(IDS[1:, turned])).max() > 1e-3


def test_positions_count_from_the_first_token():
    positions = Positions(5)
    found = np.array(positions(np.zeros((2, 3, 4), "float32")))
    np.testing.assert_array_equal(found, np.tile(np.array(positions.vectors)[:3], (2, 1, 1)))


def test_a_row_of_more_tokens_than_positions_is_refused():
    model = text_classifier(small(length=4), 2)
    assert model({"token_ids": IDS[:, :4], "padding_mask": MASK[:, :4]}).shape == (2, 2)
    given = {"token_ids": IDS, "padding_mask": MASK}
    message = r"rows of 6 tokens, and this encoder has 4 positions"
    with pytest.raises(ValueError, match=message):
        model(given)
    with pytest.raises(ValueError, match=message):
        model.predict(given, verbose=0)


def test_masked_mean():
    x = np.array([[[1.0, 2], [3, 4], [100, 100]], [[7, 7], [7, 7], [7, 7]]])
    mask = np.array([[1, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(MaskedMean()(x, mask), [[2, 3], [0, 0]])  # nothing there: zeros, not nan


def test_classifier_shares_the_bodys_weights_and_learns():
    body = small()
    model = text_classifier(body, 3)
    before = body.get_layer("pieces").get_weights()[0].copy()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit({"token_ids": IDS, "padding_mask": MASK}, np.array([0, 2]), verbose=0)
    assert model({"token_ids": IDS, "padding_mask": MASK}).shape == (2, 3)
    assert np.abs(before - body.get_layer("pieces").get_weights()[0]).max() > 0


def test_classifier_takes_an_encoder_with_kerashubs_names():
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in ("token_ids", "segment_ids")}
    inputs["padding_mask"] = keras.Input((None,), dtype="int32", name="padding_mask")
    x = layers.Embedding(30, 8)(inputs["token_ids"]) + layers.Embedding(2, 8)(inputs["segment_ids"])
    body = keras.Model(inputs, {"sequence_output": x, "pooled_output": x[:, 0]})
    model = text_classifier(body, 4)
    assert {tensor.name for tensor in model.inputs} == {"token_ids", "padding_mask"}
    zeros = {"token_ids": IDS, "segment_ids": np.zeros_like(IDS), "padding_mask": MASK}
    mean = MaskedMean()(body(zeros)["sequence_output"], MASK)
    found = model({"token_ids": IDS, "padding_mask": MASK})
    np.testing.assert_allclose(found, model.get_layer("head")(mean), atol=1e-6)


def test_classifier_refuses_an_encoder_without_a_mask():
    ids = keras.Input((None,), name="token_ids")
    with pytest.raises(ValueError, match="takes token_ids and padding_mask by name; this one takes token_ids"):
        text_classifier(keras.Model(ids, layers.Embedding(3, 4)(ids)), 2)


def test_saved_and_loaded(tmp_path):
    model = text_classifier(small(), 3)
    model.save(tmp_path / "text.keras")
    given = {"token_ids": IDS, "padding_mask": MASK}
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "text.keras")(given), model(given), atol=1e-6)


def test_attention_maps_are_those_of_the_blocks():
    body = small()
    maps = attention_maps(body, IDS, MASK)
    assert [found.shape for found in maps] == [(2, 2, 6, 6)] * 2
    x = body.get_layer("positions")(body.get_layer("pieces")(IDS))
    np.testing.assert_allclose(maps[0], body.get_layer("block_0").scores(x, MASK), atol=1e-5)
    x = body.get_layer("block_0")(x, MASK)
    np.testing.assert_allclose(maps[1], body.get_layer("block_1").scores(x, MASK), atol=1e-5)


def test_attention_maps_need_blocks_of_the_kit():
    with pytest.raises(ValueError, match=r"encoder has none of the kit's blocks.*depth=1 or more"):
        attention_maps(small(depth=0), IDS, MASK)


def test_take_over_begins_with_the_same_vectors_and_goes_on_from_there():
    shallow = text_encoder(40, width=16, depth=0, heads=2, length=8)
    deep = text_encoder(40, width=16, depth=2, heads=2, length=8)
    inputs = {"token_ids": np.array([[2, 9, 30, 3]], "int32"), "padding_mask": np.ones((1, 4), "int32")}
    expected = shallow.predict(inputs, verbose=0)
    assert np.abs(deep.predict(inputs, verbose=0) - expected).max() > 0.1
    assert take_over(deep, shallow) is deep
    np.testing.assert_allclose(deep.predict(inputs, verbose=0), expected, atol=1e-5)
    shallow.get_layer("pieces").set_weights([0 * shallow.get_layer("pieces").get_weights()[0]])
    np.testing.assert_allclose(deep.predict(inputs, verbose=0), expected, atol=1e-5)  # a copy


def test_without_the_last_normalisation_vectors_keep_their_length():
    inputs = {"token_ids": np.array([[2, 9, 30, 3]], "int32"), "padding_mask": np.ones((1, 4), "int32")}
    for norm in (True, False):
        body = text_encoder(40, width=16, depth=0, heads=2, length=8, norm=norm)
        vectors, places = body.get_layer("pieces").get_weights()[0], body.get_layer("positions").get_weights()[0]
        found, plain = body.predict(inputs, verbose=0)[0], vectors[[2, 9, 30, 3]] + places[:4]
        assert np.allclose(found, plain, atol=1e-5) == (not norm)
