"""What an audit found: one ``Finding`` a suspicion, and the list of them, which shows itself as a table."""

from __future__ import annotations

import html
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

SEVERITIES = ("problem", "warning", "note")
SHOWN = 40  # findings that a table shows; a frame of thousands of columns has thousands


@dataclass(frozen=True, eq=False)
class Finding:
    """One suspicion.

    Attributes:
        kind: what is suspected: "missing", "disguised" (a word or number that stands for missing), "type" (numbers kept
            as text), "unreadable" (words among numbers), "unit" (too large by a factor), "date form", "typo", "range"
            (beyond where the column's own values end), "contradiction" (differs from rows that it should agree with),
            "outlier" (unusual, and no error by itself), "duplicate", "near-duplicate", "constant", "id-like", "leak",
            "imbalance".
        column: the column's label; None if it is about whole rows.
        rows: positions (not labels) of the rows, int64, ascending; empty if it is about the whole column.
        severity: "problem" (wrong beyond reasonable doubt), "warning" (probably wrong), "note" (worth knowing).
        evidence: what was seen, in one sentence.
        suggestion: what to do about it.
        position: the column's position, which tells apart columns of the same label; None for whole rows.
        count: how many rows or cells there are.
        fix: the action and the parameters that ``clean_plan`` makes a step of; None if nothing should be changed
            without a person's decision.
    """

    kind: str
    column: Hashable | None
    rows: np.ndarray
    severity: str
    evidence: str
    suggestion: str
    position: int | None = None
    fix: Mapping[str, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity is one of {SEVERITIES}, got {self.severity!r}")
        object.__setattr__(self, "rows", np.asarray(self.rows, dtype=np.int64))

    @property
    def count(self) -> int:
        return len(self.rows)


class Findings(list):
    """A list of :class:`Finding`, the gravest first. In a notebook it is a table; ``print`` gives lines of text."""

    def __init__(self, findings=(), shape: tuple[int, int] = (0, 0), columns=()) -> None:
        super().__init__(sorted(findings, key=lambda found: SEVERITIES.index(found.severity)))
        self.shape = shape
        self.columns = tuple(columns)

    def of(self, kind: str, column: Hashable | None = None) -> Findings:
        """The findings of one kind, and of one column if it is named."""
        chosen = (f for f in self if f.kind == kind and (column is None or f.column == column))
        return Findings(chosen, self.shape, self.columns)

    def rows_of(self, kind: str) -> np.ndarray:
        """Positions of all rows with a finding of this kind, ascending, each once; int64."""
        rows = [found.rows for found in self if found.kind == kind]
        return np.unique(np.concatenate(rows)) if rows else np.empty(0, dtype=np.int64)

    def cells(self) -> pd.DataFrame:
        """Every cell that is suspected, notes left out: ``row`` (position), ``column``, ``position`` (its), ``kind``.

        A cell under two suspicions is listed twice. Whole columns and whole rows are no cells: see :meth:`rows_of`.
        """
        chosen = [f for f in self if f.position is not None and f.count and f.severity != "note"]
        chosen = [f for f in chosen if f.kind not in NOT_CELLS]
        sizes = [found.count for found in chosen]
        labels = np.empty(len(chosen), dtype=object)  # a label may be a tuple, which NumPy would unpack
        labels[:] = [found.column for found in chosen]
        empty = np.empty(0, dtype=np.int64)
        return pd.DataFrame(
            {
                "row": np.concatenate([empty, *(found.rows for found in chosen)]),
                "column": np.repeat(labels, sizes),
                "position": np.repeat(np.array([f.position for f in chosen], dtype=np.int64), sizes),
                "kind": np.repeat(np.array([f.kind for f in chosen], dtype=object), sizes),
            }
        )

    def table(self) -> pd.DataFrame:
        """One row a finding: ``severity, kind, column, count, evidence, suggestion``."""
        rows = [(f.severity, f.kind, _label(f), f.count or "", f.evidence, f.suggestion) for f in self]
        return pd.DataFrame(rows, columns=["severity", "kind", "column", "count", "evidence", "suggestion"])

    def __str__(self) -> str:
        if not self:
            return f"nothing found in {self.shape[0]:,} rows × {self.shape[1]:,} columns"
        lines = [
            f"{f.severity:8}{f.kind:15}{_label(f):18}{f'{f.count:,}' if f.count else '':>8}  {f.evidence}"
            for f in self[:SHOWN]
        ]
        return "\n".join([*lines, *([_more(self)] if len(self) > SHOWN else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{html.escape(str(self))}</p>"
        shown = html_table(self.table().head(SHOWN))
        return shown + (f"<p>{_more(self)}</p>" if len(self) > SHOWN else "")


NOT_CELLS = frozenset({"duplicate", "near-duplicate", "constant", "id-like", "leak", "imbalance", "type"})


def html_table(table: pd.DataFrame) -> str:
    """A table for a notebook: escaped, text to the left, no index, nothing cut off."""
    head = "".join(f"<th style='text-align:left'>{html.escape(str(name))}</th>" for name in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in table.itertuples(index=False)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def quote(value: object, length: int = 30) -> str:
    """A value as a sentence shows it: short, and with its quotation marks if it is a text."""
    try:
        text = f"{value:,.6g}" if isinstance(value, float | np.floating) else repr(value)
    except Exception:  # a stranger's __repr__ may do anything
        text = f"<{type(value).__name__}>"
    return text if len(text) <= length else text[: length - 1] + "…"


def listed(values, most: int = 4) -> str:
    """The first few of some values, as a sentence shows them."""
    values = list(values)
    return ", ".join(quote(value) for value in values[:most]) + (", …" if len(values) > most else "")


def _label(found: Finding) -> str:
    return "" if found.position is None else str(found.column)


def _more(findings: Findings) -> str:
    return f"… and {len(findings) - SHOWN:,} more"
