"""Checks of lesson 15."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kitutils.course.grading import check, equal, expect, part, refuse, run

# Each change, whether the label survives, and what to say to the other answer.
_LABELS = {
    "digit: a shift by one pixel": (True, "A digit is the same digit a pixel further. No label depends on that."),
    "digit 2, 5 or 7: mirrored": (
        False,
        "Nobody writes a mirrored 2, and it looks much like a 5: such a picture can never come.",
    ),
    "cat or dog: mirrored": (True, "A cat seen from its other side is a cat, and cats look both ways."),
    "road sign, turn left or right: mirrored": (
        False,
        "The mirror turns 'left' into 'right': that is the label itself.",
    ),
    "ripe or unripe tomato: colours shifted towards green": (
        False,
        "A green tomato is an unripe one: here the colour is the label.",
    ),
    "photograph by day or by night: darkened": (False, "Darken a day and it is night: here the light is the label."),
    "review, praise or blame: the word 'not' deleted": (
        False,
        "'Not good' without its 'not' is praise: one small word can turn the label round.",
    ),
    "number of people in the picture: cropped": (
        False,
        "Whoever stood at the edge is cut off, and the count is wrong. The label would have to be counted anew.",
    ),
}


@check(
    "15.1",
    title="Which labels survive?",
    minutes=5,
    answer="value",
    hints=(
        "Imagine the changed picture without its label. What would you call it?",
        "Is the label still true, and could such a picture come? Some labels are about colour, light or side.",
        "Two of the eight survive: a digit a pixel further, and one about animals.",
    ),
)
def survives(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_LABELS),
        "Keep the eight changes as they are, and put True or False in place of each ... .",
    )
    for name, (true, otherwise) in _LABELS.items():
        with part(name):
            got = answer[name]
            expect(isinstance(got, bool | np.bool_), f"True or False is asked for; got {got!r}.")
            refuse(got, not true, otherwise)
            equal(got, true)


def _flipped(boxes, height, width, off=0):
    top, first, bottom, end = boxes.T
    return np.stack([top, width - end - off, bottom, width - first - off], axis=1)


@check(
    "15.2",
    title="Mirror the boxes",
    minutes=10,
    hints=(
        "Draw a row of 10 columns and a box from column 2 to column 5. Where does each of its two edges go?",
        "The distance to the left border becomes the distance to the right one. What was the end is now the beginning.",
        "top, first, bottom, end = boxes.T\nreturn np.stack([___, width - ___, ___, width - ___], axis=1)",
    ),
)
def flip_boxes(answer, rng):
    height, width, n = 20, 31, 6  # not square, and wider than high
    top, first = rng.integers(0, 8, n), rng.integers(0, 8, n)
    boxes = np.stack([top, first, top + rng.integers(2, 9, n), first + rng.integers(2, 9, n)], axis=1)
    first_column, end_column = boxes[:, 1], boxes[:, 3]
    right = _flipped(boxes, height, width)
    with part("one box of four numbers each"):
        got = run(answer, boxes, height, width)
        expect(np.shape(got) == (n, 4), f"{n} boxes have shape ({n}, 4); yours has shape {np.shape(got)}.")
    with part("mirrored at the upright middle line"):
        refuse(got, boxes, "The boxes have not moved.")
        swapped = right[:, [0, 3, 2, 1]]
        refuse(
            got,
            swapped,
            "Your first column lies right of your end column: what was the end is the beginning in the mirror.",
        )
        refuse(
            got,
            _flipped(boxes, height, width, off=1),
            "One column too far left: columns of a slice are edges, so column `end` goes to width - end.",
        )
        refuse(
            got,
            _flipped(boxes, height, height),
            "You measured from the height. Left and right are exchanged along the width.",
        )
        upside_down = np.stack([height - boxes[:, 2], first_column, height - boxes[:, 0], end_column], axis=1)
        refuse(got, upside_down, "You exchanged top and bottom. Left and right are asked for: the columns change.")
        moved = np.stack([boxes[:, 0], width - first_column, boxes[:, 2], width - first_column], axis=1)
        moved[:, 3] += end_column - first_column
        refuse(
            got,
            moved,
            "The old first column became the new one: the box starts where it ought to end. Start at width - end.",
        )
        equal(got, right, on=boxes)
    with part("twice is as before"):
        equal(run(answer, _flipped(boxes, height, width), height, width), boxes)


def _mixed(images, labels, share, partners, label_share=None, label_partners=None, scale=1):
    label_share = share if label_share is None else label_share
    label_partners = partners if label_partners is None else label_partners
    column = share[:, None, None, None]
    pixels = column * images + (1 - column) * images[partners]
    of_labels = label_share[:, None] * labels + (1 - label_share[:, None]) * labels[label_partners]
    return np.rint(pixels * scale).astype(np.int64).astype(np.uint8), of_labels


@check(
    "15.3",
    title="Find three bugs in a mixup",
    minutes=20,
    hints=(
        "Ask three things: who is each picture's partner, which share goes to which label, what range the pixels have.",
        "Pictures and labels use the same partners and the same share. uint8 pixels are from 0 to 255 already.",
        "part = share[:, None, None, None]\n"
        "pixels = part * images + (1 - part) * images[___]\n"
        "of_labels = share[:, None] * ___ + (1 - share[:, None]) * ___\n"
        'return np.rint(___).astype("uint8"), of_labels',
    ),
)
def mix(answer, rng):
    n, classes = 5, 5
    images = rng.integers(20, 236, (n, 3, 4, 2)).astype(np.uint8)
    images[:, 0, 0, 0] = 20 + 43 * np.arange(n)  # every picture differs from every other
    labels = np.eye(classes)[rng.permutation(n)]
    share = rng.uniform(0.55, 0.9, n)
    partners = np.roll(np.arange(n), 2)  # neither the reversed batch nor its own inverse
    backwards = np.arange(n)[::-1]
    pixels, of_labels = _mixed(images, labels, share, partners)
    with part("a pair of pictures and labels"):
        got = run(answer, images, labels, share, partners)
        expect(
            isinstance(got, tuple | list) and len(got) == 2,
            "Return two things, pictures and labels: return pictures, labels.",
        )
        expect(
            np.shape(got[0]) == images.shape and np.shape(got[1]) == labels.shape,
            f"Shapes {images.shape} and {labels.shape} go in and come out; yours are {np.shape(got[0])} and "
            f"{np.shape(got[1])}.",
        )
    with part("pictures"):
        mine = np.asarray(got[0])
        expect(
            mine.dtype == np.uint8,
            f"uint8 goes in and uint8 comes out; yours is {mine.dtype}.",
        )
        for scale in (255, 1 / 255):
            for other in (partners, backwards):
                refuse(
                    mine,
                    _mixed(images, labels, share, other, scale=scale)[0],
                    "The pixels are from 0 to 255 already: multiplied or divided by 255 they leave their range.",
                )
        refuse(
            mine,
            _mixed(images, labels, share, backwards)[0],
            "Each picture is mixed with the one at the mirrored place in the batch, not with images[partners].",
        )
        refuse(
            mine,
            _mixed(images, labels, 1 - share, partners)[0],
            "The picture itself keeps share, and the partner has 1 - share; you have it the other way round.",
        )
        cut = share[:, None, None, None] * images + (1 - share[:, None, None, None]) * images[partners]
        refuse(mine, cut.astype(np.uint8), "astype alone cuts off what is behind the point; round first, np.rint(...).")
        equal(mine, pixels)
    with part("labels"):
        of_mine = np.asarray(got[1])
        refuse(
            of_mine,
            _mixed(images, labels, share, partners, label_share=1 - share)[1],
            "Pictures keep share of themselves and your labels 1 - share: the larger part gets the smaller label.",
        )
        refuse(of_mine, labels, "The labels have not been mixed.")
        refuse(
            of_mine,
            _mixed(images, labels, share, partners, label_partners=backwards)[1],
            "The labels' partners are not those of the pictures: labels[partners].",
        )
        equal(of_mine, of_labels, tol=1e-6)
