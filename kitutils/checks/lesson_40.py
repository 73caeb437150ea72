"""Checks of lesson 40."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kitutils.course.grading import check, equal, expect, part, refuse, run


def _pooled(images, size, of=np.max):
    """The pooling by plain loops, as a definition."""
    n, height, width, channels = images.shape
    down, across = height // size, width // size
    pooled = np.empty((n, down, across, channels))
    for i in range(down):
        for j in range(across):
            pooled[:, i, j] = of(images[:, i * size : (i + 1) * size, j * size : (j + 1) * size], axis=(1, 2))
    return pooled


@check(
    "40.1",
    title="Max pooling",
    minutes=10,
    hints=(
        "Take one image of 4 × 6 pixels and size 2. Which pixels belong to the first block, and which to the second?",
        "Cut off what does not fill a block. Then give height and width two axes each, one for the block and one for "
        "the place within it, and take the largest over the two places.",
        "blocks = images[:, : down * size, : across * size].reshape(n, down, ___, across, ___, channels)\n"
        "return blocks.max(axis=(___, ___))",
    ),
)
def max_pool(answer, rng):
    images = rng.permutation(2 * 6 * 9 * 3).reshape(2, 6, 9, 3).astype(float)  # all values differ
    right = _pooled(images, 3)
    with part("blocks of 3 × 3 pixels, height and width that divide"):
        got = run(answer, images, 3, returns=np.ndarray)
        expect(
            got.ndim == 4,
            f"Images of shape {images.shape} become (n, rows of blocks, columns of blocks, channels); yours has shape "
            f"{got.shape}.",
        )
        corners = images[:, ::3, ::3]
        means, least = _pooled(images, 3, np.mean), _pooled(images, 3, np.min)
        windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2)).max(axis=(-2, -1))
        swapped = images.reshape(2, 3, 2, 3, 3, 3).max(axis=(1, 3))
        refuse(got, means, "That is the mean of each block; the largest is asked for.")
        refuse(got, least, "That is the smallest of each block; the largest is asked for.")
        refuse(got, corners, "You kept each block's first pixel, whatever it was. Keep its largest.")
        refuse(got, windows, "Your blocks overlap: the next one begins where the last one ended, size pixels on.")
        refuse(
            got,
            swapped,
            "Your blocks are made of pixels that are not neighbours: after reshape, the axis of the block comes before "
            "the axis of the place within it.",
        )
        refuse(
            got,
            np.broadcast_to(right.max(axis=-1, keepdims=True), right.shape),
            "The channels got mixed: each channel has a largest value of its own.",
        )
        equal(got, right, on=images)
    with part("rows and columns that do not fill a block"):
        more = rng.permutation(1 * 7 * 5 * 2).reshape(1, 7, 5, 2).astype(float)
        got = run(answer, more, 2, returns=np.ndarray)
        filled = np.pad(more, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=-np.inf)
        expect(
            got.shape != (1, 4, 3, 2),
            "7 × 5 pixels hold 3 × 2 whole blocks of 2 × 2; you kept the part of a block at the edge as well.",
        )
        refuse(got, _pooled(filled, 2), "You kept the part of a block at the edge as well.")
        refuse(
            got,
            _pooled(more[:, 1:, 1:], 2),
            "Drop the last row and the last column, not the first ones.",
        )
        equal(got, _pooled(more, 2), on=more)
    with part("values below zero"):
        below = -1.0 - images[:, :4, :4]
        got = run(answer, below, 2, returns=np.ndarray)
        refuse(got, np.zeros_like(_pooled(below, 2)), "Below zero you say 0: begin from a value of the block itself.")
        equal(got, _pooled(below, 2), on=below)


# Each question of 40.2: the right answer, and what to say to the likeliest wrong ones.
_STACK = {
    "shape after layer 1": (
        (60, 60, 16),
        {
            (
                64,
                64,
                16,
            ): "Without padding, the window's first place is pixels 0 to 4 and its last 59 to 63: count them.",
            (59, 59, 16): "One too few: a window of 5 has 64 - 5 + 1 places in a row.",
            (60, 60, 3): "The channels that come out are as many as there are filters.",
        },
    ),
    "shape after layer 2": (
        (30, 30, 16),
        {
            (59, 59, 16): "Blocks do not overlap: pooling by 2 halves the side.",
            (32, 32, 16): "That is half of 64, but layer 1 has already cut the edges off.",
            (30, 30, 8): "Pooling leaves the channels alone.",
        },
    ),
    "shape after layer 3": (
        (15, 15, 32),
        {
            (14, 14, 32): 'With padding="same", nothing is lost at the edge: 30 / 2.',
            (30, 30, 32): "The stride of 2 takes every second place only.",
            (15, 15, 16): "32 filters give 32 channels.",
        },
    ),
    "weights of layer 1": (
        1216,
        {
            1200: "Each filter has a bias as well.",
            416: "A filter has numbers for each of the three colours: 5 × 5 × 3.",
            400: "A filter has numbers for each of the three colours, 5 × 5 × 3, and a bias.",
            1216 * 3600: "All places share the same weights.",
        },
    ),
    "weights of layer 3": (
        4640,
        {
            4608: "Each filter has a bias as well.",
            320: "A filter spans all 16 channels that come in: 3 × 3 × 16 numbers.",
            896: "16 channels come in here, not three colours.",
        },
    ),
    "receptive field after layer 2": (
        6,
        {
            5: "Pooling looks at two neighbours, whose windows are a pixel apart: together they see more.",
            7: "The two windows of 5 are one pixel apart, so together they cover 5 + 1.",
            10: "The two windows overlap: they are one pixel apart, not five.",
        },
    ),
    "receptive field after layer 3": (
        10,
        {
            8: "After pooling, neighbours are two pixels of the image apart. The window of 3 adds 2 × 2.",
            9: "The window of 3 adds its two outer neighbours, two pixels apart each: 6 + 2 × 2.",
            14: "This layer's own stride matters to the layer after it, not to itself.",
            18: "The three windows of 6 overlap: they are two pixels apart.",
        },
    ),
}


@check(
    "40.2",
    title="Shapes, weights, receptive fields",
    minutes=5,
    answer="value",
    hints=(
        "Draw a row of 8 pixels and slide a window of 5 along it. How many places are there?",
        "Weights: (height × width × channels in + 1 bias) × filters. Receptive field: each layer adds "
        "(window - 1) × the distance, in pixels, between neighbours of its input.",
        "side: 64 - 5 + ___, then / ___, then / ___\nweights: (5 * 5 * ___ + 1) * 16\n"
        "receptive field: 5, then 5 + 1 * ___, then that + 2 * ___",
    ),
)
def stack(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_STACK),
        "Keep the seven questions as they are, and put your answer in place of each ... .",
    )
    for name, (right, mistakes) in _STACK.items():
        with part(name):
            got = answer[name]
            if isinstance(right, tuple):
                expect(
                    isinstance(got, tuple | list) and len(got) == 3,
                    f"A shape is (height, width, channels), three numbers; got {got!r}.",
                )
                got = tuple(got)
            else:
                expect(np.ndim(got) == 0, f"One number is asked for; got {got!r}.")
            for wrong, otherwise in mistakes.items():
                refuse(got, wrong, otherwise)
            equal(got, right)


@check(
    "40.3",
    title="Find three bugs in a batch",
    minutes=20,
    hints=(
        "Follow one image with its label: where does each go? Then one pixel: what is 64 - 128 in uint8?",
        "One order for both; float before anything is subtracted; and axis 1 of a batch is the height.",
        "order = rng.permutation(len(images))\nimages, labels = images[order], labels[___]\n"
        'images = images.astype("float32") / ___ - 1\nturned = rng.random(len(images)) < 0.5\n'
        "images[turned] = images[turned, ___, ::-1]\nreturn images, labels",
    ),
)
def batch(answer, rng):
    n, height, width = 64, 4, 5
    images = rng.integers(0, 256, (n, height, width, 2)).astype(np.uint8)
    images[0, 0, 0], images[1, 0, 0] = 0, 255  # both ends of the range occur
    labels = rng.permutation(n)  # every label once, so that each row can be told by it
    got = run(answer, images, labels, np.random.default_rng(int(rng.integers(2**31))))
    expect(
        isinstance(got, tuple | list) and len(got) == 2, "Return two things, images and labels: return images, labels."
    )
    mine, said = np.asarray(got[0]), np.asarray(got[1])
    expect(
        mine.shape == images.shape and said.shape == labels.shape,
        f"Shapes {images.shape} and {labels.shape} go in and come out; yours are {mine.shape} and {said.shape}.",
    )
    scaled = images.astype(np.float64) / 127.5 - 1
    views = {
        "as it is": images,
        "left to right": images[:, :, ::-1],
        "upside down": images[:, ::-1],
        "by half a turn": images[:, ::-1, ::-1],
    }
    seen = {name: _found(mine, view) for name, view in views.items()}
    rows = np.max(list(seen.values()), axis=0)  # -1 for an image that is none of them
    with part("every image once, in a new order"):
        expect((rows >= 0).all(), "One of your images is none of those that went in, neither as it was nor mirrored.")
        expect(len(set(rows.tolist())) == n, "Some image comes twice, and another not at all: use a permutation.")
        expect(not np.array_equal(rows, np.arange(n)), "The images come in their old order.")
    with part("pixels"):
        expect(mine.dtype == np.float32, f"float32 is asked for; yours is {mine.dtype}.")
        values = np.sort(mine, axis=None).astype(np.float64)
        wrapped = np.sort((images - np.uint8(128)) / 127.5, axis=None)
        refuse(
            values,
            wrapped,
            "uint8 has no numbers below 0: there 64 - 128 is 192. Turn the pixels into floats before you subtract.",
        )
        refuse(values, np.sort(images / 255.0, axis=None), "Your pixels go from 0 to 1; from -1 to 1 is asked for.")
        off = np.sort((images.astype(float) - 128) / 127.5, axis=None)
        refuse(values, off, "Nearly: the middle of 0 to 255 is 127.5, so 255 must become exactly 1.")
        equal(values, np.sort(scaled, axis=None), tol=1e-5)
    with part("labels"):
        expect(not np.array_equal(said, labels), "The labels stayed where they were while the images changed places.")
        expect(
            np.array_equal(said, labels[rows]),
            "An image has another one's label. Draw one order, and use it for images and labels alike.",
        )
    with part("mirrored left to right, one in two"):
        expect(
            not (seen["upside down"] >= 0).any(),
            "Some image is upside down: axis 0 is the image, axis 1 the height, axis 2 the width.",
        )
        expect(not (seen["by half a turn"] >= 0).any(), "Some image is turned by half a turn: reverse the width only.")
        share = (seen["left to right"] >= 0).mean()
        expect(share > 0, "No image is mirrored.")
        expect(share < 1, "Every image is mirrored: draw for each one whether it is.")
        expect(0.2 < share < 0.8, f"{share:.0%} of the images are mirrored; one in two is asked for.")


def _found(mine: np.ndarray, view: np.ndarray) -> np.ndarray:
    """For each picture the row of ``view`` that it is, however its pixels were scaled; -1 where it is none.

    Pictures whose uint8 pixels wrapped are known as well, so that their order and their mirroring are still judged.
    """
    rows = np.full(len(mine), -1)
    for known in (view, view - np.uint8(128)):
        apart = np.abs(_between_0_and_1(mine)[:, None] - _between_0_and_1(known)[None]).max(axis=-1)
        near = apart.argmin(axis=1)
        rows = np.where(apart[np.arange(len(mine)), near] < 1e-3, near, rows)
    return rows


def _between_0_and_1(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1).astype(float)
    flat = flat - flat.min(axis=1, keepdims=True)
    return flat / np.maximum(flat.max(axis=1, keepdims=True), 1e-9)
