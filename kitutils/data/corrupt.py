"""Spoil a clean table in known ways, and keep the truth, so that cleaning can be scored.

The kinds and their rates are those of everyday exports. They were fixed before any cleaning was written; see
``kitutils.data.audit`` and ``kitutils.data.clean``, which know nothing of this module.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

# Of the cells of the columns that a kind can befall, and of the rows.
CELL_RATES: Mapping[str, float] = {
    "missing": 0.02,
    "disguised": 0.02,
    "unit": 0.02,
    "date form": 0.02,
    "typo": 0.02,
    "range": 0.02,
}
ROW_RATES: Mapping[str, float] = {"exact": 0.02, "near": 0.01}

UNIT_SLIP = 1000
NUMBER_DISGUISES = (-999, 9999, "?", "N/A", "")
TEXT_DISGUISES = ("?", "N/A", "unknown", "-", "")
DATE_DISGUISES = ("?", "N/A", "0000-00-00", "1900-01-01", "")
FEW = 50  # a text column with more distinct values is no category, so that a typo in it has no right answer


@dataclass(frozen=True, eq=False)
class Truth:
    """What was done to a table.

    Attributes:
        clean: for each row of the spoiled table, in its order and with its index, the row as it should be; a duplicate
            has the values of the row that it repeats.
        cells: one row a spoiled cell: ``row`` (index in the spoiled table), ``column``, ``kind`` (a key of
            ``CELL_RATES``), ``before``, ``after``. A duplicate of a spoiled row is spoiled as well, and listed.
        duplicates: one row a duplicate: ``row``, ``of`` (the row that it repeats), ``kind`` ("exact" or "near").
    """

    clean: pd.DataFrame
    cells: pd.DataFrame
    duplicates: pd.DataFrame


def corrupt(
    frame: pd.DataFrame,
    seed: int,
    keep: Iterable[str] = (),
    cell_rates: Mapping[str, float] = CELL_RATES,
    row_rates: Mapping[str, float] = ROW_RATES,
) -> tuple[pd.DataFrame, Truth]:
    """A spoiled copy of a clean table, and the truth about it.

    No cell is spoiled twice. Rows are spoiled first and duplicated then; a near-duplicate differs from its row in one
    small detail (a date by a day, a number by a hundredth, a text in its case). Each duplicate stands somewhere
    below the row that it repeats.

    ========= ======================================== ============================================================
    kind      befalls                                  what happens
    ========= ======================================== ============================================================
    missing   every column                             the cell is empty (NaN)
    disguised every column                             a word or a number that stands for "missing"
    unit      float columns                            the value times 1000, as grams for kilograms
    date form text columns of ISO dates                2025-03-31 is written 31/03/2025
    typo      text columns of at most 50 values        letters swapped, dropped or doubled, or another case
    range     numbers and dates                        a value beyond the column's own range
    ========= ======================================== ============================================================

    Args:
        frame: numbers without missing values, and texts; ISO dates are texts.
        seed: the same seed spoils the same cells.
        keep: columns that stay as they are in every row: keys and the target.

    Returns:
        The spoiled table, rows numbered from 0, a column of numbers that holds a word being text now, as pandas would
        read it from a file; and the truth.

    Raises:
        ValueError: ``keep`` names a column that is not there, or a cell of the table is missing already.
    """
    keep = set(keep)
    if unknown := keep - set(frame.columns):
        raise ValueError(f"keep names {sorted(unknown)}, the table has {list(frame.columns)}")
    if frame.isna().any(axis=None):
        holes = frame.columns[frame.isna().any()].tolist()
        raise ValueError(f"only a clean table can be spoiled with its truth known; {holes} have missing values")
    rng = np.random.default_rng(seed)
    frame = frame.reset_index(drop=True)
    spoiled, cells = {}, []
    for column in frame.columns:
        spoiled[column] = frame[column].astype(object)
        if column not in keep:
            cells += _spoil(spoiled[column], frame[column], cell_rates, rng)
    return _duplicate(pd.DataFrame(spoiled), frame, cells, keep, row_rates, rng)


def _spoil(cells: pd.Series, clean: pd.Series, rates: Mapping[str, float], rng: np.random.Generator) -> list[tuple]:
    """Spoils a column in place; returns (row, column, kind, before, after) for each spoiled cell."""
    makers = _makers(clean, rng)
    order = rng.permutation(len(clean))
    done, taken = [], 0
    for kind, maker in makers.items():
        rows = order[taken : taken + round(rates[kind] * len(clean))]
        taken += len(rows)
        for row in rows:
            before = clean.iat[row]
            after = maker(before)
            if after == before:  # 0 kg is 0 g
                continue
            cells.iat[row] = after
            done.append((row, clean.name, kind, before, after))
    return done


def _makers(clean: pd.Series, rng: np.random.Generator) -> dict:
    """The kinds that can befall a column, and for each what turns a clean value into a spoiled one."""
    makers = {"missing": lambda value: np.nan}
    if pd.api.types.is_numeric_dtype(clean):
        low, high = float(clean.min()), float(clean.max())
        makers["disguised"] = lambda value: _other(NUMBER_DISGUISES, value, rng)
        if pd.api.types.is_float_dtype(clean):
            makers["unit"] = lambda value: value * UNIT_SLIP
        if high > low:
            makers["range"] = lambda value: _beyond(low, high, pd.api.types.is_integer_dtype(clean), rng)
    elif _are_dates(clean):
        makers["disguised"] = lambda value: _other(DATE_DISGUISES, value, rng)
        makers["date form"] = lambda value: f"{value[8:]}/{value[5:7]}/{value[:4]}"
        makers["range"] = lambda value: rng.choice(["1899", "2099", "2105"]) + value[4:8] + "15"
    else:
        makers["disguised"] = lambda value: _other(TEXT_DISGUISES, value, rng)
        known = set(clean)
        if len(known) <= FEW:
            makers["typo"] = lambda value: _typo(value, known, rng)
    return makers


def _are_dates(clean: pd.Series) -> bool:
    return bool(clean.map(str).str.fullmatch(r"\d{4}-\d{2}-\d{2}").all()) and len(clean) > 0


def _other(choices: tuple, value, rng: np.random.Generator):
    return [choice for choice in choices if choice != value][rng.integers(len(choices) - (value in choices))]


def _beyond(low: float, high: float, whole: bool, rng: np.random.Generator) -> float | int:
    distance = rng.uniform(0.2, 2) * (high - low)
    if rng.random() < 0.5:
        return math.floor(low - distance) if whole else round(low - distance, 4)
    return math.ceil(high + distance) if whole else round(high + distance, 4)


def _typo(value: str, known: set[str], rng: np.random.Generator) -> str:
    """A slip of the keyboard that is none of the column's own values."""
    while True:
        at = int(rng.integers(max(len(value) - 1, 1)))
        slip = rng.integers(5)
        if slip == 0 and len(value) > 3:
            wrong = value[:at] + value[at + 1 : at + 2] + value[at] + value[at + 2 :]
        elif slip == 1 and len(value) > 3:
            wrong = value[:at] + value[at + 1 :]
        elif slip == 2 and len(value) > 3:
            wrong = value[: at + 1] + value[at:]
        elif slip == 3:
            wrong = value.upper() if value != value.upper() else value.lower()
        else:
            wrong = value + " " if rng.random() < 0.5 else " " + value
        if wrong not in known:
            return wrong


def _duplicate(
    spoiled: pd.DataFrame, clean: pd.DataFrame, cells: list[tuple], keep: set[str], rates: Mapping[str, float], rng
) -> tuple[pd.DataFrame, Truth]:
    """Repeats rows further down and numbers the rows anew."""
    rows = len(spoiled)
    sizes = [round(rates[kind] * rows) for kind in ("exact", "near")]
    sources = rng.permutation(rows)[: sum(sizes)]
    kinds = np.repeat(["exact", "near"], sizes)
    # Where a copy goes: after a row at or below its own.
    places = np.array([rng.integers(source, rows) for source in sources], dtype=float) + 0.5
    order = np.argsort(np.concatenate([np.arange(rows), places]), kind="stable")
    origin = np.concatenate([np.arange(rows), sources])[order]
    copied = np.concatenate([np.full(rows, ""), kinds])[order]

    dirty = spoiled.iloc[origin].reset_index(drop=True)
    new_row = np.empty(rows, dtype=int)
    new_row[origin[copied == ""]] = np.flatnonzero(copied == "")
    table = pd.DataFrame(cells, columns=["row", "column", "kind", "before", "after"])
    everywhere = pd.DataFrame({"row": origin, "new": np.arange(len(origin))})
    table = table.merge(everywhere, on="row").assign(row=lambda t: t.pop("new")).sort_values(["row", "column"])
    wrong = set(zip(table["row"], table["column"], strict=True))
    for row in np.flatnonzero(copied == "near"):
        _alter(dirty, row, [c for c in dirty.columns if c not in keep and (row, c) not in wrong], rng)
    duplicates = pd.DataFrame(
        {"row": np.flatnonzero(copied != ""), "of": new_row[origin[copied != ""]], "kind": copied[copied != ""]}
    )
    return dirty.apply(_as_read), Truth(
        clean.iloc[origin].reset_index(drop=True), table.reset_index(drop=True), duplicates
    )


def _alter(dirty: pd.DataFrame, row: int, columns: list[str], rng: np.random.Generator) -> None:
    """Changes one good cell of a row a little."""
    if not columns:
        return
    column = columns[rng.integers(len(columns))]
    value = dirty.at[row, column]
    if not isinstance(value, str):
        value = round(value * 1.01, 4) if isinstance(value, float) and value else value + 1
    elif _are_dates(pd.Series([value])):
        value = str(np.datetime64(value) + 1)
    else:
        value = value.upper() if value != value.upper() else value + " "
    dirty.at[row, column] = value


def _as_read(column: pd.Series) -> pd.Series:
    """A column as pandas would read it from a file: numbers if it holds nothing else, otherwise texts."""
    words = column.map(lambda value: isinstance(value, str))
    if words.any():
        return column.map(str, na_action="ignore").astype("str")
    return column.astype(float) if column.isna().any() else column.infer_objects()
