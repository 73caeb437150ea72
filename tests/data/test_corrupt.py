import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data.corrupt import CELL_RATES, FEW, ROW_RATES, corrupt

ROWS = 1000


@pytest.fixture(scope="module")
def clean():
    rng = np.random.default_rng(5)
    days = np.datetime64("2024-01-01") + rng.integers(0, 700, ROWS)
    return pd.DataFrame(
        {
            "key": np.arange(ROWS),
            "weight": rng.lognormal(3, 1, ROWS).round(2),
            "pieces": rng.integers(1, 6, ROWS),
            "kind": rng.choice(["shoes", "dress", "M"], ROWS),
            "bought": [str(day) for day in days],
            "street": [f"street {number}" for number in range(ROWS)],
        }
    )


@pytest.fixture(scope="module")
def spoiled(clean):
    return corrupt(clean, seed=3, keep=["key"])


def test_every_difference_from_the_truth_is_listed_and_nothing_else(spoiled):
    dirty, truth = spoiled
    near = set(truth.duplicates.loc[truth.duplicates["kind"] == "near", "row"])
    listed = set(zip(truth.cells["row"], truth.cells["column"], strict=True))
    different = {
        (row, column)
        for column in dirty
        for row in range(len(dirty))
        if str(dirty.at[row, column]) != str(truth.clean.at[row, column])
        and not _same_number(dirty.at[row, column], truth.clean.at[row, column])
        and row not in near
    }
    assert different == {cell for cell in listed if cell[0] not in near}


def _same_number(left, right):
    try:
        return float(left) == float(right)
    except ValueError:
        return False


def test_each_kind_befalls_its_share_of_the_columns_it_can_befall(spoiled):
    _, truth = spoiled
    first = truth.cells[~truth.cells["row"].isin(truth.duplicates["row"])]
    counts = first.groupby(["column", "kind"]).size().to_dict()
    expected = {
        "weight": ("missing", "disguised", "unit", "range"),
        "pieces": ("missing", "disguised", "range"),
        "kind": ("missing", "disguised", "typo"),
        "bought": ("missing", "disguised", "date form", "range"),
        "street": ("missing", "disguised"),
    }
    assert counts == {(column, kind): CELL_RATES[kind] * ROWS for column in expected for kind in expected[column]}


def test_duplicates_repeat_a_row_above_them_exactly_or_but_for_one_cell(spoiled):
    dirty, truth = spoiled
    assert truth.duplicates["kind"].value_counts().to_dict() == {k: ROW_RATES[k] * ROWS for k in ROW_RATES}
    for row, of, kind in truth.duplicates.itertuples(index=False):
        assert of < row
        differing = [c for c in dirty if str(dirty.at[row, c]) != str(dirty.at[of, c])]
        assert len(differing) == (kind == "near")
        assert "key" not in differing


def test_what_each_kind_makes_of_a_value(spoiled):
    _, truth = spoiled
    cells = truth.cells.set_index("kind")
    unit = cells.loc["unit"]
    assert np.allclose(unit["after"].astype(float), unit["before"].astype(float) * 1000)
    form = cells.loc["date form"]
    assert (pd.to_datetime(form["after"], format="%d/%m/%Y") == pd.to_datetime(form["before"])).all()
    assert not set(cells.loc["typo", "after"]) & {"shoes", "dress", "M"}
    assert cells.loc["missing", "after"].isna().all()
    pieces = cells.loc["range"].query("column == 'pieces'")["after"]
    assert ((pieces < 1) | (pieces > 5)).all()


def test_the_same_seed_spoils_the_same_cells_and_another_seed_others(clean, spoiled):
    again, truth = corrupt(clean, seed=3, keep=["key"])
    pd.testing.assert_frame_equal(again, spoiled[0])
    pd.testing.assert_frame_equal(truth.cells, spoiled[1].cells)
    assert not corrupt(clean, seed=4, keep=["key"])[0].equals(again)


def test_the_clean_table_is_left_alone(clean):
    before = clean.copy()
    corrupt(clean, seed=0)
    pd.testing.assert_frame_equal(clean, before)


def test_a_text_column_of_many_values_gets_no_typo(clean):
    many = clean.assign(kind=[f"k{i % (FEW + 1)}" for i in range(ROWS)])
    assert "typo" not in set(corrupt(many, seed=0)[1].cells.query("column == 'kind'")["kind"])


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(0, 60), seed=st.integers(0, 99), constant=st.booleans())
def test_small_tables_do_not_crash_and_keep_their_rows(rows, seed, constant):
    frame = pd.DataFrame({"x": np.zeros(rows) if constant else np.arange(rows) / 7, "t": ["a"] * rows})
    dirty, truth = corrupt(frame, seed)
    assert len(dirty) == rows + len(truth.duplicates) == len(truth.clean)


def test_an_unclean_table_is_refused(clean):
    with pytest.raises(ValueError, match=r"\['weight'\] have missing values"):
        corrupt(clean.assign(weight=np.nan), seed=0)
    with pytest.raises(ValueError, match="keep names"):
        corrupt(clean, seed=0, keep=["nothing"])
