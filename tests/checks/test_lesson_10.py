"""The checks of lesson 10 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pandas as pd

from kitutils.course.grading import assert_check, grade


def test_order_of_lines():
    assert_check(
        "10.1",
        right=["C D A F B E", "CDABFE", list("CDAFBE")],
        wrong={
            "empty list and the first address": "D C A F B E",
            "the loop is opened above them": "C A D F B E",
            "Compare at the end": "C D A F E B",
            "comes with the page, so the page": "C D B A F E",
            "The records come with the page": "C D F A B E",
        },
    )


def in_force(currency, day, rates):
    return rates[(rates["currency"] == currency) & (rates["from_day"] <= day)]


def filtered(amount, currency, day, rates):
    valid = in_force(currency, day, rates).sort_values("from_day")
    return amount / valid["per_eur"].iloc[-1] if len(valid) else None


def with_a_loop(amount, currency, day, rates):
    rate = None
    for row in rates.itertuples():
        if row.currency == currency and row.from_day <= day:
            rate = row.per_eur
    return None if rate is None else amount / rate


def by_latest_day(amount, currency, day, rates):
    valid = in_force(currency, day, rates)
    if valid.empty:
        return None
    return float(amount / valid.loc[valid["from_day"] == valid["from_day"].max(), "per_eur"].item())


def otherwise(wrong):
    """Wrong where a rate is known, right where none is."""
    return lambda amount, currency, day, rates: (
        None if in_force(currency, day, rates).empty else wrong(amount, currency, day, rates)
    )


def of(currency, rates):
    return rates[rates["currency"] == currency]["per_eur"]


def next_rate(amount, currency, day, rates):
    later = rates[(rates["currency"] == currency) & (rates["from_day"] >= day)]
    return amount / later["per_eur"].iloc[0] if len(later) else None


def strictly_before(amount, currency, day, rates):
    valid = rates[(rates["currency"] == currency) & (rates["from_day"] < day)]
    return amount / valid["per_eur"].iloc[-1] if len(valid) else None


def crashes(amount, currency, day, rates):
    return amount / in_force(currency, day, rates)["per_eur"].iloc[-1]


def taken_for_euros(amount, currency, day, rates):
    return filtered(amount, currency, day, rates) or amount


def oldest_if_unknown(amount, currency, day, rates):
    known = of(currency, rates)
    return filtered(amount, currency, day, rates) or (amount / known.iloc[0] if len(known) else None)


def test_euros():
    assert_check(
        "10.2",
        right=[filtered, with_a_loop, by_latest_day],
        wrong={
            "do not multiply": otherwise(lambda a, c, d, r: a * in_force(c, d, r)["per_eur"].iloc[-1]),
            "the newest rate": otherwise(lambda a, c, d, r: a / of(c, r).iloc[-1]),
            "the oldest rate": otherwise(lambda a, c, d, r: a / of(c, r).iloc[0]),
            "the rate that came next": next_rate,
            "another currency's rate": otherwise(lambda a, c, d, r: a / r[r["from_day"] <= d]["per_eur"].iloc[-1]),
            "Rounded.": otherwise(lambda a, c, d, r: round(filtered(a, c, d, r), 2)),
            "francs were taken for euros": lambda a, c, d, r: a,
            "the day itself counts": strictly_before,
            "IndexError comes": crashes,
            "Unknown is None, not a guess": taken_for_euros,
            "On 31 December": oldest_if_unknown,
            "Return None where no rate": lambda a, c, d, r: filtered(a, c, d, r) or "unknown",
        },
    )


def with_map(rows):
    few, cheap = ~(rows["quantity"] >= 1), ~(rows["price"] > 0)
    why = few.map({True: "quantity", False: ""}) + (few & cheap).map({True: ", ", False: ""})
    why = why + cheap.map({True: "price", False: ""})
    return rows[why == ""], rows[why != ""].assign(why=why[why != ""])


def reasons(row):
    return ", ".join(name for name, good in (("quantity", row.quantity >= 1), ("price", row.price > 0)) if not good)


def row_by_row(rows):
    why = np.array([reasons(row) for row in rows.itertuples()])
    return rows[why == ""], rows[why != ""].assign(why=why[why != ""])


def with_select(rows):
    few = (rows["quantity"] < 1) | rows["quantity"].isna()
    cheap = (rows["price"] <= 0) | rows["price"].isna()
    why = np.select([few & cheap, few, cheap], ["quantity, price", "quantity", "price"], "")
    table = rows.assign(why=why)
    return table[table["why"] == ""].drop(columns="why"), table[table["why"] != ""]


def why_first(rows):
    good, held = row_by_row(rows)
    return [good.astype(object), held[["why", "price", "quantity"]]]


def theirs(rows):
    good = rows[(rows["quantity"] >= 1) & (rows["price"] > 0)]
    few = rows[rows["quantity"] < 1].assign(why="quantity")
    cheap = rows[rows["price"] <= 0].assign(why="price")
    return good, pd.concat([few, cheap])


def misses_missing(rows):
    few, cheap = rows["quantity"] < 1, rows["price"] <= 0
    good = rows[(rows["quantity"] >= 1) & (rows["price"] > 0)]
    why = np.select([few & cheap, few, cheap], ["quantity, price", "quantity", "price"], "")
    return good, rows.assign(why=why)[why != ""]


def missing_passes(rows):
    few, cheap = rows["quantity"] < 1, rows["price"] <= 0
    why = np.select([few & cheap, few, cheap], ["quantity, price", "quantity", "price"], "")
    return rows[why == ""], rows.assign(why=why)[why != ""]


def sorted_by_reason(rows):
    good, held = row_by_row(rows)
    return good, held.sort_values("why", kind="stable")


def too_strict(rows):
    why = np.array([reasons(row) or ("price" if row.price < 1 else "") for row in rows.itertuples()])
    return rows[why == ""], rows[why != ""].assign(why=why[why != ""])


def one_reason(rows):
    good, held = row_by_row(rows)
    return good, held.assign(why=held["why"].str.partition(",")[0])


def changed(how):
    def answer(rows):
        good, held = row_by_row(rows)
        return how(good, held, rows)

    return answer


def test_screened():
    assert_check(
        "10.3",
        right=[with_map, row_by_row, with_select, why_first],
        wrong={
            "Return two tables": changed(lambda good, held, rows: good),
            'no column "why"': changed(lambda good, held, rows: (good, held.drop(columns="why"))),
            "keep the index": changed(lambda good, held, rows: (good.reset_index(drop=True), held)),
            "in your quarantine twice": theirs,
            "in quarantine as well": changed(lambda good, held, rows: (rows, held)),
            "are in neither table": misses_missing,
            "is among the good rows. It breaks a rule": missing_passes,
            "breaks no rule": too_strict,
            "sorted by reason": sorted_by_reason,
            "The good rows are in another order": changed(lambda good, held, rows: (good[::-1], held)),
            "the columns that they came with": changed(lambda good, held, rows: (good.assign(why=""), held)),
            "have lost columns": changed(lambda good, held, rows: (good, held[["why"]])),
            "Values in the rows have changed": changed(
                lambda good, held, rows: (good, held.astype(object).fillna("?"))
            ),
            "give both reasons": one_reason,
        },
    )


def test_the_colleagues_quarantine_is_told_all_that_is_wrong_with_it():
    result = grade("10.3", theirs)
    assert result.status == "wrong" and result.held == 1 and result.total == 4
