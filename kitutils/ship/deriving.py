"""What an export needs to know of a model, worked out from the model itself and from what its lesson wrote down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from kitutils.ship.arrays import Arrays
from kitutils.ship.calling import input_names
from kitutils.ship.faults import ShipError
from kitutils.ship.inputs import WIDTHS, Images, Plain, Preprocessing, Rows, Texts
from kitutils.ship.predictor import as_list


def preprocessing_for(model: keras.Model, meta: Mapping[str, Any]) -> Preprocessing:
    """How raw inputs become the model's arrays.

    Args:
        model: its inputs decide: scalars are the columns of a table, one of height, width and channels an image; what
            else stands alone is taken as it is.
        meta: of an artifact, or empty. ``vocabulary`` makes it a model of texts, ``input_range`` is the least and the
            largest value of images.

    Raises:
        ShipError: nothing says how several arrays come from one input, or which values the pixels have; or a model of
            texts has other inputs than those.
    """
    names = input_names(model)
    if isinstance(words := meta.get("vocabulary"), Mapping) and words.get("kind") == "wordpiece":
        length = int(words["length"])
        try:
            return Texts(words, (*(width for width in WIDTHS if width < length), length), tuple(names))
        except ValueError as error:
            raise ShipError(
                f"{model.name}: {error} A vocabulary in its artifact's meta makes it a model of texts. Name its inputs "
                'so, such as keras.Input(…, name="token_ids"), or leave the vocabulary out.'
            ) from error
    shapes = [tuple(x.shape[1:]) for x in model.inputs]
    if all(shape == () for shape in shapes):
        texts, flags = (
            tuple(name for name, x in zip(names, model.inputs, strict=True) if x.dtype == dtype)
            for dtype in ("string", "bool")
        )
        return Rows(tuple(name for name in names if name not in texts), texts, flags)
    if len(names) > 1:
        raise ShipError(
            f"{model.name} takes {', '.join(names)}, and nothing says how a raw input becomes those. Pass "
            "preprocessing=, or a vocabulary in the artifact's meta."
        )
    if len(shapes[0]) == 3 and None not in shapes[0]:
        return Images(shapes[0], *_range_of(model, meta), names[0])
    return Plain(shapes[0], str(model.inputs[0].dtype), names[0])


def _range_of(model: keras.Model, meta: Mapping[str, Any]) -> tuple[float, float]:
    """The least and the largest value of the pixels that a model takes."""
    if "input_range" in meta:
        low, high = meta["input_range"]
        return low, high
    if model.inputs[0].dtype == "uint8" or _rescales_bytes(model):
        return 0, 255
    shape, (name,) = tuple(model.inputs[0].shape[1:]), input_names(model)
    named = "" if name == "input" else f", name={name!r}"
    raise ShipError(
        f"{model.name} does not tell which pixel values it was trained on: no layer at its beginning brings 0 to 255 "
        f"to about 1. Say preprocessing=Images({shape}{named}) if it takes pixels as they stand in a file, "
        f"preprocessing=Images({shape}, 0, 1{named}) if they were divided by 255 before, preprocessing=Plain({shape}"
        f"{named}) if its inputs are no pictures. In an artifact's meta, input_range says it."
    )


def _rescales_bytes(model: keras.Model) -> bool:
    """Whether a layer ahead of the first weights divides pixels from 0 to 255 to numbers of usual size."""
    layer = _first_that_computes(model)
    if isinstance(layer, keras.layers.Rescaling):
        scale = np.median(np.abs(layer.scale))
    elif isinstance(layer, keras.layers.Normalization):
        scale = 1 / np.median(np.sqrt(keras.ops.convert_to_numpy(layer.variance)))
    else:
        return False
    # 1 / 255 makes 1 of it, 1 / 127.5 makes 2, and the spread of photographs 4; of pixels from 0 to 16 or to 1, the
    # next usual ranges, a layer makes the same, and so of 255 more than 15.
    return bool(0.5 <= 255 * scale <= 10)


def _first_that_computes(model: keras.Model) -> keras.Layer | None:
    """The first layer that rescales or has weights, in models within it too; augmentation has neither."""
    for layer in model.layers:
        found = _first_that_computes(layer) if isinstance(layer, keras.Model) else layer
        rescales = isinstance(found, keras.layers.Rescaling | keras.layers.Normalization)
        if rescales or (found is not None and found.weights):
            return found
    return None


def output_of(model: keras.Model) -> str:
    """ "probabilities" if the last layer ends in softmax, or in one sigmoid unit; "logits" if it has no activation.

    Raises:
        ShipError: the last layer is none that says so: several sigmoid units, an activation of another kind, or no
            layer with one.
    """
    last = model.outputs[0]._keras_history.operation
    while isinstance(last, keras.Model):
        last = last.outputs[0]._keras_history.operation
    said = last.__class__.__name__.lower()
    if said not in ("softmax", "sigmoid"):
        said = getattr(getattr(last, "activation", None), "__name__", said)
    units = model.outputs[0].shape[1]
    if said == "sigmoid" and units > 1:
        raise ShipError(
            f"{model.name} ends in {units} sigmoid units: {units} answers of yes or no, and an export answers with one "
            "label. End in softmax; or say output='probabilities' if for each input one class alone is right."
        )
    if said in ("softmax", "sigmoid"):
        return "probabilities"
    if said == "linear":
        return "logits"
    raise ShipError(f"{model.name} ends in {said}: say output='logits' or output='probabilities'.")


def sample_arrays(samples: Iterable[Any] | Arrays, preprocessing: Preprocessing, names: list[str]) -> Arrays:
    """Samples, raw or as arrays by input name, to arrays.

    Raises:
        ShipError: there are none, or the arrays, given or made by the preprocessing, have other names than the model's
            inputs, or differ in length.
        BadInput: a raw one is not as the model needs it.
    """
    if not isinstance(samples, Mapping):
        rows = as_list(samples)
        if not rows:
            raise ShipError("There are no samples. Give some inputs as they will come, 32 or more.")
        made = preprocessing.arrays(rows)
        if set(made) != set(names):
            raise ShipError(
                f"The preprocessing makes {', '.join(made)}; the model takes {', '.join(names)}. Give them equal names."
            )
        return made
    arrays = {name: np.asarray(array) for name, array in samples.items()}
    if set(arrays) != set(names) or len({len(array) for array in arrays.values()}) != 1 or not len(arrays[names[0]]):
        raise ShipError(
            f"Samples as arrays are {', '.join(names)}, of the same number of rows; got {', '.join(arrays)}."
        )
    return arrays
