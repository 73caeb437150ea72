"""Columns that another column decides: the same product always has the same weight. Who differs from the rest is wrong.

A functional dependency that holds for nearly all rows, as data profiling looks for them (Abedjan, Golab and Naumann,
"Profiling relational data: a survey", The VLDB Journal 24, 2015).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kitutils.data.audits.columns import Column
from kitutils.data.audits.findings import Finding

FEWEST = 3  # rows of a group that must agree before they say anything about another
AGREE = 0.98  # share of the known cells that equal their group's usual value
MAJORITY = 2 / 3  # share of a group's known cells that its usual value has
GROUPS = 500  # groups that are looked at to find dependencies
ROWS = 50_000  # of them, if they are large
DECIDERS = 12
BY_CHANCE = 0.9  # where so many cells are the column's most common value, agreement means nothing


def check(columns: list[Column], rows: int, target: Column | None) -> Iterator[Finding]:
    """Findings of kind "contradiction", one a dependent column: cells that differ from what their group agrees on."""
    candidates = [c for c in columns if c.codes is not None or c.numbers is not None]
    if rows < 50 or len(candidates) > 200:
        return
    rng = np.random.default_rng(0)
    deciders = _deciders(candidates, rows)
    chosen = {decider.position: _some_groups(groups, rng) for decider, groups in deciders}
    agreement = {
        (decider.position, column.position): _agreement(
            groups[chosen[decider.position]], column, chosen[decider.position]
        )
        for decider, groups in deciders
        for column in candidates
        if column is not decider and column is not target
    }
    for column in candidates:
        # Of two columns that name the same thing, such as a customer and her postcode, the stricter decides.
        best = max(
            (
                (share, decider)
                for decider, _ in deciders
                if (share := agreement.get((decider.position, column.position), 0.0)) >= AGREE
                and share > agreement.get((column.position, decider.position), 0.0)
            ),
            key=lambda found: found[0],
            default=None,
        )
        if best is not None:
            yield from _contradictions(column, best[1], best[0])


def _contradictions(column: Column, decider: Column, agreement: float) -> Iterator[Finding]:
    usual, _ = agreed(group_codes(decider), value_codes(column), column.known)
    rows = np.flatnonzero((usual >= 0) & column.known & (usual != value_codes(column)))
    holes = int(((usual >= 0) & column.wrong).sum())
    if not len(rows) and not holes:
        return
    column.wrong[rows] = True
    yield Finding(
        "contradiction",
        column.label,
        rows,
        "warning",
        f"{agreement:.1%} of the cells equal what rows with the same {decider.label!r} agree on; these do not",
        f"take the value of the other rows; so {holes:,} missing or wrong cells can be looked up as well",
        column.position,
        {"action": "look up", "parameters": {"by": decider.label, "majority": round(MAJORITY, 3), "rows": FEWEST}},
    )


def agreed(
    groups: np.ndarray, values: np.ndarray, known: np.ndarray, majority: float = MAJORITY, fewest: int = FEWEST
) -> tuple[np.ndarray, np.ndarray]:
    """For each row the value that its group agrees on, -1 if it does not; and the group's number of known cells.

    Args:
        groups, values: int64 codes per row, -1 for none.
        known: bool, cells that have a say.
        majority: share of a group's known cells that must have the value.
        fewest: known cells that a group must have.
    """
    say = known & (groups >= 0) & (values >= 0)
    table = pd.DataFrame({"group": groups[say], "value": values[say]}).value_counts(sort=True).reset_index()
    first = table.drop_duplicates("group").set_index("group")
    size = pd.Series(groups[say]).value_counts()
    count = size.reindex(first.index)
    firm = (first["count"] >= majority * count - 1e-9) & (count >= fewest)
    usual = np.full(max(groups.max(initial=-1) + 2, 1), -1, dtype=np.int64)
    usual[first.index[firm]] = first.loc[firm, "value"]
    sizes = np.zeros(len(usual), dtype=np.int64)
    sizes[size.index] = size
    return usual[groups], sizes[groups]


def _deciders(columns: list[Column], rows: int) -> list[tuple[Column, np.ndarray]]:
    """Columns that may decide others, with their group codes: names of groups of several rows each."""
    fit = []
    for column in columns:
        if column.kind == "text" or (column.kind == "number" and not column.wrong.all() and _is_whole(column)):
            groups = group_codes(column)
            distinct = np.count_nonzero(np.bincount(groups[groups >= 0]))
            if 10 <= distinct <= rows / FEWEST and column.wrong.mean() < 0.2:
                fit.append((distinct, column, groups))
    return [pair for _, *pair in sorted(fit, key=lambda found: -found[0])][:DECIDERS]


def _is_whole(column: Column) -> bool:
    known = column.numbers[column.known]
    return bool(np.equal(known, np.rint(known)).all())


def group_codes(column: Column) -> np.ndarray:
    """The number of each row's group, int64; -1 where the cell is missing or wrong."""
    return np.where(column.known, value_codes(column), -1)


def value_codes(column: Column) -> np.ndarray:
    """The number of each row's value; texts of one number or day are one value."""
    if column.kind in ("number", "date", "bool"):
        return pd.factorize(column.numbers)[0].astype(np.int64)
    return column.codes


def _some_groups(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions of the rows of a random few groups, ascending."""
    number = groups.max(initial=-1) + 1
    if number <= 0:
        return np.empty(0, dtype=np.int64)
    chosen = np.zeros(number + 1, dtype=bool)
    chosen[rng.permutation(number)[:GROUPS]] = True
    rows = np.flatnonzero(chosen[groups])
    return rows if len(rows) <= ROWS else np.sort(rng.choice(rows, ROWS, replace=False))


def _agreement(groups: np.ndarray, column: Column, chosen: np.ndarray) -> float:
    """Share of the known cells in groups of several rows that equal their group's usual value; 0 if that is no news."""
    values = pd.factorize(column.numbers[chosen] if column.numbers is not None else column.codes[chosen])[0]
    known = column.known[chosen]
    usual, sizes = agreed(groups, values.astype(np.int64), known)
    judged = known & (sizes >= FEWEST)
    if judged.sum() < 30 or np.bincount(values[judged]).max() > BY_CHANCE * judged.sum():
        return 0.0
    return float((usual == values)[judged].mean())
