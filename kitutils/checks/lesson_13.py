"""Checks of lesson 13."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kitutils.course.grading import check, equal, expect, part, refuse, run

_TODAY = ("known", "returned", "rate", "rate of a new customer")


@check(
    "13.1",
    title="What is known today",
    minutes=5,
    answer="value",
    hints=(
        "For each order ask: is it 21 days old on 1 June? 11 May is 21 days before.",
        "Count only those, and of those the returns. Then add two orders, 0.4 of each of them returned.",
        "known = ___\nreturned = ___\nrate = (returned + 2 * ___) / (known + ___)\nnew = (0 + ___) / (0 + ___)",
    ),
)
def today(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_TODAY),
        "Keep the four names in today as they are, and put a number in place of each ... .",
    )
    with part(_TODAY[0]):
        got = answer[_TODAY[0]]
        refuse(got, 5, "Today's order is the one to be predicted: it cannot count in its own past.")
        refuse(got, 4, "The order of 15 May is only 17 days old. Whether it comes back is not known on 1 June.")
        equal(got, 3)
    with part(_TODAY[1]):
        got = answer[_TODAY[1]]
        refuse(got, 4, "That counts what came back in the end, today's order included. What has come back by 1 June?")
        refuse(got, 3, "The order of 15 May has come back later; on 1 June nobody knows.")
        equal(got, 2)
    with part(_TODAY[2]):
        got = answer[_TODAY[2]]
        refuse(got, 0.56 * 100, "As a share, please: between 0 and 1.")
        refuse(got, 2 / 3, "That is the plain share. Mix in two average orders, above and below the line.")
        refuse(got, 2.4 / 5, "Two average orders bring 2 · 0.4 returns, not 0.4.")
        refuse(got, 2.8 / 3, "The two average orders also count below the line.")
        refuse(got, 3.8 / 6, "That holds the order of 15 May as well, which is not known on 1 June.")
        equal(got, 0.56, tol=0.006)
    with part(_TODAY[3]):
        got = answer[_TODAY[3]]
        refuse(got, 0, "Nothing known is not the same as never returned. What do the two average orders say?")
        refuse(got, 0.5, "Half would be a coin. The shop knows more: its average.")
        refuse(got, 0.8, "0.8 returns of how many orders? Divide.")
        equal(got, 0.4, tol=0.006)


@check(
    "13.2",
    title="Dates on a circle",
    minutes=10,
    hints=(
        "Look at how angle and the cycle are made from the hours above. What changes when counting begins at 1?",
        "The way from first, as a part of the period, times a full turn: 2π. Then sine and cosine side by side.",
        "angle = 2 * np.pi * (___ - ___) / ___\nreturn np.stack([np.sin(angle), ___], axis=___)",
    ),
)
def on_circle(answer, rng):
    period, first = int(rng.integers(7, 32)), 1
    values = rng.permutation(np.arange(first, first + period))[:6]  # distinct, so that rows cannot be mistaken
    way = (values - first) / period
    right = _circle(2 * np.pi * way)
    with part("two numbers for each value"):
        got = run(answer, values, period, first)
        expect(
            np.shape(got) != (2, len(values)),
            "That is one row of sines and one of cosines. One row for each value: stack them along axis 1.",
        )
        expect(
            np.shape(got) == (len(values), 2),
            f"{len(values)} values become an array of shape ({len(values)}, 2); yours has shape {np.shape(got)}.",
        )
    with part("the right places"):
        refuse(got, right[:, ::-1], "Sine first, then cosine; yours are the other way round.")
        refuse(got, _circle(way), "The angle runs from 0 to 1, a sixth of a circle. A full turn is 2π.")
        refuse(got, _circle(360 * way), "NumPy's sine takes radians: a full turn is 2π, not 360.")
        refuse(
            got,
            _circle(2 * np.pi * values / period),
            "You left out first: the value first belongs to angle 0, where sine is 0 and cosine 1.",
        )
        refuse(
            got,
            _circle(2 * np.pi * (values - first) / (period - 1)),
            "With period - 1 the last value falls on the first, as if December were January.",
        )
        refuse(got, _circle(np.pi * way), "That is half a circle: the last value ends up opposite the first.")
        equal(got, right, on=values, tol=1e-6)
    with part("a list of values"):
        as_list = [float(value) for value in values]
        equal(
            run(
                answer,
                as_list,
                period,
                first,
                raised={TypeError: "A list cannot be subtracted from. Make it an array first: np.asarray(values)."},
            ),
            right,
            tol=1e-6,
        )


def _circle(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


@check(
    "13.3",
    title="Better than noise",
    minutes=20,
    hints=(
        "How many scores do you need? One for x as it is, and one for each column shuffled.",
        "Copy x, put column[order] in place of one column, and take the difference: whole minus shuffled.",
        "lost = []\n"
        "for column in range(x.shape[1]):\n"
        "    changed = x.___()\n"
        "    changed[:, column] = x[___, column]\n"
        "    lost.append(___ - ___)\n"
        "return np.array(lost[:-1]) > max(lost[___], ___)",
    ),
)
def keepers(answer, rng):
    n = 60
    x = rng.normal(size=(n, 6))
    order = np.roll(np.arange(n), int(rng.integers(1, n)))
    # What shuffling each column costs is drawn, not hoped for: score is a sum of how well each column keeps its order.
    # Column 0 costs much, 1 a little less than the control, 2 gains, 3 a little more than the control, 4 nothing.
    costs = np.array([3.0, 0.4, -0.6, 0.9, 0.0, 0.5])
    score = _score(x, costs)
    right = np.array([True, False, False, True, False])
    with part("one Boolean for each column but the last"):
        got = run(answer, score, x, order)
        expect(np.shape(got) != (6,), "The last column is the control; it is not judged. Return one Boolean less.")
        expect(np.shape(got) == (5,), f"Five columns are judged, shape (5,); yours has shape {np.shape(got)}.")
        expect(
            np.asarray(got).dtype == bool, "Return one Boolean for each column: whether to keep it, not what it cost."
        )
    with part("those that cost more than the control"):
        refuse(got, costs[:-1] > 0, "Better than 0 is not enough: shuffling pure noise costs something too, by luck.")
        refuse(
            got,
            ~right,
            "The other way round: a useful column makes the score *fall*. Whole minus shuffled, more than the control.",
        )
        refuse(
            got, np.abs(costs[:-1]) > 0.5, "One of them *gains* when shuffled. Look at the sign: whole minus shuffled."
        )
        refuse(
            got,
            np.cumsum(costs)[:-1] > np.cumsum(costs)[-1],
            "Each shuffled column stays shuffled when the next has its turn. Begin with a fresh copy of x for each.",
        )
        equal(got, right)
    with part("a control that gains by luck"):
        lucky = np.array([3.0, -0.2, 0.0, 0.9, 0.1, -0.5])
        got = run(answer, _score(x, lucky), x, order)
        refuse(
            got,
            lucky[:-1] > -0.5,
            "Here shuffling the control *helped*, by luck. Then a column must still cost more than 0 to be kept.",
        )
        refuse(got, lucky[:-1] >= 0, "You keep a column that costs nothing at all. More than 0 is asked for.")
        equal(got, lucky[:-1] > 0)


def _score(x: np.ndarray, costs: np.ndarray):
    """A score that falls by ``costs[i]`` when column i is not as it was."""
    whole = x.copy()

    def score(table):
        kept = [np.array_equal(np.asarray(table)[:, i], whole[:, i]) for i in range(whole.shape[1])]
        return float(10 + np.asarray(kept) @ costs)

    return score
