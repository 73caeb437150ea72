"""Score an audit and a cleaning against the truth about a table that was spoiled on purpose.

What counts, fixed before anything was measured:

* Rows that the truth lists as duplicates are judged as rows. Their cells are not scored, neither for nor against.
* A spoiled cell is *found* if it is suspected of anything; whether the kind is right is told apart. A cell that is
  suspected and is not spoiled is a false alarm, of the kind that it was suspected of.
* "missing" cells are found by anybody, so every total is given with them and without.
* A repair is *restored* if the value from before is back: numbers within 1 %, dates the same day, texts equal. Cells
  whose information is gone ("disguised", "range") are repaired as well if they are missing now: *made missing*. Both
  are counted, and told apart. A "missing" cell that stays missing is neither right nor wrong and is left out; one that
  is filled with another value than the true one is wrong.
* A clean cell is *altered* if its value is another one than before cleaning. Rows that cleaning removed are judged as
  rows.

Lessons: 12.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import pandas as pd

from kitutils.data.audits.columns import factorize, look
from kitutils.data.corrupt import Truth

GONE = frozenset({"disguised", "range"})
CLOSE = 0.01


def score_cells(found: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """Precision, recall and F1 of suspected cells, for each kind and in all.

    Args:
        found: one row a suspected cell, ``row`` (position), ``column`` and, if it is known, ``kind``; such as
            ``audit(frame).cells()``.
        truth: from :func:`kitutils.data.corrupt.corrupt`.

    Returns:
        One row a kind of the truth, then "all" and "all but missing", with ``spoiled`` (cells), ``found`` (of them),
        ``right_kind`` (of them), ``false_alarms``, ``precision``, ``recall``, ``f1``. For one kind, the false alarms
        are those of this kind. Nothing to find and nothing found is 1.0 throughout.

    Raises:
        ValueError: ``found`` has no columns ``row`` and ``column``.
    """
    if not {"row", "column"} <= set(found.columns):
        raise ValueError(f"suspected cells have columns row and column (and kind), got {list(found.columns)}")
    suspected = _cells(found, truth)
    spoiled = _cells(truth.cells, truth)
    kinds: dict[tuple, set] = {}
    for cell, kind in suspected:
        kinds.setdefault(cell, set()).add(kind)
    rows = []
    for kind in [*dict.fromkeys(truth.cells["kind"]), "all", "all but missing"]:
        counts = {"all": lambda k: True, "all but missing": lambda k: k != "missing"}.get(
            kind, lambda k, a=kind: k == a
        )
        cells = {cell: k for cell, k in spoiled if counts(k)}
        hit = [cell for cell in cells if cell in kinds]
        everything = {cell for cell, _ in spoiled}
        alarms = sum(cell not in everything and any(map(counts, k)) for cell, k in kinds.items())
        right = sum(cells[cell] in kinds[cell] for cell in hit)
        rows.append((kind, len(cells), len(hit), right, alarms, *rates(len(hit), alarms, len(cells))))
    columns = ["kind", "spoiled", "found", "right_kind", "false_alarms", "precision", "recall", "f1"]
    return pd.DataFrame(rows, columns=columns).set_index("kind")


def rates(hits: int, alarms: int, total: int) -> tuple[float, float, float]:
    """Precision, recall and F1; 1.0 where there was nothing to find, or nothing was suspected."""
    precision = hits / (hits + alarms) if hits + alarms else 1.0
    recall = hits / total if total else 1.0
    return precision, recall, 2 * hits / (hits + alarms + total) if alarms + total else 1.0


def score_rows(found: Iterable[int], truth: Truth) -> pd.DataFrame:
    """Precision, recall and F1 of rows that are taken for duplicates.

    Args:
        found: positions of the rows, such as ``audit(frame).rows_of("duplicate")``.
        truth: from :func:`kitutils.data.corrupt.corrupt`.

    Returns:
        One row, "duplicates", with ``spoiled``, ``found``, ``false_alarms``, ``precision``, ``recall``, ``f1``; and one
        for each kind of duplicate, "exact" and "near", with those that it has.
    """
    found = {int(row) for row in found}
    real = truth.duplicates
    hits = found & set(real["row"])
    alarms = len(found - hits)
    rows = [("duplicates", len(real), len(hits), alarms, *rates(len(hits), alarms, len(real)))]
    for kind, group in real.groupby("kind"):
        hit = len(found & set(group["row"]))
        rows.append((kind, len(group), hit, np.nan, np.nan, hit / len(group), np.nan))
    columns = ["kind", "spoiled", "found", "false_alarms", "precision", "recall", "f1"]
    return pd.DataFrame(rows, columns=columns).set_index("kind")


def score_repairs(cleaned: pd.DataFrame, truth: Truth, dirty: pd.DataFrame) -> pd.DataFrame:
    """How many spoiled cells a cleaning has put right, and how many clean cells it has altered.

    Args:
        cleaned: the table after cleaning. Its index tells which rows of ``dirty`` have stayed.
        truth: from :func:`kitutils.data.corrupt.corrupt`.
        dirty: the table before cleaning, with rows numbered from 0, as the corruptor makes it.

    Returns:
        One row a kind, then "all": ``spoiled`` (cells that can be right or wrong), ``restored``, ``made_missing``,
        ``right`` (both), ``share_right``; for "all" also ``clean`` (cells), ``altered``, ``share_altered``.

    Raises:
        ValueError: a row of ``cleaned`` is none of ``dirty``, or a column is missing.
    """
    if not cleaned.index.isin(dirty.index).all() or not cleaned.index.is_unique or not dirty.index.is_unique:
        raise ValueError("the index of the cleaned table must tell which rows of the dirty one are left; keep it")
    if lost := [column for column in truth.clean.columns if column not in cleaned.columns]:
        raise ValueError(f"the cleaned table lacks the columns {lost}")
    rows = cleaned.index.difference(truth.duplicates["row"])
    kinds = truth.cells[truth.cells["row"].isin(rows)]
    parts, clean, altered = [], 0, 0
    for column in truth.clean.columns:
        now, true, was = (frame[column].reindex(rows) for frame in (cleaned, truth.clean, dirty))
        kind = kinds[kinds["column"] == column].set_index("row")["kind"].reindex(rows).to_numpy(dtype=object)
        spoiled = pd.notna(kind)
        clean += int((~spoiled).sum())
        altered += int((~spoiled & ~same(now, was, 0.0)).sum())
        gone = now.isna().to_numpy()
        part = {"kind": kind, "restored": same(now, true, CLOSE) & ~gone, "made_missing": gone & np.isin(kind, [*GONE])}
        part = pd.DataFrame(part)[spoiled]
        parts.append(part[~((part["kind"] == "missing") & gone[spoiled])])
    every = pd.concat(parts, ignore_index=True)
    table = every.groupby("kind", sort=False)[["restored", "made_missing"]].sum()
    table.insert(0, "spoiled", every["kind"].value_counts().reindex(table.index))
    table.loc["all"] = table.sum()
    table["right"] = table["restored"] + table["made_missing"]
    table["share_right"] = table["right"] / table["spoiled"].where(table["spoiled"] > 0, 1)
    table.loc["all", ["clean", "altered"]] = clean, altered
    return table.assign(share_altered=table["altered"] / table["clean"].where(table["clean"] > 0, 1))


def same(left: pd.Series, right: pd.Series, tolerance: float) -> np.ndarray:
    """Bool per row: equal texts, the same day, or numbers within this share of the right one; missing equals missing.

    A number and its text are equal, since a table that is read from a file does not tell them apart.
    """
    both = pd.concat([left.astype(object), right.astype(object)], ignore_index=True)
    codes, _ = factorize(both)
    equal = codes[: len(left)] == codes[len(left) :]
    seen = [look(series.astype(object), 0, None) for series in (left, right)]
    if all(column.numbers is not None for column in seen) and seen[0].kind == seen[1].kind:
        a, b = (column.numbers for column in seen)
        reach = tolerance * np.abs(b) if seen[0].kind == "number" else np.zeros(len(b))
        with np.errstate(invalid="ignore"):
            equal |= np.abs(a - b) <= reach + 1e-9 * np.abs(b)
    return equal


def _cells(table: pd.DataFrame, truth: Truth) -> list[tuple[tuple[int, Hashable], str | None]]:
    """((row, column), kind) of each cell, those of duplicated rows left out."""
    table = table[~table["row"].isin(truth.duplicates["row"])]
    kinds = table["kind"] if "kind" in table else [None] * len(table)
    return list(zip(zip(table["row"], table["column"], strict=True), kinds, strict=True))
