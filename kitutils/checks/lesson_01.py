"""Checks of lesson 01."""

from __future__ import annotations

import numpy as np

from kitutils.course.grading import Wrong, check, equal, expect, part, refuse, run

_LINES = {
    "A": "x, y = load_digits(return_X_y=True)",
    "B": "x, x_test, y, y_test = train_test_split(x, y, random_state=0)",
    "C": "scaler = StandardScaler().fit(x)",
    "D": "model = LogisticRegression(max_iter=1000).fit(scaler.transform(x), y)",
    "E": "print(model.score(scaler.transform(x_test), y_test))",
}


@check(
    "01.1",
    title="Put the lines of an honest test in order",
    minutes=5,
    answer="order",
    lines=_LINES,
    hints=(
        "Look at what each line reads and what it changes: after line B, x means the training rows.",
        "Whatever is fitted must be fitted after the split.",
        "A _ _ _ E",
    ),
)
def order_of_lines(answer, rng):
    place = {letter: i for i, letter in enumerate(answer)}
    expect(place["A"] == 0, "The data must be loaded first: every other line uses it.")
    # Only then: these two orders run without an error and give a number, which is what makes them dangerous.
    if place["D"] < place["B"]:
        raise Wrong("The model is fitted before the split, so it has seen the test rows: the score says nothing.")
    if place["C"] < place["B"]:
        raise Wrong(
            "This runs, but the scaler is fitted before the split: its means and deviations come from the test rows "
            "too, which the model should know nothing about."
        )
    expect(place["C"] < place["D"], "The model is fitted on scaled rows, so the scaler comes before it.")
    expect(answer[-1] == "E", "The score needs everything else: it comes last.")


def _recall(y_true, y_pred):
    recall = np.full(10, np.nan)
    for digit in range(10):
        rows = y_true == digit
        if rows.any():
            recall[digit] = np.mean(y_pred[rows] == digit)
    return recall


def _precision(y_true, y_pred):
    precision = np.full(10, np.nan)
    for digit in range(10):
        rows = y_pred == digit
        if rows.any():
            precision[digit] = np.mean(y_true[rows] == digit)
    return precision


def _share_of_all_rows(y_true, y_pred):
    return np.array([np.mean((y_true == digit) & (y_pred == digit)) for digit in range(10)])


def _one_against_the_rest(y_true, y_pred):
    return np.array([np.mean((y_true == digit) == (y_pred == digit)) for digit in range(10)])


@check(
    "01.2",
    title="Recall of each digit",
    minutes=10,
    hints=(
        "For one digit: which rows of y_true are it? What does y_pred say on just those rows?",
        "Make a mask y_true == digit, and take the mean of y_pred[mask] == digit. Start from an array full of nan.",
        "recall = np.full(10, np.nan)\n"
        "for digit in np.unique(___):\n"
        "    recall[digit] = np.mean(y_pred[___] == ___)\n"
        "return recall",
    ),
)
def recall_per_digit(answer, rng):
    y_true = rng.permutation(np.repeat(np.arange(10), 20))
    y_pred = np.where(rng.random(200) < 0.3, rng.integers(0, 10, 200), y_true)
    y_pred[:3] = (y_true[:3] + 1) % 10  # at least three mistakes, whatever the draw
    with part("ten numbers"):
        got = run(answer, y_true, y_pred)
        shape = np.shape(got)
        if shape == ():
            raise Wrong("One number for all digits hides which digit suffers. Return ten, one for each.")
        expect(shape == (10,), f"Return ten numbers, one for each digit; yours has shape {shape}.")
    with part("each digit's share of its own images"):
        refuse(
            got,
            _precision(y_true, y_pred),
            "That is precision: you divided by how often the digit was *said*. "
            "Recall divides by how often it was *there*.",
        )
        refuse(
            got,
            _share_of_all_rows(y_true, y_pred),
            "You divided by the number of all images. Divide by the number of images of that digit.",
        )
        refuse(
            got,
            _one_against_the_rest(y_true, y_pred),
            "The mean runs over all rows, so every other digit that was "
            "rightly not called this one counts as a success. Keep only the rows of the digit.",
        )
        equal(got, _recall(y_true, y_pred), tol=1e-9)
    with part("nan for a digit that does not occur"):
        absent = int(rng.integers(0, 10))
        rows = y_true != absent
        with np.errstate(divide="ignore", invalid="ignore"):
            got = run(answer, y_true[rows], y_pred[rows])
        expected = _recall(y_true[rows], y_pred[rows])
        refuse(
            got,
            np.nan_to_num(expected),
            f"There is no {absent} in this y_true. A recall of 0 would say that all of "
            "them were missed; nobody asked. Return nan for it.",
        )
        equal(got, expected, tol=1e-9)


@check(
    "01.3",
    title="Find the bugs in the web team's code",
    minutes=15,
    hints=(
        "Compare one of their photographs with one of our images: what is white, what is black, how large, what shape?",
        "Turn paper into 0 and ink into 1 first, as floats, then scale to 16, then add the two axes.",
        "ink = (255 - photo.astype('float32')) / ___ * ___\nreturn ink[None, :, :, ___]",
    ),
)
def to_model_input(answer, rng):
    photo = rng.integers(0, 256, (8, 8)).astype("uint8")
    photo[0, 0], photo[0, 1] = 255, 0  # pure paper and full ink are always there to be seen
    flat = photo.astype("float32")
    expected = (255 - flat) / 255 * 16
    with part("shape (1, 8, 8, 1)"):
        got = run(answer, photo, returns=np.ndarray)
        expect(
            got.shape == (1, 8, 8, 1),
            f"The model reads batches of images with a channel: shape (1, 8, 8, 1). Yours is {got.shape}.",
        )
    values = np.reshape(got, -1)[:64].reshape(8, 8) if got.size == 64 else got
    with part("paper 0, full ink 16"), np.errstate(over="ignore"):
        refuse(values, flat / 255, "Nothing has changed: paper is still 1 and ink 0.")
        refuse(values, flat / 255 * 16, "The scale is right, but paper is 16 and ink 0: light and dark are swapped.")
        refuse(values, (255 - flat) / 255, "Ink is 1 where the model expects 16: it rescales by itself.")
        refuse(values, 255 - flat, "Light and dark are right, but ink is 255 where the model expects 16.")
        refuse(
            values,
            (255 - photo) * np.uint8(16) / 255,
            "A uint8 holds 0 to 255 and starts again at 0, so multiplying "
            "by 16 wraps around. Turn the photo into float32 before you calculate.",
        )
        # Half a grey level of tolerance: dividing by 16 instead of by 255/16 is as good a reading of the photograph.
        equal(values, expected, on=photo, tol=0.07)
    with part("float32"):
        expect(got.dtype == np.float32, f"The exported models take float32 and nothing else; yours is {got.dtype}.")
