"""TensorFlow Serving's request form: {"instances": […]}, row by row, or {"inputs": …}, column by column.

The form is described in TensorFlow Serving's documentation, "RESTful API". An instance is a raw input, or what
TensorFlow Serving itself would take: the prepared arrays by name.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np

from kitutils.ship.arrays import Arrays
from kitutils.ship.faults import BadInput
from kitutils.ship.inputs import Texts
from kitutils.ship.predictor import Predictor
from kitutils.ship.serve.reading import Refused
from kitutils.ship.serve.settings import Settings
from kitutils.ship.serve.single import check_text

SIGNATURE = "serving_default"


def arrays_of(content: Any, predictor: Predictor, settings: Settings) -> tuple[Arrays, str]:
    """A request's JSON to the model's arrays, and the key under which the answer belongs.

    Raises:
        Refused, BadInput: something is not as the model needs it.
    """
    if not isinstance(content, dict):
        raise Refused(400, 'Expected a JSON object with "instances" or "inputs".')
    signature = content.get("signature_name") or SIGNATURE
    if signature != SIGNATURE:
        raise Refused(400, f"The one signature is {SIGNATURE!r}; got {signature!r:.60}.")
    if ("instances" in content) == ("inputs" in content):
        raise Refused(400, 'Expected either "instances" (a list of inputs) or "inputs" (columns by name).')
    kind, names = predictor.manifest.preprocessing["kind"], [one["name"] for one in predictor.manifest.inputs]
    if "instances" in content:
        instances, key = content["instances"], "predictions"
    else:
        instances, key = _from_columns(content["inputs"]), "outputs"
    if not isinstance(instances, list) or not instances:
        raise Refused(400, f"Expected a list of inputs, one or more; got {_called(instances)}.")
    if len(instances) > (most := min(settings.max_rows, settings.queue)):
        raise Refused(413, f"A request has at most {most} inputs; got {len(instances)}. Send fewer.")
    if len(names) == 1:
        instances = [one[names[0]] if isinstance(one, dict) and list(one) == names else one for one in instances]
    if kind == "texts" and isinstance(instances[0], dict):
        return _token_arrays(instances, predictor.preprocessing), key
    return predictor.prepare([_raw(one, kind, row, settings) for row, one in enumerate(instances)]), key


def _from_columns(columns: Any) -> Any:
    """Columns by name to a list of instances; the values of a single input are such a list already."""
    if not isinstance(columns, dict):
        return columns
    for name, column in columns.items():
        if not isinstance(column, list):
            raise Refused(400, f'In "inputs", each name has a list of values; {name!r:.60} has {_called(column)}.')
    if len(lengths := {len(column) for column in columns.values()}) > 1:
        raise Refused(400, f'In "inputs", all lists are of one length; got {sorted(lengths)[:5]}.')
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _raw(one: Any, kind: str, row: int, settings: Settings) -> Any:
    """What ``Predictor.prepare`` may see of a stranger: to it a str in place of an image would be a file's path."""
    if kind in ("images", "plain"):
        if kind == "images" and isinstance(one, dict) and list(one) == ["b64"]:
            return _bytes(one["b64"], row)
        if not isinstance(one, list) and not (kind == "plain" and isinstance(one, int | float)):
            image = ' or {"b64": "…"} of a PNG or JPEG file' if kind == "images" else ""
            raise BadInput(f"expected nested lists of numbers{image}; got {_called(one)}.", row)
    elif kind in ("texts", "strings"):
        if not isinstance(one, str):
            raise BadInput(f"a text is a string; got {_called(one)}.", row)
        check_text(one, settings)
    elif isinstance(one, dict):
        return {
            name: _bytes(x["b64"], row).decode("utf8", "replace") if isinstance(x, dict) and list(x) == ["b64"] else x
            for name, x in one.items()
        }
    return one


def _bytes(text: Any, row: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise BadInput('what stands under "b64" is no Base64.', row) from None


def _token_arrays(instances: list[Any], texts: Texts) -> Arrays:
    """Word pieces that the client cut itself, checked and padded to the longest width."""
    length, pieces = texts.widths[-1], len(texts.wordpiece["vocabulary"])
    most = {"token_ids": pieces - 1}
    made = {}
    for name in texts.names:
        try:
            given = [one[name] for one in instances]
        except (KeyError, TypeError):
            raise Refused(400, f"Each input has {' and '.join(texts.names)}; {name} is missing in one.") from None
        array = _whole_numbers(given, name)
        if array.shape[1] > length:
            raise Refused(400, f"{name} has at most {length} pieces an input; got {array.shape[1]}. Cut them.")
        if array.min() < 0 or array.max() > most.get(name, 1):
            raise Refused(400, f"{name} are from 0 to {most.get(name, 1)}; got {array.min()} to {array.max()}.")
        made[name] = np.zeros((len(array), length), np.int32)
        made[name][:, : array.shape[1]] = array
    used = made["token_ids"] != 0
    if (used[:, 1:] > used[:, :-1]).any():
        raise Refused(400, "In token_ids, padding (0) comes after all pieces; here it stands between them.")
    if "padding_mask" in made and (made["padding_mask"] != used).any():
        raise Refused(400, "padding_mask is 1 where token_ids has a piece and 0 where it has padding; this one is not.")
    return made


def _whole_numbers(given: list[Any], name: str) -> np.ndarray:
    try:
        array = np.asarray(given)
    except (ValueError, OverflowError, TypeError, RecursionError):
        array = None
    if array is None or array.ndim != 2 or array.dtype.kind not in "iu" or not array.shape[1]:
        raise Refused(400, f"{name} is a list of whole numbers for each input, all of one length.")
    return array


def _called(value: Any) -> str:
    """What a JSON value is called."""
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list) and not value:
        return "an empty list"
    names = {dict: "an object", list: "a list", str: "a string", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)
