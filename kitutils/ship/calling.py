"""Call a Keras model by the names of its inputs, never as training: the way that all formats and runtimes share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import numpy as np

from kitutils.ship.arrays import Arrays


def input_names(model: keras.Model) -> list[str]:
    """The names of a model's inputs, in its own order; "input" for a single one that Keras has numbered."""
    names = [tensor.name for tensor in model.inputs]
    return ["input"] if len(names) == 1 and names[0].startswith(("keras_tensor", "input_layer")) else names


def input_structure(model: keras.Model):
    """What the model is called with, tensors in place of arrays: a tensor, a list or a mapping."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def by_name(model: keras.Model) -> Callable:
    """A function of arrays or tensors by input name to the model's output."""
    names, structure = input_names(model), input_structure(model)

    def call(given: Mapping):
        return model(keras.tree.pack_sequence_as(structure, [given[name] for name in names]), training=False)

    return call


def ask(model: keras.Model, arrays: Arrays, *, batch: int = 32) -> np.ndarray:
    """A model's outputs for arrays by input name: float32 (rows, classes). Nothing is compiled."""
    call, count = by_name(model), len(next(iter(arrays.values())))
    parts = [{name: x[i : i + batch] for name, x in arrays.items()} for i in range(0, count, batch)]
    return np.concatenate([keras.ops.convert_to_numpy(call(part)) for part in parts]).astype(np.float32)


def compiled(model: keras.Model) -> Callable[[Arrays], np.ndarray]:
    """The same, compiled once for any number of rows where the backend is TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        return lambda arrays: ask(model, arrays)
    import tensorflow as tf

    # With a signature it is traced once; left to itself it is traced anew for each size of batch, and warns of it.
    specs = {
        name: tf.TensorSpec([None, *x.shape[1:]], x.dtype)
        for name, x in zip(input_names(model), model.inputs, strict=True)
    }
    call = tf.function(by_name(model), input_signature=[specs]).get_concrete_function()
    return lambda arrays: call({name: tf.constant(x) for name, x in arrays.items()}).numpy().astype(np.float32)
