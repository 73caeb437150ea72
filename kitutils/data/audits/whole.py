"""What is said about a whole column: it is empty, never changes, is a name, or gives the answer away."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kitutils.data.audits.columns import Column
from kitutils.data.audits.findings import Finding, quote

UNIQUE = 0.95  # a name has at least so many distinct values a known cell
CLASSES = 20  # a target with more distinct values is a measurement
UNEVEN = 0.1  # a class with a smaller share is rare
SAMPLE = 20_000
BINS = 64
LEAK = 0.99  # of what there is to explain, explained by one column alone
STRONG = 0.9  # a warning from here on


def missing(column: Column, rows: int) -> Iterator[Finding]:
    """Cells that are empty, and words that stand for it."""
    if column.kind == "empty":
        yield Finding(
            "constant",
            column.label,
            [],
            "problem",
            "no value at all" if rows else "no rows",
            "leave the column out, or find out why it is empty",
            column.position,
        )
        return
    if column.missing.any():
        share = column.missing.mean()
        yield Finding(
            "missing",
            column.label,
            np.flatnonzero(column.missing),
            "warning",
            f"{share:.1%} of the cells are empty",
            "find out why, before you fill or drop anything" if share < 0.5 else "consider leaving the column out",
            column.position,
        )
    if column.disguised.any():
        codes = dict.fromkeys(column.codes[column.disguised].tolist())
        words = [column.values[code] for code in codes]
        yield Finding(
            "disguised",
            column.label,
            np.flatnonzero(column.disguised),
            "problem",
            f"{', '.join(map(quote, words[:6]))} stand for missing",
            "set to missing",
            column.position,
            {"action": "set missing", "parameters": {"values": words}},
        )


def shape(column: Column) -> Iterator[Finding]:
    """Columns of one value, and columns of names."""
    known = column.known
    if column.kind == "empty" or not known.any():
        return
    codes = column.codes[known] if column.codes is not None else pd.factorize(_plain(column)[known])[0]
    distinct = np.count_nonzero(np.bincount(codes[codes >= 0]))
    if distinct == 1 and len(codes) > 1:
        value = _plain(column)[known][0] if column.values is None else column.values[codes[0]]
        yield Finding(
            "constant",
            column.label,
            [],
            "note",
            f"always {quote(value)}",
            "leave it out: it tells no row from another",
            column.position,
        )
    elif distinct >= UNIQUE * len(codes) and len(codes) >= 20 and _may_be_name(column):
        yield Finding(
            "id-like",
            column.label,
            [],
            "note",
            f"{distinct:,} distinct values in {len(codes):,} known cells",
            "keep it for joining and leave it out of the features",
            column.position,
        )


def _may_be_name(column: Column) -> bool:
    """Texts, and whole numbers that hardly leave a number out; a measurement may be distinct by itself."""
    if column.kind == "number":
        known = column.numbers[column.known]
        return bool(np.equal(known, np.rint(known)).all() and np.ptp(known) < 2 * len(known))
    return column.kind == "text"


def _plain(column: Column) -> np.ndarray:
    return column.numbers if column.numbers is not None else column.series.astype(str).to_numpy(dtype=object)


def target(columns: list[Column], answer: Column) -> Iterator[Finding]:
    """What concerns the target: rare classes, missing answers, and columns that give the answer away."""
    rows = np.flatnonzero(~answer.missing & answer.known)
    if not len(rows):
        return
    codes = _classes(answer)[rows]
    counts = np.bincount(codes)
    counts = counts[counts > 0]
    if 2 <= len(counts) <= CLASSES and counts.min() < UNEVEN * counts.sum():
        yield Finding(
            "imbalance",
            answer.label,
            [],
            "note",
            f"{len(counts)} classes; the rarest has {counts.min() / counts.sum():.1%} of the rows",
            "stratify splits, and do not judge by accuracy alone",
            answer.position,
        )
    if len(rows) < 50 or len(counts) < 2:
        return
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng(0).choice(rows, SAMPLE, replace=False))
    classes = _classes(answer)[rows]
    numbers = None if len(counts) <= CLASSES or answer.numbers is None else answer.numbers[rows]
    if numbers is None and len(counts) > CLASSES:
        return
    for column in columns:
        if column is answer or column.kind in ("empty", "other"):
            continue
        skill = _skill(_bins(column, rows), classes, numbers)
        if numbers is not None and column.numbers is not None:
            skill = max(skill, _linear(column.numbers[rows], numbers, column.known[rows]))
        if skill >= STRONG:
            yield Finding(
                "leak",
                column.label,
                [],
                "problem" if skill >= LEAK else "note",
                f"this column alone explains {skill:.1%} of {answer.label!r}",
                "ask when it becomes known: it may be a consequence of the target, or the target itself",
                column.position,
            )


def _classes(answer: Column) -> np.ndarray:
    if answer.codes is not None:
        return np.maximum(answer.codes, 0)
    codes = pd.factorize(_plain(answer))[0]
    return np.maximum(codes, 0).astype(np.int64)


def _bins(column: Column, rows: np.ndarray) -> np.ndarray:
    """A column's cells sorted into at most 64 bins by size, or by value if they are texts; missing is a bin too."""
    if column.numbers is None:
        return pd.factorize(column.codes[rows])[0]
    numbers = np.where(column.known[rows], column.numbers[rows], np.nan)
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return np.zeros(len(rows), dtype=np.int64)
    distinct = np.unique(known)
    edges = distinct if len(distinct) <= BINS else np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.where(np.isfinite(numbers), np.searchsorted(edges, numbers), len(edges) + 1)


def _skill(bins: np.ndarray, classes: np.ndarray, numbers: np.ndarray | None) -> float:
    """How much of the target the bins explain on rows that were not used to learn it: 0 nothing, 1 all of it.

    Each half of the rows learns, a bin, the usual class or the mean, and is judged on the other half: by the errors
    saved over always saying the most common class, or by R².
    """
    half = np.arange(len(bins)) % 2 == 0
    wrong = usual = 0.0
    for learn, judge in ((half, ~half), (~half, half)):
        if numbers is not None:
            table = pd.Series(numbers[learn]).groupby(bins[learn]).mean()
            middle = numbers[learn].mean()
            guess = table.reindex(bins[judge]).fillna(middle).to_numpy()
            wrong += ((numbers[judge] - guess) ** 2).sum()
            usual += ((numbers[judge] - middle) ** 2).sum()
        else:
            most = np.bincount(classes[learn]).argmax()
            pairs = pd.DataFrame({"bin": bins[learn], "class": classes[learn]}).value_counts().reset_index()
            table = pairs.drop_duplicates("bin").set_index("bin")["class"]
            guess = table.reindex(bins[judge]).fillna(most).to_numpy()
            wrong += (guess != classes[judge]).sum()
            usual += (classes[judge] != most).sum()
    return float(1 - wrong / usual) if usual > 0 else 0.0


def _linear(left: np.ndarray, right: np.ndarray, known: np.ndarray) -> float:
    """The squared correlation of two columns of numbers, where both are known."""
    both = known & np.isfinite(left) & np.isfinite(right)
    if both.sum() < 50:
        return 0.0
    left, right = left[both] - left[both].mean(), right[both] - right[both].mean()
    scale = (left**2).sum() * (right**2).sum()
    return float((left * right).sum() ** 2 / scale) if np.isfinite(scale) and scale > 0 else 0.0
