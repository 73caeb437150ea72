"""What layers have adapted to: a vocabulary, a mean. Weights alone do not hold it, and a copy must not lose it.

A clone whose weights are set has an empty table, and a normalisation that does nothing: it takes its numbers from the
weights only when it is told to. A ``.keras`` file holds all of it; this is the same for what goes another way.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from kitutils.ship.kernels import copy_of

FILE = "assets/"  # before the names of files


def adapting(model: keras.Model) -> list[keras.Layer]:
    """The layers that can adapt, those within models and layers included; in the same order in each copy."""
    return [layer for layer in model._flatten_layers() if hasattr(layer, "adapt")]


def state_of(layer: keras.Layer) -> dict[str, np.ndarray]:
    """What such a layer knows: its variables by name, and its files as bytes (uint8), by ``FILE`` and their name."""
    variables: dict = {}
    layer.save_own_variables(variables)
    state = {name: np.asarray(value) for name, value in variables.items()}
    if hasattr(layer, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            layer.save_assets(folder)
            for path in Path(folder).iterdir():
                state[FILE + path.name] = np.frombuffer(path.read_bytes(), np.uint8)
    return state


def restore(layer: keras.Layer, state: Mapping[str, np.ndarray]) -> None:
    """Let a built layer know what :func:`state_of` took from another of the same configuration.

    Raises:
        ValueError: a file's name leads elsewhere.
    """
    files = {name.removeprefix(FILE): value for name, value in state.items() if name.startswith(FILE)}
    if strange := [name for name in files if name != Path(name).name or "\\" in name]:
        raise ValueError(f"A layer's file has a plain name; got {strange}.")
    layer.load_own_variables({name: value for name, value in state.items() if not name.startswith(FILE)})
    if files:
        with tempfile.TemporaryDirectory() as folder:
            for name, value in files.items():
                (Path(folder) / name).write_bytes(value.tobytes())
            layer.load_assets(folder)


def twin_of(layer: keras.Layer) -> keras.Layer:
    """A new layer of the same configuration, for a clone, that knows what this one has adapted to.

    Its weights are its own and still to be set; those of a model within the model are set.
    """
    if isinstance(layer, keras.Model):
        return copy_of(layer)
    twin = type(layer).from_config(layer.get_config())
    if hasattr(layer, "adapt"):
        twin.build_from_config(layer.get_build_config() or {})
        restore(twin, state_of(layer))
    return twin


def pass_on(model: keras.Model, clone: keras.Model) -> None:
    """Let a clone know what the model's layers have adapted to, those within wrappers and other layers included.

    Call it when the clone's weights are set: a normalisation takes its numbers from them.
    """
    for old, new in zip(adapting(model), adapting(clone), strict=True):
        restore(new, state_of(old))
