"""The checks of lesson 02 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade

RIGHT = {
    "iterations in an epoch": 20,
    "images in its last batch": 41,
    "iterations in all": 500,
    "times each image is used": 25,
}


def with_eye(loss, weights, nudge):
    return [(loss(weights + hair) - loss(weights - hair)) / (2 * nudge) for hair in nudge * np.eye(len(weights))]


def with_a_loop(loss, weights, nudge):
    slopes = np.zeros(len(weights))
    for i in range(len(weights)):
        higher, lower = np.array(weights, float), np.array(weights, float)
        higher[i] += nudge
        lower[i] -= nudge
        slopes[i] = (loss(higher) - loss(lower)) / (2 * nudge)
    return slopes


def back_and_forth(loss, weights, nudge):
    here, slopes = weights.astype(float), []
    for i in range(len(here)):
        here[i] += nudge
        up = loss(here)
        here[i] -= 2 * nudge
        slopes.append((up - loss(here)) / (2 * nudge))
        here[i] += nudge
    return np.array(slopes)


def all_together(loss, weights, nudge):
    return np.full(3, (loss(weights + nudge) - loss(weights - nudge)) / (2 * nudge))


def one_number(loss, weights, nudge):
    return (loss(weights + nudge) - loss(weights - nudge)) / (2 * nudge)


def not_divided(loss, weights, nudge):
    return np.array(with_eye(loss, weights, nudge)) * 2 * nudge


def one_side(loss, weights, nudge):
    return [(loss(weights + hair) - loss(weights)) / nudge for hair in nudge * np.eye(len(weights))]


def staying(loss, weights, nudge):
    here, slopes = weights.astype(float), []
    for i in range(len(here)):
        up, down = here.copy(), here.copy()
        up[i] += nudge
        down[i] -= nudge
        slopes.append((loss(up) - loss(down)) / (2 * nudge))
        here[i] += nudge
    return slopes


def cut_off(loss, weights, nudge):
    slopes = []
    for i in range(len(weights)):
        up, down = weights.copy(), weights.copy()
        up[i] += nudge
        down[i] -= nudge
        slopes.append((loss(up) - loss(down)) / (2 * nudge))
    return slopes


def in_place(loss, weights, nudge):
    weights[0] += nudge
    return np.zeros(3)


def test_nudged_slopes():
    assert_check(
        "02.1",
        right=[with_eye, with_a_loop, back_and_forth],
        wrong={
            "all weights together": all_together,
            "Three weights have three slopes": one_number,
            "You divided by 2,": lambda loss, w, nudge: not_divided(loss, w, nudge) / 2,
            "difference of two heights": not_divided,
            "Twice too steep": lambda loss, w, nudge: 2 * np.array(with_eye(loss, w, nudge)),
            "The sign is turned": lambda loss, w, nudge: -np.array(with_eye(loss, w, nudge)),
            "to one side only": one_side,
            "Each nudge stays": staying,
            "the nudge is lost": cut_off,
            "changed its input": in_place,
        },
    )


def test_counts():
    assert_check(
        "02.2",
        right=[RIGHT, {name: float(value) for name, value in RIGHT.items()}, dict(reversed(RIGHT.items()))],
        wrong={
            "The other 41 make a batch": RIGHT | {"iterations in an epoch": 19},
            "batches of one image": RIGHT | {"iterations in an epoch": 1257},
            "64 is the size of a batch": RIGHT | {"iterations in an epoch": 64},
            "no part of an iteration": RIGHT | {"iterations in an epoch": 1257 / 64},
            "there are not so many": RIGHT | {"images in its last batch": 64},
            "missing in the last batch": RIGHT | {"images in its last batch": 23},
            "So many images are shown": RIGHT | {"iterations in all": 1257 * 25},
            "the iterations of one epoch": RIGHT | {"iterations in all": 20},
            "has a last, small batch": RIGHT | {"iterations in all": 19 * 25},
            "ran on from one epoch": RIGHT | {"iterations in all": 491},
            "Those are the iterations.": RIGHT | {"times each image is used": 500},
            "Once in each epoch": RIGHT | {"times each image is used": 1},
            "only one of them": RIGHT | {"times each image is used": 20},
            "Keep the four names": {"iterations": 20},
        },
    )


def test_counts_that_are_half_filled_in_count_as_parts():
    result = grade("02.2", RIGHT | {"iterations in all": ..., "times each image is used": ...})
    assert (result.status, result.held, result.total) == ("wrong", 2, 4)


def slopes(w, x, y):
    return (1 / (1 + np.exp(-(x @ w))) - y) @ x / len(x)


def with_slices(w, x, y, order, batch, learning_rate):
    x, y = x[order], y[order]
    for first in range(0, len(x), batch):
        w = w - learning_rate * slopes(w, x[first : first + batch], y[first : first + batch])
    return w


def with_index_lists(w, x, y, order, batch, learning_rate):
    w = np.array(w)
    while len(order):
        rows, order = order[:batch], order[batch:]
        w -= learning_rate * slopes(w, x[rows], y[rows])
    return w


def their(labels=False, end=False, mean=False):
    """The colleague's epoch, with some of its bugs mended."""

    def epoch(w, x, y, order, batch, learning_rate):
        x, y = x[order], y[order] if labels else y
        for first in range(0, len(x) if end else len(x) - batch, batch):
            rows = slice(first, first + batch)
            w = w - learning_rate * slopes(w, x[rows], y[rows]) * (1 if mean else len(x[rows]))
        return w

    return epoch


def by_full_size(w, x, y, order, batch, learning_rate):
    for first in range(0, len(x), batch):
        rows = order[first : first + batch]
        w = w - learning_rate * slopes(w, x[rows], y[rows]) * len(rows) / batch
    return w


def one_slope(w, x, y, order, batch, learning_rate):
    for first in range(0, len(x), batch):
        rows = order[first : first + batch]
        w = w - learning_rate * slopes(w, x[rows], y[rows]).mean()
    return w


def in_place_epoch(w, x, y, order, batch, learning_rate):
    w -= learning_rate * slopes(w, x, y)
    return w


def test_one_epoch():
    assert_check(
        "02.3",
        right=[with_slices, with_index_lists, their(True, True, True)],
        wrong={
            "other tumours' labels": their(end=True, mean=True),
            "your loop ends before": their(labels=True, mean=True),
            "four times as far": their(labels=True, end=True),
            "the full size": by_full_size,
            "Uphill": lambda w, x, y, order, batch, rate: with_slices(w, x, y, order, batch, -rate),
            "One number for both": one_slope,
            "all rows at once": lambda w, x, y, order, batch, rate: with_slices(w, x, y, order, len(x), rate),
            "Return the two weights": lambda w, x, y, order, batch, rate: float(w[0]),
            "changed its input": in_place_epoch,
        },
    )


@pytest.mark.parametrize(
    ("mended", "held"),
    [((False, False, False), 0), ((True, False, False), 1), ((False, True, True), 2), ((True, False, True), 2)],
)
@pytest.mark.parametrize("seed", range(5))
def test_each_mended_bug_counts(mended, held, seed):
    result = grade("02.3", their(*mended), seed)
    assert (result.status, result.held, result.total) == ("wrong", held, 3)


@pytest.mark.parametrize(
    ("exercise", "stub"), [("02.1", None), ("02.2", dict.fromkeys(RIGHT, ...)), ("02.3", lambda *arguments: ...)]
)
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
