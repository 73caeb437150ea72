"""The log of a cleaning: what was where before, kept so that it can be put back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

COLUMNS = ["row", "column", "position", "before", "after", "step", "reason"]


@dataclass(frozen=True, eq=False)
class KeptColumn:
    """A column as it was before a step that changed its type."""

    series: pd.Series

    def __repr__(self) -> str:
        return f"{len(self.series):,} cells of type {self.series.dtype}"


@dataclass(frozen=True, eq=False)
class KeptRow:
    """A row that was removed: one of those that went in the same step, which share ``rows`` and ``index``."""

    rows: pd.DataFrame
    index: pd.Index
    at: int

    @property
    def values(self) -> list:
        """The row's cells, in the order of the columns."""
        return [self.rows.iat[self.at, column] for column in range(self.rows.shape[1])]

    def __repr__(self) -> str:
        return f"row {self.values}"


class Log:
    """Collects the entries of a cleaning."""

    def __init__(self) -> None:
        self._parts: list[pd.DataFrame] = []

    def cells(self, at, place: int, label: Hashable, before, after, hit: np.ndarray, step: int, reason: str) -> None:
        """Notes the cells of a column that have changed, and the whole column if its type has.

        Args:
            at: for each row of the table, its position before cleaning.
            place, label: the column's.
            before, after: the column's values.
            hit: bool per row, which cells have changed.
            step, reason: of the plan.
        """
        if before.dtype != after.dtype:
            self._add([-1], label, place, [KeptColumn(before)], [after.dtype], step, reason)
        if hit.any():
            self._add(at[hit], label, place, _objects(before[hit]), _objects(after[hit]), step, reason)

    def rows(self, at: np.ndarray, removed: pd.DataFrame, index: pd.Index, step: int, reason: str) -> None:
        """Notes rows that are removed; ``index`` is that of the table before."""
        kept = [KeptRow(removed, index, number) for number in range(len(removed))]
        if kept:
            self._add(at, None, -1, kept, [None] * len(kept), step, reason)

    def frame(self) -> pd.DataFrame:
        """All entries in the order in which they were made."""
        if not self._parts:
            return pd.DataFrame({name: pd.Series(dtype=_DTYPES.get(name, object)) for name in COLUMNS})
        return pd.concat(self._parts, ignore_index=True)

    def _add(self, rows, label, place, before, after, step, reason) -> None:
        size = len(rows)
        part = {"row": rows, "column": _filled(label, size), "position": place}
        part |= {"before": _filled(None, size, before), "after": _filled(None, size, after), "step": step}
        frame = pd.DataFrame(part, columns=COLUMNS, index=range(size))
        self._parts.append(frame.assign(reason=_filled(reason, size)).astype(_DTYPES))


_DTYPES = {name: np.int64 for name in ("row", "position", "step")}


def undo(frame: pd.DataFrame, log: pd.DataFrame) -> pd.DataFrame:
    """The table as it was before cleaning: values, dtypes, order of rows and index.

    Args:
        frame: the cleaned table, ``Cleaned.frame``. Cells that the log does not speak of may have changed since.
        log: ``Cleaned.log``, whole.

    Raises:
        ValueError: the log does not belong to this table.
    """
    gone = log.loc[log["position"] < 0, "row"].to_numpy(dtype=np.int64)
    rows = len(frame) + len(gone)
    if len(log) and log["row"].max() >= rows:
        raise ValueError(
            f"the log speaks of row {log['row'].max():,}, and before cleaning this table had {rows:,} rows: "
            "they do not belong together"
        )
    frame, at = frame.copy(), np.setdiff1d(np.arange(rows), gone)
    for step in sorted(log["step"].unique(), reverse=True):
        entries = log[log["step"] == step]
        if (entries["position"] < 0).all():
            frame, at = _put_back(frame, at, entries)
        else:
            place = int(entries["position"].iloc[0])
            frame = replaced(frame, place, _column_before(frame.iloc[:, place], at, entries))
    return frame


def replaced(frame: pd.DataFrame, place: int, column: pd.Series) -> pd.DataFrame:
    """The frame with another column in this place; labels may repeat."""
    frame = frame.copy(deep=False)
    frame.isetitem(place, column.set_axis(frame.index))  # a bare array of texts would change its type
    return frame


def _put_back(frame: pd.DataFrame, at: np.ndarray, entries: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Removed rows, put back where they stood."""
    kept: KeptRow = entries["before"].iloc[0]
    both = np.concatenate([at, entries["row"].to_numpy(dtype=np.int64)])
    order = np.argsort(both, kind="stable")
    columns = [
        pd.concat([frame.iloc[:, n].reset_index(drop=True), kept.rows.iloc[:, n].reset_index(drop=True)])
        for n in range(frame.shape[1])
    ]
    whole = pd.concat([column.iloc[order].reset_index(drop=True) for column in columns], axis=1)
    whole.columns, whole.index = frame.columns, kept.index
    return whole, both[order]


def _column_before(column: pd.Series, at: np.ndarray, entries: pd.DataFrame) -> pd.Series:
    whole = entries[entries["row"] < 0]
    if len(whole):
        return whole["before"].iloc[0].series
    before = column.copy()
    values, places = entries["before"], np.searchsorted(at, entries["row"].to_numpy(dtype=np.int64))
    if column.dtype == object:
        cells = column.to_numpy(dtype=object, copy=True)
        cells[places] = values.to_numpy()
        return pd.Series(cells, index=column.index, name=column.name, dtype=object)
    before.iloc[places] = pd.array(values.tolist(), dtype=column.dtype)
    return before


def _objects(series: pd.Series) -> list:
    return series.astype(object).tolist()


def _filled(value, size: int, values=None) -> pd.Series:
    """A column of objects, one value throughout or these; tuples and lists stay what they are."""
    array = np.empty(size, dtype=object)
    for at in range(size):
        array[at] = value if values is None else values[at]
    return pd.Series(array, dtype=object)
