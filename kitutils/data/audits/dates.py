"""Dates that are written as texts: which forms a column mixes, and which day each text means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_ISO = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\s*")
_YEAR_FIRST = re.compile(r"\s*(\d{4})([/.])(\d{1,2})\2(\d{1,2})\s*")
_YEAR_LAST = re.compile(r"\s*(\d{1,2})([/.-])(\d{1,2})\2(\d{4})\s*")


@dataclass(frozen=True, eq=False)
class Read:
    """The distinct values of a column, read as dates.

    Attributes:
        is_date: whether the text has a date's form, an impossible one included.
        days: days since 1970, NaN where there is no such day or where day and month cannot be told apart.
        form: "iso", "Y/", "Y.", "/", "." or "-" (year last, by separator), "" if it is no date.
        day_first: for each separator of a year-last form: True, False, or None if no value decides or they disagree.
        decided_by: for each separator, how many distinct values have a day above 12, and so decide.
    """

    is_date: np.ndarray
    days: np.ndarray
    form: np.ndarray
    day_first: dict[str, bool | None]
    decided_by: dict[str, int]


def read(values: list, texts: np.ndarray) -> Read:
    """Reads the distinct values of a column as dates; the order of day and month is decided per separator.

    Args:
        values: distinct values, anything.
        texts: bool, which of them are texts.
    """
    parts = np.zeros((len(values), 3), dtype=np.int64)
    form = np.full(len(values), "", dtype=object)
    if looks_like_dates(values, texts):
        for at in np.flatnonzero(texts):
            form[at], parts[at] = split(values[at])
    day_first, decided_by = {}, {}
    for separator in ("/", ".", "-"):
        first, second = parts[form == separator, 2], parts[form == separator, 1]
        if len(first):
            day, month = int((first > 12).sum()), int((second > 12).sum())
            day_first[separator] = None if (day > 0) == (month > 0) else day > 0
            decided_by[separator] = max(day, month)
    for separator, first_is_day in day_first.items():
        chosen = form == separator
        if first_is_day is False:
            parts[chosen] = parts[chosen][:, [0, 2, 1]]
    days = to_days(parts)
    for separator, first_is_day in day_first.items():
        if first_is_day is None:  # one that is the same either way round is known all the same
            days[(form == separator) & (parts[:, 1] != parts[:, 2])] = np.nan
    return Read(form != "", np.where(form != "", days, np.nan), form, day_first, decided_by)


def looks_like_dates(values: list, texts: np.ndarray) -> bool:
    """Whether reading is worth the while: at least half of a few texts have a date's form."""
    sample = np.flatnonzero(texts)
    sample = sample[:: max(len(sample) // 200, 1)]
    return len(sample) > 0 and np.mean([split(values[at])[0] != "" for at in sample]) >= 0.3


def split(text: str) -> tuple[str, tuple[int, int, int]]:
    """A text's form and its numbers (year, month, day), the day taken as the first number where the year is last."""
    if len(text) > 40:
        return "", (0, 0, 0)
    if match := _ISO.fullmatch(text):
        return "iso", tuple(map(int, match.groups()))
    if match := _YEAR_LAST.fullmatch(text):
        return match[2], (int(match[4]), int(match[3]), int(match[1]))
    if match := _YEAR_FIRST.fullmatch(text):
        return "Y" + match[2], (int(match[1]), int(match[3]), int(match[4]))
    return "", (0, 0, 0)


def to_days(parts: np.ndarray) -> np.ndarray:
    """Days since 1970 of (year, month, day), shape (n, 3); NaN where the calendar has no such day."""
    year, month, day = parts.T
    valid = (year > 0) & (month >= 1) & (month <= 12) & (day >= 1)
    months = (np.where(valid, year, 1970) - 1970) * 12 + np.where(valid, month, 1) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    valid &= first + day - 1 < after
    return np.where(valid, first + day - 1.0, np.nan)


def to_iso(days: float) -> str:
    """The ISO form of a day since 1970."""
    return str(np.datetime64(int(np.floor(days)), "D"))


def in_iso(text: str, day_first: Mapping[str, bool | None]) -> str | None:
    """A date's ISO form; None if it has that already, is no date, or its order of day and month is not known.

    Args:
        text: anything.
        day_first: for each separator of a form with the year last, whether the day comes first.
    """
    form, (year, month, day) = split(text)
    if form in ("", "iso"):
        return None
    if not form.startswith("Y"):
        order = day_first.get(form)
        if order is None and month != day:
            return None
        if order is False:
            month, day = day, month
    days = to_days(np.array([[year, month, day]]))[0]
    return None if np.isnan(days) else to_iso(days)
