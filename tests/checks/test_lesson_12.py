"""The checks of lesson 12 on right variants and on every planted mistake, 20 seeds each."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from kitutils import data
from kitutils.checks.lesson_12 import sheet
from kitutils.course.grading import assert_check


def by_columns(texts):
    parts = texts.str.split("/", expand=True).astype(int)
    day_first, month_first = (parts[0] > 12).any(), (parts[1] > 12).any()
    if day_first == month_first:
        return None
    return pd.to_datetime(texts, format="%d/%m/%Y" if day_first else "%m/%d/%Y")


def by_slices(texts):
    first, second = texts.str[:2].astype(int).max(), texts.str[3:5].astype(int).max()
    if (first > 12) == (second > 12):
        return None
    day, month = (texts.str[:2], texts.str[3:5]) if first > 12 else (texts.str[3:5], texts.str[:2])
    return pd.to_datetime(texts.str[6:] + "-" + month + "-" + day)


def by_trying(texts):
    fits = []
    for form in ("%d/%m/%Y", "%m/%d/%Y"):
        days = pd.to_datetime(texts, format=form, errors="coerce")
        fits += [] if days.isna().any() else [days]
    return fits[0] if len(fits) == 1 else None


def decides(texts, condition, limit=12):
    parts = texts.str.split("/", expand=True).astype(int)
    day_first, month_first = (parts[0] > limit).any(), (parts[1] > limit).any()
    if condition(day_first, month_first):
        return None
    return pd.to_datetime(texts, format="%d/%m/%Y" if day_first else "%m/%d/%Y")


def silent(texts):
    days = by_columns(texts)
    return pd.to_datetime(texts, format="mixed", errors="coerce") if days is None else days


def test_read_days():
    assert_check(
        "12.1",
        right=[by_columns, by_slices, by_trying],
        wrong={
            "the format does not fit": lambda texts: pd.to_datetime(texts, format="%m/%d/%Y"),
            "gave up too early": lambda texts: decides(texts, lambda d, m: d == m, limit=11),
            "Look at both sides": lambda texts: by_columns(texts) if d_first(texts) else None,
            "and you guessed": lambda texts: decides(texts, lambda d, m: d and m),
            "let pandas run into it": lambda texts: decides(texts, lambda d, m: not d and not m),
            "Some texts here say": lambda texts: silent(texts) if clash(texts) else by_columns(texts),
        },
    )


def d_first(texts):
    return (texts.str[:2].astype(int) > 12).any()


def clash(texts):
    return d_first(texts) and (texts.str[3:5].astype(int) > 12).any()


def with_branches(values):
    away = values - np.nanmedian(values)
    mad = np.nanmedian(np.abs(away))
    if mad == 0:
        return np.where(away == 0, 0.0, np.copysign(np.inf, away))
    return 0.6745 * away / mad


def with_division(values):
    away = values - np.nanmedian(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(away == 0, 0.0, 0.6745 * away / np.nanmedian(np.abs(away)))


def with_scipy(values):
    away = values - np.nanmedian(values)
    mad = stats.median_abs_deviation(values, nan_policy="omit")
    if mad > 0:
        return 0.6745 * away / mad
    return np.array([0.0 if a == 0 else a * np.inf for a in away])


def plain_medians(values):
    away = values - np.median(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(away == 0, 0.0, 0.6745 * away / np.median(np.abs(away)))


def unguarded(values):
    away = values - np.nanmedian(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 0.6745 * away / np.nanmedian(np.abs(away))


def where_flat(otherwise):
    def score(values):
        away = values - np.nanmedian(values)
        mad = np.nanmedian(np.abs(away))
        return otherwise(away) if mad == 0 else 0.6745 * away / mad

    return score


def with_mean(values, centre, inner, outer):
    away = values - centre(values)
    return 0.6745 * away / outer(np.abs(values - inner(values)))


def test_modified_z():
    mean, median = np.nanmean, np.nanmedian
    assert_check(
        "12.2",
        right=[with_branches, with_division, with_scipy],
        wrong={
            "ordinary Z-score": lambda v: (v - np.nanmean(v)) / np.nanstd(v),
            "Keep the sign: below": lambda v: np.abs(with_branches(v)),
            "the scores themselves": lambda v: np.abs(with_branches(v)) > 3.5,
            "factor 0.6745 is missing": lambda v: with_branches(v) / 0.6745,
            "You divided by 0.6745": lambda v: with_branches(v) / 0.6745**2,
            "Their mean moves": lambda v: with_mean(v, median, median, mean),
            "distances from the median, not": lambda v: with_mean(v, median, mean, median),
            "You measure from the mean": lambda v: with_mean(v, mean, mean, median),
            "every score is NaN": plain_medians,
            "a hole keeps its place": lambda v: with_branches(v[~np.isnan(v)]),
            "took the holes for zeros": lambda v: with_branches(np.nan_to_num(v)),
            "0 / 0 is NaN": unguarded,
            "called everything normal": where_flat(lambda away: np.zeros(len(away))),
            "Keep the sign here too": where_flat(lambda away: np.where(away == 0, 0, np.inf)),
            "took 1 for it": where_flat(lambda away: 0.6745 * away),
        },
    )


def read(path):
    table = pd.read_csv(path, sep=";", dtype=str, keep_default_na=False)
    table["weight_kg"] = table["weight_kg"].str.replace(",", ".")
    return table


def listed(table):
    cells = data.audit(table).cells()
    return list(zip(cells["row"] + 2, cells["column"], strict=True))


def by_hand(path, heaviest=30.0, words=("", "?", "k. A.", "-999"), years=("2025",), first=2):
    found = set()
    for line, row in enumerate(read(path).to_dict("records"), first):
        found |= {(line, column) for column, value in row.items() if value in words}
        kg = pd.to_numeric(row["weight_kg"], errors="coerce")
        found |= {(line, "weight_kg")} if kg > heaviest else set()
        found |= {(line, "sent")} if row["sent"] and row["sent"][-4:] not in years else set()
    return found


def taken_for_missing(path):
    table = pd.read_csv(path, sep=";", dtype=str)
    return by_hand(path) | {(row + 2, "country") for row in np.flatnonzero(table["country"].isna())}


def test_my_audit():
    any_year = [str(year) for year in range(1800, 3000)]
    assert_check(
        "12.3",
        right=[lambda path: listed(read(path)), by_hand],
        wrong={
            "parted by semicolons": lambda path: listed(pd.read_csv(path)),
            "(line, column) pairs": lambda path: read(path),
            "too small": lambda path: by_hand(path, first=0),
            "Empty cells": lambda path: by_hand(path, words=("?", "k. A.", "-999")),
            "Words and numbers that stand": lambda path: by_hand(path, words=("",)),
            "thousand times too large": lambda path: by_hand(path, heaviest=1e9),
            "Days that cannot be": lambda path: by_hand(path, years=any_year),
            "Namibia": taken_for_missing,
            "are right, such as": lambda path: by_hand(path, heaviest=1.5),
        },
    )


def test_commas_left_in_place_hide_the_weights_from_the_audit():
    text, truth = sheet(np.random.default_rng(0))
    cells = set(listed(pd.read_csv(io.StringIO(text), sep=";", decimal=",", keep_default_na=False)))
    assert not cells & truth["unit"]


@pytest.mark.parametrize("seed", range(5))
def test_the_sheet_tells_its_own_truth(seed):
    text, truth = sheet(np.random.default_rng(seed))
    table = pd.read_csv(io.StringIO(text), sep=";", dtype=str, keep_default_na=False)
    at = lambda kind: {table.at[line - 2, column] for line, column in truth[kind]}
    assert at("missing") == {""}
    assert at("words") == {"k. A.", "-999", "?"}
    assert at("namibia") == {"NA"}
    assert all("," not in kg and float(kg) > 100 for kg in at("unit"))
    assert len(truth["date"]) == 3
