"""The checks of lesson 15 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade

RIGHT = {
    "digit: a shift by one pixel": True,
    "digit 2, 5 or 7: mirrored": False,
    "cat or dog: mirrored": True,
    "road sign, turn left or right: mirrored": False,
    "ripe or unripe tomato: colours shifted towards green": False,
    "photograph by day or by night: darkened": False,
    "review, praise or blame: the word 'not' deleted": False,
    "number of people in the picture: cropped": False,
}


def but(name):
    return RIGHT | {name: not RIGHT[name]}


def test_survives():
    assert_check(
        "15.1",
        right=[RIGHT, {name: np.bool_(value) for name, value in RIGHT.items()}, dict(reversed(RIGHT.items()))],
        wrong={
            "a pixel further": but("digit: a shift by one pixel"),
            "Nobody writes": but("digit 2, 5 or 7: mirrored"),
            "from its other side": but("cat or dog: mirrored"),
            "that is the label itself": but("road sign, turn left or right: mirrored"),
            "here the colour is the label": but("ripe or unripe tomato: colours shifted towards green"),
            "here the light is the label": but("photograph by day or by night: darkened"),
            "without its 'not'": but("review, praise or blame: the word 'not' deleted"),
            "is cut off": but("number of people in the picture: cropped"),
            "True or False is asked for": RIGHT | {"cat or dog: mirrored": "yes"},
            "Keep the eight changes": {"cat or dog: mirrored": True},
        },
    )


def test_half_filled_in_counts_as_parts():
    result = grade("15.1", RIGHT | {"cat or dog: mirrored": ...})
    assert (result.status, result.held, result.total) == ("wrong", 7, 8)


def with_columns(boxes, height, width):
    flipped = boxes.copy()
    flipped[:, 1], flipped[:, 3] = width - boxes[:, 3], width - boxes[:, 1]
    return flipped


def with_a_loop(boxes, height, width):
    return [[a, width - d, c, width - b] for a, b, c, d in boxes.tolist()]


def by_matrix(boxes, height, width):
    return boxes @ np.array([[1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0], [0, -1, 0, 0]]) + [0, width, 0, width]


def started_at_width_minus_first(boxes, height, width):
    top, first, bottom, end = boxes.T
    return np.stack([top, width - first, bottom, width - first + end - first], axis=1)


def in_place(boxes, height, width):
    boxes[:, [1, 3]] = width - boxes[:, [3, 1]]
    return boxes


def only_once(boxes, height, width):
    """Right unless a box touches the right half alone."""
    flipped = with_columns(boxes, height, width)
    return boxes if (boxes[:, 1] > width / 2).any() else flipped


def test_flip_boxes():
    assert_check(
        "15.2",
        right=[with_columns, with_a_loop, by_matrix],
        wrong={
            "have not moved": lambda boxes, height, width: boxes,
            "lies right of your end column": lambda b, h, w: with_columns(b, h, w)[:, [0, 3, 2, 1]],
            "One column too far left": lambda b, h, w: with_columns(b, h, w - 1),
            "measured from the height": lambda b, h, w: with_columns(b, w, h),
            "exchanged top and bottom": lambda b, h, w: np.stack([h - b[:, 2], b[:, 1], h - b[:, 0], b[:, 3]], 1),
            "starts where it ought to end": started_at_width_minus_first,
            "boxes have shape": lambda b, h, w: with_columns(b, h, w)[0],
            "changed its input": in_place,
        },
    )


@pytest.mark.parametrize("seed", range(20))
def test_boxes_of_the_right_half_are_probed_too(seed):
    result = grade("15.2", only_once, seed)
    assert (result.status, result.held, result.total) == ("wrong", 2, 3)


def right_mix(images, labels, share, partners):
    part, column = share[:, None, None, None], share[:, None]
    pixels = part * images + (1 - part) * images[partners]
    return np.rint(pixels).astype("uint8"), column * labels + (1 - column) * labels[partners]


def with_a_plain_loop(images, labels, share, partners):
    pixels, mixed = np.zeros(images.shape), np.zeros(labels.shape)
    for i, (part, j) in enumerate(zip(share, partners, strict=True)):
        pixels[i] = part * images[i].astype(float) + (1 - part) * images[j]
        mixed[i] = part * labels[i] + (1 - part) * labels[j]
    return np.floor(pixels + 0.5).astype(np.uint8), mixed


def in_float32(images, labels, share, partners):
    pixels, mixed = right_mix(images, labels, share, partners)
    return pixels, mixed.astype(np.float32)


def their(partner=False, labels_share=False, pixel_range=False):
    """The colleague's mixup, with some of its bugs mended."""

    def mixup(images, labels, share, partners):
        part, column = share[:, None, None, None], share[:, None]
        mixed = part * images + (1 - part) * images[partners if partner else slice(None, None, -1)]
        if not labels_share:
            column = 1 - column
        mixed_labels = column * labels + (1 - column) * labels[partners]
        return np.rint(mixed * (1 if pixel_range else 255)).astype(np.int64).astype("uint8"), mixed_labels

    return mixup


def changed(pixels=lambda p, *rest: p, of_labels=lambda m, *rest: m):
    def mixup(images, labels, share, partners):
        p, m = right_mix(images, labels, share, partners)
        return pixels(p, images, share, partners), of_labels(m, labels, share, partners)

    return mixup


def cut_off(p, images, share, partners):
    part = share[:, None, None, None]
    return (part * images + (1 - part) * images[partners]).astype("uint8")


def test_mix():
    assert_check(
        "15.3",
        right=[right_mix, with_a_plain_loop, in_float32, their(True, True, True)],
        wrong={
            "leave their range": their(True, True, False),
            "mirrored place in the batch": their(False, True, True),
            "gets the smaller label": their(True, False, True),
            "the other way round": changed(lambda p, i, s, j: right_mix(i, np.eye(5), 1 - s, j)[0]),
            "cuts off": changed(cut_off),
            "have not been mixed": changed(of_labels=lambda m, labels, s, j: labels),
            "not those of the pictures": changed(
                of_labels=lambda m, labels, s, j: s[:, None] * labels + (1 - s[:, None]) * labels[::-1]
            ),
            "uint8 comes out": changed(lambda p, *rest: p.astype(float)),
            "Return two things": lambda images, labels, share, partners: images,
            "go in and come out": changed(lambda p, *rest: p[0]),
        },
    )


@pytest.mark.parametrize(
    ("mended", "held"), [((False, False, False), 1), ((True, False, True), 2), ((False, True, True), 2)]
)
@pytest.mark.parametrize("seed", range(5))
def test_each_mended_bug_counts(mended, held, seed):
    result = grade("15.3", their(*mended), seed)
    assert (result.status, result.held, result.total) == ("wrong", held, 3)


@pytest.mark.parametrize(
    ("exercise", "stub"),
    [("15.1", dict.fromkeys(RIGHT, ...)), ("15.2", lambda *arguments: ...), ("15.3", lambda *arguments: None)],
)
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
