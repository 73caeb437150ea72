"""The checks of lesson 41 on right variants and on every planted mistake, 20 seeds each."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from kitutils.course.grading import assert_check, grade

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def step_by_step(weights, x, shortcut):
    slope = 1.0
    for w in weights:
        out = np.tanh(w * x)
        slope *= w * (1 - out**2) + (1 if shortcut else 0)
        x = out + x if shortcut else out
    return slope


def by_nudging(weights, x, shortcut):
    def chain(x):
        for w in weights:
            x = np.tanh(w * x) + shortcut * x
        return x

    return (chain(x + 1e-5) - chain(x - 1e-5)) / 2e-5


def with_cosh(weights, x, shortcut):
    slopes = [1.0]
    for w in weights:
        slopes.append(w / np.cosh(w * x) ** 2 + shortcut)
        x = np.tanh(w * x) + shortcut * x
    return np.prod(slopes)


def changed(squeeze=True, weigh=True, follow=True, square=True, one=True, at_end=False, add=False, value=False):
    """A slope with one of its parts wrong."""

    def slope(weights, x, shortcut):
        slopes = []
        for w in weights:
            out = np.tanh(w * x)
            tail = (1 - (out**2 if square else out)) if squeeze else 1
            slopes.append((w if weigh else 1) * tail + (shortcut and one))
            x = out + (x if shortcut and follow else 0)
        if value:
            return x
        return sum(slopes) if add else np.prod(slopes) + (shortcut and at_end)

    return slope


def test_slope():
    assert_check(
        "41.1",
        right=[step_by_step, by_nudging, with_cosh],
        wrong={
            "The tanh is missing": changed(squeeze=False),
            "The weights are missing": changed(weigh=False),
            "with the square": changed(square=False),
            "You added the layers' slopes up": changed(add=True),
            "The shortcuts are missing from the slope": lambda weights, x, shortcut: step_by_step(weights, x, False),
            "without its shortcut": changed(follow=False),
            "You added 1 once": changed(one=False, at_end=True),
            "but the slope does not": changed(one=False),
            "not its slope": changed(value=True),
            "Your function returned": lambda weights, x, shortcut: [1.0],
        },
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_chain_without_layers_is_probed_too(seed):
    def at_least_one_layer(weights, x, shortcut):
        return step_by_step(weights, x, shortcut) if len(weights) else 0.0

    result = grade("41.1", at_least_one_layer, seed)
    assert (result.status, result.held, result.total) == ("wrong", 2, 3)
    assert "the slope is 1" in result.messages[0]


def test_order():
    assert_check(
        "41.2",
        right=["GDHCAEBF", "DGHCAEBF", "G D H F A E B C", list("DGHFAEBC")],
        wrong={
            "which this order uses before": "DHGCAEBF",
            "refuses to fit a model": "GDCHAEBF",
            "Both trainings use the same compile": "GDHBCAEF",
            "begins with random numbers": "GDBCAEHF",
            "the random head's errors": "GHCDAEBF",
            "between the compile and the first fit": "GHDCAEBF",
            "between the compile and the second fit": "GDHCABEF",
            "still frozen in the second fit": "GADHCEBF",
            "so line E comes after it": "GDEHCABF",
        },
    )


def right_by_playing(order):
    """Whether the flags of real layers, as each compile finds them, are those of a head, then of all but norms."""
    norm = layers.BatchNormalization()
    body = keras.Sequential([keras.Input((2,)), norm, layers.Dense(2)])
    seen, model, state = [], None, None
    for letter in order:
        if letter in "AD":
            body.trainable = letter == "A"
        elif letter == "E":
            norm.trainable = False
        elif letter == "G":
            model = True
        elif model is None:
            return False
        elif letter in "BH":
            state = (letter, body.layers[1].trainable, norm.trainable)
        else:
            seen += [state, (body.layers[1].trainable, norm.trainable)]
    return seen == [("H", False, False), (False, False), ("B", True, False), (True, False)]


@pytest.mark.parametrize("first", ["".join(pair) for pair in itertools.permutations("ABCDEFGH", 2)])
def test_every_order_is_judged_as_the_flags_of_keras_are(first):
    rng = np.random.default_rng(sum(map(ord, first)))
    rest = [letter for letter in "ABCDEFGH" if letter not in first]
    for _ in range(3):
        order = first + "".join(rng.permutation(rest))
        assert (grade("41.2", order).status == "right") == right_by_playing(order), order


def parts(images, labels, rng):
    order = rng.permutation(len(images))
    cut = len(images) // 5
    held, kept = order[:cut], order[cut:]
    return (images[kept], labels[kept]), (images[held], labels[held])


def stage(thaw=True, norms="after", compiled=True, rate=1e-5, head=True, rows=parts):
    """A second stage, right unless told otherwise."""

    def freeze(body):
        for layer in body.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False

    def second_stage(model, images, labels, rng):
        body, last = model.layers
        if norms == "before":
            freeze(body)
        if thaw:
            body.trainable = True
        if norms == "after":
            freeze(body)
        last.trainable = head
        if compiled:
            model.compile(keras.optimizers.Adam(rate), LOSS)
        return rows(images, labels, rng)

    return second_stage


def with_the_loss_of_one_hot_labels(model, images, labels, rng):
    model.layers[0].trainable = True
    model.compile(keras.optimizers.Adam(1e-5), "categorical_crossentropy")
    return parts(images, labels, rng)


def layer_by_layer(model, images, labels, rng):
    """Thaws all but batch norm one by one, and uses scikit-learn for the rows."""
    from sklearn.model_selection import train_test_split

    model.layers[0].trainable = True
    for layer in model.layers[0].layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    model.compile(keras.optimizers.Adam(learning_rate=1e-5), LOSS, metrics=["accuracy"])
    x, x_val, y, y_val = train_test_split(images, labels, test_size=0.2, random_state=int(rng.integers(100)))
    return [x, y], [x_val, y_val]


def with_a_mask(model, images, labels, rng):
    stage()(model, images, labels, rng)
    held = np.zeros(len(images), bool)
    held[rng.choice(len(images), len(images) // 5, replace=False)] = True
    return (images[~held], labels[~held]), (images[held], labels[held])


def parted(training=True):
    def rows(images, labels, rng):
        (x, y), (x_val, y_val) = parts(images, labels, rng)
        return ((x, labels[: len(x)]), (x_val, y_val)) if training else ((x, y), (x_val, labels[: len(x_val)]))

    return rows


def overlapping(images, labels, rng):
    kept, _ = parts(images, labels, rng)
    return kept, (kept[0][:8], kept[1][:8])


def cut_off(images, labels, rng):
    return (images[8:], labels[8:]), (images[:8], labels[:8])


def half(images, labels, rng):
    order = rng.permutation(len(images))
    return (images[order[20:]], labels[order[20:]]), (images[order[:20]], labels[order[:20]])


def scaled(images, labels, rng):
    (x, y), held = parts(images, labels, rng)
    return (x / 255, y), held


def uneven(images, labels, rng):
    kept, held = parts(images, labels, rng)
    return (kept[0], labels), held


@pytest.mark.slow
def test_second_stage():
    assert_check(
        "41.3",
        right=[stage(), layer_by_layer, with_a_mask],
        wrong={
            "compile was not called again": stage(compiled=False),
            "The body is still frozen": stage(thaw=False),
            "Batch norm has moved": stage(norms="before"),
            "The head does not learn": stage(head=False),
            "the rate of a start": stage(rate=1e-3),
            "moves none by more than": stage(rate=1e-8),
            "The training labels belong to other images": stage(rows=parted()),
            "The held-out labels belong to other images": stage(rows=parted(training=False)),
            "in both parts": stage(rows=overlapping),
            "in the order of the file": stage(rows=cut_off),
            "a fifth, 8, is held out": stage(rows=half),
            "are not those that went in": stage(rows=scaled),
            "each image has one label": stage(rows=uneven),
            "cannot make a training step": with_the_loss_of_one_hot_labels,
            "Return two pairs": stage(rows=lambda images, labels, rng: (images, labels, images, labels)),
        },
    )


@pytest.mark.parametrize(
    ("mended", "held"),
    [
        ({"norms": "before", "rate": 1e-3, "rows": parted(training=False)}, 0),
        ({"rate": 1e-3, "rows": parted(training=False)}, 1),
        ({"norms": "before", "rows": parted(training=False)}, 1),
        ({"norms": "before", "rate": 1e-3}, 1),
        ({"norms": "before"}, 2),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_each_mended_bug_counts(mended, held, seed):
    result = grade("41.3", stage(**mended), seed)
    assert (result.status, result.held, result.total) == ("wrong", held, 3)


@pytest.mark.parametrize(
    ("exercise", "stub"), [("41.1", lambda *arguments: ...), ("41.2", ...), ("41.3", lambda *arguments: None)]
)
def test_an_untouched_exercise_is_not_attempted(exercise, stub):
    assert grade(exercise, stub).status == "not attempted"
