"""Arrays by input name: checked against what a model takes, and cast to its types where nothing is lost by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kitutils.ship.faults import BadInput

Arrays = dict[str, np.ndarray]


class Signature:
    """Names, shapes and types of the arrays that a model takes.

    Args:
        inputs: name, shape (without the batch; None where open) and dtype of each, as ``Manifest.inputs`` has them.
    """

    def __init__(self, inputs: Sequence[Mapping[str, Any]]) -> None:
        self._inputs = [(one["name"], tuple(one["shape"]), one["dtype"], _numbers(one["dtype"])) for one in inputs]

    def fitted(self, arrays: Mapping[str, Any]) -> Arrays:
        """Arrays by name as the model takes them, in its order.

        Args:
            arrays: one row an input; numbers of any type, texts as str.

        Raises:
            BadInput: a name, a shape or the number of rows is another, or a value is none that the type can hold.
        """
        names = [one[0] for one in self._inputs]
        if not isinstance(arrays, Mapping):
            got = f" of shape {arrays.shape}" if isinstance(arrays, np.ndarray) else ""
            raise BadInput(f"arrays come by name, such as {{{names[0]!r}: …}}; got {arrays.__class__.__name__}{got}.")
        if len(arrays) != len(names) or any(name not in arrays for name in names):
            given = ", ".join(map(str, arrays)) or "none"
            raise BadInput(f"arrays are {', '.join(names)}; got {given:.200}.")
        made = {}
        for name, shape, dtype, wanted in self._inputs:
            array = arrays[name]
            # A service comes by here with each request, and what it brings fits already.
            if not isinstance(array, np.ndarray) or array.ndim != 1 + len(shape) or array.shape[1:] != shape:
                array = _shaped(np.asarray(array), shape, name)
            made[name] = array if array.dtype is wanted else as_type(array, dtype, name)
        if len(lengths := {len(array) for array in made.values()}) > 1:
            raise BadInput(f"arrays are of one length; got {sorted(lengths)}.")
        return made


def as_type(array: np.ndarray, dtype: str, name: str, first: int = 0) -> np.ndarray:
    """An array of a type, with the values that it had.

    Types of fractions round to the digits that they have, whole numbers too: 2²⁴ + 1 becomes 2²⁴ in float32.

    Args:
        array: of one row an input.
        dtype: NumPy's name of a type of numbers, or "string".
        name: for the message.
        first: the number of the array's first row, for the message too.

    Raises:
        BadInput: a value is none that the type can hold; the message has its row.
    """
    wanted = _numbers(dtype)
    if wanted is None:
        return _texts(array, name, first)
    if array.dtype == wanted:
        return array
    if array.dtype.kind == "b":
        return array.astype(wanted)
    if array.dtype.kind not in "uif":
        raise BadInput(f"{name} is an array of {dtype}; got {array.dtype}.")
    if wanted.kind == "f":
        with np.errstate(over="ignore"):
            found = array.astype(wanted)
        _refuse(np.isinf(found) & ~np.isinf(array), array, f"{name} is a number that {dtype} can hold", first)
        return found
    least, most = (0, 1) if wanted.kind == "b" else (np.iinfo(wanted).min, np.iinfo(wanted).max)
    if array.dtype.kind == "f":
        wide = array.astype(np.float64)
        fits = (wide == np.trunc(wide)) & (wide >= float(least)) & (wide < float(most) + 1)
    else:
        fits = (array >= least) & (array <= most)
    _refuse(~fits, array, f"{name} takes whole numbers from {least} to {most} ({dtype})", first)
    return array.astype(wanted)


def as_array(given: Any) -> np.ndarray | None:
    """Nested lists, or whatever else NumPy reads, as an array; None if they are ragged, too deep or too large."""
    try:
        return np.asarray(given)
    except (ValueError, OverflowError, TypeError, RecursionError):
        return None


def _numbers(dtype: str) -> np.dtype | None:
    """A type of numbers; None for texts."""
    return None if dtype == "string" else np.dtype(dtype)


def _shaped(array: np.ndarray, shape: tuple[int | None, ...], name: str) -> np.ndarray:
    fits = array.ndim == 1 + len(shape) and all(
        side in (None, found) for side, found in zip(shape, array.shape[1:], strict=True)
    )
    if not fits:
        sides = "".join(f", {'any' if side is None else side}" for side in shape)
        raise BadInput(f"{name} has shape (rows{sides}); got {array.shape}.")
    return array


def _refuse(wrong: np.ndarray, array: np.ndarray, what: str, first: int) -> None:
    if not wrong.any():
        return
    place = tuple(np.argwhere(wrong)[0].tolist())
    value = array[place].item()
    missing = " None may be missing." if value != value else ""
    raise BadInput(f"{what}; got {value}.{missing}", first + place[0])


def _texts(array: np.ndarray, name: str, first: int) -> np.ndarray:
    found = array.astype(object) if array.dtype.kind == "U" else array
    if not all(isinstance(value, str) for value in found.flat):
        place, value = next((at, value) for at, value in np.ndenumerate(found) if not isinstance(value, str))
        raise BadInput(f"{name} is a text; got {value.__class__.__name__}.", first + place[0])
    return found
