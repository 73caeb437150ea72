"""Checks of lesson 45."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kitutils.course.grading import check, equal, expect, part, refuse, run

# Each question of 45.1: the right answer, how far off is near enough, and what to say to the likeliest wrong ones.
_SCHEDULE = {
    "steps in one epoch": (
        50,
        {
            49: "49 batches are full; the last rows make one more, which is smaller.",
            1590 / 32: "Steps are whole: the last rows make a smaller batch of their own.",
            200: "That is the number of steps in all epochs.",
            1590: "That is the number of rows. A step takes 32 of them.",
        },
    ),
    "steps that warm up": (
        20,
        {
            5: "A tenth of one epoch. The warm-up is a tenth of the whole training.",
            0.4: "That is a tenth of the epochs; count in steps.",
            0.1: "That is the share. How many steps is it of all?",
            180: "That is how many steps come after the warm-up.",
        },
    ),
    "rate after 5 steps": (
        5e-6,
        {
            2e-5: "2e-5 is the peak, reached at the end of the warm-up. The rate is still rising.",
            4e-6: "The rate rises by a twentieth of the peak at each step, one for each step of the warm-up.",
            2e-6: "That is a tenth of the peak. After 5 of the warm-up's steps, which share of the way up is done?",
            5e-7: "That is the way up as a share of all steps. It takes the warm-up's steps only.",
        },
    ),
    "rate after 110 steps": (
        1e-5,
        {
            1.1e-5: "The way down is that from the last warm-up step to the last step of all, not from the first.",
            9e-6: "The way down is that from the last warm-up step to the last step of all, not from the first.",
            2e-5: "2e-5 is the peak; by then the rate is falling.",
            0.0: "The rate is nothing after the last step of the training, and this is not the last.",
        },
    ),
}


@check(
    "45.1",
    title="Warm-up, step by step",
    minutes=5,
    answer="value",
    hints=(
        "Draw it: steps to the right, the rate upwards. Where does the line begin, where is its top and where its end?",
        "An epoch ends when every row has been used, if need be in a smaller batch. Up: step / warm-up steps, times "
        "the peak. Down: the steps that are left / the steps of the way down, times the peak.",
        "np.ceil(___ / 32), 0.1 * ___ * 4, 2e-5 * 5 / ___, 2e-5 * (___ - 110) / (___ - ___)",
    ),
)
def schedule(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_SCHEDULE),
        "Keep the four questions as they are, and put a number in place of each ... .",
    )
    for question, (right, otherwise) in _SCHEDULE.items():
        with part(question):
            got = answer[question]
            number = isinstance(got, int | float | np.number) and not isinstance(got, bool)
            expect(number and np.isfinite(got), f"A number is asked for; got {got!r}.")
            for wrong, words in otherwise.items():
                expect(abs(got - wrong) > 1e-3 * max(wrong, 1e-6), words)
            equal(float(got), float(right), tol=1e-3 * right)


def _ratio(present, positive, alpha=1.0):
    p, q = alpha + present[positive].sum(axis=0), alpha + present[~positive].sum(axis=0)
    return np.log((p / p.sum()) / (q / q.sum()))


def _texts(rng):
    """Which of seven words are in which of thirty texts; one word is in no positive text, one in no other.

    There are fewer positive texts, and they are longer, so that neither their number nor their length cancels out.
    """
    positive = rng.permutation(np.arange(30) < 8)
    counts = {True: rng.integers(6, 9, 7), False: rng.integers(2, 6, 7)}
    counts[True][0], counts[False][1] = 0, 0
    present = np.zeros((30, 7))
    for word in range(7):
        for side, many in counts.items():
            present[rng.choice(np.flatnonzero(positive == side), many[word], replace=False), word] = 1
    return present, positive


@check(
    "45.2",
    title="The log-count ratio",
    minutes=10,
    hints=(
        "Take one word: in how many positive texts is it, in how many others? What if one of them is none?",
        "Add alpha to each word's two counts first. Then divide each side by its own sum over all words, which makes "
        "shares of it, and take the logarithm of the positive share over the other.",
        "p = alpha + present[___].sum(axis=0)\n"
        "q = alpha + present[___].sum(axis=0)\n"
        "return np.log((p / ___) / (q / ___))",
    ),
)
def ratio(answer, rng):
    present, positive = _texts(rng)
    p, q = present[positive].sum(axis=0), present[~positive].sum(axis=0)
    rows = positive.sum(), (~positive).sum()
    with part("words that one side never has"), np.errstate(divide="ignore"):
        got = run(answer, present, positive, 1.0, returns=np.ndarray)
        expect(
            got.shape == (present.shape[1],),
            f"One number for each word is asked for, shape ({present.shape[1]},); yours has {got.shape}.",
        )
        expect(
            np.isfinite(got).all(),
            "A word that one side never has gets infinity or nan: add alpha to its counts before you divide.",
        )
        right = _ratio(present, positive)
        refuse(got, -right, "The other way round: a word that speaks for the positive texts has a ratio above 0.")
        refuse(got, np.exp(right), "That is the ratio without its logarithm.")
        refuse(got, right / np.log(2), "The logarithm is the natural one: np.log.")
        refuse(got, right / np.log(10), "The logarithm is the natural one: np.log.")
        refuse(
            got,
            np.log((p + 1) / (q + 1)),
            "The two sides are not made shares: divide each by its own sum, or the larger class wins every word.",
        )
        refuse(
            got,
            np.log(((p + 1) / rows[0]) / ((q + 1) / rows[1])),
            "You divide by the number of texts. Divide by the sum over all words, so that a side's shares add up to 1.",
        )
        refuse(
            got,
            np.log(((p + 1) / p.sum()) / ((q + 1) / q.sum())),
            "alpha is in the counts and not in their sum, so the shares add up to more than 1.",
        )
        refuse(
            got,
            np.log((p / p.sum() + 1) / (q / q.sum() + 1)),
            "You add alpha to the shares, which are far below 1, and drown them. Add it to the counts.",
        )
        equal(got, right)
    with part("another alpha"):
        got = run(answer, present, positive, 0.1, returns=np.ndarray)
        refuse(got, _ratio(present, positive), "Another alpha changes nothing: you add 1, whatever alpha says.")
        equal(got, _ratio(present, positive, 0.1))


def _report(dev, test, labels):
    epoch = int(dev.mean(axis=0).argmax())
    score = 100 * test[:, epoch].mean()
    return epoch, score, score - 100 * np.bincount(labels).max() / len(labels)


def _runs(rng):
    """Accuracies of five seeds after each of six epochs, and 200 labels of four classes.

    The best epoch on the dev rows is another than that of the luckiest dev run, the best test epoch and that of the
    luckiest test run; the dev rows flatter; the largest class is well above chance. The epoch after the
    best is none of these. No seed is so near the mean of its
    epoch that rounding could hide it.
    """
    by_mean = int(rng.integers(5))
    by_run, test_mean, test_run = rng.permutation(np.setdiff1d(np.arange(6), [by_mean, by_mean + 1]))[:3]
    dev = rng.uniform(0.64, 0.68, (5, 6))
    spread = np.tile([[-0.016], [-0.009], [0.004], [0.008], [0.013]], 6)
    test = rng.uniform(0.60, 0.64, 6) + rng.permuted(spread, axis=0)
    dev[:, by_mean] += 0.10
    dev[rng.integers(5), by_run] = 0.80
    test[:, test_mean] += 0.08
    test[rng.integers(5), test_run] = 0.78
    labels = rng.permutation(np.repeat([0, 1, 2, 3], [30, 110, 40, 20]))
    return dev, test, labels


@check(
    "45.3",
    title="Find three bugs in a report",
    minutes=20,
    hints=(
        "For each of the three numbers: which rows is it made of, and what were those rows for?",
        "The epoch is a choice, and choices are made on dev rows, over all seeds. The score is what the recipe gives "
        "on average. The comparison is with the best that one can say without reading: the largest class.",
        "epoch = ___.mean(axis=0).argmax()\n"
        "score = 100 * test[___, epoch].___()\n"
        "return epoch, score, score - 100 * np.bincount(labels).___ / len(labels)",
    ),
)
def report(answer, rng):
    dev, test, labels = _runs(rng)
    got = run(answer, dev, test, labels, returns=(tuple, list, np.ndarray))
    expect(len(got) == 3, "Return three numbers: the epoch, the score and the gain.")
    expect(
        all(np.ndim(one) == 0 and np.isfinite(one) for one in got),
        "Each of the three is one number; yours are arrays, or nan.",
    )
    epoch, score, gain = (float(one) for one in got)
    expect(epoch in range(dev.shape[1]), f"Epochs are numbered 0 to {dev.shape[1] - 1}; yours is {epoch:g}.")
    chosen = int(epoch)
    with part("the epoch"):
        best = float(_report(dev, test, labels)[0])
        refuse(epoch, best + 1, "Epochs are counted from 0, as argmax does.")
        refuse(epoch, float(test.max(axis=0).argmax()), "The epoch is chosen by the test rows: that is a choice.")
        refuse(
            epoch,
            float(test.mean(axis=0).argmax()),
            "The epoch is chosen by the mean over the test rows. It is still a choice, and belongs on dev rows.",
        )
        refuse(epoch, float(dev.max(axis=0).argmax()), "One lucky seed chose the epoch. Take the mean over the seeds.")
        equal(epoch, best)
    with part("the score"):
        refuse(score, 100 * dev[:, chosen].mean(), "That is the score on the dev rows, by which the epoch was chosen.")
        refuse(score, test[:, chosen].mean(), "That is a share. Write it in per cent.")
        for seed in range(len(test)):
            refuse(
                score,
                100 * test[seed, chosen],
                "That is the score of one seed. The next one will have another: report the mean.",
            )
        equal(score, 100 * test[:, chosen].mean(), tol=0.06)  # one digit after the point will do
    with part("the gain"):
        expect(
            abs(gain) > 1 or abs(score) <= 1,
            "The gain is a share. Write it in points, as the score is in per cent.",
        )
        largest = 100 * np.bincount(labels).max() / len(labels)
        refuse(
            gain,
            score - 100 / len(np.unique(labels)),
            "Guessing blindly is no rival. Always answering the largest class needs no model either, and gets more.",
        )
        refuse(gain, score - largest / 100, "The share of the largest class is not in per cent, and the score is.")
        refuse(gain, 100 * (score / largest - 1), "That is per cent of the rival's score. Points are the difference.")
        equal(gain, score - largest, tol=0.06)
