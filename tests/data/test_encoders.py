"""The shop's preprocessing: scikit-learn's and Keras' agree, on rows alone and together, seen and unseen."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data import encoders, features, shop

ORDERS = features.with_history(shop.generate(600, seed=4).table())
LEARNED = encoders.learn(ORDERS, ORDERS["returned"])
NAMES = encoders.columns(LEARNED)
SKLEARN = encoders.sklearn_encoder(LEARNED)


@pytest.fixture(scope="module")
def keras_encode():
    import keras

    model = keras.Model(*encoders.keras_encoder(LEARNED))
    return lambda rows: keras.ops.convert_to_numpy(model(features.as_inputs(rows), training=False))


def test_the_numbers_are_standardised_as_scikit_learn_does():
    from sklearn.preprocessing import StandardScaler

    numbers = ORDERS[list(features.NUMBERS)]
    theirs = np.clip(StandardScaler().fit_transform(numbers), -encoders.LIMIT, encoders.LIMIT)
    assert np.allclose(SKLEARN.transform(ORDERS)[:, : len(features.NUMBERS)], theirs, atol=1e-5)


def test_the_columns_are_worked_out_by_hand_for_one_order():
    order = ORDERS.iloc[[300]].assign(customer_known=3, customer_returned=2, size="M", channel="app")
    row = dict(zip(NAMES, SKLEARN.transform(order)[0], strict=True))
    at = NAMES.index("customer_rate")
    rate = (2 + 2 * LEARNED.prior) / 5
    assert row["customer_rate"] == pytest.approx((rate - LEARNED.mean[at]) / LEARNED.deviation[at])
    assert row["customer_trust"] == pytest.approx((3 / 5 - LEARNED.mean[at + 1]) / LEARNED.deviation[at + 1])
    assert (row["size=M"], row["size=L"], row["channel=app"], row["channel=web"]) == (1, 0, 1, 0)


def test_the_two_agree_on_a_whole_table(keras_encode):
    ours = keras_encode(ORDERS)
    assert ours.shape == (len(ORDERS), len(NAMES))
    assert ours.dtype == np.float32
    assert np.abs(ours - SKLEARN.transform(ORDERS)).max() < 1e-5


# Any order at all: values of training, unseen ones, missing ones, absurd ones.
NUMBER = st.none() | st.floats(-1e6, 1e9, width=32)
COUNT = st.none() | st.integers(0, 500)
TEXT = st.none() | st.sampled_from(["DE", "app", "dress", "M", "card", "", "XXL", "naïve 🙂"])
ORDER = st.fixed_dictionaries(
    dict.fromkeys(features.NUMBERS, NUMBER)
    | dict.fromkeys(features.COUNTS, COUNT)
    | dict.fromkeys(features.TEXTS, TEXT)
)


@given(order=ORDER)
@settings(max_examples=60, deadline=None)
def test_the_two_agree_on_any_order_and_are_finite(keras_encode, order):
    table = pd.DataFrame([order]).astype(dict.fromkeys((*features.NUMBERS, *features.COUNTS), "float64"))
    ours, theirs = keras_encode(table), SKLEARN.transform(table)
    assert np.isfinite(ours).all()
    assert np.isfinite(theirs).all()
    assert np.abs(ours - theirs).max() < 1e-4


def test_bit_equal_alone_and_in_a_batch(keras_encode):
    table = ORDERS.iloc[:64].astype(dict.fromkeys(features.NUMBERS, "float64"))
    table.loc[table.index[5], ["age", "size"]] = [np.nan, None]
    together, theirs = keras_encode(table), SKLEARN.transform(table)
    for i in range(len(table)):
        assert keras_encode(table.iloc[[i]]).tobytes() == together[i].tobytes()
        assert SKLEARN.transform(table.iloc[[i]]).tobytes() == theirs[i].tobytes()


def test_one_hot_can_be_turned_back():
    one_hot = SKLEARN.named_transformers_["texts"]
    encoded = SKLEARN.transform(ORDERS)[:, -sum(map(len, LEARNED.vocabulary.values())) :]
    assert (one_hot.inverse_transform(encoded) == ORDERS[list(features.TEXTS)].to_numpy()).all()


def test_missing_and_unseen_are_no_name_and_the_mean(keras_encode):
    unseen = dict.fromkeys(features.INPUTS) | {"size": "XXL"}
    row = dict(zip(NAMES, keras_encode(unseen)[0], strict=True))
    assert all(row[name] == 0 for name in (*features.NUMBERS, *(n for n in NAMES if "=" in n)))
    at = NAMES.index("product_rate")  # nothing is known of it: the average share
    assert row["product_rate"] == pytest.approx((LEARNED.prior - LEARNED.mean[at]) / LEARNED.deviation[at], abs=1e-5)


def test_only_the_training_rows_are_learned_from():
    few = ORDERS.head(100)
    learned = encoders.learn(few, few["returned"])
    assert learned.prior == few["returned"].mean()
    assert learned.mean[0] == pytest.approx(few["age"].mean())
    assert set(learned.vocabulary["size"]) == set(few["size"])


def test_a_column_without_values_or_without_spread_stays_finite():
    few = ORDERS.head(40).assign(age=np.nan, quantity=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learned = encoders.learn(few, few["returned"])
    assert np.isfinite(encoders.sklearn_encoder(learned).transform(few)).all()


def test_rows_and_outcomes_come_together():
    with pytest.raises(ValueError, match="got 600 and 3"):
        encoders.learn(ORDERS, [0, 1, 0])
