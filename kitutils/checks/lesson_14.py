"""Checks of lesson 14."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kitutils.course.grading import Wrong, check, equal, expect, part, refuse, run

# Column → whether it is known when the order is placed, and what is said to the other answer.
_COLUMNS = {
    "promised_days": (True, "promised_days is shown at checkout and stored with the order. Nobody changes it later."),
    "parcel_scans": (False, "parcel_scans goes on counting after the order. Who brings a parcel back has it scanned."),
    "earlier_orders": (True, "earlier_orders looks back from this order; the shop knows it when the order arrives."),
    "all_orders": (False, "all_orders counts the whole table, and with it the orders that came after this one."),
    "refund_eur": (False, "refund_eur is paid after the return: it is the answer itself, in euros."),
    "discount_pct": (True, "discount_pct is stored with the order, as the customer saw it."),
    "stock_left": (False, "stock_left is overwritten every night: it is what is left today, returned pieces included."),
    "customer_since": (True, "customer_since is a day that does not change, and she joined before she ordered."),
}


@check(
    "14.1",
    title="What was known when the order was placed",
    minutes=5,
    answer="value",
    hints=(
        "For each column ask when its value was written, and whether anybody wrote over it afterwards.",
        "Four are known: two are stored with the order, one looks back from it, one is a day that never changes.",
        '"promised_days": True,   # stored with the order\n"parcel_scans": ___,    # counted until the export',
    ),
)
def known_at_checkout(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_COLUMNS),
        "Keep the eight names in known as they are, and put True or False in place of each ... .",
    )
    for name, (known, otherwise) in _COLUMNS.items():
        with part(name):
            got = answer[name]
            expect(got is not ..., f"{name} is still open.")
            expect(isinstance(got, bool | np.bool_), f"{name}: write True or False, without quotes.")
            expect(bool(got) == known, otherwise)


@check(
    "14.2",
    title="The past to learn from, the future to judge by",
    minutes=10,
    hints=(
        "Which day is the border? Look at the days in their order, at the place where the test rows begin.",
        "np.sort(days) brings them in order. Rows before the border day train, rows of that day and later test.",
        "border = np.sort(days)[round(len(days) * ___)]\n"
        "return np.flatnonzero(days < ___), np.flatnonzero(days >= ___)",
    ),
)
def past_and_future(answer, rng):
    # Late days are large, so that a share of the days is not that share of the rows. With these sizes a cut at 30 % or
    # 15 % of the 156 rows always falls into a day: the late days add up to multiples of 9, and 12 more.
    sizes = np.r_[rng.permutation([2] * 12 + [12]), rng.permutation([9] * 12 + [12])]
    days = np.datetime64("2025-06-10") + np.arange(len(sizes))
    days = rng.permutation(np.repeat(days, sizes).astype(str))
    for share in (0.3, 0.15):
        _past_and_future(answer, days, share)


def _past_and_future(answer, days, share):
    n, largest = len(days), np.unique(days, return_counts=True)[1].max()
    with part(f"two parts, share {share}"):
        train, test = _two_arrays(run(answer, days, share), n)
        both = np.intersect1d(train, test)
        expect(not len(both), f"{len(both)} rows are in both parts, the first at position {_first(both)}.")
        lost = np.setdiff1d(np.arange(n), np.r_[train, test])
        expect(not len(lost), f"{len(lost)} rows are in neither part, the first at position {_first(lost)}.")
    with part(f"past before future, share {share}"):
        expect(len(train) and len(test), "One of the two parts is empty.")
        last, first = max(days[train]), min(days[test])
        rows = (("last day of training", last), ("first day of testing", first))
        if min(days[train]) > max(days[test]):
            raise Wrong("Turned round: you learn from the future and test on the past.", rows)
        if last == first:
            raise Wrong("A day is cut in two. Find the day at the border, and give all its rows to one part.", rows)
        if last > first:
            raise Wrong("Training rows are later than test rows. The rows of days come in no order; sort first.", rows)
    with part(f"about {share:.0%} for testing"):
        if abs(len(train) - share * n) <= largest < abs(len(test) - share * n):
            raise Wrong(f"share is the share of the test rows; {len(test) / n:.0%} of the rows test.")
        expect(
            abs(len(test) - share * n) <= largest,
            f"{len(test) / n:.0%} of the rows test, and {share:.0%} were asked for. Count rows, not days.",
        )


def _two_arrays(parts, n):
    if not isinstance(parts, tuple | list) or len(parts) != 2:
        raise Wrong("Return two arrays: the positions of the training rows, and those of the test rows.")
    arrays = [np.asarray(item) for item in parts]
    for array in arrays:
        if array.dtype == bool:
            raise Wrong("Those are masks of True and False. Return positions: np.flatnonzero(mask).")
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise Wrong("Return positions, whole numbers from 0 on, not the days themselves.")
        if len(array) and not 0 <= array.min() <= array.max() < n:
            raise Wrong(f"Positions go from 0 to {n - 1}; yours go from {array.min()} to {array.max()}.")
    return arrays


def _first(rows):
    return rows[0] if len(rows) else None


def _rates(keys, returned, fold, *, learn="others", fallback="others", missing=None):
    """Rates of each key. ``learn``, ``fallback``: "others", "own" or "all": the folds that they come from."""
    rates = np.empty(len(keys))
    for k in np.unique(fold):
        here = fold == k
        of = {"others": ~here, "own": here, "all": np.ones(len(keys), bool)}
        means = pd.Series(returned[of[learn]]).groupby(keys[of[learn]]).mean()
        found = pd.Series(keys[here]).map(means)
        rates[here] = found.fillna(returned[of[fallback]].mean() if missing is None else missing)
    return rates


def _leave_one_out(keys, returned, fold):
    by_key = pd.Series(returned).groupby(keys)
    count = by_key.transform("count").to_numpy()
    total = by_key.transform("sum").to_numpy() - returned
    return np.where(count > 1, total / np.maximum(count - 1, 1), returned.mean())


def _smallest_probe(rng):
    """Rows whose keys lie in several folds with different rates, but for one key that one fold has to itself."""
    keys = np.repeat([f"C-{i}" for i in rng.permutation(90)[:4]], 6)
    fold = np.tile(np.arange(3), 8)
    returned = np.concatenate([rng.permutation([0, 0, 1, 1, 1, 0]) for _ in range(4)])
    returned[[0, 3]] = 1  # of the first key, both rows of fold 0 came back, and no other
    returned[[1, 2, 4, 5]] = 0
    alone = np.full(3, "C-99")
    keys, fold = np.r_[keys, alone], np.r_[fold, np.zeros(3, int)]
    returned = np.r_[returned, [1, 1, 0]]
    if returned[fold != 0].mean() == 0.5:  # else a constant of one half could pass for the mean of the other folds
        return _smallest_probe(rng)
    order = rng.permutation(len(keys))
    return keys[order].astype(object), returned[order], fold[order]


@check(
    "14.3",
    title="Find two bugs in an encoding",
    minutes=15,
    hints=(
        "Change one order's answer in your mind. Which rates may change, and does its own?",
        "For the rows of fold k, both the mean of the key and the mean that stands in come from fold != k.",
        "for k in np.unique(fold):\n"
        "    here, others = fold == k, ___\n"
        "    means = pd.Series(returned[___]).groupby(keys[___]).mean()\n"
        "    rates[here] = pd.Series(keys[here]).map(means).fillna(returned[___].mean())",
    ),
)
def out_of_fold_rates(answer, rng):
    keys, returned, fold = _smallest_probe(rng)
    elsewhere = keys != "C-99"
    right = _rates(keys, returned, fold)
    with part("one rate for each row"):
        got = run(answer, keys, returned, fold)
        expect(np.shape(got) == (len(keys),), f"Return one rate for each of the {len(keys)} rows, as an array.")
        got = np.asarray(got, float)
    with part("from the other folds"):
        here = got[elsewhere]
        for learn, words in (
            ("own", "The rates still come from the rows' own fold. Take the rows where fold != k."),
            ("all", "These are the rates of all rows: each contains its own order's answer."),
        ):
            refuse(here, _rates(keys, returned, fold, learn=learn)[elsewhere], words)
        refuse(
            here,
            _leave_one_out(keys, returned, fold)[elsewhere],
            "You left out the row itself and no more. Then a low rate gives away that this order came back, because "
            "one return is missing from it. Leave out the whole fold.",
        )
        equal(here, right[elsewhere], on=keys[elsewhere], tol=1e-9)
    with part("a customer whom the other folds do not know"):
        there = got[~elsewhere]
        expect(not np.isnan(there).any(), "C-99 has orders in one fold only, and its rate is nan. Let a mean stand in.")
        for fallback, words in (
            ("all", "The mean that stands in is that of all rows, the fold's own answers among them."),
            ("own", "The mean that stands in is that of the rows' own fold."),
        ):
            refuse(there, _rates(keys, returned, fold, fallback=fallback)[~elsewhere], words)
        refuse(
            there,
            np.zeros(3),
            "A rate of 0 says that C-99 never sends anything back. Nobody knows; take the mean of the other folds.",
        )
        equal(there, right[~elsewhere], on=keys[~elsewhere], tol=1e-9)
