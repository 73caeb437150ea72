"""The checks of lesson 14 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pandas as pd
import pytest

from kitutils.course.grading import assert_check, grade
from kitutils.data.splits import three_way

KNOWN = {
    "promised_days": True,
    "parcel_scans": False,
    "earlier_orders": True,
    "all_orders": False,
    "refund_eur": False,
    "discount_pct": True,
    "stock_left": False,
    "customer_since": True,
}


def test_known_at_checkout():
    said = {
        "promised_days is shown": "promised_days",
        "goes on counting": "parcel_scans",
        "looks back": "earlier_orders",
        "counts the whole table": "all_orders",
        "the answer itself": "refund_eur",
        "as the customer saw it": "discount_pct",
        "overwritten every night": "stock_left",
        "a day that does not change": "customer_since",
    }
    wrong = {fragment: KNOWN | {name: not KNOWN[name]} for fragment, name in said.items()}
    assert_check(
        "14.1",
        right=[KNOWN, {name: np.bool_(value) for name, value in KNOWN.items()}, dict(reversed(KNOWN.items()))],
        wrong=wrong
        | {
            "Keep the eight names": {"promised_days": True},
            "is still open": KNOWN | {"all_orders": ...},
            "without quotes": KNOWN | {"all_orders": "False"},
        },
    )


def test_columns_that_are_right_count_as_parts():
    result = grade("14.1", KNOWN | {"stock_left": True, "refund_eur": ...})
    assert (result.status, result.held, result.total) == ("wrong", 6, 8)


def with_a_border(days, share):
    border = np.sort(days)[round(len(days) * (1 - share))]
    return np.flatnonzero(days < border), np.flatnonzero(days >= border)


def with_pandas(days, share):
    days = pd.Series(pd.to_datetime(days))
    late = days > days.sort_values(ignore_index=True).iloc[int(len(days) * (1 - share))]
    return [days.index[~late], days.index[late]]


def with_the_kit(days, share):
    parts = three_way(len(days), (1 - share, 0, share), time=days)
    return parts.train, parts.test


def in_order_of_time(days, share):
    order = np.argsort(days, kind="stable")
    cut = np.searchsorted(days[order], days[order][round(len(days) * (1 - share))])
    return order[:cut], order[cut:]


def by_position(days, share):
    cut = round(len(days) * (1 - share))
    return np.arange(cut), np.arange(cut, len(days))


def by_days(days, share):
    order = np.unique(days)
    border = order[round(len(order) * (1 - share))]
    return np.flatnonzero(days < border), np.flatnonzero(days >= border)


def at_a_row(days, share):
    order, cut = np.argsort(days, kind="stable"), round(len(days) * (1 - share))
    return order[:cut], order[cut:]


def test_past_and_future():
    def turned(days, share):
        return with_a_border(days, share)[::-1]

    def for_training(days, share):
        return with_a_border(days, 1 - share)

    def masks(days, share):
        border = np.sort(days)[round(len(days) * (1 - share))]
        return days < border, days >= border

    def the_days(days, share):
        return tuple(days[rows] for rows in with_a_border(days, share))

    def shared(days, share):
        train, test = with_a_border(days, share)
        return np.r_[train, test[:1]], test

    def lost(days, share):
        train, test = with_a_border(days, share)
        return train[1:], test

    assert_check(
        "14.2",
        right=[with_a_border, with_pandas, with_the_kit, in_order_of_time],
        wrong={
            "Training rows are later": by_position,
            "A day is cut in two": at_a_row,
            "Turned round": turned,
            "share is the share of the test rows": for_training,
            "Count rows, not days": by_days,
            "masks of True": masks,
            "not the days": the_days,
            "are in both": shared,
            "in neither part": lost,
            "Return two arrays": lambda days, share: with_a_border(days, share)[0],
            "Positions go from": lambda days, share: tuple(rows + 1 for rows in with_a_border(days, share)),
            "One of the two parts is empty": lambda days, share: (np.arange(len(days)), np.arange(0)),
        },
    )


def out_of_fold(keys, returned, fold):
    rates = np.empty(len(keys))
    for k in np.unique(fold):
        here, others = fold == k, fold != k
        means = pd.Series(returned[others]).groupby(keys[others]).mean()
        rates[here] = pd.Series(keys[here]).map(means).fillna(returned[others].mean())
    return rates


def row_by_row(keys, returned, fold):
    rates = []
    for key, k in zip(keys, fold, strict=True):
        same = (keys == key) & (fold != k)
        rates.append(returned[same if same.any() else fold != k].mean())
    return rates


def by_subtraction(keys, returned, fold):
    """Sums of all folds minus those of one's own."""
    frame = pd.DataFrame({"key": keys, "fold": fold, "y": returned})
    of_key, of_both = frame.groupby("key")["y"], frame.groupby(["key", "fold"])["y"]
    total = of_key.transform("sum") - of_both.transform("sum")
    count = of_key.transform("count") - of_both.transform("count")
    of_fold = frame.groupby("fold")["y"]
    mean = (returned.sum() - of_fold.transform("sum")) / (len(frame) - of_fold.transform("count"))
    return (total / count.where(count > 0)).fillna(mean)


def theirs(keys, returned, fold):
    """The colleague's, as the lesson shows it."""
    rates = np.full(len(keys), returned.mean())
    for k in np.unique(fold):
        here = fold == k
        for key in np.unique(keys[here]):
            rates[here & (keys == key)] = returned[here & (keys == key)].mean()
    return rates


def first_bug_mended(keys, returned, fold):
    rates = np.full(len(keys), returned.mean())
    for k in np.unique(fold):
        for key in np.unique(keys):
            if ((fold != k) & (keys == key)).any():
                rates[(fold == k) & (keys == key)] = returned[(fold != k) & (keys == key)].mean()
    return rates


def stands_in(function):
    """Out of fold, with another rate for a customer whom the other folds do not know."""

    def rates(keys, returned, fold):
        got = out_of_fold(keys, returned, fold)
        for i, (key, k) in enumerate(zip(keys, fold, strict=True)):
            if not ((keys == key) & (fold != k)).any():
                got[i] = function(returned, fold == k)
        return got

    return rates


def all_rows(keys, returned, fold):
    return pd.Series(returned).groupby(keys).transform("mean").to_numpy()


def leave_one_out(keys, returned, fold):
    return row_by_row(keys, returned, np.arange(len(keys)))


def test_out_of_fold_rates():
    assert_check(
        "14.3",
        right=[out_of_fold, row_by_row, by_subtraction],
        wrong={
            "rows' own fold. Take": theirs,
            "each contains its own": all_rows,
            "left out the row itself": leave_one_out,
            "that of all rows, the fold's own": first_bug_mended,
            "stands in is that of the rows' own fold": stands_in(lambda returned, own: returned[own].mean()),
            "never sends anything back": stands_in(lambda returned, own: 0.0),
            "3 of 3 values are not as expected": stands_in(lambda returned, own: 0.5),
            "its rate is nan": stands_in(lambda returned, own: np.nan),
            "Return one rate for each": lambda keys, returned, fold: returned.mean(),
        },
    )


@pytest.mark.parametrize("seed", range(20))
def test_each_mended_bug_counts(seed):
    held = [grade("14.3", answer, seed).held for answer in (theirs, first_bug_mended, out_of_fold)]
    assert held == [1, 2, 3]


@pytest.mark.parametrize(
    ("exercise", "stub"),
    [
        ("14.1", dict.fromkeys(KNOWN, ...)),
        ("14.2", lambda days, share: ...),
        ("14.3", lambda keys, returned, fold: ...),
    ],
)
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
