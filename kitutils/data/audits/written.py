"""Numbers that pandas leaves as texts because of how they are written: 1.234,50 or 2.5 kg."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from kitutils.data.audits.columns import MOSTLY, Column, is_number_type
from kitutils.data.audits.findings import Finding

# Units as they stand behind numbers in everyday files, compared without case; other words make a text of a cell.
_UNITS = "mg; g; kg; t; lb; lbs; oz; mm; cm; m; km; in; ft; mi; ml; cl; l; ms; s; sec; min; h; d; °c; °f; kb; mb; gb; %"
_CURRENCIES = "€; $; £; eur; usd; gbp; chf; pln"
UNITS = frozenset(unit.strip() for unit in f"{_UNITS}; {_CURRENCIES}".split(";"))
AT_LEAST = 5  # distinct values, fewer say too little about how a column is written
DISTINCT = 100_000

_GROUPS = "'’\u00a0\u202f"  # between thousands, beside the mark that is not the decimal one
_NUMBER = {
    decimal: re.compile(rf"[+-]?(?:[1-9]\d{{0,2}}(?:[{other}{_GROUPS}]\d{{3}})+|\d+)(?:{re.escape(decimal)}\d+)?")
    for decimal, other in ((".", ","), (",", "."))
}
_PARTS = re.compile(r"\s*(?P<sign>[€$£]?)\s*(?P<number>[+-]?[\d.,'’\u00a0\u202f]*\d)\s*(?P<unit>[^\d\s.,]*)\s*")


def check(column: Column) -> Iterator[Finding]:
    """Written numbers in a column of texts, and the rows whose unit is not the column's usual one."""
    if len(column.values) < AT_LEAST or len(column.values) > DISTINCT:
        return
    counts = np.bincount(column.codes[column.known], minlength=len(column.values))
    used = np.flatnonzero(counts)
    if len(used) < AT_LEAST or sum(bool(_split(column.values[at])) for at in used[:200]) < MOSTLY * len(used[:200]):
        return
    parts = {at: found for at in used if (found := _split(column.values[at]))}
    marked = [
        at for at, (number, unit) in parts.items() if unit or not number.lstrip("+-").replace(".", "", 1).isdigit()
    ]
    if counts[marked].sum() < (1 - MOSTLY) * counts.sum():  # digits alone, which were left as texts for another reason
        return
    share = {
        decimal: sum(counts[at] for at, (number, _) in parts.items() if pattern.fullmatch(number)) / counts.sum()
        for decimal, pattern in _NUMBER.items()
    }
    if max(share.values()) < MOSTLY:
        return
    decimal = max(share, key=share.get) if share["."] != share[","] else None
    units: dict[str, int] = {}
    for at, (_, unit) in parts.items():
        units[unit] = units.get(unit, 0) + int(counts[at])
    if len(units) > 1:
        yield _mixed(column, parts, units)
        return
    (unit,) = units
    marks = {",": "a decimal comma", ".": "a decimal point", None: "a mark that may be decimal or between thousands"}
    told = " and ".join([marks[decimal], *([f"the unit {unit}"] if unit else [])])
    fix = {"action": "to number", "parameters": {"decimal": decimal} | ({"unit": unit} if unit else {})}
    yield Finding(
        "type",
        column.label,
        np.zeros(0, dtype=np.int64),
        "problem",
        f"{max(share.values()):.0%} of the known cells are numbers with {told}, stored as text",
        "convert to numbers" if decimal else "say which it is, then convert to numbers",
        column.position,
        fix if decimal else None,
    )


def _mixed(column: Column, parts: dict[int, tuple[str, str]], units: dict[str, int]) -> Finding:
    by_count = sorted(units, key=units.get, reverse=True)
    other = np.zeros(len(column.values) + 1, dtype=bool)
    other[[at for at, (_, unit) in parts.items() if unit != by_count[0]]] = True
    rows = np.flatnonzero(other[column.codes] & column.known)
    return Finding(
        "unit",
        column.label,
        rows,
        "problem",
        "several units in one column: " + ", ".join(f"{units[unit]:,} × {unit or 'none'}" for unit in by_count),
        "bring all to one unit, then convert to numbers",
        column.position,
    )


def read(values: list, decimal: str = ".", unit: str = "") -> np.ndarray:
    """The number in each text, NaN where there is none or where it has another unit.

    Args:
        values: texts, and numbers, which stay as they are if there is no unit; anything else is NaN.
        decimal: "." or ",".
        unit: the one that all are in; "" if they have none.
    """
    numbers = np.full(len(values), np.nan)
    for at, value in enumerate(values):
        if is_number_type(type(value)) and not unit:
            numbers[at] = value
        found = _split(value)
        if found and found[1] == unit.casefold() and _NUMBER[decimal].fullmatch(found[0]):
            plain = re.sub(rf"[{_GROUPS}{'.' if decimal == ',' else ','}]", "", found[0])
            numbers[at] = float(plain.replace(decimal, "."))
    return numbers


def _split(value: object) -> tuple[str, str] | None:
    """Number and unit of a text, without case; None if it is something else."""
    found = _PARTS.fullmatch(value) if isinstance(value, str) else None
    if not found or (found["sign"] and found["unit"]):
        return None
    unit = (found["sign"] or found["unit"]).casefold()
    return (found["number"], unit) if unit in UNITS or not unit else None
