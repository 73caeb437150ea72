"""The augmentation benchmark: both ways do the same to a picture, and its arithmetic on made-up rates."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from kitutils.data import augment, shapes

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("KIT_STRICT_DATA", "0")  # importing the benchmark sets it; put back afterwards
    import data_augment

    return data_augment


@pytest.mark.parametrize("flip", [True, False])
def test_one_by_one_moves_a_picture_as_a_batch_does(bench, flip):
    pictures, _, _ = shapes.draw(10, 0)
    asked = {"flip": flip, "degrees": 17.0, "zoom": 1.2, "down": 2.5, "right": -3.25}
    ours = augment.move(pictures, **asked).numpy().astype(float)
    theirs = [bench.moved_by_scipy(picture.astype(np.float32), **asked) for picture in pictures]
    assert np.abs(ours - theirs).max() < 0.51  # ours are rounded


def test_both_ways_give_the_same_kind_of_batches(bench):
    pictures, labels, _ = shapes.draw(70, 0)
    for way in (bench.in_tf_data, bench.InPython):
        for images, classes in islice(iter(way(pictures, labels)), 1):
            assert np.asarray(images).dtype == np.uint8 and np.shape(images) == (64, 32, 32, 3)
            assert np.shape(classes) == (64,)
            # Moved, lit and grainy, but still those pictures: the mean changes by no more than light may change it.
            assert abs(np.mean(images) - pictures.mean()) < 30


def test_the_ratio_is_the_median_of_the_rounds(bench):
    found = bench.summary({"tf_data": [300, 100, 900], "python": [100, 50, 100]})
    assert found["ratio"] == 3 and found["ratios"] == [3, 2, 9]
    assert (found["tf_data_images_per_s"], found["python_images_per_s"]) == (300, 100)
