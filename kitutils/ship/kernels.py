"""Which weights of a model are compressed, and copies of models to do it to.

Kernels are: the matrices of dense layers and the filters of convolutions hold nearly all weights of a network. Biases
and what belongs to normalisation are few, and each of them acts on a whole channel, so they stay as they are.

Lessons: 50.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import keras
from keras import layers

COMPRESSED = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D)


def kernel_layers(model: keras.Model, leave_out: Collection[str] = ()) -> dict[str, keras.Layer]:
    """The layers whose kernels are compressed, by their path, in the model's order; models within the model included.

    Depthwise convolutions are none of them: they have few weights, and each of those is the only one of its kind.

    Args:
        model: built.
        leave_out: names of layers to leave as they are: often the first, which sees the pixels, and the last.

    Raises:
        ValueError: the model is not built, a name in ``leave_out`` is none of its layers', or nothing is left.
    """
    if not model.built:
        raise ValueError(f"{model.name} has no weights yet. Build it: call it once, or give it an Input.")
    found = {path: layer for path, layer in _walk(model) if isinstance(layer, COMPRESSED)}
    unknown = set(leave_out) - {layer.name for layer in found.values()}
    if unknown:
        have = ", ".join(layer.name for layer in found.values())
        raise ValueError(
            f"leave_out names {sorted(unknown)}, which are no dense or convolution layers; there are {have}."
        )
    left = {path: layer for path, layer in found.items() if layer.name not in leave_out}
    if not left:
        raise ValueError(f"{model.name} has no dense or convolution layer to compress besides those left out.")
    return left


def copy_of(model: keras.Model) -> keras.Model:
    """A copy with weights of its own, not compiled.

    Through a file: a clone would forget what layers have adapted to, such as a vocabulary.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return keras.saving.load_model(path, compile=False)


def calls_of(model: keras.Model) -> list:
    """The calls of layers that a model consists of, as Keras' nodes: ``operation`` is the layer, ``parent_nodes`` those
    that it reads. A layer that is used twice is in two of them; calls that belong to other models are left out."""
    graph = getattr(model, "_functional", None) or model  # Keras has no public name for the graph
    return [node for depth in graph._nodes_by_depth.values() for node in depth if not node.is_input]


def _walk(model: keras.Model, path: str = "") -> Iterator[tuple[str, keras.Layer]]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _walk(layer, f"{path}{layer.name}/")
        else:
            yield f"{path}{layer.name}", layer
