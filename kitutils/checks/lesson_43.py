"""Checks of lesson 43."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from kitutils.course.grading import check, equal, expect, part, refuse, run

_GATE = 0.5 ** (1 / 100)

# Each question of 43.1: the right answer, how far off is near enough, and what to say to the likeliest wrong ones. The
# distances take three digits, and for the bias also what comes of the gate when that was rounded to three.
_MEMORY = {
    "forget gate 0.9: share left after 20 steps": (
        0.9**20,
        0.002,
        {
            0.1**20: "0.1 is what is lost at a step; what stays is multiplied, 0.9 each time.",
            18.0: "The steps multiply, they do not add up: 0.9 · 0.9 · …, twenty times.",
            -1.0: "A tenth of what is there is lost at each step, not a tenth of what was there at first: multiply.",
            1 - 0.9**20: "That is the share that is gone. What is left?",
        },
    ),
    "forget gate 0.9: steps until less than half is left": (
        7,
        0.0,
        {
            6: "After 6 steps 0.53 is left, more than half.",
            5: "Half of it is not gone after 5 tenths: each step takes a tenth of what is left.",
            math.log(0.5) / math.log(0.9): "Steps are whole: after which one is less than half left?",
        },
    ),
    "forget gate for half after 100 steps": (
        _GATE,
        0.0003,
        {
            0.5: "With a gate of 0.5 half is left after one step. gate ** 100 = 0.5 is asked for.",
            0.5**100: "That is what a gate of 0.5 leaves after 100 steps. The gate is asked for: gate ** 100 = 0.5.",
            0.995: "0.995 loses half if losses added up. They multiply: gate ** 100 = 0.5.",
            1 - _GATE: "That is what is lost at a step; the gate is what stays.",
        },
    ),
    "bias that gives this gate": (
        math.log(_GATE / (1 - _GATE)),
        0.02,
        {
            1 / (1 + math.exp(-_GATE)): "That is sigmoid(gate). Asked for is the number whose sigmoid is the gate.",
            -math.log(_GATE / (1 - _GATE)): "The other sign: a bias below zero shuts the gate, below one half.",
            math.log10(_GATE / (1 - _GATE)): "That is the logarithm to base 10; the sigmoid is made with e, so np.log.",
            _GATE: "That is the gate itself. Which number does the sigmoid turn into it?",
        },
    ),
}


@check(
    "43.1",
    title="How long a gate remembers",
    minutes=5,
    answer="value",
    hints=(
        "At each step the memory is multiplied by the gate. What is left after two steps, after three?",
        "After n steps gate ** n is left. Solve that for n, or for the gate. For the bias turn the sigmoid round: "
        "gate / (1 - gate) = exp(bias).",
        "0.9 ** ___, the first whole n with 0.9 ** n < ___, 0.5 ** (1 / ___), np.log(gate / ___)",
    ),
)
def memory(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_MEMORY),
        "Keep the four questions as they are, and put a number in place of each ... .",
    )
    for question, (right, near, otherwise) in _MEMORY.items():
        with part(question):
            got = answer[question]
            number = isinstance(got, int | float | np.number) and not isinstance(got, bool)
            expect(number and np.isfinite(got), f"A number is asked for; got {got!r}.")
            for wrong, words in otherwise.items():
                expect(abs(got - wrong) > (near or 0.05) or abs(got - right) <= near, words)
            near_miss = near < abs(got - right) <= 10 * near
            expect(not near_miss, f"Near, but {got:g} is not right to three digits. Leave the rounding to the end.")
            equal(float(got), float(right), tol=max(near, 1e-9))


def _last(states, mask):
    """By plain loops, as a definition."""
    chosen = np.zeros((len(states), states.shape[2]))
    for row, marks in enumerate(mask):
        for step, marked in enumerate(marks):
            if marked:
                chosen[row] = states[row, step]
    return chosen


@check(
    "43.2",
    title="The state after the last word",
    minutes=10,
    hints=(
        "Write down one row's mask, such as False True True False. Which step is asked for, how would you find it?",
        "argmax of a row of booleans is the place of the first True. Turned round, the first True is the last one. A "
        "row without any needs a case of its own.",
        "last = mask.shape[1] - 1 - mask[:, ___].argmax(axis=1)\n"
        "chosen = states[np.arange(len(states)), ___]\n"
        "return np.where(mask.any(axis=1)[:, None], chosen, ___)",
    ),
)
def last_states(answer, rng):
    rows, steps, width = 6, 9, 4
    states = rng.permutation(rows * steps * width).reshape(rows, steps, width) + 1.0  # all values differ, none is 0
    counts = np.array([7, 2, 5, 3, 6, 4])[rng.permutation(rows)]  # always some padding
    index = np.arange(rows)
    behind = np.arange(steps) < counts[:, None]
    with part("padding behind the words"):
        got = run(answer, states, behind, returns=np.ndarray)
        expect(
            got.shape == (rows, width),
            f"States of shape {states.shape} give one state a row, shape ({rows}, {width}); yours has {got.shape}.",
        )
        refuse(got, states[:, -1], "That is the state after the padding: the last step, whatever the mask says.")
        refuse(got, states[index, counts], "One step too far: n words are steps 0 to n - 1.")
        refuse(got, states[:, 0], "That is the state at the first True; the last one is asked for.")
        means = (states * behind[..., None]).sum(axis=1) / counts[:, None]
        refuse(got, means, "That is the mean over the words. The state at the last one is asked for.")
        refuse(got, np.where(behind[..., None], states, -np.inf).max(axis=1), "That is each number's largest value.")
        equal(got, _last(states, behind), on=states)
    with part("padding in front"):
        front = behind[:, ::-1]
        got = run(answer, states, front, returns=np.ndarray)
        refuse(
            got,
            states[index, counts - 1],
            "You count the words and go to step n - 1. With padding in front the last word stands further back.",
        )
        equal(got, states[:, -1], on=states)
    starts = rng.integers(1, steps - counts)
    both = (starts[:, None] <= np.arange(steps)) & (np.arange(steps) < (starts + counts)[:, None])
    with part("padding on both sides"):
        got = run(answer, states, both, returns=np.ndarray)
        refuse(
            got,
            states[index, counts - 1],
            "With padding on both sides the last word is at neither the last step nor step n - 1. Ask the mask.",
        )
        equal(got, _last(states, both), on=states)
    with part("padding between the words"):
        holes = np.where(counts > 2, starts + rng.integers(1, np.maximum(counts - 1, 2)), 0)
        gaps = both.copy()
        gaps[index, holes] = False  # two words leave no room: step 0 is padding already
        got = run(answer, states, gaps, returns=np.ndarray)
        refuse(
            got,
            states[index, starts + gaps.sum(axis=1) - 1],
            "You go from the first True as many steps as there are Trues. With padding in between that is too short.",
        )
        refuse(
            got,
            states[index, np.where(counts > 2, holes, starts + counts) - 1],
            "You stop at the first False after a True. Another True may follow.",
        )
        equal(got, _last(states, gaps), on=states)
    with part("a row without words"):
        empty = int(rng.integers(rows))
        mask = behind.copy()
        mask[empty] = False
        got = run(answer, states, mask, returns=np.ndarray)
        right = _last(states, mask)
        for place in (0, -1):
            planted = right.copy()
            planted[empty] = states[empty, place]
            refuse(got, planted, "The row without any True got a state; zeros are asked for: there is no last word.")
        equal(got, right, on=states)


def _corpus(rng):
    """Doc strings of four to seven paragraphs each, of which about a third repeat one of another doc string."""
    docstring = np.repeat(np.arange(60) * 3 + 5, rng.integers(4, 8, 60))  # numbered with gaps, as after taking some out
    rows = len(docstring)
    first = np.arange(rows)
    for row in range(1, rows):
        if rng.random() < 0.35:
            before = np.flatnonzero((first[:row] == np.arange(row)) & (docstring[:row] != docstring[row]))
            if len(before):
                first[row] = rng.choice(before)
    return docstring, first


@check(
    "43.3",
    title="Find the leak in a split of texts",
    minutes=20,
    hints=(
        "Take one test row that repeats a training row. In which doc strings do the two stand? What would have to go?",
        "Keep the rows that repeat none, first == np.arange(len(first)), and only then draw doc strings for the test.",
        "rows = np.flatnonzero(___)\n"
        "groups = rng.permutation(np.unique(docstring[___]))\n"
        "held = np.isin(docstring[rows], groups[: ___])\n"
        "return rows[~held], rows[held]",
    ),
)
def split(answer, rng):
    docstring, first = _corpus(rng)
    share, seed = 0.2, int(rng.integers(2**31))
    original = np.flatnonzero(first == np.arange(len(first)))

    def divided(draw):
        got = run(answer, docstring, first, share, np.random.default_rng(draw))
        expect(
            isinstance(got, tuple | list) and len(got) == 2,
            "Return two arrays of row numbers, for training and for test: return train, test.",
        )
        train, test = (np.asarray(part) for part in got)
        expect(train.ndim == test.ndim == 1, "Row numbers are arrays of one axis; yours have another shape.")
        expect(train.dtype != bool and test.dtype != bool, "Masks came; row numbers are asked for: np.flatnonzero.")
        expect(train.dtype.kind in "iu" and test.dtype.kind in "iu", f"Row numbers are whole; yours are {train.dtype}.")
        return train, test

    train, test = divided(seed)
    both = np.concatenate([train, test])
    expect(len(both) and both.min() >= 0 and both.max() < len(first), f"Row numbers are 0 to {len(first) - 1}.")
    with part("no repeat in both"):
        shared = np.intersect1d(first[train], first[test])
        expect(
            not len(shared),
            f"{len(shared)} paragraphs stand in both parts, in the same or nearly the same words.",
        )
    with part("no doc string in both"):
        expect(
            not len(np.intersect1d(docstring[train], docstring[test])),
            "Some doc string has rows in both parts: draw doc strings, not rows.",
        )
    with part("every row that repeats none, once"):
        expect(len(np.unique(both)) == len(both), "Some row comes twice.")
        lost = np.setdiff1d(original, both)
        expect(
            not len(lost),
            f"{len(lost)} rows that repeat none are in neither part. A first one is kept; only its repeats may go.",
        )
    with part("the share, drawn by rng"):
        portion = len(test) / len(both)
        expect(
            not 1 - share - 0.12 < portion < 1 - share + 0.12,
            f"{portion:.0%} of your rows are in the test part: training and test have changed places.",
        )
        expect(
            abs(portion - share) < 0.12, f"{portion:.0%} of the rows are in the test part; {share:.0%} are asked for."
        )
        expect(
            set(divided(seed)[1].tolist()) == set(test.tolist()),
            "The same seed gives another split each time: draw with the rng that is handed in.",
        )
        others = [set(divided(seed + 1 + i)[1].tolist()) for i in range(2)]
        expect(any(other != set(test.tolist()) for other in others), "Every rng gives the same split: draw with it.")
