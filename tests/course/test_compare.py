"""Equality as a learner would have it: lenient in spelling, strict in meaning."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.course.compare import difference, same
from kitutils.course.showing import WIDTH, show

numbers = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6), st.just(math.nan), st.just(math.inf))
trees = st.recursive(
    st.one_of(numbers, st.booleans(), st.text(max_size=5), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(trees)
def test_everything_equals_itself(value):
    assert same(value, value)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.data())
def test_the_first_changed_position_is_found(values, data):
    changed = sorted(data.draw(st.sets(st.integers(0, len(values) - 1), min_size=1)))
    other = list(values)
    for i in changed:
        other[i] += 1 + abs(other[i])
    found = difference(np.array(other), values)
    assert found.index == (changed[0],)
    assert found.where == f"position {changed[0]}"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), max_size=20), st.lists(st.floats(-1e6, 1e6), max_size=20))
def test_numbers_agree_with_numpys_own_comparison(a, b):
    a, b = np.array(a), np.array(b)
    expected = a.shape == b.shape and bool(np.isclose(a, b, rtol=1e-6, atol=1e-8).all())
    assert same(a, b) == expected


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ([1, 2, 3], np.array([1.0, 2.0, 3.0])),
        ((1, 2), [1, 2]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.int64(3), 3),
        (3.0, 3),
        (np.array(3), 3),
        (np.bool_(True), True),
        ([True, False], np.array([True, False])),
        (np.str_("a"), "a"),
        (["a", "b"], np.array(["a", "b"], dtype=object)),
        (np.array(["a", "b"], dtype=object), ["a", "b"]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (pd.Series([1, 2]), [1, 2]),
        ([1, 2], pd.Series([1, 2])),
        (np.float32(1 / 3), 1 / 3),
        (np.array([0.1], np.float16), np.array([0.1], np.float16)),
        (1 + 1e-9, 1),
        (math.nan, math.nan),
        ([1, math.nan], [1, math.nan]),
        (math.inf, math.inf),
        ([], []),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        ([1, "a", None], [1, "a", None]),
        ([[1], [2, 3]], [(1,), (2, 3)]),
        ({"b": [1, 2], "a": 1.0}, {"a": 1, "b": np.array([1, 2])}),
        ({1, 2}, frozenset({2, 1})),
        (pd.DataFrame({"a": [1.0, None]}), pd.DataFrame({"a": [1.0, math.nan]})),
        (pd.DataFrame({"a": ["x", None]}), pd.DataFrame({"a": ["x", None]}, dtype=object)),
        (pd.Categorical(["x", "y"]), ["x", "y"]),
    ],
)
def test_a_difference_of_spelling_is_none(got, expected):
    assert difference(got, expected) is None


@pytest.mark.parametrize(
    ("got", "expected", "told"),
    [
        (1, True, "the number 1; the Boolean True was expected"),
        (True, 1, "the Boolean True; the number 1 was expected"),
        ([0, 1], [False, True], "numbers; Booleans were expected"),
        (["1", "2"], [1, 2], "texts; numbers were expected"),
        ("3", 3, "the text '3'; the number 3 was expected"),
        ([1, 2], [1, 2, 3], "a list of 2; a list of 3 numbers was expected"),
        ([1, 2, 3], np.zeros((3, 1)), "a list of 3; an array of numbers of shape (3, 1) was expected"),
        (np.zeros((3, 1)), np.zeros(3), "an array of shape (3, 1); an array of numbers of shape (3,) was expected"),
        (np.array([5]), 5, "an array of shape (1,); one number was expected"),
        (5, [5], "the number 5; a list of 1 number was expected"),
        ([[1], [2, 3]], np.zeros((2, 2)), "a list of 2; an array"),
        ([], [1.0], "is empty"),
        (None, 3, "None; one number was expected"),
        (3, None, "the number 3; None was expected"),
        ({"a": 1}, [1], "a dict of 1"),
        ({"a": 1, "c": 3}, {"a": 1, "b": 2}, "misses 'b' and adds 'c'"),
        ([("a", 1)], {"a": 1}, "a list of 1"),
        ({1, 2}, {1, 3}, "misses 3 and adds 2"),
        (pd.DataFrame({"b": [1]}), pd.DataFrame({"a": [1]}), "columns differ"),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1]}), "2 rows; 1 were expected"),
        (pd.Series([1, 2], index=[1, 0]), pd.Series([1, 2]), "another index"),
        ([1, 2], pd.DataFrame({"a": [1, 2]}), "a list of 2; a DataFrame of shape (2, 1) was expected"),
        (lambda x: x, 3, "the function <lambda>"),
    ],
)
def test_a_difference_of_meaning_has_its_own_message(got, expected, told):
    assert told in difference(got, expected).message


@pytest.mark.parametrize(
    ("got", "expected", "where", "yours", "theirs"),
    [
        (np.eye(2), np.ones((2, 2)), "position [0, 1]", "0", "1"),
        ({"a": [1, 5]}, {"a": [1, 2]}, "key 'a', position 1", "5", "2"),
        ([1, "a"], [1, "b"], "position 1", "'a'", "'b'"),
        (pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"a": [1], "b": [3]}), "column 'b', row 0", "2", "3"),
        (pd.Series([1.0], index=["x"]), pd.Series([math.nan], index=["x"]), "row 'x'", "1", "nan"),
    ],
)
def test_the_place_is_named(got, expected, where, yours, theirs):
    found = difference(got, expected)
    assert (found.where, found.yours, found.expected) == (where, yours, theirs)


def test_the_tolerance():
    assert not same(1.01, 1)
    assert same(1.01, 1, tol=0.02)
    assert same(0.01, 0, tol=0.02)
    assert same(math.nan, math.nan, tol=0.02) and not same(math.nan, 0, tol=0.02)
    assert same(math.inf, math.inf, tol=0.02) and not same(1, math.inf, tol=0.02)
    assert not same(1010, 1000, tol=0.02)
    assert same([1000.01, 3], [1000, 3], tol=0.02)
    assert not same(2e-9, 1e-7)
    assert not same(2, 1, tol=0.5) and same(2, 1, tol=1)


def test_objects_with_a_will_of_their_own():
    class Odd:
        def __eq__(self, other):
            raise RuntimeError

        def __repr__(self):
            raise RuntimeError

    odd = Odd()
    assert same(odd, odd)
    assert difference(3, odd).expected == "a Odd"
    assert show(odd) == "a Odd"


@settings(max_examples=100, deadline=None)
@given(st.one_of(trees, st.lists(numbers, max_size=300).map(np.array)))
def test_what_is_shown_is_one_short_line(value):
    text = show(value)
    assert "\n" not in text
    assert len(text) <= WIDTH


def test_what_is_shown_reads_like_python_and_not_like_numpy():
    assert show([np.int64(3), np.float64(0.5)]) == "[3, 0.5]"
    assert show(np.float32(0.5)) == "0.5"
    assert show(0.1 + 0.2) == "0.30000000000000004", "digits that make the difference are not rounded away"
    assert show(np.arange(3)) == "[0, 1, 2]"
    assert show(np.arange(1000)) == "[0, 1, 2, ..., 997, 998, 999] of shape (1000,)"
    assert show({"a": np.arange(2)}) == "{'a': [0, 1]}"


@pytest.mark.parametrize("half", [Fraction(1, 2), Decimal("0.5")])
def test_a_fraction_and_a_decimal_are_numbers(half):
    assert same(half, 0.5) and same(0.5, half) and same(half, half)
    assert not same(half, 0.25)
    assert same([half, half], [0.5, 0.5]) and not same((half, half), np.array([0.5, 1]))
