"""The checks of lesson 40 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade


def of_blocks(function):
    def pool(images, size):
        n, height, width, channels = images.shape
        down, across = height // size, width // size
        blocks = images[:, : down * size, : across * size].reshape(n, down, size, across, size, channels)
        return function(blocks, axis=(2, 4))

    return pool


by_reshape = of_blocks(np.max)


def by_loops(images, size):
    n, height, width, channels = images.shape
    pooled = np.full((n, height // size, width // size, channels), -np.inf)
    for i in range(height // size * size):
        for j in range(width // size * size):
            pooled[:, i // size, j // size] = np.maximum(pooled[:, i // size, j // size], images[:, i, j])
    return pooled


def by_windows(images, size):
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    return windows[:, ::size, ::size].max(axis=(-2, -1))


def padded(images, size, fill=-np.inf):
    rows, columns = -images.shape[1] % size, -images.shape[2] % size
    return by_reshape(np.pad(images, ((0, 0), (0, rows), (0, columns), (0, 0)), constant_values=fill), size)


def wrong_axes(images, size):
    n, height, width, channels = images.shape
    down, across = height // size, width // size
    blocks = images[:, : down * size, : across * size].reshape(n, size, down, size, across, channels)
    return blocks.max(axis=(1, 3))


def last_rows(images, size):
    return by_reshape(images[:, images.shape[1] % size :, images.shape[2] % size :], size)


def test_max_pool():
    assert_check(
        "40.1",
        right=[by_reshape, by_loops, by_windows],
        wrong={
            "mean of each block": of_blocks(np.mean),
            "smallest of each block": of_blocks(np.min),
            "first pixel": lambda images, size: images[
                :, : images.shape[1] // size * size : size, : images.shape[2] // size * size : size
            ],
            "blocks overlap": lambda images, size: np.lib.stride_tricks.sliding_window_view(
                images, (size, size), axis=(1, 2)
            ).max(axis=(-2, -1)),
            "not neighbours": wrong_axes,
            "channels got mixed": lambda images, size: np.repeat(
                by_reshape(images, size).max(axis=-1, keepdims=True), images.shape[-1], axis=-1
            ),
            "part of a block at the edge": padded,
            "the last row and the last column": last_rows,
            "Below zero you say 0": lambda images, size: np.maximum(by_reshape(images, size), 0),
            "rows of blocks, columns of blocks": lambda images, size: by_reshape(images, size)[0],
        },
    )


def test_parts_count_alone():
    for answer in (padded, last_rows, lambda images, size: np.maximum(by_reshape(images, size), 0)):
        result = grade("40.1", answer)
        assert (result.status, result.held, result.total) == ("wrong", 2, 3)


STACK = {
    "shape after layer 1": (60, 60, 16),
    "shape after layer 2": (30, 30, 16),
    "shape after layer 3": (15, 15, 32),
    "weights of layer 1": 1216,
    "weights of layer 3": 4640,
    "receptive field after layer 2": 6,
    "receptive field after layer 3": 10,
}


def test_the_stack_is_what_keras_makes_of_it():
    import keras
    from keras import layers, ops

    made = [layers.Conv2D(16, 5), layers.MaxPooling2D(2), layers.Conv2D(32, 3, strides=2, padding="same")]
    model = keras.Sequential([keras.Input((64, 64, 3)), *made])
    for place in (1, 2, 3):
        assert made[place - 1].output.shape[1:] == STACK[f"shape after layer {place}"]
    assert [made[0].count_params(), made[2].count_params()] == [1216, 4640]
    for place, side in ((2, 6), (3, 10)):
        for layer in made:
            if layer.weights:
                layer.kernel.assign(np.ones(layer.kernel.shape))
        upto = keras.Model(model.inputs[0], made[place - 1].output)
        middle = upto.output.shape[1] // 2
        plain = ops.convert_to_numpy(upto(np.ones((1, 64, 64, 3))))[0, middle, middle, 0]
        rows = np.ones((64, 64, 64, 3))
        rows[np.arange(64), np.arange(64)] = 5  # of image i, row i is brighter
        # The number in the middle moves if a row of its field does, and otherwise not.
        changed = ops.convert_to_numpy(upto(rows))[:, middle, middle, 0] != plain
        assert changed.sum() == side
        assert np.ptp(np.flatnonzero(changed)) == side - 1


def but(name, value):
    return STACK | {name: value}


def test_stack():
    assert_check(
        "40.2",
        right=[STACK, STACK | {"shape after layer 1": [60, 60, 16]}, {k: v for k, v in reversed(STACK.items())}],
        wrong={
            "first place is pixels 0 to 4": but("shape after layer 1", (64, 64, 16)),
            "One too few": but("shape after layer 1", (59, 59, 16)),
            "as many as there are filters": but("shape after layer 1", (60, 60, 3)),
            "Blocks do not overlap": but("shape after layer 2", (59, 59, 16)),
            "half of 64": but("shape after layer 2", (32, 32, 16)),
            "leaves the channels alone": but("shape after layer 2", (30, 30, 8)),
            "nothing is lost at the edge": but("shape after layer 3", (14, 14, 32)),
            "every second place": but("shape after layer 3", (30, 30, 32)),
            "32 filters give 32 channels": but("shape after layer 3", (15, 15, 16)),
            "Each filter has a bias as well": but("weights of layer 1", 1200),
            "for each of the three colours: 5 × 5 × 3": but("weights of layer 1", 416),
            "5 × 5 × 3, and a bias": but("weights of layer 1", 400),
            "share the same weights": but("weights of layer 1", 1216 * 3600),
            "spans all 16 channels": but("weights of layer 3", 320),
            "not three colours": but("weights of layer 3", 896),
            "two neighbours": but("receptive field after layer 2", 5),
            "together they cover 5 + 1": but("receptive field after layer 2", 7),
            "one pixel apart, not five": but("receptive field after layer 2", 10),
            "adds 2 × 2": but("receptive field after layer 3", 8),
            "two outer neighbours": but("receptive field after layer 3", 9),
            "to the layer after it": but("receptive field after layer 3", 14),
            "windows of 6 overlap": but("receptive field after layer 3", 18),
            "three numbers": but("shape after layer 3", (15, 15)),
            "One number is asked for": but("weights of layer 3", (4640, 1)),
            "Keep the seven questions": {"weights of layer 3": 4640},
        },
    )


def test_the_bias_of_the_other_layer_is_known_too():
    assert "bias" in " ".join(grade("40.2", but("weights of layer 3", 4608)).messages)


def right_batch(images, labels, rng):
    order = rng.permutation(len(images))
    images, labels = images[order].astype("float32") / 127.5 - 1, labels[order]
    turned = rng.random(len(images)) < 0.5
    images[turned] = images[turned, :, ::-1]
    return images, labels


def one_by_one(images, labels, rng):
    rows = sorted(range(len(images)), key=lambda _: rng.random())
    made = [images[i][:, ::-1] if rng.integers(2) else images[i] for i in rows]
    return np.array([(image.astype(float) - 127.5) / 127.5 for image in made], "float32"), [labels[i] for i in rows]


def flipped_first(images, labels, rng):
    turned = (rng.random(len(images)) < 0.5)[:, None, None, None]
    images = np.where(turned, np.flip(images, 2), images)
    order = np.argsort(rng.random(len(labels)))
    return ((images / 255 - 0.5) * 2).astype(np.float32)[order], labels[order]


def theirs(*, order=False, floats=False, width=False):
    """The colleague's batch, with some of its bugs mended."""

    def batch(images, labels, rng):
        chosen = rng.permutation(len(images))
        images = images[chosen]
        labels = labels[chosen] if order else rng.permutation(labels)
        images = images.astype(float) / 127.5 - 1 if floats else (images - 128) / 127.5
        turned = rng.random(len(images)) < 0.5
        images[turned] = images[turned][:, :, ::-1] if width else images[turned][:, ::-1]
        return images.astype("float32"), labels

    return batch


def then(change):
    return lambda images, labels, rng: change(*right_batch(images, labels, rng))


def views_of(turn, shuffle=True):
    """The right batch, but for how one in two is turned, and for the order."""

    def batch(images, labels, rng):
        order = rng.permutation(len(images)) if shuffle else np.arange(len(images))
        turned = (rng.random(len(images)) < 0.5)[:, None, None, None]
        images = np.where(turned, turn(images), images)
        return images[order].astype("float32") / 127.5 - 1, labels[order]

    return batch


def test_batch():
    assert_check(
        "40.3",
        right=[right_batch, one_by_one, flipped_first, theirs(order=True, floats=True, width=True)],
        wrong={
            "Draw one order": theirs(floats=True, width=True),
            "no numbers below 0": theirs(order=True, width=True),
            "upside down": theirs(order=True, floats=True),
            "from 0 to 1": then(lambda x, y: ((x + 1) / 2, y)),
            "must become exactly 1": then(lambda x, y: (x - np.float32(0.5 / 127.5), y)),
            "float32 is asked for": then(lambda x, y: (x.astype(float), y)),
            "stayed where they were": lambda x, y, rng: (right_batch(x, y, rng)[0], y),
            "in their old order": views_of(lambda x: x[:, :, ::-1], shuffle=False),
            "half a turn": views_of(lambda x: x[:, ::-1, ::-1]),
            "No image is mirrored": views_of(lambda x: x),
            "Every image is mirrored": lambda x, y, rng: views_of(lambda x: x)(x[:, :, ::-1], y, rng),
            "comes twice": lambda x, y, rng: right_batch(*(part[np.r_[0, 0, 2 : len(x)]] for part in (x, y)), rng),
            "none of those that went in": then(lambda x, y: (x[..., ::-1], y)),
            "Return two things": then(lambda x, y: x),
            "go in and come out": then(lambda x, y: (x[:-1], y[:-1])),
        },
    )


@pytest.mark.parametrize(
    ("mended", "held"),
    [({}, 1), ({"floats": True}, 2), ({"order": True, "floats": True}, 3), ({"order": True, "width": True}, 3)],
)
@pytest.mark.parametrize("seed", range(5))
def test_each_mended_bug_counts(mended, held, seed):
    result = grade("40.3", theirs(**mended), seed)
    assert (result.status, result.held, result.total) == ("wrong", held, 4)


@pytest.mark.parametrize(
    ("exercise", "stub"),
    [("40.1", lambda images, size: ...), ("40.2", dict.fromkeys(STACK, ...)), ("40.3", lambda *given: None)],
)
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
