import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, classification_report, roc_auc_score

from kitutils.evaluate import bootstrap, calibration, over_seeds, per_class, wilson

NAMES = ("cat", "dog", "owl")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_each_class_is_as_scikit_learn_has_it(pairs):
    true, predicted = np.array(pairs).T
    report = per_class(true, predicted, NAMES)
    reference = classification_report(
        true, predicted, labels=[0, 1, 2], target_names=NAMES, output_dict=True, zero_division=np.nan
    )
    for name in NAMES:
        for ours, theirs in (("precision", "precision"), ("recall", "recall"), ("rows", "support")):
            np.testing.assert_allclose(report.loc[name, ours], reference[name][theirs])


def test_the_interval_is_that_of_the_recall():
    report = per_class([0, 0, 0, 0, 1], [0, 0, 0, 1, 1], NAMES)
    assert (report.loc["cat", "low"], report.loc["cat", "high"]) == wilson(3, 4)
    assert np.isnan(report.loc["owl", ["recall", "low", "precision"]].astype(float)).all()


def test_labels_without_a_name_and_rows_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="Label 3 has no name"):
        per_class([0, 3], [0, 1], NAMES)
    with pytest.raises(ValueError, match=r"got shapes \(2,\) and \(1,\)"):
        per_class([0, 1], [0], NAMES)


def test_calibration_by_hand():
    # Two rows at 0.95, one of them right; two at 0.65, both right.
    p = [[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]]
    found = calibration([0, 1, 1, 1], p)
    assert found.table["rows"].tolist() == [2, 2]
    np.testing.assert_allclose(found.table["accuracy"], [1.0, 0.5])
    np.testing.assert_allclose(found.table[["low", "high"]], [[0.6, 0.7], [0.9, 1.0]])
    assert found.error == pytest.approx((0.35 + 0.45) / 2)


def test_a_model_that_means_what_it_says_has_next_to_no_error_and_a_boastful_one_has():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=20_000)
    y = (rng.random(20_000) < p).astype(int)
    honest = np.stack([1 - p, p], axis=1)
    assert calibration(y, honest).error < 0.02
    boast = honest**3 / (honest**3).sum(axis=1, keepdims=True)
    assert calibration(y, boast).error > 0.1


def test_logits_are_refused():
    with pytest.raises(ValueError, match="Logits need a softmax first"):
        calibration([0], [[2.0, -1.0]])
    with pytest.raises(ValueError, match="got"):
        calibration([0, 1], [[1.0, 0.0]])


def test_the_bootstrap_of_a_mean_is_near_the_textbooks_interval():
    values = np.random.default_rng(1).normal(5, 2, 400)
    value, (low, high) = bootstrap(np.mean, values)
    reach = stats.norm.ppf(0.975) * values.std() / 20
    assert value == values.mean()
    assert (low, high) == pytest.approx((value - reach, value + reach), abs=0.05)


def test_the_bootstrap_keeps_rows_together_and_leaves_out_what_is_undefined():
    y, score = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4, 0.9])
    assert bootstrap(roc_auc_score, y, score, rounds=200) == (1.0, (1.0, 1.0))
    assert bootstrap(accuracy_score, y, y, rounds=50)[1] == (1.0, 1.0)


def test_the_bootstrap_says_when_it_cannot_tell():
    with pytest.raises(ValueError, match="two rows or more"):
        bootstrap(np.mean, [1.0])
    with pytest.raises(ValueError, match="two rows or more"):
        bootstrap(accuracy_score, [1, 0], [1])


def test_over_seeds_is_students_interval():
    values = [0.8, 0.82, 0.87]
    mean, span = over_seeds(values)
    assert span == pytest.approx(stats.t.interval(0.95, 2, loc=mean, scale=stats.sem(values)))
    with pytest.raises(ValueError, match="two seeds or more"):
        over_seeds([0.8])
