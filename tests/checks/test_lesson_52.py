"""The checks of lesson 52 on right variants and on every planted mistake, 20 seeds each."""

import math

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade

# --- a load test ------------------------------------------------------------

QUESTIONS = (
    "capacity, answers a second",
    "mean ms, 16 clients",
    "waiting after a minute, 120 requests a second",
    "seconds that the last one waits",
    "places for waiting, so that nobody waits over 0.5 s",
)
RIGHT = dict(zip(QUESTIONS, (100, 160, 1200, 12, 50), strict=True))


def changed(question, number):
    return RIGHT | {QUESTIONS[question]: number}


def test_load_test():
    assert_check(
        "52.2",
        right=[
            RIGHT,
            {name: np.float64(number) for name, number in RIGHT.items()},
            dict(zip(QUESTIONS, (100.0, 1000 * 16 / 100, 60 * (120 - 100), 60 * 20 / 100, 0.5 * 100), strict=True)),
        ],
        wrong={
            "Keep the five questions": {QUESTIONS[0]: 100},
            "A number is asked for": changed(0, "100"),
            "one client alone": changed(0, 50),
            "With four clients": changed(0, 80),
            "do not get 100 each": changed(0, 400),
            "the wait with 8": changed(1, 80),
            "in seconds": changed(1, 0.16),
            "between two answers": changed(1, 10),
            "left over has to wait": changed(2, 0),
            "a single second leaves": changed(2, 20),
            "how many came in the minute": changed(2, 7200),
            "how many were answered": changed(2, 6000),
            "what comes in a second": changed(2, 120),
            "those who wait leave": changed(3, 10),
            "how long the minute is": changed(3, 60),
            "one answer takes": changed(3, 0.01),
            "in milliseconds": changed(3, 12000),
            "That many come in half": changed(4, 60),
            "in a whole second": changed(4, 100),
            "divided the rate": changed(4, 200),
        },
    )


def test_the_numbers_follow_from_a_queue_played_second_by_second():
    waiting, capacity = 0, RIGHT[QUESTIONS[0]]
    for _ in range(60):
        waiting = max(0, waiting + 120 - capacity)
    assert waiting == RIGHT[QUESTIONS[2]]
    assert waiting / capacity == RIGHT[QUESTIONS[3]]
    assert RIGHT[QUESTIONS[4]] / capacity == 0.5
    assert capacity * RIGHT[QUESTIONS[1]] / 1000 == 16


# --- what a stranger sends ------------------------------------------------------------


def checked(payload):
    if not isinstance(payload, dict) or not isinstance(payload.get("pixels"), list):
        raise ValueError("send an object with pixels, a list of rows")
    rows = payload["pixels"]
    if len(rows) != 28 or not all(isinstance(row, list) and len(row) == 28 for row in rows):
        raise ValueError("pixels are 28 rows of 28 numbers")
    if not all(type(value) is int and 0 <= value <= 255 for row in rows for value in row):
        raise ValueError("a pixel is a whole number from 0 to 255")
    return np.array(rows, np.uint8)


def by_pydantic(payload):
    from typing import Annotated

    from pydantic import BaseModel, Field

    pixel = Annotated[int, Field(strict=True, ge=0, le=255)]
    row = Annotated[list[pixel], Field(min_length=28, max_length=28)]

    class Digit(BaseModel):
        pixels: Annotated[list[row], Field(min_length=28, max_length=28)]

    return np.array(Digit.model_validate(payload).pixels, "uint8")


def by_catching(payload):
    try:
        rows = payload["pixels"]
        assert type(rows) is list
        assert all(type(row) is list for row in rows)
        flat = [value for row in rows for value in row]
        assert {type(value) for value in flat} == {int}
        found = np.array(rows, dtype=object)
        assert found.shape == (28, 28)
        assert min(flat) >= 0
        assert max(flat) < 256
    except (AssertionError, TypeError, KeyError, IndexError) as error:
        raise ValueError(f"no digit of 28 × 28 pixels: {error!r}") from error
    return found.astype(np.uint8)


def one_by_one(payload):
    if not (isinstance(payload, dict) and "pixels" in payload):
        raise ValueError("pixels are missing")
    rows = payload["pixels"]
    found = np.zeros((28, 28), dtype=np.uint8)
    if not isinstance(rows, list) or len(rows) != 28:
        raise ValueError(f"28 rows are expected, got {rows!r:.40}")
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != 28:
            raise ValueError(f"row {i} has no 28 numbers")
        for j, value in enumerate(row):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
                raise ValueError(f"row {i}, column {j}: {value!r:.40} is no pixel")
            found[i, j] = value
    return found


def ended(end):
    """``checked``, which then does something to the image."""
    return lambda payload: end(checked(payload))


def takes(odd):
    """``checked``, but payloads of which ``odd`` is true are taken."""

    def careless(payload):
        try:
            return checked(payload)
        except ValueError:
            if odd(payload):
                return np.zeros((28, 28), np.uint8)
            raise

    return careless


def pixels_are(odd):
    """Whether ``odd`` is true of what stands for pixels."""
    return lambda payload: isinstance(payload, dict) and "pixels" in payload and bool(odd(payload["pixels"]))


def rows_are(odd):
    """Whether ``odd`` is true of a list of lists."""
    return pixels_are(lambda p: isinstance(p, list) and all(isinstance(row, list) for row in p) and odd(p))


def holds(odd):
    """Whether ``odd`` is true of one of 28 × 28 things."""
    return rows_are(lambda p: [len(row) for row in p] == 28 * [28] and any(odd(v) for row in p for v in row))


def lists_in(rows):
    return sum(isinstance(value, list) for row in rows for value in row)


def number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def reshaped(payload):
    """The naive server's way."""
    with np.errstate(invalid="ignore"):
        return np.array(payload["pixels"], "float32").reshape(28, 28).astype("uint8")


def by_number(payload):
    """Rows of 28, whose numbers are looked at as NumPy has them."""
    if not isinstance(payload, dict) or not isinstance(payload.get("pixels"), list):
        raise ValueError("send an object with pixels")
    if len(payload["pixels"]) != 28 or not all(isinstance(r, list) and len(r) == 28 for r in payload["pixels"]):
        raise ValueError("28 rows of 28")
    found = np.array(payload["pixels"], float)
    if found.min() < 0 or found.max() > 255:
        raise ValueError("0 to 255")
    return np.nan_to_num(found).astype(np.uint8)


def shrug(payload):
    try:
        return checked(payload)
    except ValueError:
        return None


def speechless(payload):
    try:
        return checked(payload)
    except ValueError:
        raise ValueError from None


def test_checked():
    assert_check(
        "52.1",
        right=[checked, by_pydantic, by_catching, one_by_one],
        wrong={
            # the image
            "Rows and columns have": ended(lambda image: image.T),
            "divided by 255": ended(lambda image: image / 255),
            "Black and white": ended(lambda image: 255 - image),
            "The rows are gone": ended(np.ravel),
            "batch and channel": ended(lambda image: image[None, ..., None]),
            "the channel comes later": ended(lambda image: image[..., None]),
            "uint8 is asked for": ended(lambda image: image.astype(float)),
            # the shape
            "784 numbers in one list": takes(pixels_are(lambda p: isinstance(p, list) and len(p) == 784)),
            "14 rows of 56": takes(rows_are(lambda p: len(p) == 14)),
            "27 rows": takes(rows_are(lambda p: len(p) == 27)),
            "29 rows": takes(rows_are(lambda p: len(p) == 29)),
            "two images at once": takes(rows_are(lambda p: p and len(p) % 28 == 0 and {len(row) for row in p} == {28})),
            "29 numbers and another 27": takes(rows_are(lambda p: len(p) == 28 and sum(map(len, p)) == 784)),
            "The last row had 27": takes(rows_are(lambda p: len(p) == 28 and {len(row) for row in p[:-1]} == {28})),
            "28 empty rows": takes(rows_are(lambda p: len(p) == 28 and not any(p))),
            "An empty list": takes(pixels_are(lambda p: p == [])),
            "28 × 28 × 1 was taken": takes(rows_are(lambda p: lists_in(p) == 784)),
            "text has a length": takes(
                pixels_are(lambda p: isinstance(p, list) and any(isinstance(r, str) for r in p))
            ),
            "object with 28 keys": takes(
                pixels_are(lambda p: isinstance(p, list) and any(isinstance(r, dict) for r in p))
            ),
            # the numbers
            "A NaN was taken": takes(holds(lambda v: v != v)),
            "An infinite pixel": takes(holds(lambda v: v == math.inf)),
            "from 0 to 1 were taken": takes(holds(lambda v: number(v) and 0 < v < 1)),
            "A pixel of -1": takes(holds(lambda v: v == -1)),
            "A pixel of 256": takes(holds(lambda v: v == 256)),
            "in quotes": takes(holds(lambda v: isinstance(v, str))),
            "a bool is an int": takes(holds(lambda v: isinstance(v, bool))),
            "A pixel of null": takes(holds(lambda v: v is None)),
            "A list was taken for a pixel": takes(rows_are(lambda p: lists_in(p) == 1)),
            "401 digits": takes(holds(lambda v: number(v) and math.inf > v > 10**300)),
            # the object
            "An object without pixels": takes(lambda p: p == {}),
            "pixel in place of pixels": takes(lambda p: isinstance(p, dict) and "pixel" in p),
            "null was taken for pixels": takes(pixels_are(lambda p: p is None)),
            "A number was taken for pixels": takes(pixels_are(number)),
            "A text was taken for pixels": takes(pixels_are(lambda p: isinstance(p, str))),
            "An object was taken for pixels": takes(pixels_are(lambda p: isinstance(p, dict))),
            "without an object around it": takes(lambda p: isinstance(p, list)),
            "null was taken for the object": takes(lambda p: p is None),
            "A text was taken for the object": takes(lambda p: isinstance(p, str)),
            "A number was taken for the object": takes(lambda p: isinstance(p, int)),
            # how it is refused
            "raise TypeError": lambda p: checked(
                p if isinstance(p, dict) and "pixels" not in p else {**p, "x": p["pixels"]}
            ),
            "raise KeyError": lambda p: checked(p if not isinstance(p, dict) else {"pixels": p["pixels"]}),
            "says nothing": speechless,
            "returned None for what": shrug,
        },
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_naive_server_s_way_holds_for_a_right_image_only(seed):
    result = grade("52.1", reshaped, seed)
    assert (result.status, result.held, result.total) == ("wrong", 1, 4)
    assert "784 numbers in one list" in result.messages[0]
    result = grade("52.1", by_number, seed)
    assert (result.status, result.held, result.total) == ("wrong", 2, 4)
    assert "28 × 28 × 1 was taken" in result.messages[0]


# --- a batching loop ------------------------------------------------------------


def in_batches(run, requests, max_batch):
    told = [None] * len(requests)
    there = [place for place, row in enumerate(requests) if row is not None]
    for first in range(0, len(there), max_batch):
        places = there[first : first + max_batch]
        try:
            outputs = run(np.stack([requests[place] for place in places]))
        except ValueError:
            outputs = [alone(run, requests[place]) for place in places]
        for place, output in zip(places, outputs, strict=True):
            told[place] = output
    return told


def alone(run, row):
    try:
        return run(row[None])[0]
    except ValueError as error:
        return error


def by_halves(run, requests, max_batch):
    """Halves a batch that fails until the culprit is alone."""
    told = {}

    def ask(places):
        try:
            told.update(zip(places, run(np.array([requests[p] for p in places])).tolist(), strict=True))
        except ValueError as error:
            if len(places) == 1:
                told[places[0]] = error
            else:
                ask(places[: len(places) // 2])
                ask(places[len(places) // 2 :])

    there = [p for p in range(len(requests)) if requests[p] is not None]
    while there:
        ask(there[:max_batch])
        there = there[max_batch:]
    return [told.get(p) for p in range(len(requests))]


def by_a_generator_of_pairs(run, requests, max_batch):
    pairs = [(p, r) for p, r in enumerate(requests) if r is not None]
    answers = dict.fromkeys(range(len(requests)))
    while pairs:
        batch, pairs = pairs[:max_batch], pairs[max_batch:]
        try:
            for (place, _), output in zip(batch, run(np.stack([r for _, r in batch])), strict=True):
                answers[place] = output
        except ValueError:
            for place, row in batch:
                answers[place] = alone(run, row)
    return tuple(answers.values())


def theirs(run, requests, max_batch, partly=False, places=False, singly=False, error=None, jump=False):
    """The loop that the lesson shows, with its bugs mended where told."""
    there = [p for p, row in enumerate(requests) if row is not None]
    told = []
    for first in range(0, len(there) if partly else len(there) - max_batch + 1, max_batch):
        batch = np.stack([requests[p] for p in there[first : first + max_batch]])
        try:
            told += list(run(batch))
        except ValueError as broken:
            if not singly:
                told += [broken] * len(batch)
            else:
                for row in batch:
                    one = alone(run, row)
                    if not (jump and isinstance(one, ValueError)):
                        told.append(None if error and isinstance(one, ValueError) else one)
    if not places:
        return told
    answers = [None] * len(requests)
    for place, one in zip(there, told, strict=False):
        answers[place] = one
    return answers


def mended(**but):
    return lambda run, requests, max_batch: theirs(
        run, requests, max_batch, **{"partly": True, "places": True, "singly": True, **but}
    )


def each_alone(run, requests, max_batch):
    return [None if row is None else alone(run, row) for row in requests]


def all_at_once(run, requests, max_batch):
    return in_batches(run, requests, max(1, len(requests)))


def open_to_errors(run, requests, max_batch):
    there = [p for p, row in enumerate(requests) if row is not None]
    told = [None] * len(requests)
    for first in range(0, len(there), max_batch):
        for p, output in zip(
            there[first : first + max_batch],
            run(np.stack([requests[p] for p in there[first : first + max_batch]])),
            strict=True,
        ):
            told[p] = output
    return told


def padded(run, requests, max_batch):
    """Answers that have closed up, filled with None behind."""
    told = theirs(run, requests, max_batch, partly=True, singly=True)
    return told + [None] * (len(requests) - len(told))


def asks_nothing(run, requests, max_batch):
    try:
        return in_batches(run, requests, max_batch) if any(r is not None for r in requests) else [0.0, 0.0]
    except TypeError:
        return []


def test_batches():
    assert_check(
        "52.3",
        right=[in_batches, by_halves, by_a_generator_of_pairs, mended()],
        wrong={
            "The others wait for a full": mended(partly=False, places=False),
            "gets the answer of the next one": mended(places=False),
            "got None in place of theirs": padded,
            "Both clients have left": asks_nothing,
            "all four of its batch": mended(singly=False),
            "gets None, as if it had left": mended(error=True),
            "others moved up": lambda run, requests, max_batch: (
                mended(jump=True, places=False)(run, requests, max_batch)
                if all(row is not None for row in requests)
                else in_batches(run, requests, max_batch)
            ),
            "nobody gets an answer any more": open_to_errors,
            "in 11 batches": each_alone,
            "4 are allowed": all_at_once,
            "None for who has left, or": lambda run, requests, max_batch: ["done"] * len(requests),
        },
    )


@pytest.mark.parametrize("seed", range(20))
def test_each_mended_bug_counts(seed):
    """Of the lesson's loop only the size of its batches is right."""
    result = grade("52.3", theirs, seed)
    assert (result.status, result.held, result.total) == ("wrong", 1, 4)
    for bug in ("partly", "places", "singly"):
        result = grade("52.3", mended(**{bug: False}), seed)
        assert result.status == "wrong", bug
        assert result.held < result.total == 4, bug


@pytest.mark.parametrize(
    ("exercise", "stub"),
    [("52.2", dict.fromkeys(QUESTIONS, ...)), ("52.1", lambda payload: ...), ("52.3", lambda *arguments: None)],
)
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
