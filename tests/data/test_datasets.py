import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitutils import data
from kitutils.data.cards import card
from kitutils.data.datasets import Dataset, stratified
from kitutils.data.faults import DataError, UnknownDataset


def labelled(y: np.ndarray, source: str = "built-in") -> Dataset:
    """A data set whose inputs are the numbers of its rows, so that a subset shows which rows it kept."""
    x = np.arange(len(y))
    return Dataset(
        "digits", source, card("digits").classes, card("digits"), x, y, x[:0], y[:0], truth={"boxes_train": x}
    )


labels = st.lists(st.integers(0, 4), min_size=5, max_size=200).map(np.array)


def test_digits_are_images_with_their_channel_and_all_rows_in_the_training_part():
    ds = data.load("digits")
    assert (ds.x_train.shape, ds.x_train.dtype) == ((1797, 8, 8, 1), np.uint8)
    assert (ds.y_train.shape, ds.y_train.dtype) == ((1797,), np.int64)
    assert ds.x_test.shape == (0, 8, 8, 1) and ds.y_test.shape == (0,)
    assert ds.x.shape == (1797, 8, 8, 1) and ds.y.shape == (1797,)
    assert (ds.x_train.min(), ds.x_train.max()) == (0, 16)
    assert ds.source == "built-in" and not ds.is_standin
    assert ds.class_names == tuple("0123456789")


def test_photographs_are_two_pictures():
    ds = data.load("photographs")
    assert ds.x_train.shape == (2, 427, 640, 3) and ds.y_train.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "diabetes", "iris"])
def test_a_table_keeps_its_target_in_the_frame(name):
    ds = data.load(name)
    assert ds.frame.shape == (ds.card.rows["all"], len(ds.card.columns))
    assert ds.card.target in ds.frame
    assert ds.x_train is None
    for attribute in ("x", "y"):
        with pytest.raises(DataError, match=f"{name} is a table"):
            getattr(ds, attribute)


def test_breast_cancer_names_its_classes_in_the_order_of_the_labels():
    ds = data.load("breast_cancer")
    assert [ds.class_names[label] for label in (0, 1)] == ["malignant", "benign"]
    assert (ds.frame["target"] == 1).sum() == 357  # the benign ones, by the data set's description


@pytest.mark.parametrize("name", ["digits", "shapes10"])
def test_what_a_learner_writes_into_a_data_set_is_gone_with_the_next_load(name):
    first = data.load(name)
    before = first.x_train.copy()
    first.x_train[:] = 0
    first.y_train[:] = 0
    again = data.load(name)
    assert np.array_equal(again.x_train, before) and again.y_train.any()


def test_a_table_written_into_is_fresh_with_the_next_load():
    frame = data.load("iris").frame
    frame.iloc[:, 0] = 0.0
    assert (data.load("iris").frame.iloc[:, 0] > 0).all()


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownDataset, match="cifar10"):
        data.load("cifr10")
    with pytest.raises(UnknownDataset, match="cifar10"):
        data.info("cifr10")


def test_info_gives_the_card_without_the_data():
    assert data.info("cifar10").rows == {"train": 50_000, "test": 10_000}


def test_the_repr_says_shape_source_and_licence():
    assert repr(data.load("digits")) == (
        "<Dataset digits: 1,797 training and 0 test 8 × 8 × 1 images, 10 classes; source: built-in; "
        "licence: CC BY 4.0 (UCI)>"
    )
    assert "178 rows × 14 columns, target 'target', 3 classes" in repr(data.load("wine"))


def test_a_data_set_survives_copying_and_pickling():
    ds = data.load("digits").take(20, seed=0)
    for twin in (copy.deepcopy(ds), pickle.loads(pickle.dumps(ds))):
        assert np.array_equal(twin.x_train, ds.x_train) and twin.card == ds.card


def test_its_fields_cannot_be_replaced():
    with pytest.raises(AttributeError):
        data.load("digits").source = "cache"


@given(labels, st.data())
def test_a_subset_has_no_row_twice_and_each_class_its_share(y, pick):
    classes, counts = np.unique(y, return_counts=True)
    n = pick.draw(st.integers(len(classes), len(y)))
    ds = labelled(y).take(n, seed=pick.draw(st.integers(0, 2**32 - 1)))
    assert len(set(ds.x_train.tolist())) == len(ds.x_train) == n
    assert np.array_equal(ds.y_train, y[ds.x_train])
    assert np.array_equal(ds.truth["boxes_train"], ds.x_train)
    kept = np.array([(ds.y_train == label).sum() for label in classes])
    exact = counts * n / len(y)
    assert (kept >= 1).all()
    if (exact >= 1).all():
        assert (abs(kept - exact) < 1).all()


@given(labels, st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_rows(y, seed):
    ds = labelled(y)
    n = max(len(np.unique(y)), len(y) // 2)
    assert np.array_equal(ds.take(n, seed).x_train, ds.take(n, seed).x_train)


def test_another_seed_gives_other_rows_in_another_order():
    ds = data.load("digits")
    assert not np.array_equal(ds.take(100, 0).x_train, ds.take(100, 1).x_train)
    assert not np.array_equal(ds.take(1797, 0).y_train, ds.y_train)
    assert np.array_equal(np.bincount(ds.take(1797, 0).y_train), np.bincount(ds.y_train))


def test_shares_are_rounded_by_the_largest_remainder():
    # 10 rows as 7, 2, 1; of 5 the exact shares are 3.5, 1.0, 0.5: the half that comes first is rounded up, and the
    # class that would be left with nothing takes its row from the largest.
    y = np.repeat([0, 1, 2], [7, 2, 1])
    rows = stratified(y, 5, np.random.default_rng(0))
    assert np.bincount(y[rows]).tolist() == [3, 1, 1]


@pytest.mark.parametrize("n", [0, -1, 1798, 10**9])
def test_more_rows_than_there_are_is_an_error_that_says_how_many_there_are(n):
    with pytest.raises(DataError, match=r"digits has 1,797 train rows.*Ask for 1 to 1,797"):
        data.load("digits").take(n, seed=0)


def test_fewer_rows_than_classes_is_an_error():
    with pytest.raises(DataError, match="10 classes"):
        data.load("digits").take(9, seed=0)


def test_a_stand_in_gives_all_it_has_when_more_is_asked_for():
    y = np.arange(40) % 4
    assert len(labelled(y, source="stand-in").take(50_000, seed=0).x_train) == 40


def test_test_rows_stay_unless_asked_for():
    ds = data.load("shapes10")
    whole, part = ds.take(100, seed=0), ds.take(100, seed=0, test=50)
    assert np.array_equal(whole.x_test, ds.x_test)
    assert np.bincount(part.y_test).tolist() == [5] * 10
    assert len(part.truth["boxes_test"]) == 50 and len(whole.truth["boxes_test"]) == 2000
    assert np.array_equal(part.x_train, whole.x_train)


def test_a_subset_of_a_table_is_stratified_and_keeps_order_and_index():
    frame = data.load("iris").take(30, seed=0).frame
    assert frame["target"].value_counts().to_dict() == {0: 10, 1: 10, 2: 10}
    assert frame.index.is_monotonic_increasing and frame.index.max() > 30
    with pytest.raises(DataError, match="table"):
        data.load("iris").take(30, seed=0, test=10)


def test_a_subset_of_a_table_with_a_measured_target_is_a_plain_sample():
    frame = data.load("diabetes").take(40, seed=0).frame
    assert len(frame) == 40 and frame.index.is_unique
    assert frame.equals(data.load("diabetes").frame.loc[frame.index])
