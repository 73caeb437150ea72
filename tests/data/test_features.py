"""The shop's features: what is known on the day, cycles, and raw orders as a model takes them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data import features, shop

ORDERS = shop.generate(400, seed=3).table()
NOTHING = dict.fromkeys(features.INPUTS)


def by_looking(keys, days, outcome, wait):
    """The same counts, row by row."""
    days = pd.to_datetime(pd.Series(days))
    pairs = []
    for key, day in zip(keys, days, strict=True):
        past = [o for k, d, o in zip(keys, days, outcome, strict=True) if k == key and (day - d).days >= wait]
        pairs.append((len(past), sum(past)))
    return np.array(pairs).reshape(-1, 2).T


@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.integers(0, 1)), max_size=30),
    wait=st.integers(1, 30),
)
@settings(max_examples=100, deadline=None)
def test_history_is_what_one_counts_row_by_row(rows, wait):
    keys, offsets, outcome = ([row[i] for row in rows] for i in range(3))
    days = np.datetime64("2024-02-01") + np.array(offsets, dtype=int)
    known, total = features.known_history(keys, days, np.array(outcome, dtype=int), wait=wait)
    assert known.dtype == np.int64
    assert np.array_equal([known, total], by_looking(keys, days, outcome, wait))


def test_history_of_five_orders_worked_out_by_hand():
    days = ["2025-03-03", "2025-03-20", "2025-04-02", "2025-05-15", "2025-06-01"]
    known, total = features.known_history(["x"] * 5, days, np.array([1, 0, 1, 1, 1]))
    assert known.tolist() == [0, 0, 1, 3, 3]
    assert total.tolist() == [0, 0, 1, 2, 2]


def test_no_outcome_of_the_last_days_can_change_a_history():
    """Nor its own: the proof that the feature holds what is known on the day."""
    changed = ORDERS.copy()
    recent = pd.to_datetime(changed["ordered_on"]) > pd.to_datetime("2025-12-31") - pd.Timedelta(days=features.WAIT)
    changed.loc[recent, "returned"] = 1 - changed.loc[recent, "returned"]
    columns = list(features.COUNTS)
    before, after = features.with_history(ORDERS)[columns], features.with_history(changed)[columns]
    assert recent.sum() > 5
    assert before.equals(after)


def test_history_does_not_depend_on_the_order_of_rows():
    shuffled = ORDERS.sample(frac=1, random_state=0)
    columns = list(features.COUNTS)
    assert features.with_history(shuffled)[columns].sort_index().equals(features.with_history(ORDERS)[columns])


@pytest.mark.parametrize(
    ("keys", "days", "outcome", "wait", "said"),
    [
        (["a"], ["2025-01-01", "2025-01-02"], [0, 1], 21, "got 1, 2 and 2"),
        (["a"], ["2025-01-01"], [0], 0, "wait=0"),
        ([None], ["2025-01-01"], [0], 21, "missing"),
        (["a"], [None], [0], 21, "missing"),
    ],
)
def test_what_has_no_past_is_refused(keys, days, outcome, wait, said):
    with pytest.raises(ValueError, match=said):
        features.known_history(keys, days, outcome, wait=wait)


@given(known=st.integers(0, 1000), share=st.floats(0, 1), prior=st.floats(0.01, 0.99), weight=st.floats(0.01, 100))
def test_a_smoothed_rate_lies_between_the_average_and_its_own(known, share, prior, weight):
    returned = round(known * share)
    rate = features.smoothed_rate(returned, known, prior=prior, weight=weight)
    own = returned / known if known else prior
    assert min(own, prior) - 1e-9 <= rate <= max(own, prior) + 1e-9


def test_a_smoothed_rate_begins_at_the_average_and_ends_at_its_own():
    assert features.smoothed_rate(0, 0, prior=0.4, weight=2) == 0.4
    assert features.smoothed_rate(2, 3, prior=0.4, weight=2) == pytest.approx(0.56)
    assert features.smoothed_rate(7e8, 1e9, prior=0.4, weight=2) == pytest.approx(0.7)
    with pytest.raises(ValueError, match="weight=0"):
        features.smoothed_rate(0, 0, prior=0.4, weight=0)


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=20), st.floats(0.5, 1000))
def test_a_cycle_can_be_turned_back(shares, period):
    values = np.array(shares) * period
    back = features.from_cycle(features.cyclic(values, period), period)
    apart = np.abs(back - values)
    assert ((back >= 0) & (back < period)).all()
    assert np.minimum(apart, period - apart).max() < 1e-9 * period


@given(st.integers(-100, 100), st.integers(-3, 3))
def test_a_whole_period_later_is_the_same_place(value, turns):
    a, b = features.cyclic([value, value + 24 * turns], 24)
    assert np.allclose(a, b, atol=1e-12)


def test_neighbours_on_the_circle():
    points = features.cyclic(np.arange(24), 24)
    steps = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1)
    assert np.allclose(steps, steps[0])  # 23 to 0 is as far as 0 to 1
    assert features.cyclic([0, 6, 12], 24).round(12).tolist() == [[0, 1], [1, 0], [0, -1]]
    assert np.isnan(features.cyclic([np.nan], 24)).all()


def test_what_is_no_circle_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        features.cyclic([1], 0)
    with pytest.raises(ValueError, match=r"\(3,\)"):
        features.from_cycle([1, 2, 3], 24)


def test_inputs_have_their_names_and_kinds():
    inputs = features.as_inputs(features.with_history(ORDERS))
    assert list(inputs) == [*features.NUMBERS, *features.COUNTS, *features.TEXTS]
    assert {inputs[name].dtype for name in (*features.NUMBERS, *features.COUNTS)} == {np.dtype("float32")}
    assert all(type(value) is str for name in features.TEXTS for value in inputs[name])
    assert {values.shape for values in inputs.values()} == {(len(ORDERS),)}
    assert "parcel_scans" not in inputs


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_value_is_nan_or_no_text(missing):
    inputs = features.as_inputs(dict.fromkeys(features.INPUTS, missing))
    assert all(np.isnan(inputs[name]).tolist() == [True] for name in (*features.NUMBERS, *features.COUNTS))
    assert all(inputs[name].tolist() == [""] for name in features.TEXTS)


def test_an_order_alone_is_what_it_is_among_others():
    table = features.with_history(ORDERS).head(50)
    table.loc[table.index[3], "age"] = np.nan  # turns the batch's column into fractions
    batch = features.as_inputs(table)
    for i in range(len(table)):
        alone = features.as_inputs(table.iloc[i].to_dict())
        for name, values in batch.items():
            assert values[i : i + 1].tobytes() == alone[name].tobytes() or values[i] == alone[name][0]


def test_an_absent_column_and_a_word_for_a_number_are_named():
    with pytest.raises(ValueError, match="not there: customer_known"):
        features.as_inputs({name: None for name in features.INPUTS if name != "customer_known"})
    with pytest.raises(ValueError, match="age is a number"):
        features.as_inputs(NOTHING | {"age": "forty"})
