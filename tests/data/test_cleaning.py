"""Plans can be read, edited and saved; a cleaning does what its plan says, and can be taken back."""

import numpy as np
import pandas as pd
import pytest

from kitutils import data
from kitutils.data import shop
from kitutils.data.corrupt import corrupt
from kitutils.data.plans import Plan, PlanError, Step
from kitutils.data.scoring import score_cells, score_repairs


def table(**columns):
    return pd.DataFrame(columns)


def run(frame, *steps):
    cleaned = data.clean(frame, Plan(steps))
    pd.testing.assert_frame_equal(data.undo(cleaned.frame, cleaned.log), frame)
    return cleaned


CASES = {
    "words": (["1", "?", "N/A"], Step("x", "set missing", {"values": ["?", "N/A"]}), ["1", None, None]),
    "a number among texts": (["1", "-999"], Step("x", "set missing", {"values": ["-999"]}), ["1", None]),
    "codes": ([1, -999, 3], Step("x", "set missing", {"values": [-999]}), [1.0, np.nan, 3.0]),
    "limits stay": ([0.0, 1, 5, 6], Step("x", "set missing", {"below": 1, "above": 5}), [np.nan, 1.0, 5.0, np.nan]),
    "days": (
        ["2023-12-31", "2024-01-01", "?"],
        Step("x", "set missing", {"below": "2024-01-01"}),
        [None, "2024-01-01", "?"],
    ),
    "spelling": (["a", "A", "b"], Step("x", "replace", {"values": {"A": "a"}}), ["a", "a", "b"]),
    "day first": (
        ["31/03/2025", "04/05/2025", "2025-01-02", "31/31/2025"],
        Step("x", "to iso date", {"day first": {"/": True}}),
        ["2025-03-31", "2025-05-04", "2025-01-02", "31/31/2025"],
    ),
    "month first": (["03/31/2025"], Step("x", "to iso date", {"day first": {"/": False}}), ["2025-03-31"]),
    "undecided": (
        ["03/04/2025", "05/05/2025"],
        Step("x", "to iso date", {"day first": {"/": None}}),
        ["03/04/2025", "2025-05-05"],
    ),
    "numbers": (["1", " 2.5", "x", None], Step("x", "to number"), [1.0, 2.5, np.nan, np.nan]),
    "whole numbers": (["1", "2"], Step("x", "to number"), [1, 2]),
    "unit": ([1.1, 2200.0], Step("x", "divide", {"by": 1000, "from": 1000, "to": 9000}), [1.1, 2.2]),
    "unit of whole numbers": ([5, 2200], Step("x", "divide", {"by": 1000, "from": 1000, "to": 9000}), [5.0, 2.2]),
    "fill": ([1.0, np.nan], Step("x", "fill", {"value": 0.5}), [1.0, 0.5]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_action_does_what_it_says_and_can_be_undone_and_repeated(name):
    before, step, after = CASES[name]
    frame = table(x=before, other=range(len(before)))
    cleaned = run(frame, step)
    pd.testing.assert_series_equal(cleaned.frame["x"], pd.Series(after, name="x"))
    again = data.clean(cleaned.frame, Plan([step]))
    pd.testing.assert_frame_equal(again.frame, cleaned.frame)
    assert again.log.empty


def test_whole_numbers_too_large_for_a_float_keep_their_digits():
    cleaned = run(table(x=[2**60 + 1, -999, 3]), Step("x", "set missing", {"values": [-999]}))
    assert cleaned.frame["x"].iloc[0] == 2**60 + 1
    assert cleaned.frame["x"].isna().tolist() == [False, True, False]


def test_looking_up_takes_what_the_group_agrees_on_and_nothing_else():
    frame = table(
        by=["a"] * 4 + ["b"] * 4 + ["c"] * 2 + [None] * 3,
        x=[1.0, 1, 5, np.nan, 1, 1, 2, 2, 7, np.nan, 3, 3, np.nan],
    )
    cleaned = run(frame, Step("x", "look up", {"by": "by"}))
    # Two thirds of a's known cells agree; b is divided; c has too few rows; no name is no group.
    expected = [1.0, 1, 1, 1, 1, 1, 2, 2, 7, np.nan, 3, 3, np.nan]
    np.testing.assert_array_equal(cleaned.frame["x"], expected)
    assert cleaned.log["row"].tolist() == [2, 3]


def test_duplicates_go_and_come_back_where_they_were():
    frame = table(k=["a", "b", "a", None, None], x=[1, 2, 3, 4, 4]).set_axis(list("vwxyz"))
    cleaned = run(frame, Step(None, "drop duplicates", {"key": "k"}))
    assert cleaned.frame.index.tolist() == ["v", "w", "y", "z"]
    assert cleaned.log["before"].iloc[0].values == ["a", 3]
    assert run(frame, Step(None, "drop duplicates")).frame.index.tolist() == ["v", "w", "x", "y"]


def test_steps_after_a_removal_are_undone_as_well():
    frame = table(k=["a", "a", "b", "c"], x=[1, 1, -999, 4])
    cleaned = run(frame, Step(None, "drop duplicates"), Step("x", "set missing", {"values": [-999]}))
    assert cleaned.log["row"].tolist() == [1, -1, 2]


def test_the_log_says_what_where_and_why():
    frame = table(x=["1", "?", "3"])
    cleaned = run(frame, Step("x", "set missing", {"values": ["?"]}, why="a word"), Step("x", "to number"))
    entries = cleaned.log[["row", "column", "before", "step", "reason"]].to_numpy().tolist()
    assert entries[0] == [1, "x", "?", 1, "a word"]
    assert entries[1][:2] == [-1, "x"] and "3 cells of type str" in repr(entries[1][2])


def test_the_tables_given_are_not_changed():
    frame = table(x=["1", "?"], y=[1, 1])
    before = frame.copy()
    cleaned = run(frame, Step("x", "set missing", {"values": ["?"]}))
    kept = cleaned.frame.copy()
    data.undo(cleaned.frame, cleaned.log)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(cleaned.frame, kept)


def test_a_plan_is_saved_and_loaded_as_it_is(tmp_path):
    dirty, _ = corrupt(shop.generate(400, seed=3).table(), 3, keep=shop.KEYS)
    plan = data.clean_plan(data.audit(dirty))
    plan.save(tmp_path / "plan.yaml")
    loaded = Plan.load(tmp_path / "plan.yaml")
    assert [vars(step) for step in loaded] == [vars(step) for step in plan]
    assert len(plan.table()) == len(plan) > 10


def test_a_plan_may_lose_steps_and_be_cut_short():
    plan = Plan([Step("x", "to number"), Step("x", "fill", {"value": 1}), Step("y", "to number")])
    assert [str(step) for step in plan.without(column="x")] == ["y: to number"]
    assert [str(step) for step in plan.without("x", "fill")] == ["x: to number", "y: to number"]
    with pytest.raises(ValueError, match="say which steps"):
        plan.without()


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Step("z", "to number"), r"step 1 \(z: to number\): the table has no column 'z'; it has 'x', 'y'"),
        (Step("x", "guess"), "there is no action 'guess'"),
        (Step("x", "set missing", {"over": 3}), r"unknown parameters \['over'\]"),
        (Step("x", "divide", {"by": 3}), r"needs \['from', 'to'\]"),
        (Step("x", "look up", {"by": "z"}), "no column 'z'"),
        (Step("x", "divide", {"by": 3, "from": 1, "to": 2}), "put 'to number' before it"),
        (Step("x", "set missing", {"above": "soon"}), "a number or an ISO date"),
        (Step("y", "fill", {"value": "a"}), "'a' does not fit into 'y'"),
        (Step(None, "drop duplicates", {"key": "z"}), "no column 'z'"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_says_which_step_and_why(step, message):
    with pytest.raises(PlanError, match=message):
        data.clean(table(x=["1", "a"], y=[1.0, np.nan]), Plan([step]))


def test_repeated_labels_need_a_position():
    frame = pd.DataFrame([["?", "?"]], columns=["x", "x"])
    with pytest.raises(PlanError, match=r"2 columns are called 'x'; give the step's position, one of \[0, 1\]"):
        data.clean(frame, Plan([Step("x", "set missing", {"values": ["?"]})]))
    cleaned = run(frame, Step("x", "set missing", {"values": ["?"]}, position=1))
    assert cleaned.frame.isna().to_numpy().tolist() == [[False, True]]


def test_what_is_no_table_plan_or_log_is_refused(tmp_path):
    with pytest.raises(TypeError, match="pandas DataFrame, got dict"):
        data.clean({}, Plan())
    with pytest.raises(TypeError, match="a plan is a list of Steps"):
        data.clean(table(x=[1]), ["x"])
    with pytest.raises(TypeError, match=r"what audit\(frame\) returns"):
        data.clean_plan("x")
    cleaned = data.clean(table(x=[1, 2, -9]), Plan([Step("x", "set missing", {"values": [-9]})]))
    with pytest.raises(ValueError, match="do not belong together"):
        data.undo(cleaned.frame.head(1), cleaned.log)
    (tmp_path / "plan.yaml").write_text("- 3\n- 4\n", encoding="utf8")
    with pytest.raises(PlanError, match="no cleaning plan"):
        Plan.load(tmp_path / "plan.yaml")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_spoiled_shop_is_found_out_repaired_and_restored(seed):
    dirty, truth = corrupt(shop.generate(3000, seed=seed).table(), seed, keep=shop.KEYS)
    found = data.audit(dirty, target="returned")
    plan = data.clean_plan(found)
    cleaned = data.clean(dirty, plan)
    repairs = score_repairs(cleaned.frame, truth, dirty)
    assert score_cells(found.cells(), truth)["f1"].min() > 0.8
    assert repairs.loc["all", "share_right"] > 0.9
    assert repairs.loc["all", "share_altered"] < 0.005
    pd.testing.assert_frame_equal(data.undo(cleaned.frame, cleaned.log), dirty)
    pd.testing.assert_frame_equal(data.clean(cleaned.frame, plan).frame, cleaned.frame)


def test_nothing_is_done_to_a_good_table():
    good = shop.generate(3000, seed=7).table()
    assert data.clean_plan(data.audit(good, target="returned")) == []
