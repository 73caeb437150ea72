"""A key's part depends on the key alone."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data.locked import TEST_SALT, by_hash, locked_test

keys = st.lists(st.text(max_size=8), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(keys=keys, more=keys, seed=st.integers(0, 99))
def test_a_row_stays_where_it_is_when_rows_are_added_and_reordered(keys, more, seed):
    order = np.random.default_rng(seed).permutation(len(keys) + len(more))
    grown = np.array(keys + more, dtype=object)[order]
    before = dict(zip(keys, by_hash(keys, 0.5, "salt"), strict=True))
    after = dict(zip(grown, by_hash(grown, 0.5, "salt"), strict=True))
    assert all(after[key] == part for key, part in before.items())


@settings(max_examples=60, deadline=None)
@given(keys=keys, small=st.floats(0, 1), large=st.floats(0, 1))
def test_a_larger_share_keeps_all_that_a_smaller_one_had(keys, small, large):
    small, large = sorted((small, large))
    assert (by_hash(keys, small, "salt") <= by_hash(keys, large, "salt")).all()


def test_the_share_is_met_as_by_a_coin_for_each_key():
    chosen = by_hash(np.arange(20_000), 0.15, "any")
    assert chosen.mean() == pytest.approx(0.15, abs=4 * np.sqrt(0.15 * 0.85 / 20_000))
    other = by_hash(np.arange(20_000), 0.15, "another")
    assert (chosen & other).mean() == pytest.approx(0.15**2, abs=0.006)  # two salts choose independently


def test_none_and_all():
    assert not by_hash(["a", "b"], 0, "s").any()
    assert by_hash(["a", "b"], 1, "s").all()
    assert by_hash([], 0.5, "s").shape == (0,)


def test_a_number_and_its_text_are_one_key():
    numbers = np.arange(100)
    assert np.array_equal(by_hash(numbers, 0.5, "s"), by_hash([str(n) for n in numbers], 0.5, "s"))
    assert np.array_equal(by_hash(numbers, 0.5, "s"), by_hash(pd.Series(numbers).astype("Int64"), 0.5, "s"))


def test_the_shops_test_rows_never_move():
    """Worked out by hand: the first eight bytes of the hash, as a share of all that eight bytes can say."""
    customers = [f"C-{number:05d}" for number in range(1, 1501)]
    places = [hashlib.sha256(f"{TEST_SALT}\0{c}".encode()).hexdigest()[:16] for c in customers]
    locked = locked_test(customers)
    assert locked.tolist() == [int(place, 16) / 16**16 < 0.15 for place in places]
    assert np.flatnonzero(locked)[:6].tolist() == [
        1,
        3,
        5,
        10,
        13,
        17,
    ]  # what is locked stays locked, whoever edits the salt


@pytest.mark.parametrize(
    ("keys", "error", "words"),
    [
        (["a", None, "b"], ValueError, "missing in 1 rows, first at position 1"),
        ([7.0, 8.0], TypeError, r"got .*7\.0"),
        ([True, False], TypeError, "got .*True"),
    ],
)
def test_keys_that_would_change_their_spelling_are_refused(keys, error, words):
    with pytest.raises(error, match=words):
        by_hash(keys, 0.5, "s")


def test_a_share_that_is_none_is_refused():
    with pytest.raises(ValueError, match="share is a fraction from 0 to 1; got 15"):
        by_hash(["a"], 15, "s")
