"""What an audit says of tables whose faults were put there by hand, and that it keeps quiet about good ones."""

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets as sklearn_data

from kitutils import data
from kitutils.data.auditing import NoSuchColumn

ROWS = 600


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def good(rng):
    """Orders without a fault: nothing but notes should be said of them."""
    product = rng.integers(0, 40, ROWS)
    return pd.DataFrame(
        {
            "order": [f"order {number}" for number in range(ROWS)],
            "product": [f"P{number}" for number in product],
            "weight": (np.arange(40) * 7 + 100.0)[product],
            "price": rng.lognormal(4, 0.5, ROWS).round(2),
            "pieces": 1 + rng.poisson(0.3, ROWS),
            "colour": rng.choice(["crimson", "yellow", "green"], ROWS),
            "bought": (np.datetime64("2024-01-01") + rng.integers(0, 700, ROWS)).astype(str),
            "returned": rng.integers(0, 2, ROWS),
        }
    )


def spoil(frame, column, values, rows=None):
    """Puts values into a column, which may change its type; returns the rows."""
    rows = np.arange(5, 5 + 7 * len(values), 7) if rows is None else rows
    cells = frame[column].astype(object)
    cells.iloc[rows] = values
    frame[column] = cells.infer_objects() if not any(isinstance(v, str) for v in values) else cells.map(str)
    return rows.tolist()


def only(found, kind, column):
    (finding,) = found.of(kind, column)
    return finding


def test_a_good_table_gets_notes_at_most(good):
    assert {found.severity for found in data.audit(good, target="returned")} <= {"note"}


@pytest.mark.parametrize("name", ["iris", "wine", "diabetes", "breast_cancer"])
def test_known_good_tables_get_notes_at_most(name):
    frame = getattr(sklearn_data, f"load_{name}")(as_frame=True).frame
    assert {found.severity for found in data.audit(frame, target="target")} <= {"note"}


def test_words_for_missing_are_found_among_numbers_texts_and_dates(good):
    expected = {
        "price": spoil(good, "price", ["?", "N/A", "", " - "]),
        "colour": spoil(good, "colour", ["unknown", "", "n.a."]),
        "bought": spoil(good, "bought", ["0000-00-00", "?"]),
    }
    found = data.audit(good)
    for column, rows in expected.items():
        assert only(found, "disguised", column).rows.tolist() == rows
    assert only(found, "type", "price").severity == "problem"


def test_a_word_that_may_be_a_value_is_left_alone_among_texts(good):
    spoil(good, "colour", ["none"] * 20)
    assert not data.audit(good).of("disguised")


def test_numbers_for_missing_are_told_from_values(good):
    rows = spoil(good, "price", [-999.0] * 4 + [99999.0] * 4)
    assert only(data.audit(good), "disguised", "price").rows.tolist() == rows


def test_a_popular_price_stands_for_itself(good):
    spoil(good, "price", [99.0] * 20)
    assert not data.audit(good).of("disguised")


def test_a_placeholder_date_is_no_date(good):
    rows = spoil(good, "bought", ["1900-01-01"] * 5)
    assert only(data.audit(good), "disguised", "bought").rows.tolist() == rows


def test_a_slip_of_the_unit_is_told_from_an_impossible_value(good):
    before = good["price"].to_numpy()
    slipped = np.arange(3, 93, 9)
    good.loc[slipped, "price"] = before[slipped] * 1000
    good.loc[[200, 201, 202, 203], "price"] = [-50.0, -300.0, -120.0, -700.0]
    found = data.audit(good)
    assert only(found, "unit", "price").rows.tolist() == slipped.tolist()
    assert only(found, "range", "price").rows.tolist() == [200, 201, 202, 203]


def test_one_unusual_value_is_a_note_and_stays(rng):
    frame = pd.DataFrame({"height": rng.normal(170, 8, ROWS)})
    frame.loc[33, "height"] = 90.0
    found = data.audit(frame)
    assert only(found, "outlier", "height").rows.tolist() == [33]
    assert found.cells().empty and data.clean_plan(found) == []


def test_one_or_two_values_beyond_a_break_are_told_of_and_left_alone(good):
    good.loc[[8, 9], "price"] = [9e6, 8e6]
    found = data.audit(good)
    finding = only(found, "range", "price")
    assert (finding.rows.tolist(), finding.severity) == ([8, 9], "warning")
    assert data.clean_plan(found) == []


def test_impossible_days_and_years(good):
    rows = spoil(good, "bought", ["2024-02-30", "2099-01-01", "2098-05-05", "2099-07-01", "2097-01-01"])
    found = data.audit(good)
    assert sorted(np.concatenate([f.rows for f in found.of("range", "bought")])) == rows


@pytest.mark.parametrize("written, first", [("{d}/{m}/{y}", True), ("{m}/{d}/{y}", False), ("{d}.{m}.{y}", True)])
def test_the_order_of_day_and_month_is_decided_by_days_above_twelve(good, written, first):
    rows = np.arange(0, 300, 3)
    parts = good["bought"].iloc[rows].str.split("-")
    rows = spoil(good, "bought", [written.format(y=y, m=m, d=d) for y, m, d in parts], rows)
    finding = only(data.audit(good), "date form", "bought")
    assert finding.rows.tolist() == rows
    assert list(finding.fix["parameters"]["day first"].values()) == [first]
    assert ("day" if first else "month") + " comes first" in finding.evidence


def test_dates_that_do_not_tell_day_from_month_are_not_decided(good):
    spoil(good, "bought", ["03/04/2024", "05/06/2024"])
    finding = only(data.audit(good), "date form", "bought")
    assert finding.fix["parameters"]["day first"] == {"/": None}
    assert "cannot be told" in finding.evidence


def test_misspellings_of_a_category(good):
    good["colour"] = np.where(np.arange(ROWS) % 3 == 0, "yellow", good["colour"])
    rows = spoil(good, "colour", ["YELLOW", " green", "yelow", "yellwo", "crimsonn", "Green "])
    found = only(data.audit(good), "typo", "colour")
    assert found.rows.tolist() == rows
    assert found.fix["parameters"]["values"] == {
        "YELLOW": "yellow",
        " green": "green",
        "yelow": "yellow",
        "yellwo": "yellow",
        "crimsonn": "crimson",
        "Green ": "green",
    }


def test_rare_values_that_are_no_misspellings(good):
    # Another word, another letter, another number, a short code.
    for column, rare in (("colour", ["greet", "violet"]), ("product", ["P41", "P99"])):
        spoil(good, column, rare)
    good["size"] = np.random.default_rng(0).choice(["S", "M", "41", "42"], ROWS)
    spoil(good, "size", ["XS", "43", "L"])
    assert not data.audit(good).of("typo")


def test_a_misspelling_of_two_values_is_not_guessed_at(good):
    good["price of"] = np.random.default_rng(0).choice(["coast", "cost"], ROWS)
    good.loc[[4, 40], "price of"] = ["cosat", "ocast"]  # the first is a slip away from either
    assert only(data.audit(good), "typo", "price of").rows.tolist() == [40]


def test_digits_that_are_names_stay_texts(rng):
    codes = [f"{number:05d}" for number in rng.integers(1000, 99999, 300)]
    assert not data.audit(pd.DataFrame({"postcode": codes})).of("type")


def test_a_cell_that_contradicts_its_group(good):
    good.loc[[10, 20], "weight"] = [101.5, 333.0]
    finding = only(data.audit(good), "contradiction", "weight")
    assert finding.rows.tolist() == [10, 20]
    assert finding.fix["parameters"]["by"] == "product"


def test_duplicates_and_near_duplicates_with_a_key(good):
    near = good.iloc[[7]].assign(pieces=9)
    frame = pd.concat([good, good.iloc[[3, 4]], near], ignore_index=True)
    found = data.audit(frame)
    assert found.rows_of("duplicate").tolist() == [ROWS, ROWS + 1]
    assert found.rows_of("near-duplicate").tolist() == [ROWS + 2]


def test_near_duplicates_without_a_key(rng):
    frame = pd.DataFrame(rng.random((200, 5)), columns=list("abcde"))
    frame.loc[200] = frame.loc[17]
    frame.loc[200, "c"] = 0.123
    found = data.audit(frame)
    assert found.rows_of("near-duplicate").tolist() == [200]
    assert data.clean_plan(found) == []


def test_equal_rows_that_come_by_chance_are_a_note(rng):
    frame = pd.DataFrame(rng.integers(0, 4, (300, 2)), columns=["a", "b"])
    assert [found.severity for found in data.audit(frame).of("duplicate")] == ["note"]


def test_constant_and_id_like_columns(good):
    good["shop"] = "north"
    good["nothing"] = np.nan
    found = data.audit(good)
    assert {f.column for f in found.of("constant")} == {"shop", "nothing"}
    assert {f.column for f in found.of("id-like")} == {"order"}


def test_a_column_that_gives_the_answer_away(good, rng):
    good["refund"] = good["returned"] * good["price"]
    good["label"] = good["returned"].map({0: "kept", 1: "back"})
    found = data.audit(good, target="returned")
    assert {f.column for f in found.of("leak")} == {"refund", "label"}
    measured = pd.DataFrame({"y": rng.normal(size=400)}).assign(
        copy=lambda t: 3 * t["y"] - 1, other=rng.normal(size=400)
    )
    assert {f.column for f in data.audit(measured, target="y").of("leak")} == {"copy"}


def test_rare_classes_are_a_note(good, rng):
    good["returned"] = (rng.random(ROWS) < 0.04).astype(int)
    assert data.audit(good, target="returned").of("imbalance", "returned")[0].severity == "note"


def test_cells_are_positions_whatever_the_index(good):
    rows = spoil(good, "price", ["?", "?"])
    good.index = ["same"] * ROWS
    cells = data.audit(good).cells()
    assert cells["row"].tolist() == rows
    assert cells["column"].tolist() == ["price", "price"]


def test_repeated_labels_are_told_apart_by_position():
    frame = pd.DataFrame([["1", "a"], ["?", "b"]] * 20, columns=["x", "x"])
    (finding,) = data.audit(frame).of("disguised")
    assert finding.position == 0


def test_the_table_of_findings_is_escaped():
    frame = pd.DataFrame({"<script>": ["<b>", "?"] * 20})
    page = data.audit(frame)._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_the_gravest_comes_first_and_text_names_each(good):
    spoil(good, "price", ["?"])
    found = data.audit(good)
    order = ["problem", "warning", "note"]
    assert [order.index(f.severity) for f in found] == sorted(order.index(f.severity) for f in found)
    assert "price" in str(found) and len(found.table()) == len(found)


def test_the_table_is_not_changed(good):
    spoil(good, "price", ["?", "-999"])
    before = good.copy()
    data.audit(good, target="returned")
    pd.testing.assert_frame_equal(good, before)


def test_what_cannot_be_audited_is_refused(good):
    with pytest.raises(TypeError, match="pandas DataFrame, got list"):
        data.audit([1, 2])
    with pytest.raises(NoSuchColumn, match="target 'answer' is not in the table"):
        data.audit(good, target="answer")
    with pytest.raises(NoSuchColumn, match="2 columns are called 'a'"):
        data.audit(pd.DataFrame([[1, 2]], columns=["a", "a"]), key="a")
