"""Rows that stand in the table twice, exactly or nearly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kitutils.data.audits.columns import Column
from kitutils.data.audits.findings import Finding

CHANCE = 1e-3  # so many pairs of equal rows may be coincidence
UNIQUE = 0.9  # a key has at least so many distinct values a row
NEAR_CELLS = 60_000_000  # beyond so many cells, near-duplicates are looked for by key only


def check(columns: list[Column], rows: int, key: Column | None) -> Iterator[Finding]:
    """Findings about duplicates. ``key`` is the column that names a row, if there is one."""
    if rows < 2 or not columns:
        return
    sums, hashes, alike = _hash(columns, rows)
    pairs = np.log(rows * (rows - 1) / 2)
    again = pd.Series(sums).duplicated().to_numpy()
    if again.any():
        chance = np.exp(min(pairs + alike.sum(), 50.0))
        sure = chance < CHANCE or key is not None
        yield Finding(
            "duplicate",
            None,
            np.flatnonzero(again),
            "problem" if sure else "note",
            "equal in every column to a row above" + ("" if sure else f"; about {chance:.2g} such pairs are chance"),
            "drop them" if sure else "keep them unless you know better",
            fix={"action": "drop duplicates", "parameters": {"key": None}} if sure else None,
        )
    near = np.zeros(rows, dtype=bool)
    fix = None
    if key is not None:
        codes = _codes(key)
        near = pd.Series(codes).duplicated().to_numpy() & (codes >= 0) & ~again
        fix = {"action": "drop duplicates", "parameters": {"key": key.label}}
        evidence = f"the key {key.label!r} of a row above"
    elif len(columns) > 2 and rows * len(columns) <= NEAR_CELLS:
        for column, own in zip(columns, alike, strict=True):
            if pairs + alike.sum() - own < np.log(CHANCE):
                near |= pd.Series(sums - hashes(column)).duplicated().to_numpy()
        near &= ~again
        evidence = "equal to a row above in all columns but one"
    if near.any():
        yield Finding(
            "near-duplicate",
            None,
            np.flatnonzero(near),
            "warning",
            evidence,
            "compare the two and keep one",
            fix=fix,
        )


def find_key(columns: list[Column], rows: int) -> Column | None:
    """The column whose values name the rows: nearly all distinct, and texts or whole numbers; the first of several."""
    for column in columns:
        if column.kind not in ("text", "number") or column.missing.any() or column.label is None or rows < 20:
            continue
        if column.kind == "number":
            with np.errstate(invalid="ignore"):
                whole = np.isfinite(column.numbers).all() and np.equal(column.numbers, np.rint(column.numbers)).all()
            if not whole:
                continue
        codes = _codes(column)
        distinct = codes.max() + 1
        if distinct < UNIQUE * rows or (column.kind == "number" and not _is_counter(column, distinct)):
            continue
        if column.kind == "text" and len(column.values) and _is_prose(column.values):
            continue
        return column
    return None


def _is_counter(column: Column, distinct: int) -> bool:
    """Whether whole numbers number the rows (1, 2, 3, …, with few gaps) rather than measure something."""
    width = column.numbers.max() - column.numbers.min() + 1
    return distinct >= 0.9 * width


def _is_prose(values: list) -> bool:
    sample = values[:: max(len(values) // 200, 1)]
    return float(np.mean([isinstance(v, str) and (len(v) > 40 or v.count(" ") > 1) for v in sample])) > 0.5


def _codes(column: Column) -> np.ndarray:
    if column.codes is not None:
        return column.codes
    return pd.factorize(column.numbers)[0] if column.numbers is not None else pd.factorize(column.series)[0]


def _hash(columns: list[Column], rows: int):
    """The sum of the cells' hashes for each row; the function that gives one column's; how alike rows are by chance.

    Sums of 64-bit hashes can be taken apart: a row's sum without one column is its sum minus that column's hash. The
    third is, for each column, the logarithm of the share of all pairs of rows that agree in it.
    """

    def hashes(column: Column) -> np.ndarray:
        seed = np.uint64((column.position * 0x9E3779B97F4A7C15 + 1) % 2**64)
        codes = column.codes if column.codes is not None else _bits(column)
        with np.errstate(over="ignore"):
            return pd.util.hash_array(codes.view(np.uint64) ^ seed)

    sums = np.zeros(rows, dtype=np.uint64)
    alike = np.zeros(len(columns))
    for at, column in enumerate(columns):
        own = hashes(column)
        with np.errstate(over="ignore"):
            sums += own
        counts = pd.Series(own).value_counts(sort=False).to_numpy().astype(float)
        share = (counts * (counts - 1)).sum() / (rows * (rows - 1))
        alike[at] = np.log(max(share, 1 / rows**2))
    return sums, hashes, alike


def _bits(column: Column) -> np.ndarray:
    if column.numbers is not None and column.kind in ("number", "bool"):
        numbers = np.where(column.missing, np.nan, column.numbers) + 0.0  # one NaN, one zero
        return numbers.view(np.int64)
    return pd.factorize(column.series)[0].astype(np.int64)
