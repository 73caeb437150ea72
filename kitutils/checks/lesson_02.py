"""Checks of lesson 02."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from kitutils.course.compare import same
from kitutils.course.grading import check, equal, expect, part, refuse, run


def _nudged(loss, weights, nudge, low=1, high=1, distance=2.0):
    return np.array(
        [
            (loss(weights + high * nudge * axis) - loss(weights - low * nudge * axis)) / distance
            for axis in np.eye(len(weights))
        ]
    )


@check(
    "02.1",
    title="Slopes by nudging",
    minutes=10,
    hints=(
        "Look at slope_of: what does it do with the loss on either side, and what does it divide by?",
        "One weight at a time, and each from the same place: make a new array for every nudge.",
        "slopes = []\n"
        "for hair in nudge * np.eye(len(weights)):\n"
        "    slopes.append((loss(___) - loss(___)) / ___)\n"
        "return np.array(slopes)",
    ),
)
def nudged_slopes(answer, rng):
    # On a quadratic, two sides give the exact slope for a nudge of any size; a large one makes every mistake large.
    curve = rng.uniform(0.5, 2, (3, 3))
    curve = curve @ curve.T
    tilt = rng.uniform(1, 3, 3)
    weights = rng.uniform(-2, 2, 3)

    def quadratic(w):
        return float(np.asarray(w) @ curve @ np.asarray(w) + tilt @ np.asarray(w))

    nudge, at_once = 0.25, np.full(3, 0.25)
    right = _nudged(quadratic, weights, nudge, distance=2 * nudge)
    with part("one slope for each weight"):
        got = run(answer, quadratic, weights, nudge)
        expect(
            np.shape(got) == (3,),
            f"Three weights have three slopes. Yours has shape {np.shape(got)}; nudge one weight at a time.",
        )
    with part("the right slopes"):
        together = (quadratic(weights + at_once) - quadratic(weights - at_once)) / (2 * nudge)
        refuse(
            got,
            np.full(3, together),
            "You nudged all weights together. That is the slope in a direction between them; move one, leave the rest.",
        )
        refuse(
            got,
            _nudged(quadratic, weights, nudge),
            "You divided by 2, not by the distance between the two places, which is 2 * nudge.",
        )
        refuse(
            got,
            _nudged(quadratic, weights, nudge, distance=1),
            "That is the difference of two heights. A slope is a difference of heights divided by the distance.",
        )
        refuse(
            got,
            _nudged(quadratic, weights, nudge, distance=nudge),
            "Twice too steep: from one nudge below to one above is a distance of 2 * nudge.",
        )
        refuse(got, -right, "The sign is turned: higher minus lower, so that uphill is positive.")
        for low, high in ((0, 1), (1, 0)):
            refuse(
                got,
                _nudged(quadratic, weights, nudge, low, high, nudge),
                "You looked to one side only. Where the ground is curved, that is off by as much as the slope changes "
                "within a nudge; go one nudge up and one nudge down.",
            )
        refuse(
            got,
            _staying(quadratic, weights, nudge),
            "Each nudge stays when the next weight has its turn. Go back to the same place before each nudge.",
        )
        equal(got, right, tol=1e-6)
    with part("whole-number weights"):
        whole = rng.integers(1, 4, 3)
        slopes = run(answer, quadratic, whole, nudge)
        refuse(
            slopes,
            _truncated(quadratic, whole, nudge),
            "An array of whole numbers cuts off what you add to one of its places, so the nudge is lost. "
            "weights + hair makes a new array of floats.",
        )
        equal(slopes, _nudged(quadratic, whole, nudge, distance=2 * nudge), tol=1e-6)


def _staying(loss, weights, nudge):
    slopes, here = [], weights.astype(float)
    for axis in np.eye(len(weights)):
        slopes.append((loss(here + nudge * axis) - loss(here - nudge * axis)) / (2 * nudge))
        here = here + nudge * axis
    return np.array(slopes)


def _truncated(loss, weights, nudge):
    slopes = []
    for i in range(len(weights)):
        higher, lower = weights.copy(), weights.copy()
        higher[i] += nudge
        lower[i] -= nudge
        slopes.append((loss(higher) - loss(lower)) / (2 * nudge))
    return np.array(slopes)


_IMAGES, _BATCH, _EPOCHS = 1257, 64, 25
_COUNTS = ("iterations in an epoch", "images in its last batch", "iterations in all", "times each image is used")


@check(
    "02.2",
    title="Count batches, iterations and epochs",
    minutes=5,
    answer="value",
    hints=(
        "How many full batches of 64 are there in 1,257 images, and what is left over?",
        "What is left over makes a batch as well. An epoch uses each image once.",
        "in_an_epoch = 19 + ___\nlast = 1257 - 19 * ___\nin_all = ___ * in_an_epoch\ntimes = ___",
    ),
)
def counts(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_COUNTS),
        "Keep the four names in counts as they are, and put a number in place of each ... .",
    )
    full, left = divmod(_IMAGES, _BATCH)
    with part(_COUNTS[0]):
        got = answer[_COUNTS[0]]
        refuse(got, full, "19 batches hold 1,216 images. The other 41 make a batch too, a small one.")
        refuse(got, _IMAGES, "1,257 would be batches of one image.")
        refuse(got, _BATCH, "64 is the size of a batch. How many such batches hold 1,257 images?")
        expect(
            not _number(got) or abs(got - _IMAGES / _BATCH) > 0.06,
            "There is no part of an iteration: what is left over makes a whole one, with a smaller batch.",
        )
        equal(got, full + 1)
    with part(_COUNTS[1]):
        got = answer[_COUNTS[1]]
        refuse(got, _BATCH, "20 batches of 64 would be 1,280 images; there are not so many. What is left for the last?")
        refuse(got, _BATCH - left, "That many are missing in the last batch. How many are in it?")
        equal(got, left)
    with part(_COUNTS[2]):
        got = answer[_COUNTS[2]]
        refuse(got, _IMAGES * _EPOCHS, "So many images are shown. An iteration shows a whole batch of them.")
        refuse(got, full + 1, "Those are the iterations of one epoch; there are 25.")
        refuse(got, full * _EPOCHS, "Each of the 25 epochs has a last, small batch as well.")
        refuse(
            got,
            _IMAGES * _EPOCHS // _BATCH,
            "As if batches ran on from one epoch into the next. Each epoch ends with its own small batch.",
        )
        equal(got, (full + 1) * _EPOCHS)
    with part(_COUNTS[3]):
        got = answer[_COUNTS[3]]
        refuse(got, (full + 1) * _EPOCHS, "Those are the iterations. Each image is in only one batch of an epoch.")
        refuse(got, 1, "Once in each epoch; how many epochs are there?")
        refuse(got, full + 1, "There are 20 batches in an epoch, but each image is in only one of them.")
        equal(got, _EPOCHS)


def _number(value) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


@check(
    "02.3",
    title="Find three bugs in an epoch",
    minutes=15,
    hints=(
        "Ask three things: which label meets which row, which rows are never used, how large a step is with 32 rows.",
        "Reorder y as well; let the loop run to the end; divide each slope by the number of rows in its batch.",
        "x, y = x[order], ___\n"
        "for first in range(0, ___, batch):\n"
        "    rows = slice(first, first + batch)\n"
        "    w = w - learning_rate * gradient(w, ___, ___)\n"
        "return w",
    ),
)
def one_epoch(answer, rng):
    n, batch, rate = 22, 4, 0.3  # the last batch has two rows
    x = rng.normal((1.0, -0.5), 1, (n, 2))
    y = rng.permutation(np.arange(n) % 2).astype(float)
    w = rng.uniform(-2, 2, 2)
    order = np.roll(rng.permutation(n), 1)
    with part("labels stay with their rows"):
        got = run(answer, w, x, y, order, batch, rate)
        expect(np.shape(got) == (2,), f"Return the two weights after the epoch; yours has shape {np.shape(got)}.")
        sorted_before = run(answer, w, x[order], y[order], np.arange(n), batch, rate)
        expect(
            same(got, sorted_before, tol=1e-9),
            "x is put in the new order and y is not, so the rows meet other tumours' labels.",
        )
    with part("every row is used"):
        changed = x.copy()
        changed[order[-1]] += 1
        expect(
            not same(run(answer, w, changed, y, order, batch, rate), got, tol=1e-12),
            "The last row in the order may be anything, and nothing changes: your loop ends before it gets there.",
        )
    with part("each step against the mean slope of its batch"):
        kinds = list(product((True, False), (True, False)))
        means = [_epoch(w, x, y, order, batch, rate, *kind) for kind in kinds]
        expected = next((mean for mean in means if same(got, mean, tol=1e-9)), means[0])
        for kind in kinds:
            refuse(
                got,
                _epoch(w, x, y, order, batch, rate, *kind, step="sum"),
                "The step is the sum of the slopes: four rows, four times as far. Divide by the rows of the batch.",
            )
        refuse(
            got,
            _epoch(w, x, y, order, batch, rate, step="size"),
            "The last batch has fewer rows, and you divide it by the full size. Divide by the rows that it has.",
        )
        refuse(
            got,
            _epoch(w, x, y, order, batch, rate, step="uphill"),
            "Uphill: the step goes against the slope, w - learning_rate * slope.",
        )
        refuse(
            got,
            _epoch(w, x, y, order, batch, rate, step="one"),
            "One number for both weights. Average over the rows only, so that each weight has its own slope.",
        )
        refuse(
            got,
            _epoch(w, x, y, order, n, rate),
            "That is one step with all rows at once. Step after each batch.",
        )
        equal(got, expected, tol=1e-9)


def _epoch(w, x, y, order, batch, rate, labels_move=True, to_the_end=True, step="mean"):
    x, y = x[order], y[order] if labels_move else y
    for first in range(0, len(x) if to_the_end else len(x) - batch, batch):
        rows = slice(first, first + batch)
        off = (1 / (1 + np.exp(-x[rows] @ w)) - y[rows])[:, None] * x[rows]
        slope = {
            "sum": off.sum(axis=0),
            "mean": off.mean(axis=0),
            "uphill": -off.mean(axis=0),
            "size": off.sum(axis=0) / batch,
            "one": np.full(2, off.mean()),
        }[step]
        w = w - rate * slope
    return w
