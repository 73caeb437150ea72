"""Values in words: in one short line of a counterexample, and by their kind in a sentence."""

from __future__ import annotations

import numbers
import reprlib
import sys
from typing import Any

import numpy as np

WIDTH = 76  # characters of a value that is shown


def show(value: Any) -> str:
    """A value in one short line."""
    try:
        if is_pandas(value):
            text = f"a {type(value).__name__} of shape {value.shape}"
            if value.size <= 8:
                data = value.to_dict("list") if hasattr(value, "columns") else value.tolist()
                text = f"{type(value).__name__}({data!r})"
        elif isinstance(value, np.ndarray):
            text = _show_array(value)
        elif isinstance(value, np.generic):
            text = show(value.item())
        elif isinstance(value, float) and value == value:
            text = f"{value:.10g}"
            text = text if float(text) == value else repr(value)
        elif callable(value) and hasattr(value, "__name__"):
            text = f"the function {value.__name__}"
        elif isinstance(value, list | tuple | dict | set | str):
            text = _repr.repr(_plain(value))
        else:
            text = " ".join(repr(value).split())
    except Exception:  # a learner's class may have a broken __repr__
        text = f"a {type(value).__name__}"
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 2]} …"


def _show_array(array: np.ndarray) -> str:
    with np.printoptions(threshold=8, edgeitems=3, linewidth=10_000):
        short = np.array2string(array, separator=", ", formatter={"float_kind": lambda x: f"{x:.4g}"})
    text = " ".join(short.split()).replace("[ ", "[")
    shape = f" of shape {array.shape}" if array.ndim > 1 or array.size > 8 or array.size == 0 else ""
    room = WIDTH - len(shape)
    return (text if len(text) <= room else f"{text[: room - 2]} …") + shape


def describe(value: Any) -> str:
    """What kind of thing a value is: "a list of 3", "an array of shape (3,)", "the text 'a'"."""
    try:
        return _describe(value)
    except Exception:  # a learner's class may answer as it likes to being asked its shape or length
        return f"a {type(value).__name__}"


def _describe(value: Any) -> str:
    kind = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, bool | np.bool_):
        return f"the Boolean {bool(value)}"
    if isinstance(value, str):
        return f"the text {show(value)}"
    if isinstance(value, numbers.Number | np.generic):
        return f"the number {show(value)}"
    if is_pandas(value) or (hasattr(value, "shape") and hasattr(value, "dtype")):
        name = "an array" if isinstance(value, np.ndarray) else f"a {kind}"
        return f"{name} of shape {tuple(value.shape)}"
    if callable(value):
        return f"the function {getattr(value, '__name__', kind)}"
    return f"a {kind} of {len(value)}" if hasattr(value, "__len__") else f"a {kind}"


class _Repr(reprlib.Repr):
    """Python's short repr, with floats as people write them."""

    def __init__(self) -> None:
        """Set the limits one by one: only Python 3.12 takes them as arguments."""
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = 8
        self.maxdict, self.maxstring, self.maxother, self.maxlevel = 6, 60, 60, 3

    def repr_float(self, value: float, level: int) -> str:
        return show(value)

    def repr_ndarray(self, value: np.ndarray, level: int) -> str:
        return show(value)


_repr = _Repr()


def _plain(value: Any) -> Any:
    """NumPy scalars in a list as Python's own, which print as 3 and not as np.int64(3)."""
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(_plain(v) for v in value)
    if type(value) is dict:
        return {_plain(k): _plain(v) for k, v in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def is_pandas(value: Any) -> bool:
    """Whether a value is a pandas table or column; does not import pandas to find out."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series)
