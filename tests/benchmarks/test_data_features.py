"""The feature benchmark's arithmetic, on made-up scores, and that its record says what it should."""

import json
from pathlib import Path

import pytest
from scipy import stats

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def data_features(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import data_features

    return data_features


def test_the_interval_is_that_of_a_paired_t_test(data_features):
    ours, theirs = [0.71, 0.74, 0.69, 0.75], [0.70, 0.75, 0.66, 0.73]
    mean, low, high = data_features.interval([a - b for a, b in zip(ours, theirs, strict=True)])
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert mean == pytest.approx(0.0125)
    assert (low, high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("behind", "within"), [(0.009, True), (0.011, False)])
def test_the_goal_is_judged_by_the_mean_against_boosting(data_features, behind, within):
    scores = {"shop model": [0.70, 0.74], "gradient boosting": [0.70 + behind, 0.74 + behind]}
    summary = data_features.summary(scores | {"logistic regression": [0.9, 0.9]})
    assert summary["within_goal"] is within
    assert summary["ours_minus"]["gradient boosting"]["mean"] == -behind


def test_the_record_was_made_on_shops_that_no_lesson_uses(data_features):
    record = json.loads((FOLDER / "records" / "data_features.json").read_text(encoding="utf8"))
    assert record["seeds"] == list(data_features.SEEDS)
    assert min(record["seeds"]) > 2  # 0 is the course's, 0 to 2 are those that the model was designed on
    assert {len(values) for values in record["results"]["pr_auc_all"].values()} == {10}
