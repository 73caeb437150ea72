import json
import lzma

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import layers, ops

from kitutils.models import resnet
from kitutils.ship.clustering import cluster
from kitutils.ship.packing import BadPack, entropy_coded, pack, unpack
from kitutils.ship.pruning import prune
from kitutils.ship.quantise import dequantise, quantise, weight_scales


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return resnet(8, (8, 8, 3), 4, width=16)


def same_weights(one, other):
    for weight, a, b in zip(one.weights, one.get_weights(), other.get_weights(), strict=True):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes(), weight.path


@pytest.mark.parametrize("make", [lambda m: m, lambda m: prune(m, 0.9), lambda m: cluster(prune(m, 0.9), 16)])
def test_what_comes_back_is_what_was_packed(network, make):
    model = make(network)
    back = unpack(pack(model))
    same_weights(model, back)
    image = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(back(image, training=False), model(image, training=False), rtol=1e-6)


FEW = st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf"), 1e-40])


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (7, 60), elements=st.one_of(FEW, st.floats(width=32))), st.booleans())
def test_any_array_comes_back_bit_by_bit(values, sparse):
    model = keras.Sequential([keras.Input((7,)), layers.Dense(60)])
    if sparse:
        values = np.where(np.arange(420).reshape(7, 60) % 5, np.float32(0), values)
    model.layers[0].set_weights([values, np.zeros(60)])
    same_weights(model, unpack(pack(model)))


@pytest.mark.parametrize("values", [256, 257])
def test_a_byte_numbers_256_values_and_no_more(values):
    model = keras.Sequential([keras.Input((7,)), layers.Dense(60)])
    model.layers[0].set_weights([(np.arange(420) % values).reshape(7, 60), np.zeros(60)])
    same_weights(model, unpack(pack(model)))


def test_kernels_in_eight_bits_are_rounded_once_and_all_else_is_kept(network):
    back = unpack(pack(network, int8=True))
    for weight, old, new in zip(network.weights, network.get_weights(), back.get_weights(), strict=True):
        if weight.name == "kernel" and len(np.unique(old)) > 256:
            scales = weight_scales(old)
            np.testing.assert_array_equal(new, dequantise(quantise(old, scales, low=-127), scales), weight.path)
        else:
            np.testing.assert_array_equal(new, old, weight.path)
    same_weights(back, unpack(pack(back, int8=True)))


def test_numbers_of_other_kinds_come_back():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="float16"), layers.Dense(3, dtype="bfloat16")])
    back = unpack(pack(model, int8=True))
    assert [weight.dtype for weight in back.weights] == [weight.dtype for weight in model.weights]
    same_weights(model, back)


WORDS = np.array([["river"], ["bank"], ["river"], ["sea"]])
NUMBERS = np.random.default_rng(0).normal(5, 3, (30, 2)).astype("float32")
ADAPTING = {
    "texts": (lambda: layers.StringLookup(output_mode="one_hot"), WORDS),
    "whole numbers": (lambda: layers.IntegerLookup(output_mode="one_hot"), np.array([[3], [5], [9]])),
    "words of texts": (lambda: layers.TextVectorization(output_mode="multi_hot"), WORDS),
    "rare words": (lambda: layers.TextVectorization(output_mode="tf_idf"), WORDS),
    "scales": (lambda: layers.Normalization(), NUMBERS),
    "bins": (lambda: layers.Discretization(num_bins=4, output_mode="multi_hot"), NUMBERS),
}


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("name", ADAPTING)
def test_what_layers_have_adapted_to_comes_back(name, within):
    make, values = ADAPTING[name]
    layer, values = make(), ops.convert_to_tensor(values)
    layer.adapt(values)
    parts = [keras.Input(values.shape[1:], dtype=values.dtype.name), layer]
    if within:
        parts = [parts[0], keras.Sequential(parts)]
    model = keras.Sequential([*parts, layers.Dense(2)])
    expected = np.asarray(model(values))
    assert len(np.unique(expected, axis=0)) > 2  # rows differ, so what was adapted matters
    np.testing.assert_allclose(unpack(pack(model))(values), expected, rtol=1e-6)


def test_a_vocabulary_given_beforehand_comes_back_too():
    lookup = layers.StringLookup(vocabulary=["river", "bank"], output_mode="one_hot")
    model = keras.Sequential([keras.Input((1,), dtype="string"), lookup, layers.Dense(2)])
    words = ops.convert_to_tensor(WORDS)
    np.testing.assert_array_equal(unpack(pack(model))(words), model(words))


def test_a_vocabulary_that_would_be_written_elsewhere_is_refused(tmp_path):
    lookup = layers.StringLookup()
    lookup.adapt(WORDS)
    model = keras.Sequential([keras.Input((1,), dtype="string"), lookup, layers.Embedding(5, 2), layers.Dense(2)])
    content = lzma.decompress(pack(model)[8:])
    place, name = b"../../vocabulary.txt", b"vocabulary.txt"
    length = int.from_bytes(content[:4], "little") + len(place) - len(name)
    altered = length.to_bytes(4, "little") + content[4:].replace(b"assets/" + name, b"assets/" + place, 1)
    with pytest.raises(BadPack, match="plain name"):
        unpack(b"KITPACK1" + lzma.compress(altered))


def as_the_earlier_kit(packed):
    """Without the list of what layers have adapted to, which was not packed then."""
    content = lzma.decompress(packed[8:])
    start = 4 + int.from_bytes(content[:4], "little")
    head = json.loads(content[4:start])
    del head["adapted"]
    head = json.dumps(head).encode()
    return b"KITPACK1" + lzma.compress(len(head).to_bytes(4, "little") + head + content[start:])


def test_what_the_earlier_kit_packed_is_read_unless_layers_adapt(network):
    same_weights(network, unpack(as_the_earlier_kit(pack(network))))
    lookup = layers.StringLookup(output_mode="one_hot")
    lookup.adapt(WORDS)
    model = keras.Sequential([keras.Input((1,), dtype="string"), lookup, layers.Dense(2)])
    with pytest.raises(BadPack, match=r"earlier kit.*StringLookup.*pack it again"):
        unpack(as_the_earlier_kit(pack(model)))


def test_zeros_and_shared_values_make_the_file_smaller_and_the_coder_alone_sees_them_too(network):
    raw = 4 * network.count_params()
    plain, sparse, shared = (len(pack(model)) for model in (network, prune(network, 0.9), cluster(network, 16)))
    assert 0.8 * raw < plain < 1.1 * raw  # random weights: nothing to gain
    assert sparse < 0.25 * plain
    assert shared < 0.25 * plain
    assert len(pack(network, int8=True)) < 0.35 * plain
    assert entropy_coded(prune(network, 0.9)) < 0.35 * entropy_coded(network)
    assert abs(entropy_coded(network) - plain) < 0.05 * plain


def test_a_size_counts_files_and_bytes_alike(tmp_path):
    content = bytes(10_000)
    (tmp_path / "zeros").write_bytes(content)
    assert entropy_coded(tmp_path / "zeros") == entropy_coded(str(tmp_path / "zeros")) == entropy_coded(content) < 300
    noise = np.random.default_rng(0).bytes(10_000)
    assert 10_000 < entropy_coded(noise) < 10_200


def test_a_file_that_is_cut_or_altered_is_refused(network):
    packed = pack(network)
    with pytest.raises(BadPack, match="begins with"):
        unpack(b"PK" + packed)
    with pytest.raises(BadPack, match="cut or altered"):
        unpack(packed[:-100])
    altered = bytearray(packed)
    altered[len(packed) // 2] ^= 1
    with pytest.raises(BadPack, match="cut or altered"):
        unpack(bytes(altered))
    short = packed[:8] + lzma.compress(lzma.decompress(packed[8:])[:-4])
    with pytest.raises(BadPack, match="cut or altered"):
        unpack(short)
