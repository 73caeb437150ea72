"""Agreement against scikit-learn, votes and boxes against plain loops and cases worked out by hand."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import cohen_kappa_score

from kitutils.data import labels, shapes
from kitutils.data.labels import MISSING

PAIRS = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*(arrays.arrays(np.int64, n, elements=st.integers(0, 4)) for _ in range(2)))
)


@given(PAIRS)
def test_kappa_is_scikit_learns(pair):
    found = labels.agreement(*pair)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's 0/0, where kappa is not defined
        expected = cohen_kappa_score(*pair)
    np.testing.assert_allclose(found.kappa, expected, atol=1e-12)
    assert found.share == np.mean(pair[0] == pair[1])


@given(PAIRS, st.permutations(range(5)))
def test_agreement_has_no_sides_and_does_not_care_what_a_class_is_called(pair, names):
    first, second = pair
    renamed = np.array(names)
    one, other = labels.agreement(first, second), labels.agreement(renamed[second], renamed[first])
    np.testing.assert_allclose([one.share, one.by_chance, one.kappa], [other.share, other.by_chance, other.kappa])


def test_cohens_table_by_hand():
    # 20 + 15 of 50 the same; (25 · 30 + 25 · 20) / 50² = ½ by chance; (0.7 − 0.5) / 0.5 = 0.4.
    first = np.repeat([0, 0, 1, 1], [20, 5, 10, 15])
    second = np.repeat([0, 1, 0, 1], [20, 5, 10, 15])
    found = labels.agreement(first, second)
    assert (found.rows, found.share, found.by_chance) == (50, 0.7, 0.5)
    assert found.kappa == pytest.approx(0.4)
    assert found.interval[0] < 0.4 < found.interval[1]


def test_rows_that_one_left_out_do_not_count():
    found = labels.agreement([0, 1, MISSING, 1, 0], [0, MISSING, 1, 0, 0])
    assert (found.rows, found.share) == (3, pytest.approx(2 / 3))


def test_the_interval_holds_the_true_kappa_about_as_often_as_it_says():
    rng, held = np.random.default_rng(0), 0
    for seed in range(200):
        truth = rng.integers(0, 4, 200)
        first, second = (np.where(rng.random(200) < 0.8, truth, (truth + rng.integers(1, 4, 200)) % 4) for _ in "ab")
        low, high = labels.agreement(first, second, seed=seed).interval
        held += low <= (0.8**2 + 0.2**2 / 3 - 0.25) / 0.75 <= high
    assert 0.9 < held / 200 <= 0.99


def test_kappa_of_one_and_the_same_class_is_undefined_and_said_so():
    found = labels.agreement([2, 2, 2], [2, 2, 2])
    assert np.isnan(found.kappa) and np.isnan(found.interval).all() and found.share == 1
    assert "not defined" in str(found)


def test_few_rows_are_called_few():
    first = np.arange(60) % 3
    assert "30 rows are few" in str(labels.agreement(first[:30], first[:30]))
    assert "few" not in str(labels.agreement(first, first))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([0, 1], [0], "got 2 and 1"),
        ([MISSING, 0], [0, MISSING], "nothing to compare"),
        ([0.5, 1], [0, 1], "class numbers"),
        ([-2, 1], [0, 1], "class numbers"),
        ([[0, 1]], [0, 1], r"shape \(rows,\)"),
    ],
)
def test_agreement_refuses(first, second, message):
    with pytest.raises(ValueError, match=message):
        labels.agreement(first, second)


VOTES = arrays.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 7)), elements=st.integers(MISSING, 4))


@given(VOTES)
def test_majority_against_counting_row_by_row(votes):
    for row, label in zip(votes, labels.majority(votes), strict=True):
        counts = {k: list(row).count(k) for k in set(row) - {MISSING}}
        leaders = [k for k, n in counts.items() if n == max(counts.values())]
        assert label == (leaders[0] if len(leaders) == 1 else MISSING)


@given(VOTES)
def test_majority_does_not_depend_on_the_order_of_the_annotators(votes):
    np.testing.assert_array_equal(labels.majority(votes), labels.majority(votes[:, ::-1]))


def test_gold_scores_by_hand():
    votes = np.array([[0, 0, MISSING], [1, 2, MISSING], [2, 2, 1], [3, 3, 3]])
    scores = labels.gold_scores(votes, [0, 1, MISSING, 3], names=["Ada", "Ben", "Cem"])
    assert scores["asked"].tolist() == [3, 3, 1] and scores["right"].tolist() == [3, 2, 1]
    assert scores.loc["Ben", "share"] == pytest.approx(2 / 3)
    # Wilson's interval of 2 out of 3, from its formula with z = 1.96.
    assert (scores.loc["Ben", "low"], scores.loc["Ben", "high"]) == pytest.approx((0.2077, 0.9385), abs=1e-4)


def test_whoever_answered_no_gold_question_could_be_anything():
    scores = labels.gold_scores([[0, MISSING], [1, 1]], [0, MISSING])
    assert np.isnan(scores.loc[1, "share"]) and scores.loc[1, ["low", "high"]].tolist() == [0, 1]


def test_gold_scores_refuse_rows_that_do_not_fit():
    with pytest.raises(ValueError, match="got 1 for 2 rows"):
        labels.gold_scores([[0], [1]], [0])
    with pytest.raises(ValueError, match="No row is a gold question"):
        labels.gold_scores([[0], [1]], [MISSING, MISSING])


@st.composite
def some_boxes(draw, size=20):
    top, left = draw(st.integers(0, size - 2)), draw(st.integers(0, size - 2))
    return top, left, draw(st.integers(top + 1, size)), draw(st.integers(left + 1, size))


def filled(box, size=20):
    mask = np.zeros((size, size), bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return mask


@given(some_boxes(), some_boxes())
def test_iou_counts_pixels(first, second):
    a, b = filled(first), filled(second)
    assert labels.iou(first, second) == pytest.approx((a & b).sum() / (a | b).sum())


def test_iou_of_all_pairs():
    first, second = np.array([[0, 0, 2, 2], [0, 0, 4, 4]]), np.array([[0, 0, 2, 2], [0, 1, 2, 3], [5, 5, 6, 6]])
    found = labels.iou(first[:, None], second)
    np.testing.assert_allclose(found, [[1, 1 / 3, 0], [1 / 4, 1 / 4, 0]])


@given(some_boxes())
def test_a_flipped_box_is_the_box_of_the_flipped_picture(box):
    rows, columns = np.nonzero(filled(box)[:, ::-1])
    expected = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    np.testing.assert_array_equal(labels.flip_boxes(box, 20), expected)
    np.testing.assert_array_equal(labels.flip_boxes(labels.flip_boxes(box, 20), 20), box)


def test_boxes_of_the_kits_own_pictures_fit():
    _, _, drawn = shapes.draw(20, seed=1)
    assert (labels.iou(drawn, labels.flip_boxes(labels.flip_boxes(drawn, 32), 32)) == 1).all()


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (3, 4, 5, 2), (0, 0, np.nan, 1), (1, 2, 3)])
def test_what_is_no_box_is_refused(box):
    with pytest.raises(ValueError, match=r"A box is \(top, left, bottom, right\)"):
        labels.iou(box, (0, 0, 1, 1))


def test_a_box_outside_the_picture_is_not_flipped():
    with pytest.raises(ValueError, match="out of the picture"):
        labels.flip_boxes((0, 0, 5, 21), 20)
