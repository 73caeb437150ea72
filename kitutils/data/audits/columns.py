"""One column as the audit sees it: what kind of values it holds, which are missing, the numbers behind its texts."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
import pandas as pd

from kitutils.data.audits import dates

# Words that stand for "missing" in everyday exports, compared without case and outer spaces.
_WORDS = """
    ?; ??; ???; -; --; ---; .; ..; n/a; #n/a; n.a.; n.a; na; <na>; nan; null; nil; (null); \\n; unknown; unkn.; missing;
    not available; not applicable; not known; no data; no answer; tbd; tba; unbekannt; k.a.; k. a.; keine angabe;
    inconnu; desconocido; 未知
"""
WORDS = frozenset({"", *(word.strip() for word in _WORDS.split(";"))})
WEAK_WORDS = frozenset({"none", "na", "nil", "."})  # may be a value of its own among texts (Namibia, "no extras")
DATE_WORDS = frozenset({"0000-00-00", "00/00/0000", "00.00.0000", "0000-00-00 00:00:00"})
LONG = 40  # longer texts are no numbers, no dates and no words for missing
MOSTLY = 0.9  # share of the known cells that must read as a number or a date for the column to be one


@dataclass(eq=False)
class Column:
    """A column, looked at once.

    Attributes:
        position, label, series: where it stands and what it holds.
        kind: "number", "date", "text", "bool", "other" (nested or mixed values) or "empty".
        missing: bool per row, what pandas calls missing.
        disguised: bool per row, words that stand for missing.
        codes, values: for what is stored as objects or texts: the number of each row's value (-1: missing), and the
            distinct values in order of appearance (texts of them, if they cannot be hashed). Otherwise None.
        numbers: float64 per row: the number, or for dates days since 1970; NaN where there is none. None for texts.
        date_forms: for dates kept as texts, what :func:`dates.read` made of the distinct values.
        as_text: numbers that are stored as texts.
    """

    position: int
    label: Hashable
    series: pd.Series
    kind: str
    missing: np.ndarray
    disguised: np.ndarray
    codes: np.ndarray | None = None
    values: list | None = None
    numbers: np.ndarray | None = None
    date_forms: dates.Read | None = None
    as_text: bool = False
    wrong: np.ndarray = field(default=None)  # cells that the checks so far have found wrong

    def __post_init__(self) -> None:
        self.wrong = self.missing | self.disguised

    @property
    def known(self) -> np.ndarray:
        """Cells that are neither missing nor found wrong so far."""
        return ~self.wrong


def look(series: pd.Series, position: int, label: Hashable) -> Column:
    """What a column holds. Never fails on strange values; those make it "other"."""
    missing = np.asarray(series.isna(), dtype=bool)
    nothing = np.zeros(len(series), dtype=bool)
    make = lambda kind, **more: Column(position, label, series, kind, missing, **({"disguised": nothing} | more))
    if missing.all():
        return make("empty")
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
        dtype = series.dtype
    if dtype.kind == "b":
        return make("bool", numbers=_floats(series, missing))
    if pd.api.types.is_complex_dtype(dtype):
        return make("other")
    if pd.api.types.is_numeric_dtype(dtype):
        return make("number", numbers=_floats(series, missing))
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return make("date", numbers=_days(series, missing))
    codes, values = factorize(series)
    return _look_at_values(make, codes, values, missing)


def _look_at_values(make, codes: np.ndarray, values: list, missing: np.ndarray) -> Column:
    """The kind of a column of objects, decided by its distinct values and how often each occurs."""
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    texts, plain = _texts_and_numbers(values)
    share = lambda chosen: counts[chosen].sum() / max(counts.sum(), 1)
    if share(~texts & ~plain) > 1 - MOSTLY:
        return make("other", codes=codes, values=values)
    folded = [v.strip().casefold() if text and len(v) < LONG else None for v, text in zip(values, texts, strict=True)]
    word = np.array([text in WORDS for text in folded], dtype=bool)
    date_word = np.array([text in DATE_WORDS for text in folded], dtype=bool)
    rest = ~(word | date_word)
    if not counts[rest].sum():
        return make("text", codes=codes, values=values, disguised=spread(word | date_word, codes))
    numbers = read_numbers(values) if _may_be_numbers(values, rest) else np.full(len(values), np.nan)
    readable = np.isfinite(numbers)
    if readable.any() and share(readable & rest) >= MOSTLY * share(rest) and not _are_codes(values, texts, counts):
        disguised = spread(word & ~readable, codes)
        return make(
            "number",
            codes=codes,
            values=values,
            numbers=spread(numbers, codes, np.nan),
            disguised=disguised,
            as_text=bool(texts[readable].any()),
        )
    read = dates.read(values, texts)
    if share(read.is_date & rest) >= MOSTLY * share(rest):
        return make(
            "date",
            codes=codes,
            values=values,
            numbers=spread(read.days, codes, np.nan),
            disguised=spread(word | date_word, codes),
            date_forms=read,
        )
    sure = np.array([text in WORDS - WEAK_WORDS for text in folded], dtype=bool)
    return make("text", codes=codes, values=values, disguised=spread(sure, codes))


def factorize(series: pd.Series) -> tuple[np.ndarray, list]:
    """The number of each row's value (-1: missing) and the distinct values; unhashable values by their text."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        used = series.cat.remove_unused_categories()
        return used.cat.codes.to_numpy(dtype=np.int64), list(used.cat.categories)
    try:
        codes, values = pd.factorize(series)
    except (TypeError, ValueError, OverflowError):
        texts = [None if gone else quote_safely(v) for v, gone in zip(series.tolist(), series.isna(), strict=True)]
        codes, values = pd.factorize(np.array(texts, dtype=object))
        values = [Nested(value) for value in values]
    return codes.astype(np.int64, copy=False), list(values)


class Nested(str):
    """The text of a value that cannot be hashed, such as a list: stands for it in counts, and is no text itself."""

    __slots__ = ()


def quote_safely(value: object) -> str:
    """The text of anything, even of an object whose own ``__repr__`` fails."""
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__} {id(value)}>"


def _texts_and_numbers(values: list) -> tuple[np.ndarray, np.ndarray]:
    """Bool per distinct value: whether it is a text, whether it is a number. Each type is asked once."""
    types = {
        kind: (issubclass(kind, str) and kind is not Nested, is_number_type(kind)) for kind in set(map(type, values))
    }
    both = np.array([types[type(value)] for value in values], dtype=bool).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def is_number_type(kind: type) -> bool:
    """Whether values of this type are real numbers; a truth value is none."""
    return issubclass(kind, int | float | np.integer | np.floating) and not issubclass(kind, bool)


def _may_be_numbers(values: list, rest: np.ndarray) -> bool:
    """Whether reading all values as numbers is worth the while, from a few hundred of them."""
    sample = np.flatnonzero(rest)
    sample = sample[:: max(len(sample) // 500, 1)]
    return bool(np.isfinite(read_numbers([values[at] for at in sample])).mean() > 0.3)


def read_numbers(values: list) -> np.ndarray:
    """The number in each distinct value, NaN where there is none; numbers too large for float64 become infinite."""
    numbers = np.full(len(values), np.nan)
    texts, plain = _texts_and_numbers(values)
    if texts.any():
        written = [v if "_" not in v and len(v) < LONG else None for v in compress(values, texts)]
        numbers[texts] = pd.to_numeric(pd.Series(written, dtype=object), errors="coerce").astype(float)
    for at in np.flatnonzero(plain):
        try:
            numbers[at] = float(values[at])
        except OverflowError:
            numbers[at] = np.inf if values[at] > 0 else -np.inf
    return numbers


def _are_codes(values: list, texts: np.ndarray, counts: np.ndarray) -> bool:
    """Whether digits are a name rather than a number: 01067 is a postcode, and 4006381333931999 a card's."""
    digits = [v if text and v.isdigit() else "" for v, text in zip(values, texts, strict=True)]
    names = np.array([len(v) > 15 or (len(v) > 1 and v[0] == "0") for v in digits], dtype=bool)
    return counts[names].sum() > 0.005 * counts.sum()


def spread(per_value: np.ndarray, codes: np.ndarray, otherwise=False) -> np.ndarray:
    """One entry a row from one entry a distinct value."""
    return np.append(per_value, np.asarray([otherwise], dtype=per_value.dtype))[codes]


def _floats(series: pd.Series, missing: np.ndarray) -> np.ndarray:
    return np.where(missing, np.nan, series.to_numpy(dtype=np.float64, na_value=np.nan))


def _days(series: pd.Series, missing: np.ndarray) -> np.ndarray:
    stamps = series.dt.tz_localize(None) if getattr(series.dt, "tz", None) is not None else series
    whole = stamps.to_numpy(dtype="datetime64[s]").astype(np.int64) / 86_400
    return np.where(missing, np.nan, whole)
