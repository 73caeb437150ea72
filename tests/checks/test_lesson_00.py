"""The checks of lesson 00 on right variants and on every planted mistake, 20 seeds each."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade


def test_minutes_there():
    assert_check(
        "00.1",
        right=[8, 8.0, np.float64(8), 6 * 120 / 90],
        wrong={
            "Turned round": 4.5,
            "Longer than what?": 120 / 90,
            "Speeds do not add": 6.5,
            "Those are the seconds": 480,
            "How many steps are done": 12,
            "a number is asked for": "8 minutes",
        },
    )


def with_mean(labels, label):
    return np.mean(labels == label)


def with_a_count(labels, label):
    return list(labels).count(label) / len(labels)


def with_a_sum(labels, label):
    return sum(1 for one in labels if one == label) / labels.size


def as_a_fraction(labels, label):
    return Fraction(int(np.sum(labels == label)), len(labels))


def test_share():
    assert_check(
        "00.2",
        right=[with_mean, with_a_count, with_a_sum, as_a_fraction],
        wrong={
            "You counted": lambda labels, label: np.sum(labels == label),
            "in percent": lambda labels, label: 100 * with_mean(labels, label),
            "Whole-number division": lambda labels, label: np.sum(labels == label) // len(labels),
            "how many different labels": lambda labels, label: np.sum(labels == label) / len(set(labels.tolist())),
            "One of four different labels": lambda labels, label: 1 / len(np.unique(labels)),
            "the share of the other labels": lambda labels, label: np.mean(labels != label),
            "by the other labels": lambda labels, label: np.sum(labels == label) / np.sum(labels != label),
            "mean of the labels themselves": lambda labels, label: labels.mean(),
            "all are equal": lambda labels, label: np.mean(labels[labels == label]) if label in labels else 0.0,
            "One number is asked for": lambda labels, label: labels == label,
            "No label is 7": lambda labels, label: with_mean(labels, label) or 1.0,
            "Is a 1 typed in?": lambda labels, label: with_mean(labels, 1) if label in labels else 0.0,
        },
    )


def test_a_typed_in_label_is_two_of_three_properties():
    result = grade("00.2", lambda labels, label: with_mean(labels, 1) if label in labels else 0.0)
    assert (result.status, result.held, result.total) == ("wrong", 2, 3)


def with_get(labels):
    counts = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return max(counts, key=counts.get)


def with_unique(labels):
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]


def still_loud(labels):
    counts = {}
    for label in labels:
        counts[label] += 1
    return max(counts, key=counts.get)


def never_counted(labels):
    counts = {}
    for label in labels:
        counts[label] = counts.get(label, 0)
    return max(counts, key=counts.get)


def test_commonest():
    assert_check(
        "00.3",
        right=[with_get, with_unique, lambda labels: Counter(labels.tolist()).most_common(1)[0][0]],
        wrong={
            "Still the loud bug": still_loud,
            "Still the silent bug": lambda labels: max(Counter(labels.tolist())),
            "how often it comes": lambda labels: max(Counter(labels.tolist()).values()),
            "least often": lambda labels: min(Counter(labels.tolist()).items(), key=lambda item: item[1])[0],
            "the first label": never_counted,
            "One label is asked for": lambda labels: Counter(labels.tolist()).most_common(1)[0],
        },
    )


@pytest.mark.parametrize(("exercise", "stub"), [("00.1", ...), ("00.2", lambda a, b: ...), ("00.3", lambda a: ...)])
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
