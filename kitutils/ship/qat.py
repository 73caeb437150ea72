"""Quantisation-aware training: the network learns with the rounding that int8 will bring.

Dense layers and convolutions round what they read and their kernels on the way forward; on the way back the rounding
counts as if it were not there (the straight-through estimator: Bengio, Léonard and Courville, "Estimating or
propagating gradients through stochastic neurons for conditional computation", 2013; Jacob et al., "Quantization and
training of neural networks for efficient integer-arithmetic-only inference", CVPR 2018).

Kernels are rounded with one scale for each output channel, before the batch normalisation behind them is multiplied in.
That is the same as after it: the multiplication changes a channel and its scale by the same factor.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from kitutils.ship.adapted import pass_on, twin_of
from kitutils.ship.calling import input_structure
from kitutils.ship.kernels import calls_of

MOMENTUM = 0.99  # of the moving average of what a layer reads


def fake_quantise(x, scale, zero, low: int = -128):
    """Round to what int8 can hold and come back, with the slope of no rounding.

    Args:
        x: tensor of any shape.
        scale, zero: as of :func:`kitutils.ship.quantise.scale_and_zero`, broadcast against x.
        low: the smallest integer that is used: -128, or -127 for weights.

    Returns:
        A tensor of x's shape. Its gradient is 1 within the range and 0 beyond it.
    """
    steps = x / scale + zero
    inside = ops.clip(steps, low, 127)
    rounded = inside + ops.stop_gradient(ops.round(inside) - inside)
    return (rounded - zero) * scale


def quantisation_aware(model: keras.Model, samples: np.ndarray) -> keras.Model:
    """A copy of the model that trains with int8's rounding: compile it and train it a little. For int8 export
    :func:`plain` of it: a converter does not know what its layers mean, and writes a larger file that answers worse.

    Args:
        model: Functional or Sequential, built; its dense layers and convolutions of two dimensions are each used once.
            It stays as it is, and so do models within it.
        samples: representative inputs, shape (rows, …): the ranges begin with what the layers read of them, and follow
            what they read in training.

    Raises:
        ValueError: the model is not built, has no such layer, or uses one of them more than once.
    """
    if not model.built:
        raise ValueError(f"{model.name} has no weights yet. Build it: call it once, or give it an Input.")
    replaced = [layer for layer in model.layers if type(layer) in (layers.Dense, layers.Conv2D)]
    if not replaced:
        raise ValueError(f"{model.name} has no dense layer and no convolution to make quantisation-aware.")
    # A layer's own input is no help: one that another model uses as well, as a fitted Sequential's do, has several.
    read = [(call.operation.name, call.input_tensors[0]) for call in calls_of(model) if call.operation in replaced]
    used = [name for name, _ in read]
    if twice := sorted({name for name in used if used.count(name) > 1}):
        raise ValueError(
            f"{', '.join(twice)} of {model.name} is used more than once, so it has no one range to round in."
        )
    seen = keras.Model(input_structure(model), dict(read))(samples, training=False)
    ranges = {name: [float(ops.min(x)), float(ops.max(x))] for name, x in seen.items()}
    aware = _clone(model, {layers.Dense: FakeQuantDense, layers.Conv2D: FakeQuantConv2D})
    for old, new in zip(model.layers, aware.layers, strict=True):
        new.set_weights([*old.get_weights(), *map(np.float32, ranges.get(old.name, []))])
    pass_on(model, aware)
    return aware


def plain(aware: keras.Model) -> keras.Model:
    """The ordinary model of a quantisation-aware one, its kernels rounded: export this to int8.

    Rounding it once more, as a converter does, changes nothing: the largest weight of each channel, which sets the
    scale, is one of those that rounding leaves as they are.
    """
    model = _clone(aware, {FakeQuantDense: layers.Dense, FakeQuantConv2D: layers.Conv2D})
    for old, new in zip(aware.layers, model.layers, strict=True):
        if isinstance(old, _FakeQuant):
            new.kernel.assign(old.rounded_kernel())
            if old.use_bias:
                new.bias.assign(old.bias)
        else:
            new.set_weights(old.get_weights())
    pass_on(aware, model)
    return model


def _clone(model: keras.Model, kinds: dict[type, type]) -> keras.Model:
    """With other kinds of layers in place of some; all of them keep their names."""

    def layer_of(layer: keras.Layer) -> keras.Layer:
        kind = kinds.get(type(layer))
        return twin_of(layer) if kind is None else kind.from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=layer_of)


class _FakeQuant:
    """What the two layers have in common: the range of what they read, and both roundings."""

    def build(self, input_shape):
        super().build(input_shape)
        self.low, self.high = (
            self.add_weight(shape=(), initializer="zeros", trainable=False, name=name) for name in ("low", "high")
        )

    def rounded_input(self, inputs, training):
        inputs = ops.cast(inputs, self.compute_dtype)  # a lookup's one-hot rows are whole numbers
        if training:
            for end, now in ((self.low, ops.min(inputs)), (self.high, ops.max(inputs))):
                end.assign(MOMENTUM * end + (1 - MOMENTUM) * ops.cast(now, end.dtype))
        low, high = ops.minimum(self.low, 0.0), ops.maximum(self.high, 0.0)  # zero must be exact
        scale = ops.maximum((high - low) / 255, 1e-12)
        return fake_quantise(inputs, scale, ops.clip(ops.round(-128 - low / scale), -128, 127))

    def rounded_kernel(self):
        kernel = ops.convert_to_tensor(self.kernel)
        largest = ops.max(ops.abs(kernel), axis=tuple(range(len(kernel.shape) - 1)))
        return fake_quantise(kernel, ops.stop_gradient(ops.maximum(largest, 1e-12)) / 127, 0.0, low=-127)

    # The two layers' own saving knows of kernel and bias alone.
    def save_own_variables(self, store):
        layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        layers.Layer.load_own_variables(self, store)

    def finished(self, outputs):
        if self.use_bias:
            outputs = outputs + self.bias
        return outputs if self.activation is None else self.activation(outputs)


@keras.saving.register_keras_serializable("kitutils")
class FakeQuantDense(_FakeQuant, layers.Dense):
    """A dense layer that computes with rounded inputs and a rounded kernel."""

    def call(self, inputs, training=None):
        return self.finished(ops.matmul(self.rounded_input(inputs, training), self.rounded_kernel()))


@keras.saving.register_keras_serializable("kitutils")
class FakeQuantConv2D(_FakeQuant, layers.Conv2D):
    """A convolution that computes with rounded inputs and a rounded kernel."""

    def call(self, inputs, training=None):
        return self.finished(self.convolution_op(self.rounded_input(inputs, training), self.rounded_kernel()))
