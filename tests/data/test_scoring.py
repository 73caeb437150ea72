"""Scores, on a truth of a few cells that can be counted by hand."""

import numpy as np
import pandas as pd
import pytest

from kitutils.data.corrupt import Truth
from kitutils.data.scoring import same, score_cells, score_repairs, score_rows


@pytest.fixture
def truth():
    """Five rows, the last a duplicate of the first; of the other 8 cells, 5 are spoiled."""
    clean = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0, 1.0], "t": ["a", "b", "c", "d", "a"]})
    cells = pd.DataFrame(
        [
            (0, "x", "unit", 1.0, 1000.0),
            (1, "x", "range", 2.0, -50.0),
            (2, "x", "missing", 3.0, np.nan),
            (1, "t", "typo", "b", "bb"),
            (2, "t", "disguised", "c", "?"),
            (4, "x", "unit", 1.0, 1000.0),
        ],
        columns=["row", "column", "kind", "before", "after"],
    )
    return Truth(clean, cells, pd.DataFrame({"row": [4], "of": [0], "kind": ["exact"]}))


@pytest.fixture
def dirty():
    return pd.DataFrame({"x": [1000.0, -50.0, np.nan, 4.0, 1000.0], "t": ["a", "bb", "?", "d", "a"]})


def suspected(*cells):
    return pd.DataFrame(cells, columns=["row", "column", "kind"])


def test_cells_are_counted_once_and_those_of_duplicates_not_at_all(truth):
    found = suspected(
        (0, "x", "unit"), (1, "x", "unit"), (1, "x", "range"), (2, "x", "missing"), (3, "t", "typo"), (4, "x", "unit")
    )
    scores = score_cells(found, truth)
    assert scores.loc["all", ["spoiled", "found", "false_alarms"]].tolist() == [5, 3, 1]
    assert scores.loc["all", ["precision", "recall", "f1"]].tolist() == [3 / 4, 3 / 5, 6 / 9]
    assert scores.loc["all but missing", ["spoiled", "found", "false_alarms", "f1"]].tolist() == [4, 2, 1, 4 / 7]
    assert scores.loc["typo", ["spoiled", "found", "false_alarms", "f1"]].tolist() == [1, 0, 1, 0.0]


def test_a_cell_under_the_wrong_suspicion_is_found_but_not_of_the_right_kind(truth):
    scores = score_cells(suspected((0, "x", "range")), truth)
    assert scores.loc["unit", ["found", "right_kind", "recall"]].tolist() == [1, 0, 1.0]
    assert scores.loc["range", "false_alarms"] == 0


def test_nothing_suspected_is_precise_and_finds_nothing(truth):
    scores = score_cells(suspected(), truth)
    assert scores.loc["all", ["precision", "recall", "f1"]].tolist() == [1.0, 0.0, 0.0]


def test_rows(truth):
    scores = score_rows([4, 1], truth)
    assert scores.loc["duplicates", ["spoiled", "found", "false_alarms", "f1"]].tolist() == [1, 1, 1, 2 / 3]
    assert scores.loc["exact", "recall"] == 1.0


def test_repairs_restored_made_missing_left_and_altered(truth, dirty):
    # The unit restored to within 1 %, the range and the word made missing, the typo left, a clean text altered.
    cleaned = pd.DataFrame({"x": [1.005, np.nan, np.nan, 4.0], "t": ["z", "bb", None, "d"]})
    table = score_repairs(cleaned, truth, dirty)
    assert "missing" not in table.index  # it stayed missing: neither right nor wrong
    columns = ["spoiled", "restored", "made_missing", "share_right"]
    assert table.loc["unit", columns].tolist() == [1, 1, 0, 1.0]
    assert table.loc["range", columns].tolist() == [1, 0, 1, 1.0]
    assert table.loc["typo", columns].tolist() == [1, 0, 0, 0.0]
    assert table.loc["all", columns].tolist() == [4, 1, 2, 0.75]
    assert table.loc["all", ["clean", "altered", "share_altered"]].tolist() == [3, 1, 1 / 3]


def test_a_missing_cell_that_is_filled_is_judged(truth, dirty):
    for value, right in ((3.0, 1), (9.0, 0)):
        cleaned = dirty.iloc[:4].assign(x=[1000.0, -50.0, value, 4.0])
        assert score_repairs(cleaned, truth, dirty).loc["missing", "restored"] == right


def test_a_spoiled_unit_or_typo_that_is_emptied_is_not_right(truth, dirty):
    cleaned = dirty.iloc[:4].assign(x=[np.nan, -50.0, np.nan, 4.0], t=["a", None, "?", "d"])
    assert score_repairs(cleaned, truth, dirty).loc["all", "right"] == 0


def test_rows_that_were_removed_are_not_scored_as_cells(truth, dirty):
    table = score_repairs(dirty.drop(index=[1, 4]), truth, dirty)
    assert table.loc["all", "spoiled"] == 2 and "typo" not in table.index


def test_equal_is_equal_whatever_the_type():
    left = pd.Series(["1.0", "2024-01-02", None, "a", "5"])
    right = pd.Series(["1", "2024-01-02", None, "b", "5"])
    assert same(left, right, 0.0).tolist()[1:] == [True, True, False, True]
    assert same(pd.Series([100.0, 100.0]), pd.Series(["100.9", "102"]), 0.01).tolist() == [True, False]


def test_tables_that_do_not_belong_together_are_refused(truth, dirty):
    with pytest.raises(ValueError, match="columns row and column"):
        score_cells(pd.DataFrame({"where": [1]}), truth)
    with pytest.raises(ValueError, match="index of the cleaned table"):
        score_repairs(dirty.set_axis(range(10, 15)), truth, dirty)
    with pytest.raises(ValueError, match=r"lacks the columns \['t'\]"):
        score_repairs(dirty[["x"]], truth, dirty)
