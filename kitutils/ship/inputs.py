"""From raw inputs to arrays, the same for every runtime: images (in ``image_inputs``), texts, rows of a table.

What is wrong is refused here, with its row named, and not deep inside a runtime. ``arrays.Signature`` then gives the
arrays the types of the model's inputs. NumPy; Pillow for image files and ``tokenizers`` for texts are imported when
they are needed.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kitutils.ship.arrays import Arrays, as_array, as_type
from kitutils.ship.faults import BadExport, BadInput
from kitutils.ship.image_inputs import Images

WIDTHS = (16, 32, 64, 128)
_EXACT = 2**24  # up to here float32 holds every whole number


class Preprocessing(Protocol):
    """How raw inputs become arrays. Each kind is a frozen dataclass that goes into the manifest and comes back."""

    def arrays(self, raw: Sequence[Any]) -> Arrays:
        """Raw inputs, one or more, to arrays by name; each has one row an input. Raises ``BadInput``."""

    def groups(self, arrays: Arrays) -> list[tuple[np.ndarray, Arrays]]:
        """The rows that may be computed together, as row numbers and arrays. A row falls alike alone and in company."""

    def probes(self) -> list[Any]:
        """Raw inputs at the edge of what is allowed, on which every format must agree with the model."""

    def to_dict(self) -> dict[str, Any]:
        """All that it is, for the manifest."""


class _Whole:
    """Those whose rows are all alike: one group."""

    def groups(self, arrays: Arrays) -> list[tuple[np.ndarray, Arrays]]:
        count = len(next(iter(arrays.values())))
        return [(np.arange(count), arrays)]


@dataclass(frozen=True)
class Texts:
    """Texts, cut into word pieces by the vocabulary that the model was trained with.

    A text runs in the narrowest of the widths that holds it, alone as in company: padding a short one to the full
    length costs several times its own computing.

    Attributes:
        wordpiece: what ``kitutils.data.tokens.WordPiece.to_dict`` gives.
        widths: ascending; the last is the vocabulary's length.
        names: of the model's inputs, among "token_ids", "padding_mask" and "segment_ids".
    """

    wordpiece: Mapping[str, Any]
    widths: tuple[int, ...] = WIDTHS
    names: tuple[str, ...] = ("token_ids", "padding_mask")

    def __post_init__(self) -> None:
        from kitutils.data.tokens import WordPiece

        words = WordPiece.from_dict(self.wordpiece)
        if list(self.widths) != sorted(set(self.widths)) or not self.widths or self.widths[-1] != words.length:
            raise ValueError(f"widths ascend to the vocabulary's length of {words.length}; got {list(self.widths)}.")
        if not {"token_ids"} <= set(self.names) <= {"token_ids", "padding_mask", "segment_ids"}:
            raise ValueError(f"A text model takes token_ids, padding_mask, segment_ids; this one {self.names}.")
        object.__setattr__(self, "_words", words)

    def arrays(self, raw: Sequence[Any]) -> Arrays:
        found = self._words.encode([_whole_text(text, row) for row, text in enumerate(raw)])
        made = {
            "token_ids": found.ids,
            "padding_mask": found.mask.astype(np.int32),
            "segment_ids": np.zeros_like(found.ids),
        }
        return {name: made[name] for name in self.names}

    def groups(self, arrays: Arrays) -> list[tuple[np.ndarray, Arrays]]:
        from kitutils.data.tokens import PAD

        lengths = (arrays["token_ids"] != PAD).sum(axis=1)
        bucket = np.searchsorted(self.widths, lengths)
        found = []
        for number in np.unique(bucket).tolist():
            rows, width = np.flatnonzero(bucket == number), self.widths[number]
            found.append((rows, {name: np.ascontiguousarray(array[rows, :width]) for name, array in arrays.items()}))
        return found

    def probes(self) -> list[Any]:
        word = next((w for w in self.wordpiece["vocabulary"][5:] if not w.startswith("##")), "a")
        return ["", "\u05d0 \U0001f600 \x00 \u4e2d", *(" ".join([word] * (width - 2)) for width in self.widths)]

    def to_dict(self) -> dict[str, Any]:
        kept = {"wordpiece": dict(self.wordpiece), "widths": list(self.widths), "names": list(self.names)}
        return {"kind": "texts", **kept}


@dataclass(frozen=True)
class Rows(_Whole):
    """Rows of a table: a mapping of names to raw values each, or a DataFrame. What is missing may be missing.

    Numbers become float32, NaN where missing; texts stay, "" where missing. That is what
    ``kitutils.data.features.as_inputs`` does for the shop's orders, without pandas and for any table. A column with a
    number beyond 2²⁴ becomes int64 or uint64 if all in it are whole and one of the two holds them, else float64: it may
    be codes for an input of whole numbers, and float32 would round them.

    Attributes:
        numbers, texts: the names of the columns of either kind. Others in a row are ignored.
        flags: those of ``numbers`` that may also be yes and no, which become 1 and 0. Elsewhere True and False are
            refused: in an age they are a mistake.
    """

    numbers: tuple[str, ...]
    texts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def arrays(self, raw: Sequence[Any]) -> Arrays:
        for row, given in enumerate(raw):
            if not isinstance(given, Mapping):
                raise BadInput(f"a row is a mapping of names to values; got {given.__class__.__name__}.", row)
            absent = [name for name in (*self.numbers, *self.texts) if name not in given]
            if absent:
                raise BadInput(f"not there: {', '.join(absent)}. Give None where a value is unknown.", row)
        made: Arrays = {
            name: _column([_number(given[name], name, row, name in self.flags) for row, given in enumerate(raw)])
            for name in self.numbers
        }
        for name in self.texts:
            made[name] = np.array([_text(given[name], name, row) for row, given in enumerate(raw)], object)
        return made

    def probes(self) -> list[Any]:
        empty = dict.fromkeys((*self.numbers, *self.texts))
        return [
            empty,
            empty | dict.fromkeys(self.numbers, 0),
            empty | dict.fromkeys(self.numbers, 1e30) | dict.fromkeys(self.texts, "never seen \U0001f600"),
            empty | dict.fromkeys(self.numbers, -1e30),
        ]

    def to_dict(self) -> dict[str, Any]:
        flags = {"flags": list(self.flags)} if self.flags else {}
        return {"kind": "rows", "numbers": list(self.numbers), "texts": list(self.texts)} | flags


@dataclass(frozen=True)
class Plain(_Whole):
    """No preprocessing: a raw input is the array that the model takes, of its shape and without the batch.

    Attributes:
        shape: of one input; None where open.
        dtype: of the model's input.
        name: of the model's input.
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    name: str = "input"

    def __post_init__(self) -> None:
        if self.dtype != "string":  # which a manifest may hold, though its inputs come as arrays by name alone
            np.dtype(self.dtype)  # TypeError if there is none of that name

    def arrays(self, raw: Sequence[Any]) -> Arrays:
        made = []
        for row, given in enumerate(raw):
            array = as_array(given)
            if array is None or array.dtype.kind not in "uifb":
                raise BadInput(f"an input is an array of numbers; got {given.__class__.__name__}.", row)
            fits = len(array.shape) == len(self.shape) and all(
                w in (None, g) for w, g in zip(self.shape, array.shape, strict=True)
            )
            if not fits or (made and array.shape != made[0].shape):
                raise BadInput(f"an input has shape {tuple(self.shape)}, as all of a list; got {array.shape}.", row)
            array = as_type(array[None], self.dtype, "a value", first=row)[0]
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise BadInput("a value is not a finite number. Mend or leave out such inputs.", row)
            made.append(array)
        return {self.name: np.stack(made)}

    def probes(self) -> list[Any]:
        return []

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "plain", "shape": list(self.shape), "dtype": self.dtype, "name": self.name}


@dataclass(frozen=True)
class Strings(_Whole):
    """Texts for a model that takes them as they are, such as a scikit-learn pipeline that counts words itself.

    Attributes:
        name: of the model's input.
    """

    name: str = "input"

    def arrays(self, raw: Sequence[Any]) -> Arrays:
        return {self.name: np.array([_whole_text(text, row) for row, text in enumerate(raw)], object)}

    def probes(self) -> list[Any]:
        return []

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "strings", "name": self.name}


KINDS = {"images": Images, "texts": Texts, "rows": Rows, "plain": Plain, "strings": Strings}


def from_dict(kept: Mapping[str, Any]) -> Preprocessing:
    """What ``to_dict`` of one of the kinds gave.

    Raises:
        BadExport: it is something else.
    """
    fields = {key: tuple(x) if isinstance(x, list) else x for key, x in kept.items() if key != "kind"}
    try:
        return KINDS[kept["kind"]](**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise BadExport(
            f"The manifest's preprocessing is none that this kit knows ({error.__class__.__name__}: {error}). "
            "Export the model again."
        ) from error


def _missing(value: Any) -> bool:
    # pandas.NA answers neither yes nor no when it is compared; its name is enough, and pandas need not be there.
    return (
        value is None
        or value.__class__.__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and value != value)
    )


def _number(value: Any, name: str, row: int, flag: bool) -> int | float:
    if _missing(value):
        return math.nan
    if isinstance(value, bool | np.bool_) and flag:
        return int(value)
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise BadInput(f"{name} is a number or missing; got {value!r:.60} ({value.__class__.__name__}).", row)
    try:
        found = int(value) if isinstance(value, numbers.Integral) else float(value)
    except OverflowError:
        found = math.inf
    if not (abs(found) <= float(np.finfo(np.float32).max) or found != found):
        raise BadInput(f"{name} is a number that float32 can hold, or missing; got {value!r:.60}.", row)
    return found


def _column(values: list[int | float]) -> np.ndarray:
    if not any(abs(value) > _EXACT for value in values):
        return np.array(values, np.float32)
    if all(value == value and value == int(value) for value in values):
        for dtype in (np.int64, np.uint64):
            if np.iinfo(dtype).min <= min(values) and max(values) <= np.iinfo(dtype).max:
                return np.array([int(value) for value in values], dtype)
    return np.array(values, np.float64)


def _whole_text(text: Any, row: int) -> str:
    if not isinstance(text, str):
        hint = "decode it first: raw.decode('utf8')" if isinstance(text, bytes) else "leave it out, or send ''"
        raise BadInput(f"a text is str; got {text.__class__.__name__}: {hint}.", row)
    return text


def _text(value: Any, name: str, row: int) -> str:
    if _missing(value):
        return ""
    if not isinstance(value, str):
        raise BadInput(f"{name} is a text or missing; got {value!r:.60} ({value.__class__.__name__}).", row)
    # Half of a surrogate pair cannot be written as UTF-8, which is what the runtimes work on.
    return str(value).encode("utf8", "replace").decode("utf8")
