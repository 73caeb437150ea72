"""Which rows to learn from, which to choose by, which to judge by: at random, by class, by group, by time.

Pure functions, on top of scikit-learn's splitters where it has one. They take the number of rows (or the table) and
return positions, ``int64``, in ascending order, for ``frame.iloc`` and for NumPy alike. Test rows that stay test rows
when the table grows are chosen in ``kitutils.data.locked``.

Lessons: 14.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

ORDERS = 200  # of the groups, tried for the one in which the classes keep their shares best


class Split(NamedTuple):
    """Positions of the rows of each part, each of shape (rows of the part,), int64, ascending. Disjoint."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


class Fold(NamedTuple):
    """One fold: positions to learn from and positions to judge by, int64, ascending. Disjoint."""

    train: np.ndarray
    test: np.ndarray


def three_way(
    rows: int | Sized,
    shares: tuple[float, float, float] = (0.7, 0.15, 0.15),
    *,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
    seed: int = 0,
) -> Split:
    """Divide rows into training, validation and test rows; every row is in exactly one part.

    ============================ =====================================================================================
    given                        the parts
    ============================ =====================================================================================
    nothing                      at random; sizes are the shares, rounded
    ``stratify``                 at random, and each class keeps its share in each part, to a row or two
    ``groups``                   whole groups only; sizes as near to the shares as the groups allow
    ``stratify`` and ``groups``  whole groups only; sizes and classes as near as the groups allow
    ``time``                     the earliest rows train, the latest test; rows of the same time stay together
    ============================ =====================================================================================

    Args:
        rows: the number of rows, or anything that has it as its length.
        shares: of training, validation and test; not negative, sum 1. A share of 0 gives an empty part.
        stratify: a class per row, shape (rows,).
        groups: a key per row, shape (rows,), such as the customer: no key will be in two parts.
        time: a moment per row, shape (rows,), of any type that can be sorted.
        seed: the same seed gives the same parts; another seed others, except by time.

    Raises:
        ValueError: the shares are no shares; a part that should have rows can have none; something is missing in
            ``stratify``, ``groups`` or ``time``, or its length is not that of the rows; a class has too few rows for
            the parts; ``time`` is combined with another.
    """
    n = _count(rows)
    shares = _shares(shares)
    _one_kind(stratify, groups, time)
    if time is not None:
        return Split(*_by_time(_column(time, "time", n), shares))
    if groups is not None:
        classes = np.zeros(n, dtype=int) if stratify is None else _codes(stratify, "stratify", n)
        return Split(*_by_group(_codes(groups, "groups", n), classes, shares, seed))
    return Split(*_at_random(n, shares, None if stratify is None else _column(stratify, "stratify", n), seed))


def folds(
    rows: int | Sized,
    k: int = 5,
    *,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
    seed: int = 0,
) -> list[Fold]:
    """``k`` ways to learn from most rows and judge by the rest, of the same kinds as :func:`three_way`.

    At random, by class and by group every row is judged by in exactly one fold. By time the rows are cut into k + 1
    spells of about equal size, and fold i learns from the first i and is judged by the next: later rows are never
    learned from (scikit-learn's ``TimeSeriesSplit``, but rows of the same time stay together).

    Args:
        rows: the number of rows, or anything that has it as its length.
        k: how many folds, 2 or more.
        stratify, groups, time, seed: as in :func:`three_way`.

    Raises:
        ValueError: as in :func:`three_way`; or there are fewer rows, groups or moments than the folds need, or a class
            has fewer rows than there are folds.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    n = _count(rows)
    _one_kind(stratify, groups, time)
    if k < 2:
        raise ValueError(f"Folds come in twos or more; got k={k}.")
    if time is not None:
        return _time_folds(_column(time, "time", n), k)
    keys = None if groups is None else _codes(groups, "groups", n)
    classes = None if stratify is None else _column(stratify, "stratify", n)
    _enough(n, k, "rows")
    if classes is not None:
        smallest = pd.Series(classes).value_counts()
        _enough(int(smallest.min()), k, f"rows of class {smallest.idxmin()!r}")
    if keys is None:
        splitter = (KFold if classes is None else StratifiedKFold)(k, shuffle=True, random_state=seed)
        found = splitter.split(np.zeros(n), classes)
    else:
        _enough(int(keys.max()) + 1, k, "groups")
        if classes is None:
            # GroupKFold evens out the sizes; its own shuffle would give that up, so the names are shuffled instead.
            names = np.random.default_rng(seed).permutation(int(keys.max()) + 1)
            found = GroupKFold(k).split(np.zeros(n), groups=names[keys])
        else:
            splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
            found = splitter.split(np.zeros(n), classes, keys)
    return [Fold(*(np.sort(part).astype(np.int64) for part in pair)) for pair in found]


# --- the kinds --------------------------------------------------------------------------------------------------------


def _at_random(n: int, shares: np.ndarray, classes: np.ndarray | None, seed: int) -> list[np.ndarray]:
    from sklearn.model_selection import train_test_split

    sizes = np.diff(np.rint(np.cumsum([0, *shares]) * n)).astype(int)
    _none_empty(sizes, shares, f"{n} rows")
    rest = np.arange(n, dtype=np.int64)
    parts = [rest[:0]] * len(sizes)
    *others, last = np.flatnonzero(sizes)[::-1]  # the test rows are drawn first, then those for validation
    for part in others:
        labels = None if classes is None else classes[rest]
        try:
            rest, parts[part] = train_test_split(rest, test_size=int(sizes[part]), stratify=labels, random_state=seed)
        except ValueError as error:
            raise ValueError(_rare(classes, error)) from error
    parts[last] = rest
    return [np.sort(part) for part in parts]


def _by_group(keys: np.ndarray, classes: np.ndarray, shares: np.ndarray, seed: int) -> list[np.ndarray]:
    """Groups in random order, cut at the shares: so a group's size does not decide where it lands.

    With classes, the best of many orders (Morgan and Rubin, "Rerandomization to improve covariate balance in
    experiments", Annals of Statistics 40, 2012).
    """
    counts = pd.crosstab(keys, classes).to_numpy()  # group x class
    due = shares[:, None] * counts.sum(axis=0)  # part x class
    rng = np.random.default_rng(seed)
    nearest, part_of = np.inf, keys
    for _ in range(ORDERS if counts.shape[1] > 1 else 1):
        order = rng.permutation(len(counts))
        parts = np.empty_like(order)
        parts[order] = _cut(counts[order].sum(axis=1), shares, "groups")
        have = np.eye(len(shares))[parts].T @ counts
        distance = ((have - due) ** 2 / np.maximum(due, 1)).sum()
        if distance < nearest:
            nearest, part_of = distance, parts
    return [np.flatnonzero(part_of[keys] == part) for part in range(len(shares))]


def _by_time(moments: np.ndarray, shares: np.ndarray) -> list[np.ndarray]:
    _, codes, counts = np.unique(moments, return_inverse=True, return_counts=True)
    part_of = _cut(counts, shares, "different moments")
    return [np.flatnonzero(part_of[codes] == part) for part in range(len(shares))]


def _time_folds(moments: np.ndarray, k: int) -> list[Fold]:
    spells = _by_time(moments, np.full(k + 1, 1 / (k + 1)))
    return [Fold(np.sort(np.concatenate(spells[:i])), spells[i]) for i in range(1, k + 1)]


def _cut(counts: np.ndarray, shares: np.ndarray, what: str) -> np.ndarray:
    """The part of each block of rows, blocks in this order staying whole.

    A border goes to the nearest end of a block, and on to the next one where a part would have none.
    """
    wanted = np.flatnonzero(shares)
    _enough(len(counts), len(wanted), what)
    ends = np.cumsum(counts)
    borders = np.cumsum(shares[wanted])[:-1] * ends[-1]
    first = [0]  # block of each part
    for i, border in enumerate(borders, start=1):
        nearest = int(np.abs(ends - border).argmin()) + 1
        first.append(min(max(nearest, first[-1] + 1), len(counts) - len(wanted) + i))
    return wanted[np.searchsorted(first, np.arange(len(counts)), side="right") - 1]


# --- what can be wrong ------------------------------------------------------------------------------------------------


def _count(rows: int | Sized) -> int:
    n = rows if isinstance(rows, int | np.integer) else len(rows)
    if n < 1:
        raise ValueError(f"There is nothing to split: {n} rows.")
    return int(n)


def _shares(shares: tuple[float, ...]) -> np.ndarray:
    values = np.asarray(shares, dtype=float)
    if values.shape != (3,) or not (values >= 0).all() or abs(values.sum() - 1) > 1e-9:
        raise ValueError(f"shares are three numbers, none negative, that add up to 1; got {shares}.")
    return values


def _one_kind(stratify, groups, time) -> None:
    if time is not None and (stratify is not None or groups is not None):
        raise ValueError(
            "A split by time goes alone: which rows are later is given, so there is nothing left to choose by class or "
            "group. Split by time, then look at what classes and groups the parts have."
        )


def _column(values: ArrayLike, name: str, n: int | None) -> np.ndarray:
    column = pd.Series(values).to_numpy() if not isinstance(values, np.ndarray) else values
    if column.ndim != 1 or (n is not None and len(column) != n):
        raise ValueError(f"{name} needs one value a row, shape ({n or 'rows'},); got shape {column.shape}.")
    missing = np.flatnonzero(pd.isna(column))
    if len(missing):
        raise ValueError(
            f"{name} is missing in {len(missing)} rows, first at position {missing[0]}. Decide what such a row is "
            "before you split: leave it out, or give each its own value."
        )
    return column


def _codes(values: ArrayLike, name: str, n: int) -> np.ndarray:
    return pd.factorize(_column(values, name, n), sort=True)[0]


def _none_empty(sizes, shares: np.ndarray, what: str) -> None:
    for name, size, share in zip(Split._fields, sizes, shares, strict=True):
        if share > 0 and not size:
            raise ValueError(f"{what} leave nothing for the {name} part, whose share is {share:g}; use a larger share.")


def _enough(have: int, needed: int, what: str) -> None:
    if have < needed:
        raise ValueError(f"{needed} parts need {needed} {what} or more; there are {have}. Use fewer parts.")


def _rare(classes: np.ndarray | None, error: ValueError) -> str:
    if classes is None:
        return str(error)
    counts = pd.Series(classes).value_counts()
    return (
        f"{len(counts)} classes cannot keep their shares in parts of these sizes; the rarest, {counts.index[-1]!r}, "
        f"has {counts.iloc[-1]} of {len(classes)} rows. Merge rare classes, or use larger "
        f"shares. (scikit-learn: {error})"
    )
