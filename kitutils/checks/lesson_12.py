"""Checks of lesson 12."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from kitutils.course.grading import check, equal, expect, part, refuse, run


def _written(days: pd.DatetimeIndex, day_first: bool) -> pd.Series:
    return pd.Series(days.strftime("%d/%m/%Y" if day_first else "%m/%d/%Y"))


def _days(rng, days: list[int], months: list[int]) -> pd.DatetimeIndex:
    years = rng.integers(2019, 2026, len(days))
    return pd.DatetimeIndex([f"{y}-{m:02d}-{d:02d}" for y, m, d in zip(years, months, days, strict=True)])


@check(
    "12.1",
    title="Day or month first",
    minutes=5,
    hints=(
        "Which numbers can be a day and cannot be a month? Look for them on both sides.",
        "Nothing is decided if neither side has such a number, and nothing if both have. Both times the two are equal.",
        "day_first, month_first = (parts[0] > 12).any(), (parts[1] > ___).any()\n"
        "if day_first == ___:\n"
        "    return None\n"
        'return pd.to_datetime(texts, format="%d/%m/%Y" if day_first else ___)',
    ),
)
def read_days(answer, rng):
    # A 12 on either side, so that "12 or more" is caught; the first value never decides.
    low = [3, 12, *rng.integers(1, 12, 3).tolist()]
    months = [5, 4, *rng.integers(5, 12, 3).tolist()]
    low[2:] = [day if day != month else day % 11 + 1 for day, month in zip(low[2:], months[2:], strict=True)]
    high = rng.integers(13, 29, 2).tolist()
    days = _days(rng, [*low, *high], [*months, 12, int(rng.integers(1, 12))])
    refusal = {
        ValueError: "pandas refused a text: the format does not fit all of them. Which side holds a number above 12?"
    }
    with part("the day first"):
        texts = _written(days, True)
        got = run(answer, texts, raised=refusal, may_return_none=True)
        expect(
            got is not None,
            "Some first numbers are above 12, so they are days, and no second one is: you gave up too early. "
            "(12 itself is still a month.)",
        )
        equal(got, pd.Series(days), on=texts)
    with part("the month first"):
        texts = _written(days, False)
        got = run(answer, texts, raised=refusal, may_return_none=True)
        expect(got is not None, "Only second numbers are above 12, so the month comes first. Look at both sides.")
        equal(got, pd.Series(days), on=texts)
    with part("None where nothing decides"):
        texts = _written(_days(rng, low, months), True)
        got = run(answer, texts, raised=refusal, may_return_none=True)
        expect(got is None, "No number here is above 12: either order is possible, and you guessed. Return None.")
    with part("None where they disagree"):
        texts = pd.Series([*_written(days, True), *_written(days, False)])
        got = run(
            answer,
            texts,
            raised={
                ValueError: "This column mixes both orders, and you let pandas run into it. Return None there too."
            },
            may_return_none=True,
        )
        expect(got is None, "Some texts here say day first and some month first. Nobody can tell; return None.")


def _modified(values: np.ndarray, factor=0.6745, centre=np.nanmedian, spread=np.nanmedian) -> np.ndarray:
    away = values - centre(values)
    return factor * away / spread(np.abs(away))


@check(
    "12.2",
    title="A score that outliers cannot bend",
    minutes=10,
    hints=(
        "Two medians: one of the values, one of how far each value is from the first.",
        "np.nanmedian passes holes over. Where MAD is 0, do not divide: equals get 0, the rest an infinite score.",
        "away = values - np.nanmedian(values)\n"
        "mad = np.nanmedian(___)\n"
        "if mad == 0:\n"
        "    return np.where(away == 0, ___, np.copysign(___, away))\n"
        "return 0.6745 * ___ / mad",
    ),
)
def modified_z(answer, rng):
    values = np.round(rng.lognormal(4, 0.6, 21), 2)
    values[:4] *= 1000
    with part("values and outliers"):
        got = run(answer, values)
        away = values - np.median(values)
        refuse(
            got,
            (values - values.mean()) / values.std(),
            "That is the ordinary Z-score: its mean and deviation move with the outliers.",
        )
        refuse(got, np.abs(_modified(values)), "Keep the sign: below the median is negative.")
        refuse(got, np.abs(_modified(values)) > 3.5, "Return the scores themselves; the limit of 3.5 comes later.")
        refuse(got, _modified(values, factor=1), "The factor 0.6745 is missing.")
        refuse(got, _modified(values, factor=1 / 0.6745), "You divided by 0.6745; the score is multiplied by it.")
        refuse(
            got,
            _modified(values, spread=np.mean),
            "MAD is the *median* of the distances. Their mean moves with the outliers.",
        )
        refuse(
            got,
            0.6745 * away / np.median(np.abs(values - values.mean())),
            "Measure the distances from the median, not from the mean.",
        )
        refuse(
            got,
            _modified(values, centre=np.mean),
            "You measure from the mean, which the outliers have pulled towards them. Measure from the median.",
        )
        equal(got, _modified(values), on=values)
    with part("holes"):
        holed = np.append(values, [np.nan, np.nan])
        got = run(answer, holed)
        refuse(
            got,
            np.full(len(holed), np.nan),
            "One hole, and every score is NaN: np.median of values with a hole is NaN. np.nanmedian passes holes over.",
        )
        refuse(got, _modified(values), "A score for every value, in their order: a hole keeps its place, as NaN.")
        filled = np.where(np.isnan(holed), 0.0, holed)
        refuse(got, _modified(filled), "You took the holes for zeros. A hole is no value: it stays NaN.")
        equal(got, _modified(holed), on=holed)
    with part("more than half of the values equal"):
        usual = float(rng.integers(2, 6))
        flat = rng.permutation([usual] * 9 + [usual + 1, usual + 3, usual - 1])
        right = np.where(flat == usual, 0.0, np.copysign(np.inf, flat - usual))
        got = run(answer, flat, raised={ZeroDivisionError: "MAD is 0 here, and you divided by it."})
        refuse(
            got,
            np.where(flat == usual, np.nan, right),
            "MAD is 0 here, and you divided by it: 0 / 0 is NaN. What equals the median gets 0.",
        )
        refuse(got, np.zeros(len(flat)), "MAD is 0, and you called everything normal. What differs stands out.")
        refuse(got, np.abs(right), "Keep the sign here too: below the median it is minus infinity.")
        refuse(got, 0.6745 * (flat - usual), "MAD is 0, and you took 1 for it. The score has no bound: it is infinite.")
        equal(got, right, on=flat)


COLUMNS = ("parcel", "sent", "postcode", "country", "weight_kg")
ROWS = 400


def sheet(rng: np.random.Generator) -> tuple[str, dict[str, set[tuple[int, str]]]]:
    """A CSV as a German spreadsheet writes it, and which of its cells are what: (line, column), the header is line 1.

    "missing", "words", "unit" and "date" are wrong; "namibia" is right.
    """
    weight = np.round(rng.lognormal(0.2, 0.5, ROWS), 2) + 0.1
    days = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 300, ROWS)), unit="D")
    number = rng.integers(1067, 99998, ROWS)
    cells = {
        "parcel": [f"P-{1001 + i}" for i in range(ROWS)],
        "sent": days.strftime("%d.%m.%Y").tolist(),
        "postcode": [f"{code:05d}" for code in number],
        "country": rng.choice(["DE", "AT", "CH", "NA"], ROWS, p=[0.6, 0.2, 0.15, 0.05]).tolist(),
        "weight_kg": [f"{kg:.2f}".replace(".", ",") for kg in weight],
    }
    rows = iter(rng.permutation(ROWS).tolist())
    truth = {
        "missing": _spoil(cells, rows, {"weight_kg": [""] * 5, "sent": [""] * 3}),
        "words": _spoil(cells, rows, {"weight_kg": ["k. A."] * 4 + ["-999"] * 3, "country": ["?"] * 4}),
        "unit": _spoil(cells, rows, {"weight_kg": [f"{kg * 1000:.0f}" for kg in weight[rng.permutation(ROWS)[:9]]]}),
        "date": _spoil(cells, rows, {"sent": ["11.04.1825", "17.08.2925", "06.06.2205"]}),
    }
    lines = [";".join(COLUMNS), *(";".join(row) for row in zip(*cells.values(), strict=True))]
    truth["namibia"] = {(line, "country") for line, value in enumerate(cells["country"], 2) if value == "NA"}
    return "\n".join(lines) + "\n", truth


def _spoil(cells: dict[str, list[str]], rows, faults: dict[str, list[str]]) -> set[tuple[int, str]]:
    done = set()
    for column, values in faults.items():
        for value in values:
            row = next(rows)
            cells[column][row] = value
            done.add((row + 2, column))
    return done


@check(
    "12.3",
    title="Audit a file that you did not write",
    minutes=20,
    hints=(
        "Open the sample: what parts its columns, how are decimals written, which column only looks like a number?",
        "read_csv takes sep, dtype and keep_default_na. Its decimal gives up where a column holds words: replace the "
        "commas yourself. data.audit(table).cells() counts rows from 0.",
        "table = pd.read_csv(path, sep=___, dtype=___, keep_default_na=___)\n"
        'table["weight_kg"] = table["weight_kg"].str.replace(___, ___)\n'
        "cells = data.audit(table).cells()\n"
        'return list(zip(cells["row"] + ___, cells["column"]))',
    ),
)
def my_audit(answer, rng):
    text, truth = sheet(rng)
    wrong = truth["missing"] | truth["words"] | truth["unit"] | truth["date"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parcels.csv"
        path.write_text(text, encoding="utf8")
        one_column = "Read by commas, this file falls apart: its columns are parted by semicolons."
        returned = run(answer, str(path), limit=20.0, raised={pd.errors.ParserError: one_column})
    pairs = _pairs(returned)
    lines = text.splitlines()

    def shown(cells):
        line, column = min(cells)
        return f"line {line}, {column}: {lines[line - 1].split(';')[COLUMNS.index(column)]!r} in {lines[line - 1]!r}"

    def all_found(kind, words):
        missed = truth[kind] - pairs
        expect(
            not missed,
            f"{words} {len(missed)} of {len(truth[kind])} missed, such as {shown(missed)}." if missed else "",
        )

    for shift in (-2, -1):
        moved = {(line - shift, column) for line, column in pairs}
        expect(
            len(moved & wrong) <= max(len(pairs & wrong), 4),
            f"Your lines are {-shift} too small. The header is line 1, and the table's row 0 is line 2 of the file.",
        )
    with part("cells that are empty"):
        all_found("missing", "Empty cells:")
    with part("what stands for missing"):
        all_found("words", "Words and numbers that stand for missing:")
    with part("grams in a column of kilograms"):
        all_found(
            "unit", "Weights a thousand times too large (is the column read as numbers, with its decimal commas?):"
        )
    with part("days that cannot be"):
        all_found("date", "Days that cannot be:")
    with part("no false alarms"):
        alarms = pairs - wrong
        countries = alarms & truth["namibia"]
        expect(
            not countries,
            "NA is Namibia here. read_csv takes it for missing unless keep_default_na=False; "
            + (f"you listed {shown(countries)}." if countries else ""),
        )
        expect(
            len(alarms) <= 4,
            f"{len(alarms)} cells that you listed are right, such as {shown(alarms)}." if alarms else "",
        )


def _pairs(returned) -> set[tuple[int, str]]:
    try:
        pairs = [(line, column) for line, column in returned]
        fits = all(column in COLUMNS and int(line) == line and 0 <= line <= ROWS + 3 for line, column in pairs)
    except (TypeError, ValueError):
        pairs, fits = [], False
    if pairs and all(isinstance(column, str) and ";" in column for _, column in pairs):
        expect(False, "Your table has a single column: those of this file are parted by semicolons, not by commas.")
    expect(
        fits,
        "Return (line, column) pairs, such as [(17, 'weight_kg')]: the lines of the file, the names of its header.",
    )
    return {(int(line), str(column)) for line, column in pairs}
