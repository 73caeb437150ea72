import keras
import numpy as np
import pytest
from keras import layers, ops

from kitutils.course import quiet
from kitutils.models import resnet
from kitutils.ship.qat import fake_quantise, plain, quantisation_aware
from kitutils.ship.quantise import dequantise, quantise, scale_and_zero, weight_scales

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture(scope="module")
def problem():
    """Images whose label is their brightest corner, and a network that has learned it."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    images = rng.integers(0, 100, (400, 8, 8, 3)).astype("float32")
    for i, label in enumerate(labels):
        images[i, 4 * (label // 2) :][:4, 4 * (label % 2) :][:, :4] += 60
    keras.utils.set_random_seed(0)
    model = resnet(8, (8, 8, 3), 4, width=4)
    model.compile(keras.optimizers.Adam(1e-2), LOSS)
    model.fit(images, labels, batch_size=40, epochs=6, verbose=0)
    return images, labels, model


def right(model, images, labels):
    return np.mean(np.argmax(model(images, training=False), axis=1) == labels)


def test_the_rounding_is_that_of_the_functions_by_hand():
    x = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    scale, zero = scale_and_zero(x.min(), x.max())
    expected = dequantise(quantise(x, scale, zero), scale, zero)
    np.testing.assert_allclose(fake_quantise(ops.convert_to_tensor(x), scale, zero), expected, atol=1e-6)
    scales = weight_scales(x)
    expected = dequantise(quantise(x, scales, low=-127), scales)
    np.testing.assert_allclose(fake_quantise(ops.convert_to_tensor(x), scales, 0, low=-127), expected, atol=1e-6)


def test_the_slope_is_one_inside_and_nought_outside():
    # One step of plain gradient descent on the sum of the outputs moves a weight by minus its slope.
    class Rounded(layers.Layer):
        def build(self, shape):
            self.x = self.add_weight(shape=(4,), initializer=lambda shape, dtype: ops.array([-2.0, -0.61, 0.33, 1.5]))

        def call(self, inputs):
            return fake_quantise(self.x, 0.01, 0)[None] + 0 * inputs

    model = keras.Sequential([keras.Input((4,)), Rounded()])
    model.compile(keras.optimizers.SGD(1.0), lambda true, said: ops.sum(said, axis=-1), run_eagerly=True)
    before = model.layers[0].x.numpy()
    model.train_on_batch(np.zeros((1, 4)), np.zeros((1, 4)))
    np.testing.assert_allclose(before - model.layers[0].x.numpy(), [0, 1, 1, 0], atol=1e-6)


def test_it_says_nearly_the_same_before_any_training_and_learns(problem):
    images, labels, model = problem
    before = model.get_weights()
    aware = quantisation_aware(model, images[:100])
    said, meant = aware(images, training=False), model(images, training=False)
    assert 0 < np.abs(said - meant).max() < 0.15 * np.abs(meant).max()
    aware.compile(keras.optimizers.Adam(1e-3), LOSS)
    history = aware.fit(images, labels, batch_size=40, epochs=2, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert not np.array_equal(model.layers[2].kernel, aware.layers[2].kernel)
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_it_exports_to_int8_and_agrees_with_itself(problem):
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    images, labels, model = problem
    aware = quantisation_aware(model, images[:100])
    aware.compile(keras.optimizers.Adam(1e-3), LOSS)
    aware.fit(images, labels, batch_size=40, epochs=2, verbose=0)
    ordinary = plain(aware)
    for layer in ordinary.layers:  # rounded kernels: rounding them again changes nothing
        if isinstance(layer, layers.Conv2D | layers.Dense):
            kernel, scales = layer.kernel.numpy(), weight_scales(layer.kernel)
            np.testing.assert_allclose(dequantise(quantise(kernel, scales, low=-127), scales), kernel, atol=1e-6)
    converter = tf.lite.TFLiteConverter.from_keras_model(ordinary)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images[:100])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with quiet():
        lite = Interpreter(model_content=converter.convert())
        lite.resize_tensor_input(lite.get_input_details()[0]["index"], images.shape)
        lite.allocate_tensors()
    lite.set_tensor(lite.get_input_details()[0]["index"], images)
    lite.invoke()
    exported = lite.get_tensor(lite.get_output_details()[0]["index"])
    said = np.asarray(aware(images, training=False))
    assert np.mean(exported.argmax(axis=1) == said.argmax(axis=1)) >= 0.97
    assert np.abs(exported - said).max() < 0.15 * np.abs(said).max()
    assert np.mean(exported.argmax(axis=1) == labels) > 0.9
    assert right(aware, images, labels) > 0.9


def small(*first):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((8, 8, 3)), *first, layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(4)])


@pytest.mark.parametrize("how", ["fresh", "fitted", "called", "looked into"])
def test_a_sequential_model_is_taken_in_any_state(problem, how):
    images, labels, _ = problem
    model = small()
    if how == "called":  # and without an Input
        model = keras.Sequential(model.layers)
        model(images[:1])
    elif how == "fitted":
        model.compile("adam", LOSS)
        model.fit(images[:40], labels[:40], verbose=0)
    elif how == "looked into":  # by another model, which calls its layers too
        keras.Sequential([keras.Input((8, 8, 3)), *model.layers[:2]])
    aware = quantisation_aware(model, images[:100])
    assert [type(layer).__name__ for layer in aware.layers] == ["FakeQuantConv2D", "Flatten", "FakeQuantDense"]
    meant = model(images, training=False)
    assert 0 < np.abs(aware(images, training=False) - meant).max() < 0.05 * np.abs(meant).max()
    convolved = model.layers[0](images[:100])
    assert aware.layers[0].high.numpy() == images[:100].max()
    assert aware.layers[-1].high.numpy() == pytest.approx(np.max(convolved), rel=1e-4)
    aware.compile("adam", LOSS)
    aware.fit(images[:40], labels[:40], verbose=0)
    ordinary = plain(aware)
    np.testing.assert_array_equal(ordinary.layers[0].kernel, aware.layers[0].rounded_kernel())


def test_what_layers_have_adapted_to_is_kept(problem):
    images, _, _ = problem
    pixels = layers.Normalization()
    pixels.adapt(images)
    for model in (small(pixels), small(small(pixels), layers.Reshape((2, 2, 1)), layers.ZeroPadding2D(3))):
        meant = model(images[:8], training=False)
        aware = quantisation_aware(model, images[:100])
        said = aware(images[:8], training=False)
        assert 0 < np.abs(said - meant).max() < 0.05 * np.abs(meant).max()
        assert np.abs(plain(aware)(images[:8]) - meant).max() < 0.05 * np.abs(meant).max()


@keras.saving.register_keras_serializable("tests")
class Holder(layers.Layer):
    """It builds the layer that it holds when it is called, and not before."""

    def __init__(self, held, **more):
        super().__init__(**more)
        self.held = held if isinstance(held, layers.Layer) else keras.saving.deserialize_keras_object(held)

    def call(self, x):
        return self.held(x)

    def get_config(self):
        return super().get_config() | {"held": keras.saving.serialize_keras_object(self.held)}


@pytest.mark.parametrize("around", [layers.TimeDistributed, Holder])
def test_what_layers_within_layers_have_adapted_to_is_kept(around):
    keras.utils.set_random_seed(0)
    numbers = np.random.default_rng(0).normal(5, 3, (50, 4, 3)).astype("float32")
    layer = layers.Normalization()
    layer.adapt(numbers.reshape(-1, 3))
    model = keras.Sequential([keras.Input((4, 3)), around(layer), layers.Flatten(), layers.Dense(2)])
    meant = model(numbers)
    aware = quantisation_aware(model, numbers)
    for one in (aware, plain(aware)):
        assert np.abs(one(numbers) - meant).max() < 0.05 * np.abs(meant).max()


def test_the_whole_numbers_of_a_lookup_are_rounded_like_others():
    lookup = layers.IntegerLookup(vocabulary=[1, 2, 3], output_mode="one_hot")
    model = keras.Sequential([keras.Input((1,), dtype="int64"), lookup, layers.Dense(2)])
    codes = np.array([[1], [2], [3], [9]])
    meant = model(codes)
    assert np.abs(quantisation_aware(model, codes)(codes) - meant).max() < 0.05 * np.abs(meant).max()


def test_a_saved_one_comes_back(problem, tmp_path):
    images, _, model = problem
    aware = quantisation_aware(model, images[:50])
    aware.save(tmp_path / "aware.keras")
    back = keras.saving.load_model(tmp_path / "aware.keras")
    np.testing.assert_allclose(back(images[:8]), aware(images[:8]), atol=1e-6)


def test_what_cannot_be_made_aware_is_refused():
    shared = layers.Dense(3)
    x = keras.Input((3,))
    with pytest.raises(ValueError, match="more than once"):
        quantisation_aware(keras.Model(x, shared(shared(x))), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="no weights yet"):
        quantisation_aware(keras.Sequential([layers.Dense(2)]), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="no dense layer"):
        quantisation_aware(keras.Sequential([keras.Input((3,)), layers.ReLU()]), np.zeros((2, 3)))
