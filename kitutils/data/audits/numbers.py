"""What can be wrong with a number or a date: a stand-in for missing, a wrong unit, a value that cannot be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kitutils.data.audits import dates
from kitutils.data.audits.columns import Column
from kitutils.data.audits.findings import Finding, listed, quote
from kitutils.data.audits.tails import break_above

# Numbers and days that people and programs write for "missing".
NUMBERS = (-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0, -32768.0, 1e20, -1e20)
PRICES = (99.0, 999.0)  # popular for themselves
DAYS = tuple(float(np.datetime64(d, "D").astype(int)) for d in ("1900-01-01", "1899-12-30", "1970-01-01", "9999-12-31"))
FAR = 3.0  # times the width of the middle nine tenths; for negative codes, once is enough
ODD = 4.0  # times as far out as nineteen twentieths of the others: for a normal distribution, 6.6 standard deviations
FACTORS = (1000.0, 100.0)  # the unit slips that a table by itself can prove
SURE = 3  # fewer values than this beyond a break may be a long tail: they are told of, and left alone
FEWEST = 8  # with fewer numbers nothing can be said about their tails


def check(column: Column) -> Iterator[Finding]:
    """The findings in a column of numbers or dates; cells found wrong are marked in ``column.wrong`` as it goes."""
    finite = np.isfinite(column.numbers)
    yield from _infinite(column, column.known & ~finite & ~np.isnan(column.numbers))
    known = column.known & finite
    if known.sum() < FEWEST:
        return
    values, inverse, counts = np.unique(column.numbers[known], return_inverse=True, return_counts=True)
    rows = np.flatnonzero(known)
    at_rows = lambda chosen: rows[chosen[inverse]]
    codes = _stand_ins(values, counts, DAYS if column.kind == "date" else NUMBERS)
    if codes.any():
        yield _mark(column, _disguised(column, at_rows(codes), values[codes], values[~codes]))
    kept = ~codes
    low, high = _limits(values[kept], counts[kept], logs=column.kind == "number")
    outside = kept & ((values < low) | (values > high))
    inside = kept & ~outside
    far = inside.copy()
    far[inside] = _far_out(values[inside], counts[inside], logs=column.kind == "number")
    if far.any():
        yield _outlier(column, at_rows(far), values[far])
    if not outside.any():
        return
    if column.kind == "number":
        for slip, factor in _slips(values, counts, inside, outside):
            yield _mark(column, _unit(column, at_rows(slip), values[slip], values[inside], factor))
            outside &= ~slip
    if outside.any():
        yield _mark(column, _range(column, at_rows(outside), values[outside], values[inside]))


def _mark(column: Column, finding: Finding) -> Finding:
    column.wrong[finding.rows] = True
    return finding


def _stand_ins(values: np.ndarray, counts: np.ndarray, usual: tuple[float, ...]) -> np.ndarray:
    """Which distinct values stand for missing: the usual ones, if they lie far from the rest or stick out of it."""
    found = np.zeros(len(values), dtype=bool)
    days = usual is DAYS
    rank = np.cumsum(counts) / counts.sum()
    low, high = values[np.searchsorted(rank, 0.05)], values[np.searchsorted(rank, 0.95)]
    for at in np.flatnonzero(np.isin(values, usual)):
        far = values[at] > high + FAR * (high - low) or values[at] < low - (FAR if days else 1) * (high - low)
        sides = [counts[max(at - 10, 0) : at], counts[at + 1 : at + 11]]
        usual = [np.quantile(side, 0.9) for side in sides if len(side)] or [1]
        usual = max(min(usual) if abs(values[at]) > 90 else max(usual), 1)
        times = counts[at] / usual if counts[at] >= 5 and values[at] not in PRICES else 0
        found[at] = (far and abs(values[at]) > 9) or times >= (30 if low <= values[at] <= high else 10)
    return found if counts[found].sum() <= 0.5 * counts.sum() else np.zeros(len(values), dtype=bool)


def _limits(values: np.ndarray, counts: np.ndarray, logs: bool) -> tuple[float, float]:
    """The smallest and the largest value before a break; the ends themselves where there is none.

    Numbers that are never negative and lean to the right are judged by their logarithms: they have long tails.
    """
    beyond = break_above(-values[::-1], counts[::-1])
    first = 0 if beyond is None else len(values) - beyond
    values, counts = values[first:], counts[first:]
    low, middle, high = _quantiles(values, counts)
    beyond = break_above(values, counts, _logs(values, low, middle, high) if logs else None)
    return values[0], values[-1 if beyond is None else beyond - 1]


def _quantiles(values: np.ndarray, counts: np.ndarray) -> tuple[float, float, float]:
    """The values below which a twentieth, a half and nineteen twentieths lie."""
    rank = np.cumsum(counts) / counts.sum()
    return tuple(values[min(np.searchsorted(rank, q), len(values) - 1)] for q in (0.05, 0.5, 0.95))


def _logs(values: np.ndarray, low: float, middle: float, high: float) -> np.ndarray | None:
    """The logarithms of values that are never negative and lean to the right; None for others."""
    if values[0] < 0 or high - middle <= 1.5 * (middle - low) or len(values) < 2:
        return None
    return np.log(values if values[0] > 0 else values + (middle or values[1]))


def _far_out(values: np.ndarray, counts: np.ndarray, logs: bool) -> np.ndarray:
    """Values several times as far from the middle as nineteen twentieths of the others on their side."""
    scaled = _logs(values, *_quantiles(values, counts)) if logs else None
    scaled = values if scaled is None else scaled
    low, middle, high = _quantiles(scaled, counts)
    return (scaled > middle + ODD * (high - middle)) & (high > middle) | (
        (scaled < middle - ODD * (middle - low)) & (low < middle)
    )


def _slips(values, counts, inside, outside) -> Iterator[tuple[np.ndarray, float]]:
    """Values outside that would lie well inside, spread as the rest, if divided by a usual factor; the factor."""
    order = np.sort(np.repeat(values[inside], np.minimum(counts[inside], 1000)))
    q01, q25, q75, q99 = np.quantile(order, [0.01, 0.25, 0.75, 0.99])
    best, share = None, 0.0
    for factor in FACTORS:
        slip = outside & (values / factor >= q01) & (values / factor <= q99) & (values != 0)
        number = counts[slip].sum()
        if number < 3 or number / counts[outside].sum() <= max(share, 0.25):
            continue
        back = np.repeat(values[slip] / factor, counts[slip])
        if q25 <= np.median(back) <= q75 and np.quantile(back, 0.75) - np.quantile(back, 0.25) >= 0.2 * (q75 - q25):
            best, share = (slip, factor), number / counts[outside].sum()
    if best is not None:
        yield best


def _disguised(column: Column, rows: np.ndarray, codes: np.ndarray, rest: np.ndarray) -> Finding:
    shown = [_show(column, code) for code in codes]
    return Finding(
        "disguised",
        column.label,
        rows,
        "problem",
        f"{listed(shown)} among values from {_show(column, rest[0])} to {_show(column, rest[-1])}",
        "set to missing",
        column.position,
        {"action": "set missing", "parameters": {"values": shown}},
    )


def _unit(column: Column, rows, values, rest, factor: float) -> Finding:
    return Finding(
        "unit",
        column.label,
        rows,
        "problem",
        f"from {quote(float(values[0]))} up, {factor:g} times what is usual here "
        f"(median {quote(float(np.median(rest)))}); divided by {factor:g} they are spread as the rest",
        f"divide by {factor:g}",
        column.position,
        {
            "action": "divide",
            "parameters": {"by": factor, "from": float(values[0]), "to": float(values[-1])},
        },
    )


def _range(column: Column, rows, values, rest) -> Finding:
    low, high = float(rest[0]), float(rest[-1])
    sure = len(rows) >= SURE
    parameters = {}
    if values[0] < low:
        parameters["below"] = _show(column, low)
    if values[-1] > high:
        parameters["above"] = _show(column, high)
    sides = " or ".join(f"{side} {quote(limit)}" for side, limit in parameters.items())
    return Finding(
        "range",
        column.label,
        rows,
        "problem" if sure else "warning",
        f"{sides}, where the column's own values end, such as {listed([_show(column, v) for v in values[:2]], 2)}",
        "set to missing, or look them up",
        column.position,
        {"action": "set missing", "parameters": parameters} if sure else None,
    )


def _outlier(column: Column, rows, values) -> Finding:
    return Finding(
        "outlier",
        column.label,
        rows,
        "note",
        f"unusual, such as {listed([_show(column, v) for v in (values[0], values[-1])], 2)}, but no break in the tail",
        "look at them; a long tail is no error",
        column.position,
    )


def _infinite(column: Column, infinite: np.ndarray) -> Iterator[Finding]:
    if infinite.any():
        yield _mark(
            column,
            Finding(
                "range",
                column.label,
                np.flatnonzero(infinite),
                "problem",
                "infinite, or too large for a float64",
                "find out where it comes from: a division by zero, or an identifier read as a number",
                column.position,
            ),
        )


def _show(column: Column, value: float):
    """A value as the cleaned column writes it: a date in ISO form, a whole number without a point."""
    if column.kind == "date":
        return dates.to_iso(value)
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)
