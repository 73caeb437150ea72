"""Clean a table by a plan that can be read, edited and saved, and keep a log that takes every change back.

Lessons: 12.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from kitutils.data.changelog import Log, replaced
from kitutils.data.plans import ACTIONS, Plan, PlanError, Step
from kitutils.data.repairs import CELLS, rows_to_drop


@dataclass(frozen=True, eq=False)
class Cleaned:
    """What :func:`clean` returns.

    Attributes:
        frame: the cleaned table. Rows that stayed keep their order and their index.
        log: one row a change, in the order in which they were made: ``row`` (position in the table before cleaning; -1
            for the type of a whole column), ``column`` and ``position`` (None and -1 for a row that was removed),
            ``before`` and ``after``, ``step`` (its number in the plan, from 1), ``reason``. Removed rows and columns of
            another type are kept whole in ``before``, so that ``undo`` can put them back.
    """

    frame: pd.DataFrame
    log: pd.DataFrame

    def __repr__(self) -> str:
        rows, columns = self.frame.shape
        return f"<Cleaned: {rows:,} rows × {columns:,} columns, {len(self.log):,} entries in the log>"


def clean(frame: pd.DataFrame, plan: Plan) -> Cleaned:
    """Carries out a plan, step by step, on a copy of a table.

    A second cleaning by the same plan of :func:`clean_plan` changes nothing more. ``undo(cleaned.frame, cleaned.log)``
    gives the table back as it was.

    Args:
        frame: the table; it is not changed.
        plan: from :func:`clean_plan`, edited or not, or a list of steps written by hand.

    Raises:
        TypeError: ``frame`` is no DataFrame, or ``plan`` no list of steps.
        PlanError: a step names a column that is not there or a label that several columns share, an action that does
            not exist or parameters that it does not know; or an action does not fit what the column holds.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"clean takes a pandas DataFrame, got {type(frame).__name__}")
    if not isinstance(plan, list) or not all(isinstance(step, Step) for step in plan):
        raise TypeError(f"a plan is a list of Steps, as clean_plan(audit(frame)) makes it; got {type(plan).__name__}")
    places = [_checked(frame, step, number) for number, step in enumerate(plan, 1)]
    cleaned, at, log = frame.copy(), np.arange(len(frame)), Log()
    for number, (step, (place, other)) in enumerate(zip(plan, places, strict=True), 1):
        if place is None:
            drop = rows_to_drop(cleaned, other)
            log.rows(at[drop], cleaned.iloc[drop], cleaned.index, number, step.why)
            cleaned, at = (cleaned.iloc[~drop], at[~drop]) if drop.any() else (cleaned, at)
            continue
        before = cleaned.iloc[:, place]
        groups = None if other is None else cleaned.iloc[:, other]
        after, hit = CELLS[step.action](before, step.parameters, groups)
        log.cells(at, place, step.column, before, after, hit, number, step.why)
        cleaned = replaced(cleaned, place, after) if after is not before else cleaned
    return Cleaned(cleaned, log.frame())


def _checked(frame: pd.DataFrame, step: Step, number: int) -> tuple[int | None, int | None]:
    """Positions of a step's column (None: whole rows) and of the column that its parameters name, if they do."""
    where = f"step {number} ({step})"
    if step.action not in ACTIONS:
        raise PlanError(f"{where}: there is no action {step.action!r}; there are {', '.join(ACTIONS)}")
    known, needed = ACTIONS[step.action]
    if unknown := set(step.parameters) - known:
        raise PlanError(
            f"{where}: unknown parameters {sorted(unknown)}; {step.action!r} takes {sorted(known) or 'none'}"
        )
    if missing := needed - set(step.parameters):
        raise PlanError(f"{where}: {step.action!r} needs {sorted(missing)}")
    name = step.parameters.get("key" if step.action == "drop duplicates" else "by") if step.action != "divide" else None
    other = None if name is None else _place(frame, name, None, where)
    if step.action == "drop duplicates":
        return None, other
    return _place(frame, step.column, step.position, where), other


def _place(frame: pd.DataFrame, label, position: int | None, where: str) -> int:
    places = [at for at, name in enumerate(frame.columns) if name == label]
    if position in places:
        return position
    if len(places) == 1:
        return places[0]
    if not places:
        shown = ", ".join(map(repr, frame.columns[:10])) + (", …" if frame.shape[1] > 10 else "")
        raise PlanError(f"{where}: the table has no column {label!r}; it has {shown or 'none'}")
    raise PlanError(f"{where}: {len(places)} columns are called {label!r}; give the step's position, one of {places}")
