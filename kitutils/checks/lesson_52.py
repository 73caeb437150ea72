"""Checks of lesson 52."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np

from kitutils.course.compare import same
from kitutils.course.grading import Wrong, check, equal, expect, part, refuse, run
from kitutils.course.showing import show

# Question → its number, and what planted mistakes make of it.
_LOAD = {
    "capacity, answers a second": (
        100,
        {
            50: "That is what one client alone gets: it waits for each answer before it asks again.",
            80: "With four clients there are more.",
            400: "Four clients do not get 100 each. The column counts the answers of all together.",
        },
    ),
    "mean ms, 16 clients": (
        160,
        {
            80: "That is the wait with 8. The server does no more than before, and twice as many wait for it.",
            0.16: "That is in seconds.",
            10: "That is the time between two answers. With 16 clients, 15 others are answered before it is your turn.",
        },
    ),
    "waiting after a minute, 120 requests a second": (
        1200,
        {
            0: "120 come each second and 100 are answered: what is left over has to wait.",
            20: "That is what a single second leaves over. The next second leaves over as many.",
            7200: "That is how many came in the minute. Most of them were answered.",
            6000: "That is how many were answered in the minute.",
            120: "That is what comes in a second. How many of them are left over, each second for a minute?",
        },
    ),
    "seconds that the last one waits": (
        12,
        {
            10: "120 a second come, but those who wait leave at the server's pace, 100 a second.",
            60: "That is how long the minute is. How long does the server take for all that wait?",
            0.01: "That is what one answer takes. All that wait are answered before the last one.",
            12000: "That is in milliseconds.",
        },
    ),
    "places for waiting, so that nobody waits over 0.5 s": (
        50,
        {
            60: "That many come in half a second. Those who wait leave at the server's pace.",
            100: "That many are answered in a whole second.",
            200: "You divided the rate by the time. In half a second half of a second's answers are given.",
        },
    ),
}


@check(
    "52.2",
    title="Read a load test",
    minutes=5,
    answer="value",
    hints=(
        "From which row on do more clients get no more answers? What grows instead?",
        "In flight = rate × seconds, read in three ways: seconds = in flight / rate. What waits grows each second by "
        "what comes and is not answered, and shrinks by what is answered.",
        "16 / ___ seconds; 60 * (120 - ___); then ___ / 100 seconds; then 100 * ___",
    ),
)
def load_test(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_LOAD),
        "Keep the five questions as they are, and put a number in place of each ... .",
    )
    for question, (right, mistakes) in _LOAD.items():
        with part(question.split(",")[0]):
            got = answer[question]
            number = isinstance(got, int | float | np.number) and not isinstance(got, bool)
            expect(number, f"A number is asked for; got {got!r}.")
            for planted, message in mistakes.items():
                expect(not same(float(got), planted, 1e-9), message)
            equal(got, right, tol=1e-6)


SIDE = 28


def _pixels(rng: np.random.Generator) -> list[list[int]]:
    """A digit as JSON brings it: a list of 28 lists of 28 whole numbers, neither symmetric nor all alike."""
    pixels = rng.integers(0, 256, (SIDE, SIDE)).tolist()
    pixels[0][SIDE - 1], pixels[SIDE - 1][0] = 255, 0
    return pixels


def _with(rng: np.random.Generator, value) -> dict:
    """A payload whose one pixel, somewhere inside, is this value."""
    pixels = _pixels(rng)
    row, column = rng.integers(1, SIDE - 1, 2)
    pixels[row][column] = value
    return {"pixels": pixels}


def _shapes(rng: np.random.Generator) -> list[tuple[dict, str]]:
    """Payloads whose pixels are fine and whose shape is not, with what is said to those who take them."""
    good = _pixels(rng)
    flat = [value for row in good for value in row]
    ragged = [list(row) for row in good]
    ragged[3].append(ragged[7].pop())  # still 784 in all
    short = [list(row) for row in good]
    short[SIDE - 1].pop()
    digits = [list(row) for row in good]
    digits[5] = "0123456789" * 2 + "01234567"
    named = [list(row) for row in good]
    named[5] = {str(column): 0 for column in range(SIDE)}
    return [
        (
            {"pixels": flat},
            "784 numbers in one list were taken. Another client may count them by columns: refuse.",
        ),
        (
            {"pixels": [flat[56 * row : 56 * row + 56] for row in range(14)]},
            "14 rows of 56 were taken. reshape makes 28 × 28 of anything that has 784 numbers.",
        ),
        ({"pixels": good[:-1]}, "27 rows were taken."),
        ({"pixels": [*good, good[0]]}, "29 rows were taken. An image of another size is another image: refuse it."),
        ({"pixels": good * 2}, "56 rows were taken, or two images at once. One image is asked for."),
        ({"pixels": ragged}, "One row had 29 numbers and another 27. Look at the length of each row."),
        ({"pixels": short}, "The last row had 27 numbers. Look at the length of each row, not only of the first."),
        ({"pixels": []}, "An empty list was taken."),
        ({"pixels": [[] for _ in range(SIDE)]}, "28 empty rows were taken."),
        ({"pixels": [[[value] for value in row] for row in good]}, "28 × 28 × 1 was taken; 28 × 28 was agreed."),
        ({"pixels": digits}, "A row was a text of 28 digits, and was taken: a text has a length, too. Ask for a list."),
        ({"pixels": named}, "A row was an object with 28 keys, and was taken. Ask for a list."),
    ]


def _values(rng: np.random.Generator) -> list[tuple[dict, str]]:
    """Payloads of the right shape whose pixels are none, with what is said to those who take them."""
    scaled = [[value / 255 for value in row] for row in _pixels(rng)]
    quoted = [[str(value) for value in row] for row in _pixels(rng)]
    switched = (rng.random((SIDE, SIDE)) < 0.5).tolist()
    return [
        (_with(rng, math.nan), "A NaN was taken. No comparison finds it: nan < 0 and nan > 255 are both False."),
        (_with(rng, math.inf), "An infinite pixel was taken."),
        (
            {"pixels": scaled},
            "Pixels from 0 to 1 were taken. To this model they are black. Take whole numbers only.",
        ),
        (_with(rng, -1), "A pixel of -1 was taken."),
        (_with(rng, 256), "A pixel of 256 was taken. uint8 ends at 255."),
        (
            {"pixels": quoted},
            'Pixels such as "12", in quotes, were taken: NumPy makes numbers of texts without a word.',
        ),
        ({"pixels": switched}, "true and false were taken for pixels. In Python a bool is an int: refuse it by name."),
        (_with(rng, None), "A pixel of null was taken."),
        (_with(rng, [7]), "A list was taken for a pixel."),
        (_with(rng, 10**400), "A number of 401 digits was taken."),
    ]


def _objects(rng: np.random.Generator) -> list[tuple[object, str]]:
    """Payloads that are no object with pixels, with what is said to those who take them."""
    good = _pixels(rng)
    return [
        ({}, "An object without pixels was taken."),
        ({"pixel": good}, "An object with pixel in place of pixels was taken."),
        ({"pixels": None}, "null was taken for pixels."),
        ({"pixels": 784}, "A number was taken for pixels."),
        ({"pixels": "7"}, "A text was taken for pixels."),
        ({"pixels": {"0": good}}, "An object was taken for pixels."),
        (good, "A list was taken, without an object around it."),
        (None, "null was taken for the object."),
        ("pixels", "A text was taken for the object."),
        (7, "A number was taken for the object."),
    ]


@check(
    "52.1",
    title="Check what a stranger sends",
    minutes=10,
    hints=(
        "Go from outside to inside: the object, its key, the list of rows, each row, each number. What else could each "
        "of them be, when it comes from outside?",
        "Ask for the type before you use a thing, or Python raises something else than ValueError. isinstance(True, "
        "int) is True; type(True) is int is not. Let NumPy in only when nothing is left to go wrong.",
        'if not isinstance(payload, ___) or not isinstance(payload.get("pixels"), ___):\n'
        '    raise ValueError("…")\n'
        'rows = payload["pixels"]\n'
        "if len(rows) != 28 or not all(isinstance(row, ___) and len(row) == ___ for row in rows):\n"
        '    raise ValueError("…")\n'
        "if not all(type(value) is ___ and ___ for row in rows for value in row):\n"
        '    raise ValueError("…")\n'
        "return np.array(rows, dtype=___)",
    ),
)
def checked(answer, rng):
    good = _pixels(rng)
    with part("a right image"):
        got = run(answer, {"pixels": good}, returns=np.ndarray)
        expected = np.array(good, np.uint8)
        refuse(got, expected.T, "Rows and columns have changed places.")
        refuse(got, expected / 255, "The pixels are divided by 255. This model rescales by itself.")
        refuse(got, 255 - expected, "Black and white have changed places.")
        refuse(got, expected.ravel(), "The rows are gone: an array of shape (28, 28) is asked for.")
        refuse(got, expected[None, ..., None], "An array of shape (28, 28) is asked for; batch and channel come later.")
        refuse(got, expected[..., None], "An array of shape (28, 28) is asked for; the channel comes later.")
        equal(got, expected)
        expect(got.dtype == np.uint8, f"The array is {got.dtype}; uint8 is asked for.")
    for name, payloads in (
        ("the shape", _shapes(rng)),
        ("the numbers", _values(rng)),
        ("the object", _objects(rng)),
    ):
        with part(name):
            _must_refuse(answer, payloads)


def _must_refuse(answer, payloads: list[tuple[object, str]]) -> None:
    """All of them in one call, and as the texts that a server gets: ``run`` copies lists number by number."""

    def each(texts):
        told = []
        for text in texts:
            try:
                told.append((answer(json.loads(text)) is None, None))
            except Exception as error:
                told.append((False, error))
        return told

    for (payload, taken), (nothing, error) in zip(
        payloads, run(each, [json.dumps(p) for p, _ in payloads]), strict=True
    ):
        sent = (("sent", show(payload)),)
        if error is None:
            expect(
                not nothing, "Your function returned None for what it should refuse: raise ValueError, with a sentence."
            )
            raise Wrong(taken, sent)
        if not isinstance(error, ValueError):
            raise Wrong(
                f"A stranger gets your function to raise {type(error).__name__}: the server does not expect that, and "
                "answers 500. Look at the type before you use a thing, and raise ValueError.",
                (*sent, ("raised", f"{type(error).__name__}: {error}"[:200])),
            )
        if not str(error).strip():
            raise Wrong('Your ValueError says nothing. Its sentence is what the stranger reads: ValueError("…").', sent)


class _Model:
    """A model that writes down the batches that it was asked. It refuses a batch with a row that is not finite."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights, self.batches = weights, []

    def __deepcopy__(self, memo):  # so that the check sees what the learner's function asked
        return self

    def __call__(self, batch):
        batch = np.asarray(batch, float)
        if batch.ndim != 2 or batch.shape[1] != len(self.weights) or not len(batch):
            raise TypeError(f"a batch has the shape (rows, {len(self.weights)}), got {batch.shape}")
        self.batches.append(len(batch))
        if not np.isfinite(batch).all():
            raise ValueError("a value is not a finite number")
        return batch @ self.weights


@check(
    "52.3",
    title="Find three bugs in a batching loop",
    minutes=20,
    hints=(
        "Give it seven requests, then one that has left, then one with NaN, and count the answers.",
        "An answer goes to the place of its request, so keep the places of those who are still there. The last batch "
        "may be smaller. If a batch fails, ask for each of its rows alone.",
        "told = [None] * len(requests)\n"
        "there = [place for place, row in enumerate(requests) if ___]\n"
        "for first in range(0, len(there), max_batch):\n"
        "    places = there[first:___]\n"
        "    try:\n"
        "        outputs = run(np.stack([requests[place] for place in places]))\n"
        "    except ValueError:\n"
        "        outputs = [alone(run, requests[place]) for place in places]\n"
        "    for place, output in zip(places, outputs):\n"
        "        told[___] = output\n"
        "return told",
    ),
)
def batches(answer, rng):
    weights = rng.normal(size=3)
    rows = list(rng.normal(size=(11, 3)))
    right = [float(row @ weights) for row in rows]

    with part("the last batch"):
        got = _told(answer, _Model(weights), rows[:7], 4)
        expect(
            len(got) >= 7,
            f"Seven requests came, four fit into a batch, and {len(got)} were answered. The others wait for a full "
            "batch, and perhaps nobody comes any more.",
        )
        equal(got, right[:7], tol=1e-6)
        equal(
            _told(answer, _Model(weights), rows[:1], 4), right[:1], "A single request gets its answer, too.", tol=1e-6
        )
    with part("who has left"):
        gone = sorted(rng.permutation(7)[:3].tolist())
        asked = [None if place in gone else row for place, row in enumerate(rows[:8])]
        wanted = [None if place in gone else value for place, value in enumerate(right[:8])]
        got = _told(answer, _Model(weights), asked, 4)
        close = [value for value in wanted if value is not None]
        refuse(
            got,
            close,
            "The answers have closed up: behind a client that has left, each gets the answer of the next one.",
        )
        refuse(
            got,
            close + [None] * len(gone),
            "The answers have moved up, and those at the end got None in place of theirs.",
        )
        equal(got, wanted, tol=1e-6)
        got = _told(answer, _Model(weights), [None, None], 4)
        expect(got == [None, None], f"Both clients have left, and your function gave {got}.")
    with part("one bad input"):
        bad = int(rng.integers(4, 8))
        asked = [*rows[:bad], np.full(3, np.nan), *rows[bad + 1 :]]
        wanted = [*right[:bad], "ValueError", *right[bad + 1 :]]
        try:
            got = _told(answer, _Model(weights), asked, 4)
        except Wrong as error:
            if error.cause is not ValueError:
                raise
            raise Wrong("One request holds NaN, and your function raises: nobody gets an answer any more.") from None
        batch = ["ValueError" if 4 <= place < 8 else value for place, value in enumerate(right)]
        refuse(got, batch, "One request holds NaN, and all four of its batch get the error. Ask each of them alone.")
        refuse(
            got,
            [*right[:bad], None, *right[bad + 1 :]],
            "The request with NaN gets None, as if it had left. It waits for the reason: give it the ValueError.",
        )
        refuse(
            got,
            [*right[:bad], *right[bad + 1 :]],
            "The request with NaN got no answer at all, and the others moved up.",
        )
        equal(got, wanted, tol=1e-6)
    with part("full batches"):
        model = _Model(weights)
        _told(answer, model, rows, 4)
        expect(max(model.batches, default=0) <= 4, f"A batch had {max(model.batches, default=0)} rows; 4 are allowed.")
        expect(
            len(model.batches) <= 3,
            f"11 requests were computed in {len(model.batches)} batches; with 4 in each, 3 are enough.",
        )


def _told(answer, model: _Model, requests: list, max_batch: int) -> list:
    """What the learner's function answers: numbers, None, and "ValueError" for an error."""
    got = run(answer, model, requests, max_batch, returns=(list, tuple, np.ndarray))
    told = []
    for one in got:
        if isinstance(one, BaseException):
            told.append(type(one).__name__)
        elif one is None:
            told.append(None)
        else:
            try:
                told.append(float(np.asarray(one).reshape(())))
            except (TypeError, ValueError):
                raise Wrong(
                    "An answer is a number, None for who has left, or the ValueError itself; one of yours is "
                    f"{type(one).__name__}."
                ) from None
    return told
