"""Look at a table that you have never seen, and list what may be wrong with it.

Lessons: 12.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterator

import numpy as np
import pandas as pd

from kitutils.data.audits import numbers, relations, texts, whole, written
from kitutils.data.audits import rows as row_checks
from kitutils.data.audits.columns import Column, look
from kitutils.data.audits.findings import Finding, Findings
from kitutils.errors import KitError


class NoSuchColumn(KitError, ValueError):
    """The column that was named as target or key is not in the table."""


def audit(frame: pd.DataFrame, target: Hashable | None = None, key: Hashable | None = None) -> Findings:
    """What may be wrong with a table: a list of findings, the gravest first.

    It looks for missing values and what stands for them, numbers and dates kept as texts (with decimal commas or units
    as well), mixed date forms and units, slips of the unit, values beyond a column's own range, misspelt categories,
    cells that contradict the other rows of the same product or customer, duplicates and near-duplicates, columns of one
    value and of names, and, if the target is named, rare classes and columns that give the answer away. It changes
    nothing: see :func:`kitutils.data.clean_plan`.

    Any frame will do: empty, of one row, with repeated column names, with nested values. Where a check cannot be made,
    for want of rows or of sense, it is left out.

    Args:
        frame: the table, shape (rows, columns); it is not changed.
        target: the column to be predicted. It is judged like the others, and never used to judge them.
        key: the column that names a row. If it is None, a column of nearly distinct texts or of running numbers is
            taken, if there is one.

    Raises:
        TypeError: ``frame`` is no DataFrame.
        NoSuchColumn: target or key is not in the table, or stands there more than once.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"audit looks at a pandas DataFrame, got {type(frame).__name__}; try pandas.DataFrame(…) first")
    places = {name: _place(frame, name, role) for role, name in (("target", target), ("key", key)) if name is not None}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # pandas warns of strange values, which are what is looked for
        columns = [look(frame.iloc[:, at], at, label) for at, label in enumerate(frame.columns)]
        answer = columns[places[target]] if target is not None else None
        name = columns[places[key]] if key is not None else row_checks.find_key(columns, len(frame))
        found = list(_findings(columns, len(frame), answer, name))
    return Findings(found, frame.shape, frame.columns)


def _findings(columns: list[Column], rows: int, answer: Column | None, key: Column | None) -> Iterator[Finding]:
    for column in columns:
        yield from whole.missing(column, rows)
        if column.kind == "number":
            yield from texts.kept_as_text(column)
        if column.kind == "date" and column.date_forms is not None:
            yield from texts.date_forms(column)
        if column.kind in ("number", "date") and column is not key:
            yield from numbers.check(column)
        if column.kind == "text":
            yield from written.check(column)
        if column.kind == "text" and column is not key:
            yield from texts.check(column)
        yield from whole.shape(column)
    yield from row_checks.check(columns, rows, key)
    yield from relations.check(columns, rows, answer)
    if answer is not None:
        yield from whole.target(columns, answer)


def _place(frame: pd.DataFrame, label: Hashable, role: str) -> int:
    places = [at for at, name in enumerate(frame.columns) if name is label or _same(name, label)]
    if len(places) == 1:
        return places[0]
    if not places:
        shown = ", ".join(map(repr, frame.columns[:10])) + (", …" if frame.shape[1] > 10 else "")
        raise NoSuchColumn(f"The {role} {label!r} is not in the table. Its columns are {shown or 'none'}.")
    raise NoSuchColumn(f"{len(places)} columns are called {label!r}; rename them, so that the {role} is one of them.")


def _same(name: Hashable, label: Hashable) -> bool:
    try:
        return bool(name == label)
    except Exception:  # labels may be anything hashable
        return False
