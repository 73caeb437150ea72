"""Augmentation of pictures: identities, boxes that stay with their shapes, ranges, seeds, reference implementations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

tf = pytest.importorskip("tensorflow")

from kitutils.data import augment, shapes  # noqa: E402

BOX = [[4, 6, 20, 17]]
SEEDS = st.integers(0, 2**31)


def pictures(n, seed=0, dtype=np.uint8, height=24, width=30):
    x = np.random.default_rng(seed).integers(0, 256, (n, height, width, 3)).astype(np.uint8)
    return x if dtype == np.uint8 else (x / 255).astype(dtype)


def overlap(a, b):
    """Intersection over union of boxes, shape (n,)."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.prod(np.clip(sides, 0, None), axis=1)
    return shared / (np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - shared)


def spot(box, height=24, width=30):
    """A picture that is white in the box and black elsewhere."""
    top, first, bottom, end = box
    x = np.zeros((1, height, width, 1), np.uint8)
    x[:, top:bottom, first:end] = 255
    return x


def extent(picture):
    """The box around what is lighter than grey."""
    rows, columns = np.nonzero(np.asarray(picture)[..., 0] > 127)
    return [[rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]]


# --- moves ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_nothing_asked_nothing_moved(dtype):
    x = pictures(3, dtype=dtype)
    moved, boxes = augment.move(x, boxes=BOX * 3)
    assert moved.dtype == dtype and np.array_equal(moved, x) and np.array_equal(boxes, BOX * 3)


def test_a_flip_is_the_reversed_slice_for_those_that_are_flipped():
    x = pictures(2)
    flipped = augment.move(x, flip=[True, False]).numpy()
    assert np.array_equal(flipped[0], x[0, :, ::-1]) and np.array_equal(flipped[1], x[1])


@given(SEEDS)
@settings(deadline=None, max_examples=20)
def test_flipping_twice_is_the_identity_for_pictures_and_boxes(seed):
    x, _, boxes = shapes.draw(10, seed)
    once = augment.move(x, flip=True, boxes=boxes)
    twice, boxes_twice = augment.move(once[0], flip=True, boxes=once[1])
    assert np.array_equal(twice, x) and np.array_equal(boxes_twice, boxes)


@given(SEEDS)
@settings(deadline=None, max_examples=20)
def test_boxes_overlap_as_much_after_a_flip_as_before(seed):
    x, _, boxes = shapes.draw(10, seed)
    others = np.roll(boxes, 1, axis=0)
    a, b = (augment.move(x, flip=True, boxes=some)[1] for some in (boxes, others))
    assert np.allclose(overlap(a, b), overlap(boxes, others))


@pytest.mark.parametrize("fill", ["reflect", "nearest", "wrap", "constant"])
def test_a_shift_by_whole_pixels_is_padding_and_slicing(fill):
    x = pictures(2)
    mode = {"reflect": "symmetric", "nearest": "edge", "wrap": "wrap", "constant": "constant"}[fill]
    padded = np.pad(x, ((0, 0), (3, 3), (5, 5), (0, 0)), mode=mode)
    down_and_left = padded[:, 3 - 2 : 27 - 2, 5 + 4 : 35 + 4]
    assert np.array_equal(augment.move(x, down=2, right=-4, fill=fill), down_and_left)


def test_a_quarter_turn_counter_clockwise_is_numpys():
    x = pictures(2, height=24, width=24)
    turned = augment.move(x, degrees=90).numpy().astype(int)
    assert np.abs(turned - np.rot90(x, axes=(1, 2))).max() <= 1


@given(st.booleans(), st.floats(-60, 60), st.floats(0.6, 1.6), st.floats(-6, 6), st.floats(-6, 6))
@settings(deadline=None, max_examples=25)
def test_all_moves_agree_with_scipys_affine_map(flip, degrees, zoom, down, right):
    x = pictures(1).astype(np.float32) / 255
    ours = augment.move(x, flip=flip, degrees=degrees, zoom=zoom, down=down, right=right).numpy()[0]
    angle = np.radians(degrees)
    forward = (
        zoom
        * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        @ np.diag([1, -1 if flip else 1])
    )  # of (row, column), rows counted downwards
    back, middle = np.linalg.inv(forward), (np.array(x.shape[1:3]) - 1) / 2
    offset = middle - back @ (middle + np.array([down, right]))
    for channel in range(3):
        theirs = ndimage.affine_transform(x[0, ..., channel], back, offset, order=1, mode="reflect")
        assert np.abs(ours[..., channel] - theirs).max() < 2e-3


@given(st.booleans(), st.floats(0.8, 1.3), st.integers(-3, 3), st.integers(-3, 3))
@settings(deadline=None, max_examples=40)
def test_a_box_stays_around_what_was_in_it(flip, zoom, down, right):
    asked = {"flip": flip, "zoom": zoom, "down": down, "right": right, "fill": "constant"}
    moved, box = augment.move(spot(BOX[0]), boxes=BOX, **asked)
    assert np.abs(np.asarray(extent(moved[0])) - box.numpy()).max() <= 1


@pytest.mark.parametrize("degrees", [30, -45, 90, 180])
def test_a_turned_box_is_the_upright_one_around_it(degrees):
    """The corners of the white square's box, turned by hand."""
    _, box = augment.move(np.zeros((1, 40, 60, 1), np.uint8), degrees=degrees, boxes=[[15, 22, 25, 40]])
    y, x = np.array([15, 15, 25, 25]) - 20, np.array([22, 40, 22, 40]) - 30
    angle = np.radians(degrees)
    columns, rows = 30 + np.cos(angle) * x + np.sin(angle) * y, 20 - np.sin(angle) * x + np.cos(angle) * y
    assert np.allclose(box, [[rows.min(), columns.min(), rows.max(), columns.max()]], atol=1e-4)


def test_a_box_is_cut_off_at_the_border():
    _, box = augment.move(spot(BOX[0]), down=-10, right=20, boxes=BOX)
    assert np.array_equal(box, [[0, 26, 10, 30]])


def test_a_crop_enlarges_its_window_and_the_boxes_in_it():
    x = pictures(1, height=20, width=40)
    window = [[5, 10, 15, 30]]  # half of each side
    cropped, box = augment.crop(x, window, boxes=[[6, 12, 10, 20]])
    assert np.array_equal(box, [[2, 4, 10, 20]])
    by_move = augment.move(x, zoom=2, down=0, right=0)
    assert np.array_equal(cropped, by_move)


# --- light, noise, grounds --------------------------------------------------------------------------------------------


def test_light_by_hand():
    x = np.array([0, 100, 200, 255], np.uint8).reshape(1, 1, 4, 1)
    assert augment.light(x, offset=0.2).numpy().ravel().tolist() == [51, 151, 251, 255]
    assert augment.light(x, gain=2).numpy().ravel().tolist() == [0, 72, 255, 255]
    assert augment.light(x, gain=0).numpy().ravel().tolist() == [128] * 4
    assert np.allclose(
        augment.light(x / np.float32(255), offset=-0.2).numpy().ravel(), [0, 0.19216, 0.58431, 0.8], atol=1e-5
    )


def test_noise_has_the_deviation_that_was_asked_for():
    x = np.full((1, 200, 200, 1), 0.5, np.float32)
    grain = augment.noise(x, 3, deviation=0.05).numpy() - x
    assert abs(grain.mean()) < 0.001 and abs(grain.std() - 0.05) < 0.001


def test_a_new_ground_is_seen_outside_the_box_alone():
    x, grounds = pictures(1, 0), pictures(1, 1)
    changed = augment.new_ground(x, BOX, grounds).numpy()
    inside = spot(BOX[0])[0, ..., 0] > 0
    assert np.array_equal(changed[0][inside], x[0][inside])
    assert np.array_equal(changed[0][~inside], grounds[0][~inside])


# --- what is drawn ----------------------------------------------------------------------------------------------------

RANDOM = {
    "move": lambda x, seed: augment.random_move(x, seed, flip=True, degrees=20, zoom=0.3, shift=0.2),
    "light": lambda x, seed: augment.random_light(x, seed, gain=0.9, offset=0.5),
    "noise": lambda x, seed: augment.noise(x, seed, deviation=0.3),
    "mixup": lambda x, seed: augment.random_mixup(x, np.eye(len(x)), seed)[0],
}


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float16])
def test_dtype_and_range_are_kept_and_the_seed_decides(name, dtype):
    x = pictures(6, dtype=dtype)
    a, b, c = (RANDOM[name](x, seed).numpy() for seed in (1, 1, 2))
    assert a.dtype == dtype and a.shape == x.shape
    assert a.min() >= 0 and a.max() <= (255 if dtype == np.uint8 else 1)
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert not np.array_equal(a, x)


@pytest.mark.parametrize("seed", [5, np.array([5, 9]), tf.constant([5, 9], tf.int64)])
def test_a_seed_is_one_whole_number_or_two(seed):
    assert augment.noise(pictures(1), seed).shape == (1, 24, 30, 3)


def test_a_batch_is_moved_as_its_pictures_are_one_by_one():
    x, boxes = pictures(4), np.array(BOX * 4)
    asked = {"flip": [1, 0, 1, 0], "degrees": [5.0, -9, 0, 30], "zoom": [1, 1.2, 0.8, 1], "down": [0, 1.5, -2, 3]}
    together, moved = augment.move(x, boxes=boxes, **asked)
    for i in range(4):
        alone, box = augment.move(x[i : i + 1], boxes=BOX, **{name: value[i] for name, value in asked.items()})
        assert np.array_equal(alone[0], together[i]) and np.allclose(box[0], moved[i], atol=1e-4)


def test_random_moves_stay_within_what_was_asked():
    box = np.array([[10, 10, 14, 16]] * 500)
    _, moved = augment.random_move(np.zeros((500, 24, 30, 1), np.uint8), 0, shift=0.125, boxes=box)
    steps = moved.numpy()[:, :2] - box[:, :2]
    assert np.abs(steps).max(axis=0) == pytest.approx([3, 3.75], rel=0.05)
    assert np.abs(steps.mean(axis=0)).max() < 0.3


def test_half_of_the_pictures_are_flipped():
    x = np.tile(pictures(1), (400, 1, 1, 1))
    flipped = (augment.random_move(x, 0, flip=True).numpy() == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 0.4 < flipped.mean() < 0.6


# --- mixup ------------------------------------------------------------------------------------------------------------


def test_mixup_by_hand():
    x = np.array([0, 100, 255], np.uint8).reshape(3, 1, 1, 1)
    mixed, labels = augment.mixup(x, np.eye(3), [1, 0.25, 0.5], [1, 2, 0])
    assert mixed.numpy().ravel().tolist() == [0, 216, 128]
    assert np.allclose(labels, [[1, 0, 0], [0, 0.25, 0.75], [0.5, 0, 0.5]])


@given(SEEDS, st.floats(0.01, 5))
@settings(deadline=None, max_examples=25)
def test_mixed_labels_add_up_to_one_and_keep_their_mean(seed, alpha):
    x, one_hot = pictures(8, seed), np.eye(4)[np.arange(8) % 4]
    mixed, labels = augment.random_mixup(x, one_hot, seed, alpha=alpha)
    assert mixed.dtype == np.uint8
    assert np.allclose(labels.numpy().sum(axis=1), 1, atol=1e-5) and labels.numpy().min() >= 0


def test_shares_are_those_of_the_beta_distribution():
    """Partners are a permutation, so hardly any picture is its own; α = 0.2 leaves most blends nearly pure."""
    n = 4000
    _, labels = augment.random_mixup(np.zeros((n, 1, 1, 1), np.uint8), np.eye(n, dtype=np.float32), 0, alpha=0.2)
    share = np.diag(labels)
    assert share.mean() == pytest.approx(0.5, abs=0.02)
    assert share.var() == pytest.approx(1 / (4 * (2 * 0.2 + 1)), abs=0.02)  # of Beta(α, α)


# --- batches ----------------------------------------------------------------------------------------------------------


def changed(x, y, seed):
    return augment.random_move(x, seed, shift=0.2), y


def test_batches_hold_each_row_once_a_pass_with_its_own_label():
    x = np.arange(10, dtype=np.float32).reshape(10, 1, 1, 1) / 10
    made = list(augment.batches(x, np.arange(10), batch_size=5).take(4))
    for first, second in (made[:2], made[2:]):
        labels = np.concatenate([first[1], second[1]])
        assert sorted(labels) == list(range(10))
        assert np.allclose(np.concatenate([first[0], second[0]]).ravel(), labels / 10)
    assert not np.array_equal(made[0][1], made[2][1])


def test_the_same_seed_gives_the_same_batches_and_each_pass_new_moves():
    x, y = pictures(4), np.arange(4)
    first, again, other = (
        [part.numpy() for part, _ in augment.batches(x, y, changed, batch_size=4, seed=seed).take(2)]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    one = [part.numpy() for part, _ in augment.batches(x[:1], y[:1], changed, batch_size=1).take(2)]
    assert not np.array_equal(*one)


def test_the_pipeline_does_what_the_function_does():
    seeds = []

    def noted(x, y, seed):
        return augment.random_move(x, seed, shift=0.2), seed

    (moved, seed) = next(iter(augment.batches(pictures(1), [0], noted, batch_size=1)))
    seeds.append(seed)
    assert np.array_equal(moved, augment.random_move(pictures(1), seeds[0], shift=0.2))


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: augment.move(pictures(1)[0]), r"image\[None\]"),
        (lambda: augment.move(pictures(1)[..., 0][0]), "A batch of pictures has shape"),
        (lambda: augment.light(pictures(1).astype(np.int64)), "uint8 from 0 to 255 or floats.*int64"),
        (lambda: augment.move(pictures(1), fill="mirror"), "fill is one of reflect.*'mirror'"),
        (lambda: augment.move(pictures(1), boxes=[1, 2, 3, 4]), r"Boxes have shape \(n, 4\)"),
        (lambda: augment.mixup(pictures(2), [3, 5], [0.5, 0.5], [1, 0]), "no half-way class 4"),
        (lambda: augment.new_ground(pictures(1), BOX, pictures(1, dtype=np.float32)), "got float32"),
    ],
)
def test_what_cannot_be_right_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
