"""Checks of lesson 00."""

from __future__ import annotations

from collections import Counter
from numbers import Real

import numpy as np

from kitutils.course.grading import check, equal, expect, part, refuse, run


@check(
    "00.1",
    title="From steps to minutes",
    minutes=3,
    answer="number",
    hints=(
        "Is the colleague's machine faster or slower than the one that took 6 minutes?",
        "Half the steps per second take twice the time.",
        "minutes = 6 * ___ / ___",
    ),
)
def minutes_there(answer, rng):
    recorded, fast, slow = 6, 120, 90
    refuse(answer, recorded * slow / fast, "Turned round: a slower machine takes more than the 6 minutes, not less.")
    refuse(answer, fast / slow, "So many times longer does it take. Longer than what?")
    refuse(answer, recorded + (fast - slow) / 60, "Speeds do not add to times. Compare them by dividing.")
    refuse(answer, 60 * recorded * fast / slow, "Those are the seconds; the question asks for minutes.")
    equal(answer, recorded * fast / slow, "Not so. How many steps are done in 6 minutes at 120 a second?")


@check(
    "00.2",
    title="A share",
    minutes=5,
    hints=(
        "Ask each label whether it is the one: labels == label. What comes back?",
        "True counts as 1 and False as 0, so the mean of such an array is the share of True.",
        "return np.mean(___ == ___)",
    ),
)
def share(answer, rng):
    def get(label):
        got = run(answer, labels, label)
        number = isinstance(got, Real) and not isinstance(got, bool)
        expect(number, "One number is asked for, neither an answer for each label nor True or False.")
        return float(got)

    # Four different labels, and three that are equal to 1: those numbers must not be the same.
    labels = rng.permutation(np.repeat([0, 1, 3, 4], [4, 3, 2, 1]))
    with part("the right share"):
        got = get(1)
        refuse(got, 3, "You counted. A share is the count divided by how many labels there are.")
        refuse(got, 30, "That is in percent. A share lies between 0 and 1.")
        refuse(got, 0, "Whole-number division, //, drops what comes after the point. Divide with /.")
        refuse(got, 3 / 4, "You divided by how many different labels there are. Divide by how many labels there are.")
        refuse(got, 1, "Of the labels that are equal, all are equal. Take the mean over all labels.")
        refuse(got, 1 / 4, "One of four different labels. How many of all labels are equal to label?")
        refuse(got, 0.7, "That is the share of the other labels: != for ==.")
        refuse(got, 3 / 7, "You divided by the other labels. Divide by all, those that are equal among them.")
        refuse(got, 1.3, "That is the mean of the labels themselves. Compare them with label first.")
        equal(got, 0.3, on=labels)
    with part("a label that does not occur"):
        equal(get(7), 0.0, "No label is 7, so its share is 0.", on=labels)
    with part("any label"):
        equal(get(0), 0.4, "Right for label 1 and wrong for label 0. Is a 1 typed in?", on=labels)


@check(
    "00.3",
    title="Two bugs, one loud and one silent",
    minutes=10,
    hints=(
        "The last line of the error names the key that was not there. When is a label counted for the first time?",
        "counts.get(label, 0) is 0 where nothing was counted yet. And what does max look at, the labels or the counts?",
        "counts[label] = counts.get(label, ___) + 1\n...\nreturn max(counts, key=___)",
    ),
)
def most_frequent(answer, rng):
    with part("it runs"):
        # Neither the largest label nor the first nor the last is the frequent one, and no label equals a count.
        labels = np.concatenate([[12], rng.permutation([11, 11, 11, 10, 12, 13]), [13]])
        said = {KeyError: "Still the loud bug: a label that was not counted yet has no entry that could grow."}
        got = run(answer, labels, raised=said)
        expect(np.ndim(got) == 0, "One label is asked for.")
    with part("it is right"):
        counts = Counter(labels.tolist())
        refuse(got, 13, "Still the silent bug: that is the largest label. max(counts) compares the labels.")
        refuse(got, counts[11], "That is how often it comes. Which label comes that often?")
        refuse(got, 10, "That is the label that comes least often.")
        refuse(got, 12, "That is the first label. Which one comes most often?")
        equal(got, 11, on=labels)
