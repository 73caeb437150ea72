"""The checks of lesson 43 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade

GATE = 0.5**0.01
LEFT, HALF, FOR_HALF, BIAS = MEMORY_QUESTIONS = (
    "forget gate 0.9: share left after 20 steps",
    "forget gate 0.9: steps until less than half is left",
    "forget gate for half after 100 steps",
    "bias that gives this gate",
)
MEMORY = {LEFT: 0.9**20, HALF: 7, FOR_HALF: GATE, BIAS: np.log(GATE / (1 - GATE))}


def but(question, value):
    return MEMORY | {question: value}


def test_memory():
    assert 0.9**7 < 0.5 < 0.9**6
    assert 1 / (1 + np.exp(-MEMORY[BIAS])) == pytest.approx(MEMORY[FOR_HALF])
    assert_check(
        "43.1",
        right=[
            MEMORY,
            dict(reversed(MEMORY.items())),
            {LEFT: 0.12, HALF: 7.0, FOR_HALF: 0.993, BIAS: 4.97},
            {LEFT: np.float32(0.1216), HALF: np.int64(7), FOR_HALF: 0.9931, BIAS: 4.968},
            {LEFT: 0.122, HALF: 7, FOR_HALF: 0.9931, BIAS: 4.95},  # the bias from a gate of 0.993
        ],
        wrong={
            "what is lost at a step; what stays": but(LEFT, 0.1**20),
            "do not add up": but(LEFT, 18),
            "not a tenth of what was there at first": but(LEFT, -1.0),
            "the share that is gone": but(LEFT, 0.88),
            "0.53 is left": but(HALF, 6),
            "not gone after 5 tenths": but(HALF, 5),
            "Steps are whole": but(HALF, 6.58),
            "after one step": but(FOR_HALF, 0.5),
            "gate of 0.5 leaves after 100 steps": but(FOR_HALF, 0.5**100),
            "losses added up": but(FOR_HALF, 0.995),
            "That is what is lost at a step": but(FOR_HALF, 0.0069),
            "That is sigmoid(gate)": but(BIAS, 0.73),
            "The other sign": but(BIAS, -4.97),
            "base 10": but(BIAS, 2.16),
            "That is the gate itself": but(BIAS, 0.993),
            "Near, but 0.126 is not": but(LEFT, 0.126),
            "Near, but 0.119 is not": but(LEFT, 0.119),
            "Near, but 0.9935 is not": but(FOR_HALF, 0.9935),
            "Near, but 0.9927 is not": but(FOR_HALF, 0.9927),
            "Near, but 4.92 is not": but(BIAS, 4.92),
            "Near, but 5 is not": but(BIAS, 5.0),
            "A number is asked for": but(HALF, "seven"),
            "Keep the four questions": {HALF: 7},
        },
    )


def test_each_of_the_four_counts():
    result = grade("43.1", but(HALF, 6))
    assert (result.status, result.held, result.total) == ("wrong", 3, 4)


def backwards(states, mask):
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return np.where(mask.any(axis=1)[:, None], states[np.arange(len(states)), last], 0.0)


def by_loop(states, mask):
    kept = np.zeros((len(states), states.shape[2]))
    for step in range(states.shape[1]):
        kept[mask[:, step]] = states[mask[:, step], step]
    return kept


def by_largest_place(states, mask):
    places = np.where(mask, np.arange(1, mask.shape[1] + 1), 0).max(axis=1)
    with_zeros = np.concatenate([np.zeros_like(states[:, :1]), states], axis=1)
    return np.take_along_axis(with_zeros, places[:, None, None], axis=1)[:, 0]


def counted(states, mask, off=1):
    return states[np.arange(len(states)), np.maximum(mask.sum(axis=1) - off, 0)] * mask.any(axis=1)[:, None]


def counted_unless_the_last_is_true(states, mask):
    """Right for padding behind, and for padding in front; wrong for False True True False."""
    last = np.where(mask[:, -1], mask.shape[1] - 1, mask.sum(axis=1) - 1)
    return states[np.arange(len(states)), last] * mask.any(axis=1)[:, None]


def counted_from_the_first(states, mask):
    """Right while the Trues stand together."""
    last = mask.argmax(axis=1) + mask.sum(axis=1) - 1
    return states[np.arange(len(states)), last] * mask.any(axis=1)[:, None]


def end_of_the_first_run(states, mask):
    ends = mask & ~np.pad(mask, ((0, 0), (0, 1)))[:, 1:]
    return states[np.arange(len(states)), ends.argmax(axis=1)] * mask.any(axis=1)[:, None]


def no_words_get(place):
    def function(states, mask):
        return np.where(mask.any(axis=1)[:, None], backwards(states, mask), states[:, place])

    return function


def test_last_states():
    assert_check(
        "43.2",
        right=[backwards, by_loop, by_largest_place],
        wrong={
            "after the padding": lambda states, mask: states[:, -1],
            "One step too far": lambda states, mask: counted(states, mask, off=0),
            "at the first True": lambda states, mask: states[np.arange(len(states)), mask.argmax(axis=1)],
            "the mean over the words": lambda states, mask: (
                (states * mask[..., None]).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)[:, None]
            ),
            "largest value": lambda states, mask: np.where(mask[..., None], states, -np.inf).max(axis=1),
            "You count the words": counted,
            "at neither the last step nor step n - 1": counted_unless_the_last_is_true,
            "as many steps as there are Trues": counted_from_the_first,
            "Another True may follow": end_of_the_first_run,
            "The row without any True": no_words_get(-1),
            "one state a row": lambda states, mask: states * mask[..., None],
        },
    )
    assert "without any True" in " ".join(grade("43.2", no_words_get(0)).messages)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("answer", "held"),
    [
        (counted, 2),
        (counted_unless_the_last_is_true, 3),
        (counted_from_the_first, 4),
        (end_of_the_first_run, 4),
        (no_words_get(-1), 4),
        (lambda states, mask: states[:, -1], 1),
    ],
)
def test_parts_count_alone(answer, held, seed):
    result = grade("43.2", answer, seed)
    assert (result.status, result.held, result.total) == ("wrong", held, 5)


def right_split(docstring, first, share, rng):
    rows = np.flatnonzero(first == np.arange(len(first)))
    groups = rng.permutation(np.unique(docstring[rows]))
    held = np.isin(docstring[rows], groups[: round(share * len(groups))])
    return rows[~held], rows[held]


def one_by_one(docstring, first, share, rng):
    groups = sorted(set(docstring.tolist()))
    in_test = {group: rng.random() for group in groups}
    bound = sorted(in_test.values())[int(share * len(groups))]
    train, test = [], []
    for row in range(len(first)):
        if first[row] == row:
            (test if in_test[docstring[row]] < bound else train).append(row)
    return train, test


def repeats_on_their_own_side(docstring, first, share, rng):
    """Keeps the repeats whose first one stands in the same part."""
    groups = rng.permutation(np.unique(docstring))
    held = np.isin(docstring, groups[: round(share * len(groups))])
    kept = held == held[first]
    return np.flatnonzero(~held & kept), np.flatnonzero(held & kept)


def theirs(docstring, first, share, rng):
    groups = rng.permutation(np.unique(docstring))
    held = np.isin(docstring, groups[: round(share * len(groups))])
    return np.flatnonzero(~held), np.flatnonzero(held)


def random_rows(docstring, first, share, rng):
    rows = rng.permutation(np.flatnonzero(first == np.arange(len(first))))
    return rows[round(share * len(rows)) :], rows[: round(share * len(rows))]


def never_repeated(docstring, first, share, rng):
    """Drops the first ones of repeats as well."""
    rows = np.flatnonzero(np.bincount(first, minlength=len(first)) == 1)
    groups = rng.permutation(np.unique(docstring[rows]))
    held = np.isin(docstring[rows], groups[: round(share * len(groups))])
    return rows[~held], rows[held]


def then(change):
    return lambda docstring, first, share, rng: change(*right_split(docstring, first, share, rng))


def seeded(seed):
    return lambda docstring, first, share, rng: right_split(docstring, first, share, np.random.default_rng(seed))


def as_masks(docstring, first, share, rng):
    train, test = right_split(docstring, first, share, rng)
    rows = np.arange(len(first))
    return np.isin(rows, train), np.isin(rows, test)


def test_split():
    assert_check(
        "43.3",
        right=[right_split, one_by_one, repeats_on_their_own_side],
        wrong={
            "stand in both parts": theirs,
            "draw doc strings, not rows": random_rows,
            "are in neither part": never_repeated,
            "training and test have changed places": then(lambda train, test: (test, train)),
            "20% are asked for": lambda d, f, share, rng: right_split(d, f, 0.5, rng),
            "another split each time": seeded(None),
            "Every rng gives the same": seeded(0),
            "Masks came": as_masks,
            "Return two arrays": then(lambda train, test: train),
            "Some row comes twice": then(lambda train, test: (np.r_[train, train[:1]], test)),
            "Row numbers are whole": then(lambda train, test: (train.astype(float), test)),
        },
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("answer", "held"), [(theirs, 3), (random_rows, 3), (never_repeated, 3)])
def test_one_fault_costs_one_part(answer, held, seed):
    result = grade("43.3", answer, seed)
    assert (result.status, result.held, result.total) == ("wrong", held, 4)


@pytest.mark.parametrize(
    ("exercise", "stub"),
    [
        ("43.1", dict.fromkeys(MEMORY, ...)),
        ("43.2", lambda states, mask: ...),
        ("43.3", lambda docstring, first, share, rng: None),
    ],
)
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
