"""The checks of lesson 11 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np

from kitutils.course.grading import assert_check
from kitutils.data import labels

TABLE = {"share the same": 0.9, "share by chance": 0.82, "kappa": 0.08 / 0.18}


def test_two_people():
    assert_check(
        "11.1",
        right=[TABLE, TABLE | {"kappa": 0.44}, dict(reversed(TABLE.items()))],
        wrong={
            "fraction of the 100 messages": TABLE | {"share the same": 90},
            "where both say damaged": TABLE | {"share the same": 0.85},
            "where both say not damaged": TABLE | {"share the same": 0.05},
            "is a fraction too": TABLE | {"share by chance": 82},
            "A coin would give a half": TABLE | {"share by chance": 0.5},
            "both saying not by chance": TABLE | {"share by chance": 0.81},
            "both saying damaged by chance": TABLE | {"share by chance": 0.01},
            "both agree, squared": TABLE | {"share by chance": 0.05**2 + 0.85**2},
            "That is what they reached": TABLE | {"kappa": 0.08},
            "1 minus the share by chance": TABLE | {"kappa": 0.08 / 0.9},
            "Not a ratio": TABLE | {"kappa": 0.9 / 0.82},
            "kappa against a coin": TABLE | {"kappa": 0.8},
            "Keep the three names": {"kappa": 0.44},
        },
    )


def edges(boxes, width):
    top, left, bottom, right = boxes.T
    return np.stack([top, width - right, bottom, width - left], axis=1)


def copied(boxes, width):
    boxes = boxes.copy()
    boxes[:, [1, 3]] = width - boxes[:, [3, 1]]
    return boxes


def as_a_list(boxes, width):
    return [[top, width - right, bottom, width - left] for top, left, bottom, right in boxes]


def overwritten(boxes, width):
    boxes = boxes.copy()
    boxes[:, 1] = width - boxes[:, 3]
    boxes[:, 3] = width - boxes[:, 1]
    return boxes


def in_place(boxes, width):
    boxes[:, [1, 3]] = width - boxes[:, [3, 1]]
    return boxes


def columns(*chosen):
    def answer(boxes, width):
        edge = dict(zip(("top", "left", "bottom", "right"), boxes.T, strict=True))
        return np.stack([width - edge[name[1:]] if name[0] == "-" else edge[name] for name in chosen], axis=1)

    return answer


def test_flipped():
    assert_check(
        "11.2",
        right=[edges, copied, as_a_list, labels.flip_boxes],
        wrong={
            "come back as they were": lambda boxes, width: boxes.copy(),
            "turned inside out": columns("top", "-left", "bottom", "-right"),
            "One pixel off": lambda boxes, width: edges(boxes, width - 1),
            "upside down": columns("-bottom", "left", "-top", "right"),
            "flips both ways": columns("-bottom", "-right", "-top", "-left"),
            "You swapped the two edges": columns("top", "right", "bottom", "left"),
            "once left is overwritten": overwritten,
            "One row for each box": lambda boxes, width: edges(boxes, width).T,
            "Return an array of shape (n, 4)": lambda boxes, width: edges(boxes, width).T[:, :3],
            "changed its input": in_place,
        },
    )


def masked(x, y, fold, learn):
    predictions = np.zeros(len(x))
    for k in set(fold.tolist()):
        predictions[fold == k] = learn(x[fold != k], y[fold != k], x[fold == k])
    return predictions


def put_back(x, y, fold, learn):
    parts = [learn(x[fold != k], y[fold != k], x[fold == k]) for k in np.unique(fold)]
    back = np.argsort(np.concatenate([np.flatnonzero(fold == k) for k in np.unique(fold)]))
    return np.concatenate(parts)[back]


def row_by_row(x, y, fold, learn):
    return [learn(x[fold != k], y[fold != k], x[i : i + 1])[0] for i, k in enumerate(fold)]


def as_given(x, y, fold, learn):
    return np.concatenate([learn(x, y, x[fold == k]) for k in np.unique(fold)])


def own_fold(x, y, fold, learn):
    predictions = np.zeros(len(x))
    for k in np.unique(fold):
        predictions[fold == k] = learn(x[fold == k], y[fold == k], x[fold == k])
    return predictions


def in_folds_order(x, y, fold, learn):
    return np.concatenate([learn(x[fold != k], y[fold != k], x[fold == k]) for k in np.unique(fold)])


def last_left_out(x, y, fold, learn):
    predictions = np.zeros(len(x))
    for k in np.unique(fold)[:-1]:
        predictions[fold == k] = learn(x[fold != k], y[fold != k], x[fold == k])
    return predictions


def by_number(x, y, fold, learn):
    predictions = np.zeros(len(x))
    for k in range(4):
        if (fold == k).any():
            predictions[fold == k] = learn(x[fold != k], y[fold != k], x[fold == k])
    return predictions


def test_out_of_fold():
    assert_check(
        "11.3",
        right=[masked, put_back, row_by_row],
        wrong={
            "Both bugs are still there": as_given,
            "Every row gets its own label back": own_fold,
            "in the wrong place: fold after fold": in_folds_order,
            "The rows of the last fold": last_left_out,
            "Folds need not be numbered": by_number,
            "24 rows get 24 predictions": lambda x, y, fold, learn: masked(x, y, fold, learn)[:5],
        },
    )
