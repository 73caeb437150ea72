"""The checks of lesson 13 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade

TODAY = {"known": 3, "returned": 2, "rate": 0.56, "rate of a new customer": 0.4}


def test_today():
    rate, new = "rate", "rate of a new customer"
    assert_check(
        "13.1",
        right=[TODAY, {name: float(value) for name, value in TODAY.items()}, TODAY | {rate: (2 + 0.8) / 5}],
        wrong={
            "cannot count in its own past": TODAY | {"known": 5},
            "only 17 days old": TODAY | {"known": 4},
            "came back in the end": TODAY | {"returned": 4},
            "has come back later": TODAY | {"returned": 3},
            "As a share": TODAY | {rate: 56},
            "the plain share": TODAY | {rate: 2 / 3},
            "not 0.4.": TODAY | {rate: 2.4 / 5},
            "also count below": TODAY | {rate: 2.8 / 3},
            "holds the order of 15 May": TODAY | {rate: 3.8 / 6},
            "not the same as never returned": TODAY | {new: 0},
            "would be a coin": TODAY | {new: 0.5},
            "of how many orders": TODAY | {new: 0.8},
            "Keep the four names": {"known": 3},
        },
    )


def test_half_filled_in_counts_as_parts():
    result = grade("13.1", TODAY | {"rate": ..., "rate of a new customer": ...})
    assert (result.status, result.held, result.total) == ("wrong", 2, 4)


def with_stack(values, period, first):
    angle = 2 * np.pi * (np.asarray(values) - first) / period
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def with_complex_numbers(values, period, first):
    turn = np.exp(2j * np.pi * (np.array(values) - first) / period)
    return np.column_stack([turn.imag, turn.real])


def with_a_loop(values, period, first):
    angles = [2 * np.pi * (value - first) / period for value in values]
    return [[np.sin(angle), np.cos(angle)] for angle in angles]


def circle(angle):
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def way(values, period, first):
    return (np.asarray(values) - first) / period


def test_on_circle():
    assert_check(
        "13.2",
        right=[with_stack, with_complex_numbers, with_a_loop],
        wrong={
            "stack them along axis 1": lambda v, p, f: with_stack(v, p, f).T,
            "values become an array of shape": lambda v, p, f: with_stack(v, p, f)[:, 0],
            "the other way round": lambda v, p, f: with_stack(v, p, f)[:, ::-1],
            "a sixth of a circle": lambda v, p, f: circle(way(v, p, f)),
            "takes radians": lambda v, p, f: circle(360 * way(v, p, f)),
            "You left out first": lambda v, p, f: circle(2 * np.pi * np.asarray(v) / p),
            "as if December were January": lambda v, p, f: with_stack(v, p - 1, f),
            "half a circle": lambda v, p, f: circle(np.pi * way(v, p, f)),
            "A list cannot be subtracted from": lambda v, p, f: circle(2 * np.pi * (v - f) / p),
        },
    )


def lost(score, x, order):
    costs = []
    for column in range(x.shape[1]):
        changed = x.copy()
        changed[:, column] = x[order, column]
        costs.append(score(x) - score(changed))
    return np.array(costs)


def with_copies(score, x, order):
    costs = lost(score, x, order)
    return costs[:-1] > max(costs[-1], 0)


def with_where(score, x, order):
    columns = np.arange(x.shape[1])
    costs = [score(x) - score(np.where(columns == column, x[order], x)) for column in columns]
    return [bool(cost > 0 and cost > costs[-1]) for cost in costs[:-1]]


def staying_shuffled(score, x, order):
    changed, costs = x.copy(), []
    for column in range(x.shape[1]):
        changed[:, column] = x[order, column]
        costs.append(score(x) - score(changed))
    return np.array(costs[:-1]) > max(costs[-1], 0)


def in_place(score, x, order):
    x[:, 0] = x[order, 0]
    return np.ones(5, bool)


def test_keepers():
    assert_check(
        "13.3",
        right=[with_copies, with_where],
        wrong={
            "Return one Boolean less": lambda s, x, o: lost(s, x, o) > max(lost(s, x, o)[-1], 0),
            "Five columns are judged": lambda s, x, o: with_copies(s, x, o)[:2],
            "not what it cost": lambda s, x, o: lost(s, x, o)[:-1],
            "Better than 0 is not enough": lambda s, x, o: lost(s, x, o)[:-1] > 0,
            "The other way round": lambda s, x, o: -lost(s, x, o)[:-1] > -lost(s, x, o)[-1],
            "Look at the sign": lambda s, x, o: np.abs(lost(s, x, o)[:-1]) > abs(lost(s, x, o)[-1]),
            "stays shuffled": staying_shuffled,
            "must still cost more than 0": lambda s, x, o: lost(s, x, o)[:-1] > lost(s, x, o)[-1],
            "costs nothing at all": lambda s, x, o: lost(s, x, o)[:-1] >= max(lost(s, x, o)[-1], 0),
            "changed its input": in_place,
        },
    )


@pytest.mark.parametrize(
    ("exercise", "stub"), [("13.1", dict.fromkeys(TODAY, ...)), ("13.2", lambda *given: ...), ("13.3", None)]
)
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
