"""Every row is kept or quarantined, never both and never neither."""

import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data.contract import screen

SCHEMA = pa.DataFrameSchema(
    {
        "n": pa.Column("int64", pa.Check.ge(1), coerce=True),
        "kind": pa.Column("str", pa.Check.isin(["a", "b"])),
        "x": pa.Column("float64", pa.Check.gt(0)),
    }
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "0", "-3", "x"]),
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from([1.0, 0.0, float("nan")]),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_each_row_is_on_the_side_where_it_belongs(rows):
    frame = pd.DataFrame(rows, columns=["n", "kind", "x"]).astype({"n": "str", "kind": "str", "x": "float64"})
    frame.index = [f"row {i // 2}" for i in range(len(frame))]  # labels need not be unique
    frame["at"] = range(len(frame))
    good, broken = screen(frame, SCHEMA)
    expected = [i for i, (n, kind, x) in enumerate(rows) if n in ("1", "2") and kind in ("a", "b") and x == 1.0]
    assert good["at"].tolist() == expected
    assert broken["at"].tolist() == [i for i in range(len(rows)) if i not in expected]
    assert good.index.tolist() == frame.index[expected].tolist()
    assert (broken["why"].str.len() > 0).all()
    pd.testing.assert_frame_equal(broken.drop(columns="why"), frame.iloc[broken["at"]])


def test_the_reasons_name_column_and_promise():
    frame = pd.DataFrame({"n": ["1", "-1", "x"], "kind": ["z", "a", "b"], "x": [0.0, 1.0, 1.0]})
    _, broken = screen(frame, SCHEMA)
    assert broken["why"].tolist() == [
        "kind: isin(['a', 'b']); x: greater_than(0)",
        "n: greater_than_or_equal_to(1)",
        "n: coerce_dtype('int64')",
    ]


def test_good_rows_have_the_types_of_the_contract():
    good, broken = screen(pd.DataFrame({"n": ["1"], "kind": ["a"], "x": [1.0]}), SCHEMA)
    assert good["n"].dtype == "int64"
    assert len(broken) == 0 and "why" in broken


def test_a_fault_of_the_whole_table_parts_nothing():
    with pytest.raises(ValueError, match="The table as a whole breaks the contract: column_in_dataframe, n"):
        screen(pd.DataFrame({"kind": ["a"], "x": [1.0]}), SCHEMA)
    with pytest.raises(ValueError, match="as a whole"):
        screen(pd.DataFrame({"n": [1], "kind": ["a"], "x": ["1.0"]}), SCHEMA)
