"""The real sets as a mirror supplies them: what their cards promise and what their stand-ins claim to resemble."""

import os

import numpy as np
import pytest

from kitutils import data
from kitutils.data import formats, standins

pytestmark = pytest.mark.real_data
MIRROR = os.environ.get("KIT_MIRROR")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("real data")


@pytest.fixture
def load(cache, monkeypatch):
    """Load a real set, offline, through one cache for this module."""
    monkeypatch.setenv("KIT_MIRROR", MIRROR or "")
    monkeypatch.setenv("KIT_HOME", str(cache))
    monkeypatch.setenv("KIT_OFFLINE", "1")
    monkeypatch.setenv("KIT_STRICT_DATA", "1")
    return data.load


@pytest.mark.parametrize("name", ["cifar10", "fashion_mnist", "sst2", "california_housing", "bike_sharing", "penguins"])
def test_a_real_set_comes_from_the_mirror_then_from_the_cache_and_equals_its_stand_in_in_form(load, name):
    first, again = load(name), load(name)
    assert (first.source, again.source) == ("mirror", "cache")
    standin = standins.make(first.card)
    if first.frame is not None:
        assert again.frame.equals(first.frame)
        assert standin.dtypes.to_dict() == first.frame.dtypes.to_dict()
        return
    for part in formats.ARRAYS:
        real = getattr(first, part)
        assert np.array_equal(real, getattr(again, part))
        assert standin[part].dtype == real.dtype and standin[part].shape[1:] == real.shape[1:]
    assert set(standin["y_train"]) == set(first.y_train) == set(range(len(first.class_names)))


def test_cifar10_has_the_published_channel_means(load):
    ds = load("cifar10")
    assert np.bincount(ds.y_train).tolist() == [5000] * 10 and np.bincount(ds.y_test).tolist() == [1000] * 10
    means = ds.x_train.reshape(-1, 3).mean(0) / 255
    assert np.allclose(means, [0.4914, 0.4822, 0.4465], atol=1e-4)


def test_fashion_mnist_has_its_classes_in_equal_shares(load):
    ds = load("fashion_mnist")
    assert ds.x_train.shape == (60_000, 28, 28, 1)
    assert np.bincount(ds.y_train).tolist() == [6000] * 10


def test_sst2_has_the_published_counts(load):
    ds = load("sst2")
    assert np.bincount(ds.y_train).tolist() == [29_780, 37_569]
    assert np.bincount(ds.y_test).tolist() == [428, 444]


def test_the_tables_have_their_known_gaps(load):
    assert load("california_housing").frame["total_bedrooms"].isna().sum() == 207
    assert load("penguins").frame["sex"].isna().sum() == 11
    assert load("penguins").frame["species"].value_counts().to_dict() == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    bikes = load("bike_sharing").frame
    assert (bikes["casual"] + bikes["registered"] == bikes["cnt"]).all()


def test_a_subset_of_a_real_set_is_balanced(load):
    assert np.bincount(load("cifar10").take(1000, seed=0).y_train).tolist() == [100] * 10
    penguins = load("penguins").take(34, seed=0).frame
    assert penguins["species"].value_counts().to_dict() == {"Adelie": 15, "Gentoo": 12, "Chinstrap": 7}
