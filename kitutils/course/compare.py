"""Comparing a learner's result with the expected one, and showing both in a line.

Lenient where a difference is only one of spelling (list, tuple or array; ``int`` or ``np.int64``), strict where it is
one of meaning (shape, Boolean against number, text against number). NaN equals NaN.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from kitutils.course.showing import describe, is_pandas, show

RTOL, ATOL = 1e-6, 1e-8
RTOL_SINGLE, ATOL_SINGLE = 1e-4, 1e-6  # float32 carries seven digits, and sums lose some of them


@dataclass(frozen=True)
class Difference:
    """The first place where two results differ.

    ``yours`` and ``expected`` are ready to print; ``where`` names the place in words and ``index`` is the place in an
    array or list, or None where the results differ as a whole.
    """

    message: str
    yours: str
    expected: str
    where: str = ""
    index: tuple | None = None


def difference(got: Any, expected: Any, tol: float | None = None) -> Difference | None:
    """The first difference between a result and the expected one, or None if they are equal.

    Args:
        got: what the learner's code returned.
        expected: the reference; its type decides what is compared.
        tol: the largest difference of two numbers that counts as equal; by default a millionth of the value, or a
            ten-thousandth where one side is float32 or coarser (bfloat16 included).
    """
    if is_pandas(expected):
        return _pandas_difference(got, expected, tol)
    if isinstance(expected, Mapping):
        return _mapping_difference(got, expected, tol)
    if isinstance(expected, Set):
        return _set_difference(got, expected)
    if expected is None or isinstance(expected, str | bytes):
        return None if _same_text(got, expected) else _whole(got, expected)
    if _is_sequence(expected):
        return _sequence_difference(got, expected, tol)
    if isinstance(expected, numbers.Number | np.generic):
        return _array_difference(got, np.asarray(_plain(expected)), tol, expected)
    try:
        equal = bool(got == expected)
    except Exception:  # a learner's object may define == as it likes
        equal = got is expected
    return None if equal else _whole(got, expected)


def same(a: Any, b: Any, tol: float | None = None) -> bool:
    """Whether two results are equal in the sense of :func:`difference`."""
    return difference(a, b, tol) is None


def _is_sequence(value: Any) -> bool:
    return isinstance(value, list | tuple | range) or (
        hasattr(value, "__array__") and not isinstance(value, np.generic)
    )


def _same_text(got: Any, expected: str | bytes | None) -> bool:
    return got is expected or (isinstance(got, str | bytes) and bool(got == expected))


def _whole(got: Any, expected: Any, message: str = "") -> Difference:
    return Difference(message or _wrong_kind(got, expected), show(got), show(expected))


def _wrong_kind(got: Any, expected: Any) -> str:
    if isinstance(got, type(expected)) and not hasattr(expected, "shape"):
        return "The result is not the expected one."
    return f"You returned {describe(got)}; {describe(expected)} was expected."


def _sequence_difference(got: Any, expected: Any, tol: float | None) -> Difference | None:
    rectangular = _as_array(expected)
    if rectangular is not None:
        return _array_difference(got, rectangular, tol, expected)
    if isinstance(got, str | bytes | Mapping) or not _is_sequence(got):  # texts of mixed kinds, ragged lists, objects
        return _whole(got, expected)
    if len(got) != len(expected):
        return Difference(f"You returned {len(got)} items; {len(expected)} were expected.", show(got), show(expected))
    for i, (mine, theirs) in enumerate(zip(got, expected, strict=True)):
        found = difference(mine, theirs, tol)
        if found:
            index = (i, *(found.index or ()))
            return Difference(found.message, found.yours, found.expected, _place(index), index)
    return None


def _as_array(value: Any) -> np.ndarray | None:
    """The value as an array of numbers, Booleans or texts, or None where it is none (ragged, mixed, objects)."""
    if isinstance(value, list | tuple) and {type(v) in (bool, np.bool_) for v in value} == {True, False}:
        return None  # NumPy would turn [True, 2] into numbers
    try:
        array = np.asarray(value)
    except Exception:  # ragged lists raise, and so may a learner's __array__
        return None
    if array.dtype == object:
        return None
    is_text = array.dtype.kind in "US"
    if is_text and isinstance(value, list | tuple) and not all(isinstance(v, str | list | tuple) for v in value):
        return None  # NumPy would turn ["a", 1] into texts
    return array


def _plain(value: Any) -> Any:
    """A fraction or a decimal as a float: NumPy knows neither, and would make an object of it."""
    return float(value) if isinstance(value, Fraction | Decimal) else value


def _as_any_array(got: Any) -> np.ndarray | None:
    """A learner's result as an array, objects included, or None where it is no array, list or number."""
    if isinstance(got, list | tuple | range):
        return _as_array([_plain(value) for value in got])
    got = _plain(got)
    if not (hasattr(got, "__array__") or isinstance(got, numbers.Number | str)):
        return None
    try:
        return np.asarray(got)
    except Exception:  # a tensor on another device, for one
        return None


def _array_difference(got: Any, expected: np.ndarray, tol: float | None, reference: Any) -> Difference | None:
    """Shape, then kind, then values; ``reference`` is the expected result as the check wrote it."""
    mine = _as_any_array(got)
    if mine is None or mine.shape != expected.shape:
        what = "Your result is empty" if mine is not None and mine.size == 0 else f"You returned {describe(got)}"
        message = f"{what}; {_describe_expected(reference, expected)} was expected."
        return Difference(message, show(got), show(reference))
    if mine.dtype == object or expected.dtype == object:
        mine, expected = mine.astype(object), expected.astype(object)
    elif _kind(mine) != _kind(expected) and expected.size > 0:
        message = f"You returned {_kind(mine)}; {_kind(expected)} were expected."
        if expected.ndim == 0:
            message = f"You returned {describe(got)}; {describe(reference)} was expected."
        return Difference(message, show(got), show(reference))
    close = _close(mine, expected, tol)
    if close.all():
        return None
    index = tuple(int(i) for i in np.argwhere(~close)[0])
    place = _place(index)
    wrong = int((~close).sum())
    message = f"{wrong} of {close.size} values are not as expected." if close.size > 1 else "The value is not right."
    return Difference(message, show(mine[index]), show(expected[index]), place, index or None)


def _describe_expected(reference: Any, array: np.ndarray) -> str:
    if array.ndim == 0:
        return f"one {'Boolean' if array.dtype.kind == 'b' else 'number'}"
    kind = {"b": "Booleans", "U": "texts", "S": "texts"}.get(array.dtype.kind, "numbers")
    if isinstance(reference, list | tuple | range) and array.ndim == 1:
        return f"a list of {len(array)} {kind if len(array) != 1 else kind[:-1]}"
    return f"an array of {kind} of shape {array.shape}"


def _kind(array: np.ndarray) -> str:
    return {"b": "Booleans", "U": "texts", "S": "texts", "M": "dates", "m": "durations"}.get(
        array.dtype.kind, "numbers"
    )


def _close(a: np.ndarray, b: np.ndarray, tol: float | None) -> np.ndarray:
    if a.dtype == object:
        pairs = zip(a.ravel(), b.ravel(), strict=True)
        return np.array([same(x, y, tol) for x, y in pairs], dtype=bool).reshape(a.shape)
    whole_numbers = a.dtype.kind not in "fcV" and b.dtype.kind not in "fcV"
    if _kind(a) != "numbers" or (whole_numbers and tol is None):
        return np.asarray(a == b)
    coarse = any(x.dtype.kind == "V" or (x.dtype.kind == "f" and x.dtype.itemsize < 8) for x in (a, b))
    wide = complex if "c" in (a.dtype.kind, b.dtype.kind) else float
    a, b = a.astype(wide), b.astype(wide)
    with np.errstate(all="ignore"):  # a check may run under errstate(raise)
        if tol is not None:
            return np.isclose(a, b, rtol=0, atol=tol, equal_nan=True)
        rtol, atol = (RTOL_SINGLE, ATOL_SINGLE) if coarse else (RTOL, ATOL)
        return np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)


def _place(index: tuple) -> str:
    if len(index) == 0:
        return ""
    return f"position {index[0]}" if len(index) == 1 else f"position {list(index)}"


def _mapping_difference(got: Any, expected: Mapping, tol: float | None) -> Difference | None:
    if not isinstance(got, Mapping):
        return _whole(got, expected)
    missing = [k for k in expected if k not in got]
    extra = [k for k in got if k not in expected]
    if missing or extra:
        words = [
            f"{name} {', '.join(map(show, keys))}" for name, keys in (("misses", missing), ("adds", extra)) if keys
        ]
        return _whole(got, expected, f"Your dictionary {' and '.join(words)}.")
    for key, value in expected.items():
        found = difference(got[key], value, tol)
        if found:
            return Difference(found.message, found.yours, found.expected, _within(f"key {show(key)}", found.where))
    return None


def _within(outer: str, inner: str) -> str:
    return f"{outer}, {inner}" if inner else outer


def _set_difference(got: Any, expected: Set) -> Difference | None:
    if not isinstance(got, Set):
        return _whole(got, expected)
    if got == expected:
        return None
    parts = (("misses", expected - got), ("adds", got - expected))
    words = [f"{name} {', '.join(sorted(map(show, items)))}" for name, items in parts if items]
    return _whole(got, expected, f"Your set {' and '.join(words)}.")


def _pandas_difference(got: Any, expected: Any, tol: float | None) -> Difference | None:
    if not hasattr(expected, "columns"):  # a Series: its values may come as a list or an array as well
        if not is_pandas(got):
            return _sequence_difference(got, expected.to_numpy(), tol)
        if hasattr(got, "columns"):
            return _whole(got, expected)
        return _column_difference(got, expected, tol)
    if not (is_pandas(got) and hasattr(got, "columns")):
        return _whole(got, expected)
    if list(got.columns) != list(expected.columns):
        return Difference("The columns differ.", show(list(got.columns)), show(list(expected.columns)), "columns")
    for i, name in enumerate(expected.columns):
        found = _column_difference(got.iloc[:, i], expected.iloc[:, i], tol)
        if found:
            return Difference(
                found.message, found.yours, found.expected, _within(f"column {show(name)}", found.where), found.index
            )
    return None


def _column_difference(got: Any, expected: Any, tol: float | None) -> Difference | None:
    if len(got) != len(expected):
        message = f"You returned {len(got)} rows; {len(expected)} were expected."
        return Difference(message, f"{len(got)} rows", f"{len(expected)} rows")
    found = _sequence_difference(got.index.to_numpy(), expected.index.to_numpy(), None)
    if found:
        message = "The values come with another index: the rows are in another order, or the index was reset or kept."
        return Difference(message, found.yours, found.expected, _within("index", found.where))
    found = _sequence_difference(_values(got), _values(expected), tol)
    if not found or found.index is None:
        return found
    row = found.index[0]
    where = f"row {show(expected.index[row])}"
    return Difference(found.message, found.yours, found.expected, where, (row,))


def _values(series: Any) -> np.ndarray:
    """The column's values; missing texts become None, which equals None (pandas knows NaN, None and NA)."""
    values = series.to_numpy()
    if values.dtype == object:
        missing = series.isna().to_numpy()
        values = values.copy()
        values[missing] = None
    return values
