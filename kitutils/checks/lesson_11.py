"""Checks of lesson 11."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kitutils.course.grading import check, equal, expect, part, refuse, run

_TABLE = ("share the same", "share by chance", "kappa")


@check(
    "11.1",
    title="Kappa of a table",
    minutes=5,
    answer="value",
    hints=(
        "How many messages does each of the two call damaged, whatever the other says?",
        "By chance: both say damaged, or both say not. Multiply the two people's shares for each, then add.",
        "same = (5 + ___) / 100\nchance = 0.1 * ___ + 0.9 * ___\nkappa = (same - chance) / (1 - ___)",
    ),
)
def two_people(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_TABLE),
        "Keep the three names in two_people as they are, and put a number in place of each ... .",
    )
    same, chance = 0.9, 0.1 * 0.1 + 0.9 * 0.9
    with part(_TABLE[0]):
        got = answer[_TABLE[0]]
        refuse(got, 90, "A share is a fraction of the 100 messages: between 0 and 1.")
        refuse(got, 0.85, "They also agree where both say damaged.")
        refuse(got, 0.05, "They also agree where both say not damaged.")
        equal(got, same, tol=1e-3)
    with part(_TABLE[1]):
        got = answer[_TABLE[1]]
        refuse(got, 82, "A share by chance is a fraction too: between 0 and 1.")
        refuse(got, 0.5, "A coin would give a half. These two say damaged of one message in ten, not of every second.")
        refuse(got, 0.81, "That is both saying not by chance. Add both saying damaged.")
        refuse(got, 0.01, "That is both saying damaged by chance. Add both saying not.")
        refuse(
            got,
            0.05**2 + 0.85**2,
            "Those are the shares on which both agree, squared. Take what each says, whatever the other says.",
        )
        equal(got, chance, tol=1e-3)
    with part(_TABLE[2]):
        got = answer[_TABLE[2]]
        refuse(
            got, same - chance, "That is what they reached beyond chance. Divide by what could be reached beyond it."
        )
        refuse(
            got, (same - chance) / same, "Divide by what could be reached beyond chance, 1 minus the share by chance."
        )
        refuse(got, same / chance, "Not a ratio of the two shares: take chance away above and below the line.")
        refuse(got, 0.8, "That is kappa against a coin, with a chance of a half. Take the share by chance from above.")
        equal(got, (same - chance) / (1 - chance), tol=6e-3)


@check(
    "11.2",
    title="Flip boxes with their pictures",
    minutes=10,
    hints=(
        "Which two of the four numbers change? On paper: where is the left edge after the flip?",
        "What was the right edge becomes the left one, counted from the other side: width - right.",
        "top, left, bottom, right = boxes.T\nreturn np.stack([top, ___ - ___, bottom, ___ - ___], axis=1)",
    ),
)
def flipped(answer, rng):
    # Even edges against an odd width: no box lies in the middle, where a flip changes nothing. Heights differ from
    # widths, so that the two axes cannot be mixed up unseen.
    n, width = 5, 101  # five boxes of four numbers: lying the wrong way they have another shape
    top, left = 2 * rng.integers(0, 10, n), 2 * rng.integers(0, 15, n)
    bottom, right = top + 2 * rng.integers(3, 8, n), left + 2 * rng.integers(9, 12, n)
    boxes = np.stack([top, left, bottom, right], axis=1)
    expected = np.stack([top, width - right, bottom, width - left], axis=1)
    with part("one box a box"):
        got = run(answer, boxes, width)
        expect(np.shape(got) != (4, n), "That is one row for each edge. One row for each box: stack them along axis 1.")
        expect(np.shape(got) == (n, 4), f"Return an array of shape (n, 4), here ({n}, 4); yours is {np.shape(got)}.")
    with part("the right edges"):
        refuse(got, boxes, "The boxes come back as they were.")
        refuse(
            got,
            np.stack([top, width - left, bottom, width - right], axis=1),
            "These boxes are turned inside out: the old right edge must become the new left one.",
        )
        refuse(
            got,
            np.stack([top, width - 1 - right, bottom, width - 1 - left], axis=1),
            "One pixel off. right is the first column outside the box, not its last, so nothing has to be taken away.",
        )
        refuse(
            got,
            np.stack([width - bottom, left, width - top, right], axis=1),
            "That turns the picture upside down. A mirror swaps left and right; top and bottom stay.",
        )
        refuse(
            got,
            np.stack([width - bottom, width - right, width - top, width - left], axis=1),
            "That flips both ways at once. A mirror leaves top and bottom alone.",
        )
        refuse(
            got,
            np.stack([top, right, bottom, left], axis=1),
            "You swapped the two edges. They also have to be counted from the other side.",
        )
        refuse(
            got,
            np.stack([top, width - right, bottom, right], axis=1),
            "The new right edge is missing: once left is overwritten, the old one is gone. Read both before you write.",
        )
        equal(got, expected, tol=1e-9, on=boxes)


@check(
    "11.3",
    title="Find two bugs in out-of-fold predictions",
    minutes=15,
    hints=(
        "Ask two things: which rows does learn see when it predicts row 0, and where does that prediction end up?",
        "Learn from the rows of the other folds. Write each prediction to the place of its row, with a mask.",
        "predictions = np.empty(len(x), dtype=y.dtype)\n"
        "for k in np.unique(fold):\n"
        "    mine = fold == k\n"
        "    predictions[___] = learn(x[___], y[___], x[mine])\n"
        "return predictions",
    ),
)
def out_of_fold(answer, rng):
    n = 24
    # No two rows have the same label, so each prediction names the row that it was copied from.
    x, y, fold = rng.normal(size=(n, 2)), rng.permutation(n) + 100, rng.permutation(np.arange(n) % 4)
    while (np.diff(fold) >= 0).all():
        fold = rng.permutation(fold)
    with part("a prediction for each row"):
        got = run(answer, x, y, fold, _nearest)
        expect(np.shape(got) == (n,), f"{n} rows get {n} predictions, shape ({n},); yours has shape {np.shape(got)}.")
    with part("from a model that has not seen the row, in the rows' order"):
        order = np.argsort(fold, kind="stable")
        unseen = np.empty_like(y)
        for k in range(4):
            unseen[fold == k] = _nearest(x[fold != k], y[fold != k], x[fold == k])
        refuse(got, y[order], "Both bugs are still there: each row was seen, and the order is that of the folds.")
        refuse(got, y, "Every row gets its own label back: the model has seen it. Learn from the other folds only.")
        refuse(
            got,
            unseen[order],
            "Each is predicted rightly, and in the wrong place: fold after fold. Write it to the place of its row.",
        )
        refuse(
            got,
            np.where(fold == 3, 0, unseen),
            "The rows of the last fold got no prediction: the loop ends before it.",
        )
        equal(got, unseen)
    with part("folds of any name"):
        equal(
            run(answer, x, y, fold * 10 - 7, _nearest),
            unseen,
            "Folds need not be numbered 0, 1, 2, …: go through np.unique(fold).",
        )


def _nearest(x, y, new):
    """Copies the label of the nearest row."""
    distance = ((np.asarray(new)[:, None] - np.asarray(x)[None]) ** 2).sum(axis=-1)
    return np.asarray(y)[distance.argmin(axis=1)]
