import hashlib
import json

import numpy as np
import pytest

from kitutils import data, settings
from kitutils.data import shapes


@pytest.fixture(scope="module")
def drawn():
    return shapes.draw(200, seed=3)


def test_pictures_labels_and_boxes_have_the_promised_form(drawn):
    images, labels, boxes = drawn
    assert (images.shape, images.dtype) == ((200, 32, 32, 3), np.uint8)
    assert (boxes.shape, boxes.dtype, labels.dtype) == ((200, 4), np.int64, np.int64)
    assert np.bincount(labels).tolist() == [20] * 10


def test_every_platform_draws_the_same_pictures(drawn):
    digest = hashlib.sha256(b"".join(part.tobytes() for part in drawn)).hexdigest()
    assert digest == "f0f8e8062466ab01041ce0e0b134d5b296a4287d5fad64e17e85e5b9c8796d94"


def test_another_seed_draws_other_pictures(drawn):
    assert not np.array_equal(shapes.draw(200, seed=4)[0], drawn[0])


def test_the_set_is_the_one_that_its_records_were_measured_on():
    ds = data.load("shapes10")
    assert ds.source == "generated" and ds.class_names == shapes.CLASSES
    assert (len(ds.x_train), len(ds.x_test)) == (shapes.TRAIN, shapes.TEST)
    assert hashlib.sha256(ds.x_test.tobytes()).hexdigest() == (
        "75470a01d305e94e3deb87ce32a6b90bc2f2d99e8c5009249763854e4b56f51c"
    )


def test_the_boxes_lie_inside_and_are_as_large_as_the_shapes(drawn):
    _, labels, boxes = drawn
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= 32).all()
    height, width = (boxes[:, 2:] - boxes[:, :2]).T
    assert height.min() >= 8 and width.min() >= 8 and max(height.max(), width.max()) <= 28
    circles = labels == shapes.CLASSES.index("circle")
    assert (abs(height - width)[circles] <= 1).all()


@pytest.mark.parametrize("name", shapes.CLASSES)
def test_a_box_is_the_extent_of_what_is_painted(monkeypatch, name):
    for constant in ("NOISE", "SHADING", "STRIPES", "HIDDEN"):
        monkeypatch.setattr(shapes, constant, 0.0)
    monkeypatch.setattr(shapes, "CLUTTER", 0)
    images, labels, boxes = shapes.draw(60, seed=5)
    for i in np.flatnonzero(labels == shapes.CLASSES.index(name)):
        # Nothing else is left in the picture, so whatever differs from its ground is the shape.
        rows, columns = np.nonzero((abs(images[i].astype(int) - images[i, 0, 0]) > 2).any(-1))
        painted = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        assert np.array_equal(painted, boxes[i])


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("circle", [(0, 0), (0.8, 0)], [(0.7, 0.7)]),
        ("ring", [(0.75, 0), (0, -0.75)], [(0, 0), (0.7, 0.7)]),
        ("square", [(0, 0), (0.7, 0.7)], [(0.75, 0)]),
        ("triangle", [(0, 0), (0, -0.9), (0.7, 0.45)], [(0, 0.6), (0.6, -0.5)]),
        ("star", [(0, 0), (0, -0.9), (0.85, -0.28)], [(0, 0.6), (0.5, -0.6)]),
        ("cross", [(0, 0), (0, 0.8), (-0.8, 0)], [(0.5, 0.5)]),
        ("crescent", [(-0.7, 0), (0, 0.8)], [(0, 0), (0.5, 0)]),
        ("heart", [(0, 0), (0, 0.7), (0.5, -0.4)], [(0, -0.75), (0.7, 0.6)]),
        ("arrow", [(0, -0.8), (0, 0.8), (0.7, 0)], [(0.5, 0.5), (0.5, -0.7)]),
        ("hourglass", [(0, 0), (0.5, 0.8), (-0.5, -0.8)], [(0.5, 0), (0, 0.9)]),
    ],
)
def test_an_outline_holds_what_its_name_says(name, inside, outside):
    for points, expected in ((inside, True), (outside, False)):
        u, v = np.array(points, np.float32).T
        assert (shapes.OUTLINES[name](u, v) == expected).all()


def test_the_recorded_difficulty_is_as_promised():
    record = json.loads((settings.root() / "benchmarks" / "records" / "shapes10.json").read_text(encoding="utf8"))
    results = record["results"]
    assert 0.28 <= results["linear_C1"] <= 0.38 and 0.28 <= results["linear_C0.01"] <= 0.38
    assert min(results["reference_cnn"]) >= 0.60
    assert results["good_cnn"] >= 0.98
    assert record["seeds"]["data"] == [shapes.SEED, shapes.SEED + 1]
