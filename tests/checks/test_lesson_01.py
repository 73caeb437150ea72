"""The checks of lesson 01 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade


def recall_with_a_loop(y_true, y_pred):
    out = []
    for digit in range(10):
        rows = [p for t, p in zip(y_true, y_pred, strict=True) if t == digit]
        out.append(sum(p == digit for p in rows) / len(rows) if rows else float("nan"))
    return out


def recall_with_confusion_matrix(y_true, y_pred):
    from sklearn.metrics import confusion_matrix

    matrix = confusion_matrix(y_true, y_pred, labels=range(10))
    with np.errstate(invalid="ignore"):
        return np.diag(matrix) / matrix.sum(axis=1)


def recall_with_mask(y_true, y_pred):
    recall = np.full(10, np.nan)
    for digit in np.unique(y_true):
        recall[digit] = np.mean(y_pred[y_true == digit] == digit)
    return recall


def precision(y_true, y_pred):
    said = [y_true[y_pred == d] == d for d in range(10)]
    return np.array([s.mean() if s.size else np.nan for s in said])


def share_of_all(y_true, y_pred):
    return np.array([((y_true == d) & (y_pred == d)).sum() / len(y_true) for d in range(10)])


def one_against_rest(y_true, y_pred):
    return np.array([((y_true == d) == (y_pred == d)).mean() for d in range(10)])


def zero_for_absent(y_true, y_pred):
    return np.nan_to_num(recall_with_mask(y_true, y_pred))


def only_present_digits(y_true, y_pred):
    return np.array([np.mean(y_pred[y_true == d] == d) for d in np.unique(y_true)][:9])


def accuracy(y_true, y_pred):
    return np.mean(y_true == y_pred)


def by_255(photo):
    return ((255 - photo.astype("float32")) / 255 * 16).reshape(1, 8, 8, 1)


def by_16(photo):
    return ((255 - photo) / 16).astype("float32")[None, ..., None]


def as_a_share(photo):
    return np.float32(16) * (1 - np.asarray(photo, np.float32) / np.float32(255))[np.newaxis, :, :, np.newaxis]


def batch(values, dtype="float32"):
    return np.asarray(values, dtype)[None, ..., None]


def test_order_of_lines():
    assert_check(
        "01.1",
        right=["A B C D E", "ABCDE", ["A", "B", "C", "D", "E"], "a, b, c, d, e"],
        wrong={
            "scaler is fitted before the split": "A C B D E",
            "fitted before the split, so it has seen": "A C D B E",
            "loaded first": "B A C D E",
            "scaler comes before it": "A B D C E",
            "comes last": "A B C E D",
        },
    )


def test_recall_per_digit():
    assert_check(
        "01.2",
        right=[recall_with_mask, recall_with_a_loop, recall_with_confusion_matrix],
        wrong={
            "That is precision": precision,
            "number of all images": share_of_all,
            "rightly not called": one_against_rest,
            "Return nan for it": zero_for_absent,
            "yours has shape (9,)": only_present_digits,
            "hides which digit suffers": accuracy,
        },
    )


def test_to_model_input():
    assert_check(
        "01.3",
        right=[by_255, by_16, as_a_share],
        wrong={
            "Nothing has changed": lambda photo: batch(photo / 255),
            "swapped": lambda photo: batch(photo / 255 * 16),
            "it rescales by itself": lambda photo: batch((255 - photo.astype(float)) / 255),
            "ink is 255": lambda photo: batch(255 - photo.astype(float)),
            "wraps around": lambda photo: batch((255 - photo) * 16 / 255),
            "Yours is (8, 8)": lambda photo: (255 - photo.astype("float32")) / 255 * 16,
            "yours is float64": lambda photo: batch((255 - photo.astype(float)) / 255 * 16, "float64"),
        },
    )


@pytest.mark.parametrize(("exercise", "stub"), [("01.1", "..."), ("01.2", None), ("01.3", ...)])
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"


def test_partial_credit_counts_the_properties():
    result = grade("01.2", zero_for_absent)
    assert (result.held, result.total) == (2, 3)
