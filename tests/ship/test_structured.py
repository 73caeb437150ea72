import keras
import numpy as np
import pytest
from keras import layers

from kitutils.models import reference_cnn, resnet
from kitutils.ship.structured import inner_convolutions, prune_filters

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype("float32")


def trained(model):
    """As if trained: batch normalisation with numbers of its own."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            n = layer.gamma.shape
            layer.set_weights([rng.uniform(0.5, 1.5, n), *rng.normal(size=(2, *n)), rng.uniform(0.5, 2, n)])
    return model


def silence(model, name, filters):
    """Make filters of a convolution give zeros behind its batch normalisation and relu."""
    names = [layer.name for layer in model.layers]
    convolution, norm = model.get_layer(name), model.layers[names.index(name) + 1]
    kernel = convolution.kernel.numpy()
    kernel[..., filters] = 0
    convolution.kernel.assign(kernel)
    gamma, beta, mean, variance = norm.get_weights()
    beta[filters] = -1  # relu makes zero of it
    mean[filters] = 0
    norm.set_weights([gamma, beta, mean, variance])


def test_in_a_residual_network_the_first_convolutions_of_the_blocks_are_inner():
    model = resnet(20, (16, 16, 3), width=4)
    found = inner_convolutions(model)
    assert len(found) == 9  # three blocks in each of three stages
    assert [model.get_layer(name).strides[0] for name in found] == [1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert all(model.get_layer(reader).kernel_size == (3, 3) for reader in found.values())


def test_without_the_filters_that_give_zeros_the_outputs_are_equal():
    keras.utils.set_random_seed(0)
    model = trained(resnet(14, (16, 16, 3), width=8))
    rng = np.random.default_rng(2)
    for name in inner_convolutions(model):
        filters = model.get_layer(name).filters
        silence(model, name, rng.permutation(filters)[: filters // 2])
    smaller = prune_filters(model, 0.5)
    assert smaller.count_params() < 0.6 * model.count_params()
    expected = model(IMAGES, training=False)
    np.testing.assert_allclose(smaller(IMAGES, training=False), expected, rtol=1e-4, atol=1e-4)
    weaker = prune_filters(model, 0.625)  # one step further, and filters go that gave something
    assert np.abs(weaker(IMAGES, training=False) - expected).max() > 1e-2


def test_what_batch_norm_multiplies_by_nothing_goes_first():
    keras.utils.set_random_seed(0)
    model = trained(resnet(8, (16, 16, 3), width=8))
    name = next(iter(inner_convolutions(model)))
    kernel = model.get_layer(name).kernel.numpy()
    kernel[..., [1, 6]] *= 100  # large weights, but batch normalisation makes nothing of them
    model.get_layer(name).kernel.assign(kernel)
    norm = model.layers[[layer.name for layer in model.layers].index(name) + 1]
    gamma = norm.gamma.numpy()
    gamma[[1, 6]] = 0
    norm.gamma.assign(gamma)
    left = prune_filters(model, 0.25).get_layer(name).kernel.numpy()
    np.testing.assert_array_equal(left, np.delete(kernel, [1, 6], axis=-1))


def test_poolings_may_lie_between_and_a_dense_layer_may_not():
    model = reference_cnn((24, 24, 3))
    found = inner_convolutions(model)
    assert len(found) == 2
    smaller = prune_filters(model, 0.5)
    convolutions = [layer.filters for layer in smaller.layers if isinstance(layer, layers.Conv2D)]
    assert convolutions == [16, 32, 64]
    assert smaller(np.zeros((4, 24, 24, 3))).shape == (4, 10)


def test_a_convolution_that_somebody_else_reads_keeps_its_filters():
    image = keras.Input((16, 16, 3))
    first = layers.Conv2D(4, 3, name="first")
    x = first(image)
    y = layers.Conv2D(4, 3, name="second")(x)
    assert set(inner_convolutions(keras.Model(image, y))) == {"first"}
    assert not inner_convolutions(keras.Model(image, [x, y]))  # it is an output
    twice = layers.Conv2D(3, 3, padding="same", name="twice")
    assert "twice" not in inner_convolutions(keras.Model(image, layers.Conv2D(2, 3)(twice(twice(image)))))
    summed = layers.Conv2D(4, 3, padding="same")(image)
    summed = layers.Add()([summed, layers.Conv2D(4, 3, padding="same")(summed)])
    assert not inner_convolutions(keras.Model(image, summed))


@pytest.mark.parametrize(
    ("name", "inner"), [("relu", True), ("tanh", True), ("softmax", False), ("log_softmax", False)]
)
def test_an_activation_that_mixes_channels_keeps_them(name, inner):
    for first in (
        [layers.Conv2D(6, 3, activation=name)],
        [layers.Conv2D(6, 3), layers.Activation(name)],
        [layers.Conv2D(6, 3), layers.BatchNormalization(), layers.Activation(name)],
    ):
        model = keras.Sequential([keras.Input((8, 8, 3)), *first, layers.Conv2D(4, 3, activation="softmax")])
        assert bool(inner_convolutions(model)) == inner
    with_prelu = [layers.Conv2D(6, 3, activation=layers.PReLU()), layers.Conv2D(4, 3)]  # has weights for each channel
    assert not inner_convolutions(keras.Sequential([keras.Input((8, 8, 3)), *with_prelu]))


def test_what_layers_have_adapted_to_is_kept():
    pixels = layers.Normalization()
    pixels.adapt(IMAGES)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((16, 16, 3)), pixels, layers.Conv2D(6, 3), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)]
    )
    expected = model(IMAGES)
    np.testing.assert_allclose(prune_filters(model, 0)(IMAGES), expected, rtol=1e-4, atol=1e-5)
    outer = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(3, 1), layers.Conv2D(3, 1), model])
    expected = outer(IMAGES)
    np.testing.assert_allclose(prune_filters(outer, 0)(IMAGES), expected, rtol=1e-4, atol=1e-5)
    rows = layers.Normalization()
    rows.adapt(IMAGES.reshape(-1, 16, 3))
    wrapped = keras.Sequential([keras.Input((16, 16, 3)), layers.TimeDistributed(rows), *model.layers[1:]])
    np.testing.assert_allclose(prune_filters(wrapped, 0)(IMAGES), wrapped(IMAGES), rtol=1e-4, atol=1e-5)


def test_the_model_given_stays_as_it_is():
    model = trained(resnet(8, (16, 16, 3), width=4))
    before = model.get_weights()
    prune_filters(model, 0.5)
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="share of the filters"):
        prune_filters(resnet(8, (16, 16, 3), width=4), 50)
    with pytest.raises(ValueError, match="none can shrink"):
        prune_filters(keras.Sequential([keras.Input((4,)), layers.Dense(2)]), 0.5)
