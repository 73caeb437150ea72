"""Structured pruning: whole filters are taken out, and what is left is an ordinary model, smaller and faster.

Lessons: 50.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from kitutils.ship.adapted import pass_on, twin_of
from kitutils.ship.kernels import calls_of

# They treat each channel by itself, so a channel that is taken out before them is gone behind them too.
CHANNELWISE = (
    layers.BatchNormalization,
    layers.ReLU,
    layers.LeakyReLU,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.Dropout,
)
ACTIVATIONS = ("relu", "relu6", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "linear", "leaky_relu")


def inner_convolutions(model: keras.Model) -> dict[str, str]:
    """The convolutions whose filters only one other convolution reads: their number is nobody else's business.

    In a residual network these are the first convolutions of the blocks. What flows into an addition is not among
    them: all that is added there must keep the same channels.

    Returns:
        Name of the convolution → name of the one that reads it, in the model's order.
    """
    return {name: path[-1].name for name, path in _paths(model).items()}


def prune_filters(model: keras.Model, share: float) -> keras.Model:
    """A smaller model without the weakest filters of each inner convolution. The model itself stays as it is.

    A filter's strength is the sum of its weights' magnitudes (Li et al., "Pruning filters for efficient ConvNets", ICLR
    2017), times the factor of the batch normalisation behind it, if there is one: that normalisation would undo any
    scaling of the filter, so its weights alone say little.

    Args:
        model: Functional or Sequential, with :func:`inner_convolutions`; models within it are left as they are.
        share: of the filters of each, from 0 to below 1. At least one filter stays.

    Returns:
        A new model, not compiled. It gives the same outputs only where the filters that went gave zeros: train it.

    Raises:
        ValueError: ``share`` is none, or no convolution can shrink.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share is a share of the filters from 0 to below 1; got {share}.")
    paths = _paths(model)
    if not paths:
        raise ValueError(f"No convolution of {model.name} is read by one other convolution alone, so none can shrink.")
    kept: dict[str, np.ndarray] = {}  # name of a layer → the channels of its output that stay
    read: dict[str, np.ndarray] = {}  # name of a layer → the channels of its input that stay
    for name, path in paths.items():
        layer = model.get_layer(name)
        kept[name] = _strongest(layer, path[0], max(1, round((1 - share) * layer.filters)))
        read |= {reader.name: kept[name] for reader in path}

    def smaller(layer):
        if layer.name not in kept:
            return twin_of(layer)
        return type(layer).from_config(layer.get_config() | {"filters": len(kept[layer.name])})

    pruned = keras.models.clone_model(model, clone_function=smaller)
    for old, new in zip(model.layers, pruned.layers, strict=True):
        new.set_weights([_cut(old, weight, kept, read) for weight in old.weights])
    pass_on(model, pruned)
    return pruned


def _cut(layer: keras.Layer, weight: keras.Variable, kept: dict, read: dict) -> np.ndarray:
    value = weight.numpy()
    if isinstance(layer, layers.Conv2D):
        if value.ndim == 4 and layer.name in read:
            value = value[:, :, read[layer.name]]
        return value[..., kept[layer.name]] if layer.name in kept else value
    return value[read[layer.name]] if layer.name in read and value.ndim == 1 else value


def _strongest(layer: layers.Conv2D, following: keras.Layer, count: int) -> np.ndarray:
    """The numbers of the strongest filters, in their order."""
    strength = np.abs(layer.kernel.numpy()).sum(axis=(0, 1, 2))
    if isinstance(following, layers.BatchNormalization):
        scale = following.gamma.numpy() if following.scale else 1.0
        strength = strength * np.abs(scale) / np.sqrt(following.moving_variance.numpy() + following.epsilon)
    return np.sort(np.argsort(-strength, kind="stable")[:count])


def _paths(model: keras.Model) -> dict[str, list[keras.Layer]]:
    """For each inner convolution the layers behind it, up to and including the convolution that reads it."""
    readers = _readers(model)
    found = {}
    for layer in model.layers:
        if not (_plain_convolution(layer) and _each_alone(layer.activation)):
            continue
        path = readers[layer.name]
        while path[-1] is not None and _channelwise(path[-1]):
            path = path + readers[path[-1].name]
        if _plain_convolution(path[-1]):
            found[layer.name] = path
    return found


def _readers(model: keras.Model) -> dict[str, list[keras.Layer | None]]:
    """Name of each layer → the one layer that reads its output, or [None] where that is not one layer, once."""
    nodes = calls_of(model)
    calls = [node.operation.name for node in nodes]
    found: dict[str, list] = {layer.name: [] for layer in model.layers}
    for node in nodes:
        for parent in node.parent_nodes:
            found.setdefault(parent.operation.name, []).append(node.operation)
    for output in model.outputs:
        found[output._keras_history.operation.name].append(None)
    return {name: there if len(there) == 1 and calls.count(name) < 2 else [None] for name, there in found.items()}


def _plain_convolution(layer: keras.Layer | None) -> bool:
    return type(layer) is layers.Conv2D and layer.groups == 1 and layer.data_format == "channels_last"


def _each_alone(activation) -> bool:
    """Whether an activation looks at one number at a time, as softmax, for one, does not."""
    return getattr(activation, "__name__", "") in ACTIVATIONS


def _channelwise(layer: keras.Layer) -> bool:
    if isinstance(layer, layers.BatchNormalization):
        return layer.axis in (-1, 3)
    if isinstance(layer, layers.Activation):
        return _each_alone(layer.activation)
    return isinstance(layer, CHANNELWISE)
