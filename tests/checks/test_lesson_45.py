"""The checks of lesson 45 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade
from kitutils.models.baselines import log_count_ratio

RIGHT = {
    "steps in one epoch": 50,
    "steps that warm up": 20,
    "rate after 5 steps": 5e-6,
    "rate after 110 steps": 1e-5,
}


def computed():
    epoch = int(np.ceil(1590 / 32))
    steps, warm = 4 * epoch, 4 * epoch // 10
    rate = 2e-5 * np.interp([5, 110], [0, warm, steps], [0, 1, 0])
    return dict(zip(RIGHT, (epoch, warm, *rate), strict=True))


def but(question, value):
    key = next(key for key in RIGHT if key.startswith(question))
    return RIGHT | {key: value}


def test_schedule():
    assert_check(
        "45.1",
        right=[RIGHT, computed(), {key: np.float64(value) for key, value in RIGHT.items()}],
        wrong={
            "49 batches are full": but("steps in", 49),
            "Steps are whole": but("steps in", 1590 / 32),
            "in all epochs": but("steps in", 200),
            "the number of rows": but("steps in", 1590),
            "A tenth of one epoch": but("steps that", 5),
            "a tenth of the epochs": but("steps that", 0.4),
            "That is the share": but("steps that", 0.1),
            "after the warm-up.": but("steps that", 180),
            "still rising": but("rate after 5", 2e-5),
            "by a twentieth": but("rate after 5", 4e-6),
            "a tenth of the peak": but("rate after 5", 2e-6),
            "as a share of all steps": but("rate after 5", 5e-7),
            "not from the first": but("rate after 110", 9e-6),
            "by then the rate is falling": but("rate after 110", 2e-5),
            "this is not the last": but("rate after 110", 0.0),
            "A number is asked for": but("steps in", True),
            "Keep the four questions": {"steps": 50},
        },
    )


def test_an_answer_in_part_counts_in_part():
    result = grade("45.1", but("rate after 110", 1.1e-5))
    assert (result.status, result.held, result.total) == ("wrong", 3, 4)


# --- the log-count ratio ----------------------------------------------------------------------------------------------


def ratio(present, positive, alpha):
    p, q = alpha + present[positive].sum(axis=0), alpha + present[~positive].sum(axis=0)
    return np.log((p / p.sum()) / (q / q.sum()))


def by_the_kit(present, positive, alpha):
    return log_count_ratio(present, positive, alpha=alpha)


def by_naive_bayes(present, positive, alpha):
    from sklearn.naive_bayes import MultinomialNB

    found = MultinomialNB(alpha=alpha).fit(present, positive).feature_log_prob_
    return found[1] - found[0]


def word_by_word(present, positive, alpha):
    sides = []
    for label in (True, False):
        counts = [alpha + sum(row[word] for row in present[positive == label]) for word in range(present.shape[1])]
        sides.append([count / sum(counts) for count in counts])
    return np.array([np.log(one / other) for one, other in zip(*sides, strict=True)])


def side(count, share):
    """A wrong ratio: how the counts of one side are made, and how shares of them."""

    def wrong(present, positive, alpha):
        with np.errstate(all="ignore"):
            p, q = (share(count(present[rows], alpha), present[rows], alpha) for rows in (positive, ~positive))
            return np.log(p / q)

    return wrong


def smoothed(rows, alpha):
    return alpha + rows.sum(axis=0)


def test_ratio():
    assert_check(
        "45.2",
        right=[ratio, by_the_kit, by_naive_bayes, word_by_word],
        wrong={
            "gets infinity or nan": side(lambda rows, alpha: rows.sum(axis=0), lambda p, rows, alpha: p / p.sum()),
            "The other way round": lambda present, positive, alpha: ratio(present, ~positive, alpha),
            "without its logarithm": lambda *given: np.exp(ratio(*given)),
            "the natural one": lambda *given: ratio(*given) / np.log(2),
            "not made shares": side(smoothed, lambda p, rows, alpha: p),
            "the number of texts": side(smoothed, lambda p, rows, alpha: p / len(rows)),
            "and not in their sum": side(smoothed, lambda p, rows, alpha: p / rows.sum()),
            "drown them": side(lambda rows, alpha: rows.sum(axis=0), lambda p, rows, alpha: p / p.sum() + alpha),
            "you add 1": lambda present, positive, alpha: ratio(present, positive, 1),
            "One number for each word": lambda present, positive, alpha: ratio(present, positive, alpha) * present,
        },
    )


def test_base_ten_is_seen_as_well():
    assert "the natural one" in grade("45.2", lambda *given: ratio(*given) / np.log(10)).messages[0]


# --- the report -------------------------------------------------------------------------------------------------------


def reporter(by="dev mean", score="mean", rival="largest", scale=100):
    """The colleague's function, right unless told otherwise."""

    def report(dev, test, labels):
        epoch = {
            "dev mean": dev.mean(axis=0).argmax(),
            "dev run": dev.max(axis=0).argmax(),
            "test mean": test.mean(axis=0).argmax(),
            "test run": test.max(axis=0).argmax(),
        }[by]
        points = (
            scale
            * {
                "mean": test[:, epoch].mean(),
                "best": test[:, epoch].max(),
                "first": test[0, epoch],
                "dev": dev[:, epoch].mean(),
            }[score]
        )
        largest = np.bincount(labels).max() / len(labels)
        gain = {
            "largest": points - scale * largest,
            "chance": points - scale / len(np.unique(labels)),
            "share": points - largest,
            "relative": 100 * (points / (scale * largest) - 1),
            "as a share": points / 100 - largest,
        }[rival]
        return epoch, points, gain

    return report


def their_report(dev, test, labels):
    """As the lesson shows it."""
    seed, epoch = np.unravel_index(test.argmax(), test.shape)
    score = 100 * test[seed, epoch]
    return epoch, score, score - 100 / len(np.unique(labels))


def with_loops(dev, test, labels):
    means = [sum(run[epoch] for run in dev) / len(dev) for epoch in range(dev.shape[1])]
    epoch = means.index(max(means))
    score = 100 * sum(run[epoch] for run in test) / len(test)
    counts = [sum(1 for one in labels if one == label) for label in set(labels.tolist())]
    return [epoch, score, score - 100 * max(counts) / len(labels)]


def with_pandas(dev, test, labels):
    import pandas as pd

    epoch = pd.DataFrame(dev).mean().idxmax()
    score = 100 * pd.DataFrame(test)[epoch].mean()
    return np.array([epoch, score, score - 100 * pd.Series(labels).value_counts(normalize=True).iloc[0]])


def rounded(dev, test, labels):
    epoch, score, gain = reporter()(dev, test, labels)
    return epoch, round(score, 1), round(gain, 1)


def test_report():
    assert_check(
        "45.3",
        right=[reporter(), with_loops, with_pandas, rounded],
        wrong={
            "chosen by the test rows": their_report,
            "by the mean over the test rows": reporter("test mean"),
            "One lucky seed": reporter("dev run"),
            "the score on the dev rows": reporter(score="dev"),
            "the score of one seed": reporter(score="best"),
            "Write it in per cent": reporter(scale=1),
            "Guessing blindly": reporter(rival="chance"),
            "is not in per cent": reporter(rival="share"),
            "per cent of the rival's": reporter(rival="relative"),
            "Write it in points": reporter(rival="as a share"),
            "Return three numbers": lambda *given: reporter()(*given)[:2],
            "Each of the three": lambda dev, test, labels: (test, test, test),
            "counted from 0": lambda *given: (reporter()(*given)[0] + 1, *reporter()(*given)[1:]),
            "Epochs are numbered": lambda *given: (6, *reporter()(*given)[1:]),
        },
    )


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        (their_report, 0),
        (reporter("test run"), 2),
        (reporter("test run", "best"), 1),
        (reporter(rival="chance"), 2),
        (reporter(score="first"), 2),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_each_mended_bug_counts(answer, held, seed):
    result = grade("45.3", answer, seed)
    assert (result.status, result.held, result.total) == ("wrong", held, 3)


@pytest.mark.parametrize("exercise", ["45.2", "45.3"])
def test_an_untouched_function_is_not_attempted(exercise):
    assert grade(exercise, lambda *arguments: ...).status == "not attempted"


def test_untouched_questions_are_not_attempted():
    assert grade("45.1", dict.fromkeys(RIGHT, ...)).status == "not attempted"
