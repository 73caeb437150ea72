"""The checks of lesson 51 on right variants and on every planted mistake, 20 seeds each."""

import itertools
import math

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade

# --- the order of an export ------------------------------------------------------------


def test_order():
    assert_check(
        "51.2",
        right=["FDHACEGB", "FHDACGEB", "D F A G C H E B", list("FDAHCEGB")],
        wrong={
            "loads the model": "DHFACEGB",
            "makes the folder new": "FHADCEGB",
            "there is no folder of the name new": "FDHBACEG",
            "asks the file before": "FDHCAEGB",
            "takes hashes before": "FDHGACEB",
            "one of them is not there yet": "FDHAEGCB",
            "before its answers were judged": "FDHACGBE",
            "without its hashes": "FDHACEBG",
        },
    )


def right_by_playing(order):
    """Whether a program of these lines would run, and show nothing that was not judged and hashed."""
    done = set()
    needs = {"A": "FD", "B": "DAEG", "C": "DA", "E": "HC", "G": "DA", "H": "F", "D": "", "F": ""}
    for letter in order:
        if not set(needs[letter]) <= done or ("B" in done and letter in "ACG"):
            return False
        done.add(letter)
    return True


def test_every_order_is_judged_as_the_lines_need_each_other():
    right = 0
    for order in itertools.islice(itertools.permutations("FDHACEGB"), 0, None, 7):
        judged = grade("51.2", "".join(order)).status == "right"
        assert judged == right_by_playing(order), order
        right += judged
    assert right  # some right ones were among them


# --- parity ------------------------------------------------------------


def parity(reference, found):
    if reference.shape != found.shape:
        raise ValueError("other shapes")
    agreement = np.mean(reference.argmax(axis=1) == found.argmax(axis=1))
    if not np.isfinite(found).all():
        return np.inf, agreement
    return np.abs(found - reference).max() / np.abs(reference).max(), agreement


def parity_with_norms(reference, found):
    if reference.shape != found.shape:
        raise ValueError(f"{reference.shape} against {found.shape}")
    gap = np.linalg.norm((found - reference).ravel(), np.inf) / np.linalg.norm(reference.ravel(), np.inf)
    same = np.count_nonzero(np.argmax(reference, 1) == np.argmax(found, 1))
    return [gap if np.isfinite(gap) else np.inf, same / len(reference)]


def parity_by_loops(reference, found):
    if len(reference) != len(found) or len(reference[0]) != len(found[0]):
        raise ValueError
    largest = max(abs(float(x)) for row in reference for x in row)
    gap, same = 0.0, 0
    for mine, theirs in zip(reference.tolist(), found.tolist(), strict=True):
        same += mine.index(max(mine)) == theirs.index(max(theirs))
        for a, b in zip(mine, theirs, strict=True):
            gap = max(gap, abs(a - b)) if math.isfinite(b) else math.inf
    return gap / largest, same / len(reference)


def gapped(difference=None, agreement=None, shapes=True, finite=True):
    """A parity with one of its parts wrong."""

    def wrong(reference, found):
        if shapes:
            gap, same = parity(reference, found)
        else:
            gap = np.abs(found - reference).max() / np.abs(reference).max() if np.isfinite(found).all() else np.inf
            same = np.mean(same_class(reference, found))
        if not finite:
            gap = np.nanmax(np.abs(found - reference)) / np.abs(reference).max()
        if difference and np.isfinite(found).all():
            with np.errstate(all="ignore"):
                gap = difference(reference, found)
        return gap, agreement(reference, found) if agreement else same

    return wrong


def same_class(r, f):
    return r.argmax(axis=1) == f.argmax(axis=1)


def test_parity():
    assert_check(
        "51.1",
        right=[parity, parity_with_norms, parity_by_loops],
        wrong={
            "makes your difference infinite": gapped(lambda r, f: (np.abs(f - r) / np.abs(r)).max()),
            "counts changed classes": gapped(lambda r, f: 1 - np.mean(same_class(r, f))),
            "the difference itself": gapped(lambda r, f: np.abs(f - r).max()),
            "take np.abs of the reference": gapped(lambda r, f: np.abs(f - r).max() / r.max()),
            "the largest is lost": gapped(lambda r, f: (f - r).max() / np.abs(r).max()),
            "largest output of the form": gapped(lambda r, f: np.abs(f - r).max() / np.abs(f).max()),
            "A mean hides": gapped(lambda r, f: np.abs(f - r).mean() / np.abs(r).max()),
            "each row by its own": gapped(lambda r, f: (np.abs(f - r).max(1) / np.abs(r).max(1)).max()),
            "not their share": gapped(agreement=lambda r, f: np.sum(same_class(r, f))),
            "rows that disagree": gapped(agreement=lambda r, f: np.mean(~same_class(r, f))),
            "argmax along axis 1": gapped(agreement=lambda r, f: np.mean(r.argmax(axis=0) == f.argmax(axis=0))),
            "must not pass": gapped(finite=False),
            "NumPy stretched that row": gapped(shapes=False),
            "Return two numbers": lambda r, f: (*parity(r, f), 0),
            "single numbers": lambda r, f: (np.abs(f - r), 1.0),
        },
    )


def test_nan_itself_is_no_answer():
    def lets_nan_through(reference, found):
        if reference.shape != found.shape:
            raise ValueError
        return np.abs(found - reference).max() / np.abs(reference).max(), np.mean(same_class(reference, found))

    result = grade("51.1", lets_nan_through)
    assert (result.held, result.total) == (3, 4)
    assert "your difference is nan" in result.messages[0]


# --- a predictor ------------------------------------------------------------


def softmax(x, axis=-1):
    raised = np.exp(x - x.max(axis=axis, keepdims=True))
    return raised / raised.sum(axis=axis, keepdims=True)


def asked(given=lambda x: x, squeeze=False, names=list, again=False, chances=softmax, pair=lambda a, b: (a, b)):
    """A predictor, right unless told otherwise."""

    def predictor(run, output, images, labels):
        outputs = run(given(np.stack(images).astype(np.float32)))
        if squeeze:
            outputs = outputs.squeeze()
        shares = chances(outputs) if output == "logits" or again else outputs
        return [pair(names(labels)[row.argmax()], float(row.max())) for row in shares]

    return predictor


def one_by_one(run, output, images, labels):
    told = []
    for image in images:
        row = run(image[None])[0].astype(float)
        if output == "logits":
            row = np.exp(row) / np.exp(row).sum()
        told.append([labels[int(np.argmax(row))], row.max()])
    return told


def with_scipy(run, output, images, labels):
    from scipy.special import softmax as theirs

    outputs = run(np.array(images))
    chances = outputs if output == "probabilities" else theirs(outputs, axis=1)
    return tuple(zip([labels[i] for i in chances.argmax(1)], chances.max(1), strict=True))


def over_all(x):
    return np.exp(x) / np.exp(x).sum()


def test_predictor():
    assert_check(
        "51.3",
        right=[asked(), one_by_one, with_scipy],
        wrong={
            "divided by 255": asked(given=lambda x: x / 255),
            "rescaled to -1": asked(given=lambda x: x / 127.5 - 1),
            "squeeze takes away": asked(squeeze=True),
            "sorted by the alphabet": asked(names=sorted),
            "not that of the model's largest output": asked(names=lambda labels: labels[::-1]),
            "softmax to them once more": asked(again=True),
            "Logits are no probabilities": asked(chances=lambda x: x),
            "never asked the model": lambda run, output, images, labels: [("cat", 1.0)] * len(images),
            "a pair for each image": asked(pair=lambda name, share: name),
        },
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_softmax_over_all_images_is_seen(seed):
    result = grade("51.3", asked(chances=over_all), seed)
    assert (result.status, result.held, result.total) == ("wrong", 3, 4)
    assert "depends on its company" in result.messages[0]


def theirs(run, output, images, labels):
    """The predictor that the lesson shows."""
    batch = np.stack(images) / 255
    outputs = run(batch.astype("float32")).squeeze()
    chances = softmax(outputs)
    names = sorted(labels)
    return [(names[row.argmax()], row.max()) for row in chances]


@pytest.mark.parametrize("seed", range(20))
def test_each_mended_bug_counts(seed):
    assert grade("51.3", theirs, seed).held == 0
    bugs = {"given": lambda x: x / 255, "squeeze": True, "names": sorted, "again": True}
    for mended in bugs:
        result = grade("51.3", asked(**{key: bug for key, bug in bugs.items() if key != mended}), seed)
        assert (result.status, result.held, result.total) == ("wrong", 1, 4), mended


@pytest.mark.parametrize(
    ("exercise", "stub"), [("51.2", ...), ("51.1", lambda *arguments: ...), ("51.3", lambda *arguments: None)]
)
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
