"""The actions of a cleaning plan: each takes a column and parameters, and says which cells it changes and to what."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from kitutils.data.audits import dates, written
from kitutils.data.audits.columns import factorize, is_number_type, look, read_numbers, spread
from kitutils.data.audits.relations import agreed
from kitutils.data.plans import PlanError

Changed = tuple[pd.Series, np.ndarray]  # the new column, and bool per row: whether the cell has another value now
EXACT = 2**53  # larger whole numbers lose digits as float64


def set_missing(column: pd.Series, parameters: Mapping[str, Any], groups: pd.Series | None = None) -> Changed:
    """Certain values, and values beyond limits, become missing."""
    hit = np.zeros(len(column), dtype=bool)
    if values := list(parameters.get("values") or ()):
        codes, distinct = factorize(column)
        numbers = {float(v) for v in values if is_number_type(type(v))}
        texts = {v for v in values if isinstance(v, str)}
        days = {day for v in texts if (day := _day(v)) is not None}
        same = [
            (is_number_type(type(v)) and v in numbers) or (isinstance(v, str) and v in texts) or _day(v) in days
            for v in distinct
        ]
        hit |= spread(np.array(same, dtype=bool), codes)
    for side, limit in parameters.items():
        if side != "values" and limit is not None:
            sizes, limit = _sizes(column, limit)
            with np.errstate(invalid="ignore"):
                hit |= sizes < limit if side == "below" else sizes > limit
    hit &= column.notna().to_numpy()
    return (_with_holes(column, hit) if hit.any() else column), hit


def replace(column: pd.Series, parameters: Mapping[str, Any], groups: pd.Series | None = None) -> Changed:
    """Certain values become others."""
    codes, distinct = factorize(column)
    meant = parameters["values"]
    known = np.array([isinstance(v, str | int | float) and v in meant and meant[v] != v for v in distinct], dtype=bool)
    hit = spread(known, codes)
    after = column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) else column.copy()
    for code in np.flatnonzero(known):
        after[codes == code] = meant[distinct[code]]
    return (after if hit.any() else column), hit


def to_iso_date(column: pd.Series, parameters: Mapping[str, Any], groups: pd.Series | None = None) -> Changed:
    """Dates that are texts get the form 2025-03-31."""
    codes, distinct = factorize(column)
    written = [dates.in_iso(v, parameters.get("day first") or {}) if isinstance(v, str) else None for v in distinct]
    hit = spread(np.array([w is not None for w in written], dtype=bool), codes)
    if not hit.any():
        return column, hit
    after = column.copy()
    after[hit] = np.array(written, dtype=object)[codes[hit]]
    return after, hit


def to_number(column: pd.Series, parameters: Mapping[str, Any], groups: pd.Series | None = None) -> Changed:
    """Texts of numbers become numbers; what cannot be read becomes missing."""
    nothing = np.zeros(len(column), dtype=bool)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column, nothing
    if parameters.get("decimal", ".") not in (".", ","):
        raise PlanError(f"a decimal mark is a point or a comma, got {parameters['decimal']!r}")
    codes, distinct = factorize(column)
    read = written.read(distinct, **parameters) if parameters else read_numbers(distinct)
    numbers = spread(read, codes, np.nan)
    after = pd.Series(numbers, index=column.index, name=column.name)
    if (
        len(numbers)
        and np.isfinite(numbers).all()
        and (numbers == np.rint(numbers)).all()
        and abs(numbers).max() < EXACT
    ):
        after = after.astype(np.int64)
    return after, np.isnan(numbers) & column.notna().to_numpy()


def divide(column: pd.Series, parameters: Mapping[str, Any], groups: pd.Series | None = None) -> Changed:
    """Values between two limits are divided by a factor."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise PlanError(f"divide needs numbers, {column.name!r} holds {column.dtype}; put 'to number' before it")
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    low, high = sorted((parameters["from"], parameters["to"]))
    with np.errstate(invalid="ignore"):
        hit = (numbers >= low) & (numbers <= high)
    if not hit.any():
        return column, hit
    after = column.astype(np.float64) if pd.api.types.is_integer_dtype(column.dtype) else column.copy()
    after[hit] = _rounded(numbers[hit] / parameters["by"])
    return after, hit


def look_up(column: pd.Series, parameters: Mapping[str, Any], groups: pd.Series | None = None) -> Changed:
    """A cell gets the value that the other rows of its group agree on."""
    named, _ = factorize(groups)
    values, distinct = factorize(column)
    usual, _ = agreed(named, values, values >= 0, parameters.get("majority", 2 / 3), parameters.get("rows", 3))
    hit = (usual >= 0) & (usual != values)
    if not hit.any():
        return column, hit
    first = np.zeros(len(distinct), dtype=np.int64)
    known = np.flatnonzero(values >= 0)[::-1]
    first[values[known]] = known  # where each value stands first
    after = column.copy()
    after.iloc[np.flatnonzero(hit)] = column.iloc[first[usual[hit]]].array
    return after, hit


def fill(column: pd.Series, parameters: Mapping[str, Any], groups: pd.Series | None = None) -> Changed:
    """Missing cells get a value."""
    hit = column.isna().to_numpy()
    if not hit.any():
        return column, hit
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pandas 3 only warns of a text among numbers
            return column.fillna(parameters["value"]), hit
    except (TypeError, ValueError, Warning) as error:
        raise PlanError(
            f"{parameters['value']!r} does not fit into {column.name!r}, which holds {column.dtype}: {error}"
        ) from error


def rows_to_drop(frame: pd.DataFrame, key: int | None) -> np.ndarray:
    """Bool per row: a row with the same key, or equal in every column, stands above. A missing key is none.

    Args:
        frame: the table.
        key: position of the key's column; None for all columns.
    """
    if key is not None:
        codes, _ = factorize(frame.iloc[:, key])
        return pd.Series(codes).duplicated().to_numpy() & (codes >= 0)
    codes = pd.DataFrame({at: factorize(frame.iloc[:, at])[0] for at in range(frame.shape[1])})
    return codes.duplicated().to_numpy() if frame.shape[1] else np.zeros(len(frame), dtype=bool)


CELLS: Mapping[str, Callable[[pd.Series, Mapping[str, Any], pd.Series | None], Changed]] = {
    "set missing": set_missing,
    "replace": replace,
    "to iso date": to_iso_date,
    "to number": to_number,
    "divide": divide,
    "look up": look_up,
    "fill": fill,
}


def _with_holes(column: pd.Series, hit: np.ndarray) -> pd.Series:
    """A column with some cells missing; of whole numbers only if they are too large for a float64."""
    whole = pd.api.types.is_integer_dtype(column.dtype) and not pd.api.types.is_extension_array_dtype(column.dtype)
    if whole and (abs(column.astype(np.float64)) > EXACT).any():
        column = column.astype("UInt64" if column.dtype.kind == "u" else "Int64")
    return column.mask(hit)


def _sizes(column: pd.Series, limit) -> tuple[np.ndarray, float]:
    """Each cell as a number or a day, NaN where it is neither, and the limit in the same measure."""
    if isinstance(limit, str):
        day = _day(limit)
        if day is None:
            raise PlanError(f"a limit is a number or an ISO date such as 2025-03-31, got {limit!r}")
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            return look(column, 0, None).numbers, day
        codes, distinct = factorize(column)
        days = [np.nan if (d := _day(v)) is None else d for v in distinct]
        return spread(np.array(days, dtype=float), codes, np.nan), day
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), float(limit)
    codes, distinct = factorize(column)
    return spread(read_numbers(distinct), codes, np.nan), float(limit)


def _day(value) -> float | None:
    """The day since 1970 of an ISO text or a time stamp; None for anything else."""
    if isinstance(value, pd.Timestamp):
        return float(np.datetime64(value.date(), "D").astype(int))
    if not isinstance(value, str) or dates.split(value)[0] != "iso":
        return None
    day = dates.to_days(np.array([dates.split(value)[1]]))[0]
    return None if np.isnan(day) else float(day)


def _rounded(numbers: np.ndarray) -> np.ndarray:
    """Without the last digits, which the multiplication that is taken back has made up."""
    return np.array([float(f"{number:.15g}") for number in numbers])
