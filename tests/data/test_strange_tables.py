"""Frames that real life brings: audit, plan, cleaning and undo must not stumble over any of them."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitutils import data


class Stubborn:
    """An object that can neither be shown, nor compared, nor hashed."""

    __hash__ = None

    def __repr__(self):
        raise RuntimeError("no")

    def __eq__(self, other):
        raise RuntimeError("no")


def named() -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(0).random
    many = 40
    return {
        "empty": pd.DataFrame(),
        "no rows": pd.DataFrame({"a": [], "b": pd.Series(dtype="str")}),
        "no columns": pd.DataFrame(index=range(5)),
        "one row": pd.DataFrame({"a": [1], "b": ["x"], "c": [pd.NaT], "d": ["?"]}),
        "all missing": pd.DataFrame({"a": [np.nan] * 9, "b": [None] * 9, "c": pd.array([None] * 9, dtype="Int64")}),
        "repeated labels": pd.DataFrame([[1, "?", 3], [2, "b", -999]] * 20, columns=["a", "a", "a"]),
        "levels of labels": pd.DataFrame(random((30, 4)), columns=pd.MultiIndex.from_product([["x", "y"], [1, 2]])),
        "strange labels": pd.DataFrame([[1, 2, "?", 4]] * 30, columns=[None, np.nan, 1.5, ("a", 1)]),
        "levels of index": pd.DataFrame(
            {"a": list("ab?") * 2}, index=pd.MultiIndex.from_product([[1, 2], list("abc")])
        ),
        "repeated index": pd.DataFrame({"a": ["1", "2", "?", "4"] * 10}, index=[0] * many),
        "thousands of columns": pd.DataFrame(random((20, 1000))),
        "mixed": pd.DataFrame({"a": [1, "x", None, 2.5, (1, 2), b"z", True, datetime.date(2020, 1, 1)] * 5}),
        "huge": pd.DataFrame(
            {"a": [10**30, -(10**400), 5, 7] * 10, "b": [2**63 - 1, -(2**63), 0, 1] * 10}
            | {"c": pd.Series([2**64 - 1, 0, 1, 2] * 10, dtype="uint64"), "d": ["1e400", "-inf", "0x10", "1_000"] * 10}
        ),
        "nested": pd.DataFrame({"a": [[1, 2], {"x": 1}, {1}, None] * 10, "b": [np.arange(3)] * many}),
        "stubborn": pd.DataFrame({"a": [Stubborn() for _ in range(30)]}),
        "infinite": pd.DataFrame({"a": [np.inf, -np.inf, np.nan, 1.0] * 10, "b": [1e308, -1e308, 0, 5e-324] * 10}),
        "types": pd.DataFrame(
            {
                "category": pd.Categorical(["a", "b", None, "?"] * 10),
                "numbers as categories": pd.Categorical([1, 2, 3, -999] * 10),
                "boolean": pd.array([True, None, False, True] * 10, dtype="boolean"),
                "small": pd.array([1, None, 3, 4] * 10, dtype="Int8"),
                "string": pd.array(["x", None, "?", "z"] * 10, dtype="string"),
                "zone": pd.date_range("2020", periods=many, tz="Europe/Berlin"),
                "length": pd.timedelta_range("1D", periods=many),
                "period": pd.period_range("2020", periods=many, freq="M"),
                "interval": pd.interval_range(0, many),
                "sparse": pd.arrays.SparseArray([0, 0, 1.0, np.nan] * 10),
                "complex": np.arange(many) * 1j,
                "half": np.arange(many).astype("float16"),
                "decimal": [decimal.Decimal("1.1")] * many,
                "bytes": [b"a", b"?"] * 20,
                "day": [datetime.date(2020, 1, 1)] * many,
                "ages ago": [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)] * 20,
                "truth": [True, False, None, "yes"] * 10,
            }
        ),
        "texts": pd.DataFrame({"a": ["\ud800", "?", "\x00", "2020-01-01"] * 10, "b": ["x" * 50_000, "?"] * 20}),
        "dates": pd.DataFrame({"a": ["2020-13-45", "0000-00-00", "9999-12-31", "31/12/2020", "12/31/2020"] * 10}),
    }


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["?", "N/A", "", "-999", "9999", "1900-01-01", "03/04/2024", "31/12/2024", "2024-02-30", "1e5", " a", "A"]
    ),
    st.dates(),
    st.tuples(st.integers(0, 3)),
    st.lists(st.integers(0, 3), max_size=2),
)
PLAIN = st.sampled_from(
    [["a", "A ", "b", "?", ""], [1, 2, 3, -999], [1.5, 1500.0, 2.5, np.nan], ["2024-01-05", "05/01/2024"]]
)


@st.composite
def frames(draw) -> pd.DataFrame:
    """A small frame: each column of anything, or of a few values that are repeated, a strange one now and then."""
    rows = draw(st.integers(0, 70))
    columns = []
    for at in range(draw(st.integers(0, 4))):
        cells = CELLS if draw(st.booleans()) else st.sampled_from(draw(PLAIN))
        short = draw(st.lists(cells, min_size=min(rows, 1), max_size=12))
        values = (short * rows)[:rows] if short else []
        columns.append(pd.Series(values, dtype=None if draw(st.booleans()) and rows else object, name=f"c{at % 3}"))
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(rows))
    if rows and draw(st.booleans()):
        frame.index = np.arange(rows) // 2
    return frame


def audited_cleaned_and_undone(frame, target=None):
    """Walks the whole way, and returns findings, plan and what was cleaned."""
    before = frame.copy()
    found = data.audit(frame, target=target)
    assert str(found) and found._repr_html_()
    cells = found.cells()
    assert cells["row"].between(0, len(frame) - 1).all() and cells["position"].between(0, frame.shape[1] - 1).all()
    assert len(found.table()) == len(found)
    plan = data.clean_plan(found)
    assert str(plan) and plan._repr_html_()
    cleaned = data.clean(frame, plan)
    assert len(cleaned.frame) <= len(frame)
    same(data.undo(cleaned.frame, cleaned.log), before)
    same(frame, before)
    return found, plan, cleaned


def same(left, right):
    """Equal in values, types, labels and index; objects that cannot be compared are the same objects."""
    assert left.index.equals(right.index) and left.shape == right.shape
    for at in range(right.shape[1]):
        a, b = left.iloc[:, at], right.iloc[:, at]
        assert a.name is b.name or a.name == b.name
        assert a.dtype == b.dtype
        if a.dtype == object:
            assert all(x is y or (type(x) is type(y) and repr(x) == repr(y)) for x, y in zip(a, b, strict=True))
        else:
            pd.testing.assert_series_equal(a, b)


@pytest.mark.parametrize("name", named())
def test_strange_tables_are_audited_cleaned_and_restored(name):
    frame = named()[name]
    audited_cleaned_and_undone(frame)
    if frame.shape[1] and frame.columns.is_unique:
        audited_cleaned_and_undone(frame, target=frame.columns[0])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frame=frames())
def test_any_table_is_audited_cleaned_and_restored_and_a_second_cleaning_changes_nothing(frame):
    _, plan, cleaned = audited_cleaned_and_undone(frame)
    same(data.clean(cleaned.frame, plan).frame, cleaned.frame)
