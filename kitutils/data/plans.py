"""A cleaning plan: a list of steps that a person can read, edit, save and carry out on the next export as well."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from kitutils.data.audits import dates
from kitutils.data.audits.findings import Finding, Findings, html_table, listed
from kitutils.errors import KitError

# Each action with the parameters that it knows, and those that it needs.
ACTIONS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "set missing": (frozenset({"values", "below", "above"}), frozenset()),
    "replace": (frozenset({"values"}), frozenset({"values"})),
    "to iso date": (frozenset({"day first"}), frozenset()),
    "to number": (frozenset({"decimal", "unit"}), frozenset()),
    "divide": (frozenset({"by", "from", "to"}), frozenset({"by", "from", "to"})),
    "look up": (frozenset({"by", "majority", "rows"}), frozenset({"by"})),
    "fill": (frozenset({"value"}), frozenset({"value"})),
    "drop duplicates": (frozenset({"key"}), frozenset()),
}


class PlanError(KitError, ValueError):
    """A plan that cannot be carried out; the message says which step and why."""


@dataclass
class Step:
    """One step of a plan, about one column or about whole rows. A rule, not a list of cells: it works on new rows too.

    Attributes:
        column: its label; None for whole rows.
        action: a key of ``ACTIONS``.
        parameters: what the action needs.

            - "set missing": ``values`` (a list), ``below``, ``above`` (numbers or ISO dates; the limits stay)
            - "replace": ``values`` (old to new)
            - "to iso date": ``day first`` (separator to True, False or None: not to be told, leave alone)
            - "to number": ``decimal`` ("." or ","), ``unit`` (what stands behind each number)
            - "divide": ``by``, ``from``, ``to`` (which values, both ends included)
            - "look up": ``by`` (the column that names the group); a cell that is missing or differs gets the value that
              at least ``majority`` of its group's known cells, and at least ``rows`` of them, have
            - "fill": ``value``
            - "drop duplicates": ``key`` (rows with a key that has occurred above; None: rows equal in every column)
        why: the evidence.
        cells: how many cells or rows the audit saw.
        position: the column's position, needed only where two columns have one label.
    """

    column: Hashable | None
    action: str
    parameters: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    cells: int | None = None
    position: int | None = None

    def __str__(self) -> str:
        where = "" if self.column is None else f"{self.column}: "
        return f"{where}{self.action}{_told(self.parameters)}"


class Plan(list):
    """A list of :class:`Step`, carried out in this order. Delete, add and change steps as in any list."""

    def table(self) -> pd.DataFrame:
        """One row a step: ``step`` (from 1), ``column, action, parameters, cells, why``."""
        rows = [
            (n, "" if s.column is None else s.column, s.action, _told(s.parameters).strip(" ()"), s.cells or "", s.why)
            for n, s in enumerate(self, 1)
        ]
        return pd.DataFrame(rows, columns=["step", "column", "action", "parameters", "cells", "why"])

    def without(self, column: Hashable | None = None, action: str | None = None) -> Plan:
        """A plan without the steps on a column, of an action, or of that action on that column.

        Raises:
            ValueError: neither is given.
        """
        if column is None and action is None:
            raise ValueError("say which steps to leave out: without(column=…), without(action=…), or both")
        out = lambda step: (column is None or step.column == column) and (action is None or step.action == action)
        return Plan(step for step in self if not out(step))

    def save(self, path: str | Path) -> None:
        """Writes the plan as YAML, to be read, edited, compared and loaded again."""
        steps = [{k: v for k, v in vars(step).items() if v is not None} for step in self]
        text = yaml.safe_dump(_plain(steps), sort_keys=False, allow_unicode=True, width=110)
        Path(path).write_text(text, encoding="utf8", newline="\n")

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Reads a plan that :meth:`save` has written or a person.

        Raises:
            PlanError: the file is no plan.
        """
        try:
            steps = yaml.safe_load(Path(path).read_text(encoding="utf8")) or []
            return cls(Step(**({"column": None} | step)) for step in steps)
        except (yaml.YAMLError, TypeError) as error:
            raise PlanError(
                f"{path} is no cleaning plan, a YAML list of steps with column, action and parameters: {error}"
            ) from error

    def __str__(self) -> str:
        return "\n".join(f"{n:3} {step}" for n, step in enumerate(self, 1)) or "a plan without steps"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(self.table())


def clean_plan(findings: Findings) -> Plan:
    """The steps that repair what an audit has found, and no others.

    What stands for missing becomes missing, dates get one form, texts of numbers become numbers, slips of the unit are
    divided back, misspellings get the common spelling, impossible values become missing, cells that other rows of the
    same product or customer know are looked up, duplicates go. Nothing is filled with a guess. Findings that are only
    notes, and those that need a person, have no step.

    Args:
        findings: from :func:`kitutils.data.audit`.

    Raises:
        TypeError: it is no list of findings.
    """
    if not isinstance(findings, list) or not all(isinstance(found, Finding) for found in findings):
        raise TypeError(f"clean_plan takes what audit(frame) returns, got {type(findings).__name__}")
    repeated = _repeated(findings)
    steps = [
        Step(
            found.column,
            found.fix["action"],
            {name: value for name, value in found.fix["parameters"].items()},
            found.evidence,
            found.count,
            found.position if found.column in repeated else None,
        )
        for found in findings
        if found.fix is not None and found.severity != "note"
    ]
    return Plan(sorted(steps, key=_rank))


def _repeated(findings: Findings) -> set[Hashable]:
    labels = pd.Series(list(getattr(findings, "columns", ())), dtype=object)
    return set(labels[labels.duplicated()])


def _rank(step: Step) -> int:
    """Where a step belongs: words before numbers are read, slips of the unit before the limits are applied."""
    if step.action == "set missing":
        if "values" not in step.parameters:
            return 6
        words = [v for v in step.parameters["values"] if isinstance(v, str) and dates.split(v)[0] != "iso"]
        return 0 if words else 4
    order = ("replace", "to iso date", "to number", "", "divide", "", "look up", "drop duplicates", "fill")
    return 1 + order.index(step.action)


def _told(parameters: Mapping[str, Any]) -> str:
    if not parameters:
        return ""
    told = []
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            value = listed([f"{old} → {new}" for old, new in value.items()]).replace("'", "")
        elif isinstance(value, list | tuple):
            value = listed(value)
        elif isinstance(value, float):
            value = f"{value:.6g}"
        told.append(f"{name} {value}")
    return f" ({'; '.join(told)})"


def _plain(value):
    """Numbers of NumPy as Python's, tuples as lists, so that YAML can write them."""
    if isinstance(value, Mapping):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)
