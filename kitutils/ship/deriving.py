"""What an export needs to know of a model, worked out from the model itself and from what its lesson wrote down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from kitutils.ship.calling import input_names
from kitutils.ship.faults import ShipError
from kitutils.ship.inputs import WIDTHS, Arrays, Images, Plain, Preprocessing, Rows, Texts
from kitutils.ship.predictor import as_list


def preprocessing_for(model: keras.Model, meta: Mapping[str, Any]) -> Preprocessing:
    """How raw inputs become the model's arrays.

    Args:
        model: its inputs decide, and in ``meta``
        meta: of an artifact: ``vocabulary`` makes it a model of texts, ``input_range`` gives the range of images.

    Raises:
        ShipError: there is no telling.
    """
    names = input_names(model)
    if isinstance(words := meta.get("vocabulary"), Mapping) and words.get("kind") == "wordpiece":
        length = int(words["length"])
        return Texts(words, (*(width for width in WIDTHS if width < length), length), tuple(names))
    shapes = [tuple(x.shape[1:]) for x in model.inputs]
    if all(shape == () for shape in shapes):
        texts = tuple(name for name, x in zip(names, model.inputs, strict=True) if x.dtype == "string")
        return Rows(tuple(name for name in names if name not in texts), texts)
    if len(names) > 1:
        raise ShipError(
            f"{model.name} takes {', '.join(names)}, and nothing says how a raw input becomes those. Pass "
            "preprocessing=, or a vocabulary in the artifact's meta."
        )
    if len(shapes[0]) == 3 and None not in shapes[0]:
        low, high = meta.get("input_range", (0, 255))
        return Images(shapes[0], low, high, names[0])
    return Plain(shapes[0], str(model.inputs[0].dtype), names[0])


def output_of(model: keras.Model) -> str:
    """ "probabilities" if the last layer ends in softmax or sigmoid, else "logits".

    Raises:
        ShipError: the last layer is none that says so: an activation of another kind, or no layer with one.
    """
    last = model.outputs[0]._keras_history.operation
    while isinstance(last, keras.Model):
        last = last.outputs[0]._keras_history.operation
    said = last.__class__.__name__.lower()
    if said not in ("softmax", "sigmoid"):
        said = getattr(getattr(last, "activation", None), "__name__", said)
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
