"""Checks of lesson 10."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kitutils.course.grading import check, equal, expect, part, refuse, run

_LINES = {
    "A": "    page = requests.get(url, timeout=5).json()",
    "B": '    url = page["next"]',
    "C": "records, url = [], desk.url",
    "D": "while url:",
    "E": 'assert len(records) == page["count"]',
    "F": '    records += page["results"]',
}


@check(
    "10.1",
    title="Put the lines of a paged reader in order",
    minutes=5,
    answer="order",
    lines=_LINES,
    hints=(
        "Which lines are indented? They are done once for each page.",
        "A page must be there before one can take its records or the address of the next.",
        "C D _ _ _ E",
    ),
)
def paged_reader(answer, rng):
    place = {letter: i for i, letter in enumerate(answer)}
    expect(place["C"] == 0, "Start with an empty list and the first address: line C.")
    expect(
        all(place["D"] < place[letter] for letter in "ABF"),
        "The indented lines are the body of the loop, so the loop is opened above them: line D.",
    )
    expect(
        answer[-1] == "E",
        "Line E compares with what the server promised. It is not indented: between the loop's lines it would cut them "
        "in two, and before the last page the number cannot be right. Compare at the end.",
    )
    expect(
        place["A"] < place["B"],
        "The next address comes with the page, so the page must be asked for first: line A before B.",
    )
    expect(place["A"] < place["F"], "The records come with the page, so ask for it first: line A before F.")


def _rates(rng):
    days = ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]
    rows = [(day, currency) for day in days for currency in ("CHF", "EUR", "PLN")]
    frame = pd.DataFrame(rows, columns=["from_day", "currency"])
    about = frame["currency"].map({"CHF": 0.9, "EUR": 1.0, "PLN": 4.3})
    # Four quite different rates for each currency, in random order, so that no mistake gives the right one by luck.
    steps = np.concatenate([rng.permutation([0.7, 0.9, 1.2, 1.5]) for _ in range(3)]).reshape(3, 4).T.ravel()
    frame["per_eur"] = about * steps * rng.uniform(0.98, 1.02, len(frame))
    return frame


@check(
    "10.2",
    title="Euros at the rate of the day",
    minutes=10,
    hints=(
        "Which lines of rates are in force on that day, for that currency?",
        "Keep the lines of the currency with from_day <= day; the last of them counts. per_eur francs are one euro.",
        'valid = rates[(rates["currency"] == ___) & (rates["from_day"] <= ___)]\n'
        'return amount / valid["per_eur"].iloc[___] if len(valid) else ___',
    ),
)
def euros(answer, rng):
    rates = _rates(rng)
    amount = float(rng.uniform(50, 150))
    per = {c: rates.loc[rates["currency"] == c, "per_eur"].tolist() for c in ("CHF", "EUR", "PLN")}
    missing = {
        error: f"Where no rate is known, no line is left: then {error.__name__} comes, where None was asked for."
        for error in (IndexError, KeyError)
    }

    def get(currency, day):
        return run(answer, amount, currency, day, rates, raised=missing, may_return_none=True)

    with part("the rate of that day"):
        got = get("CHF", "2024-02-15")
        right = amount / per["CHF"][1]
        refuse(got, amount * per["CHF"][1], "per_eur francs are one euro: divide by it, do not multiply.")
        refuse(got, amount / per["CHF"][3], "That is the newest rate. The order was placed before it was in force.")
        refuse(got, amount / per["CHF"][0], "That is the oldest rate. A newer one was in force on that day.")
        refuse(got, amount / per["CHF"][2], "That is the rate that came next; on that day it was not in force yet.")
        refuse(got, amount / per["PLN"][1], "That is another currency's rate. Look at the lines of this currency only.")
        refuse(got, round(right, 2), "Rounded. Sums of rounded amounts drift; leave that to the end.")
        refuse(got, amount, "The amount has not changed: francs were taken for euros.")
        equal(got, right, tol=1e-9)
    with part("the first day of a rate"):
        got = get("PLN", "2024-03-01")
        refuse(
            got, amount / per["PLN"][1], 'A rate is in force *from* its day on: "<=", so that the day itself counts.'
        )
        equal(got, amount / per["PLN"][2], tol=1e-9)
    with part("no rate is known"):
        for currency, day, words in (
            (
                "GBP",
                "2024-02-15",
                "There is no rate for GBP, and {got:.6g} was returned. Unknown is None, not a guess.",
            ),
            (
                "CHF",
                "2023-12-31",
                "On 31 December no rate was known yet, and {got:.6g} was returned; None was asked for.",
            ),
        ):
            got = get(currency, day)
            expect(
                got is None, words.format(got=got) if isinstance(got, float) else "Return None where no rate is known."
            )


def _orders(rng):
    good = [(1, 9.5), (2, 20.0), (3, 0.5)]
    bad = [(0, 5.0), (-1, 8.0), (0, -2.0), (2, 0.0), (1, -3.0), (np.nan, 4.0), (2, np.nan), (np.nan, np.nan), (-2, 0.0)]
    rows = pd.DataFrame(good + bad, columns=["quantity", "price"]).astype(float)
    rows = rows.sample(frac=1, random_state=int(rng.integers(2**31)))
    rows.index = rng.permutation(np.arange(100, 100 + len(rows)))
    return rows


@check(
    "10.3",
    title="A quarantine that loses nothing",
    minutes=15,
    hints=(
        "Count: four orders went in. How many came out, and which one twice?",
        "NaN >= 1 is False, and NaN < 1 is False too. Ask for the good ones, and turn that round: ~(quantity >= 1).",
        'few, cheap = ~(rows["quantity"] >= 1), ~(___)\n'
        "why = …                     # one text a row, empty for a good one\n"
        'return rows[why == ""], rows[___].assign(why=why[___])',
    ),
)
def screened(answer, rng):
    rows = _orders(rng)
    few, cheap = ~(rows["quantity"] >= 1), ~(rows["price"] > 0)
    names = {(False, False): "", (True, False): "quantity", (False, True): "price", (True, True): "quantity, price"}
    wanted = {i: names[bool(few[i]), bool(cheap[i])] for i in rows.index}
    held_wanted = [i for i in rows.index if wanted[i]]
    with part("two tables"):
        got = run(answer, rows)
        expect(
            isinstance(got, tuple | list) and len(got) == 2 and all(isinstance(t, pd.DataFrame) for t in got),
            "Return two tables: the good rows and the quarantine.",
        )
        good, held = got
        expect("why" in held, 'The quarantine has no column "why".')
        expect(
            set(good.index) | set(held.index) <= set(rows.index),
            "Rows have other names than before: keep the index, so that each row can be found again.",
        )
    with part("each row in exactly one of them"):
        expect(
            not held.index.duplicated().any(),
            "An order that breaks both rules is in your quarantine twice. One row a row, with both reasons.",
        )
        expect(not set(good.index) & set(held.index), "A row is among the good ones and in quarantine as well.")
        lost = [i for i in rows.index if i not in good.index and i not in held.index]
        expect(
            not lost,
            f"{len(lost)} of {len(rows)} rows are in neither table, such as {_row(rows, lost)}. A comparison with a "
            "missing value is False, whichever way round it is.",
        )
    with part("the right ones, in their order"):
        wrong = [i for i in good.index if wanted[i]]
        expect(
            not wrong, f"{_row(rows, wrong)} is among the good rows. It breaks a rule: a missing value or a zero price?"
        )
        wrong = [i for i in held.index if not wanted[i]]
        expect(not wrong, f"{_row(rows, wrong)} is in quarantine and breaks no rule.")
        expect(
            list(held.index) == held_wanted,
            "The rows in quarantine are sorted by reason. Leave them in the order in which they came.",
        )
        expect(list(good.index) == [i for i in rows.index if not wanted[i]], "The good rows are in another order.")
        expect(list(good.columns) == list(rows.columns), "The good rows should have the columns that they came with.")
        expect(
            set(held) >= set(rows), "The rows in quarantine have lost columns. Whoever mends them needs all, and why."
        )
        for table in (good, held):
            now, before = table[rows.columns], rows.loc[table.index]
            expect(
                ((now == before) | (now.isna() & before.isna())).all(axis=None),
                "Values in the rows have changed. Quarantine keeps what came, holes too; it is mended at the source.",
            )
    with part("every reason"):
        reasons = held["why"].tolist()
        first = [wanted[i].partition(",")[0] for i in held_wanted]
        refuse(reasons, first, 'Where both rules are broken, give both reasons: "quantity, price".')
        equal(reasons, [wanted[i] for i in held_wanted])


def _row(rows, labels):
    return rows.loc[labels[0]].to_dict() if labels else ""
