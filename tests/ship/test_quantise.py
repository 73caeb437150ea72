import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kitutils.course import quiet
from kitutils.models import resnet
from kitutils.ship.kernels import calls_of, kernel_layers
from kitutils.ship.quantise import dequantise, folded, quantise, scale_and_zero, weight_scales

NUMBER = st.floats(-1e4, 1e4, width=32)


@given(NUMBER, NUMBER, st.booleans(), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_within_the_range_the_error_is_at_most_half_a_step(one, other, symmetric, places):
    low, high = min(one, other), max(one, other)
    scale, zero = scale_and_zero(low, high, symmetric=symmetric)
    values = np.float32([low + place * (high - low) for place in places])
    back = dequantise(quantise(values, scale, zero), scale, zero)
    # An asymmetric zero point is rounded itself, so an end of the range may lie half a step outside of what fits.
    assert np.abs(back - values).max() <= scale * (0.5 if symmetric else 1.0) * 1.001 + 1e-6
    assert dequantise(quantise(0.0, scale, zero), scale, zero) == 0
    assert -128 <= zero <= 127


def test_scales_worked_out_by_hand():
    assert scale_and_zero(-1, 1, symmetric=True) == (pytest.approx(1 / 127), 0)
    assert scale_and_zero(-3, 1, symmetric=True) == (pytest.approx(3 / 127), 0)
    assert scale_and_zero(0, 255) == (1, -128)  # as relu gives
    assert scale_and_zero(-255, 0) == (1, 127)
    assert scale_and_zero(-0.5, 2.05) == (pytest.approx(0.01), -78)
    assert scale_and_zero(2, 5.1) == (pytest.approx(0.02), -128)  # widened to hold 0
    assert scale_and_zero(0, 0) == (1, -128)
    np.testing.assert_array_equal(quantise([-9, -1, -0.004, 0.006, 1, 9], 0.01), [-128, -100, 0, 1, 100, 127])
    np.testing.assert_array_equal(quantise([-9.0], 0.01, low=-127), [-127])


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_range_of_float32_may_be_wider_than_float32_counts(symmetric):
    scale, zero = scale_and_zero(np.float32(-3e38), np.float32(3e38), symmetric=symmetric)
    assert scale == pytest.approx(3e38 / 127 if symmetric else 6e38 / 255, rel=1e-6)
    assert zero in (-1, 0)
    ends = np.float32([-3e38, 0, 3e38])
    np.testing.assert_allclose(dequantise(quantise(ends, scale, zero), scale, zero), ends, atol=scale)


@given(arrays(np.float32, (3, 2, 5), elements=NUMBER))
def test_each_channel_has_its_own_scale(kernel):
    scales = weight_scales(kernel)
    assert scales.shape == (5,)
    assert scales.dtype == np.float32
    integers = quantise(kernel, scales, low=-127)
    assert np.abs(dequantise(integers, scales) - kernel).max() <= scales.max() * 0.5001
    largest = np.abs(kernel).max(axis=(0, 1))
    np.testing.assert_array_equal(np.abs(integers).max(axis=(0, 1))[largest > 1e-30], 127)


@pytest.mark.parametrize("ends", [(1, 0), (float("nan"), 1), (0, float("inf"))])
def test_no_range_is_refused(ends):
    with pytest.raises(ValueError, match="finite low end"):
        scale_and_zero(*ends)


@pytest.fixture(scope="module")
def converted():
    """A small residual network as if trained, and its int8 form's interpreter."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    keras.utils.set_random_seed(0)
    model = resnet(8, (8, 8, 3), 4, width=4)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape
            layer.set_weights([rng.uniform(0.5, 1.5, n), *rng.normal(size=(2, *n)), rng.uniform(0.5, 2, n)])
    samples = rng.integers(0, 256, (40, 8, 8, 3)).astype("float32")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[None]] for row in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with quiet():
        lite = Interpreter(model_content=converter.convert())
        lite.allocate_tensors()
    return model, samples, lite


def test_weights_and_scales_are_those_that_litert_writes(converted):
    model, _, lite = converted
    behind = {parent.operation.name: call.operation for call in calls_of(model) for parent in call.parent_nodes}
    kernels = {}
    for name, layer in kernel_layers(model).items():
        norm = behind.get(name)  # none behind the dense layer
        kernels[name] = layer.kernel.numpy()
        if norm is not None:
            kernels[name] = folded(layer.kernel, norm.gamma, norm.moving_variance, norm.epsilon)
    assert len(kernels) == 10
    for name, kernel in kernels.items():
        scales = weight_scales(kernel)
        integers = np.moveaxis(quantise(kernel, scales, low=-127), -1, 0)  # LiteRT: output channel first
        found = [
            lite.get_tensor(detail["index"])
            for detail in lite.get_tensor_details()
            if tuple(detail["shape"]) == integers.shape
            and len(theirs := detail["quantization_parameters"]["scales"]) == len(scales)
            and np.allclose(theirs, scales, rtol=1e-5)
        ]
        assert len(found) == 1, name
        difference = np.abs(found[0].astype(int) - integers)
        assert difference.max() <= 1, name  # a number half way between two integers may fall to either side
        assert np.mean(difference) < 0.002, name


def test_scale_and_zero_of_what_flows_are_those_that_litert_writes(converted):
    model, samples, lite = converted
    logits = model(samples, training=False).numpy()
    scale, zero = scale_and_zero(logits.min(), logits.max())
    # The output itself is float32; the int8 logits from which it is made have the same shape.
    found = [
        detail["quantization"]
        for detail in lite.get_tensor_details()
        if detail["dtype"] == np.int8 and tuple(detail["shape"]) == (1, 4)
    ]
    assert any(s == pytest.approx(scale, rel=1e-3) and z == zero for s, z in found), (scale, zero, found)
