"""Checks of lesson 41."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kitutils.course.grading import Wrong, check, equal, expect, part, refuse, run


def _slope(weights, x, shortcut, *, squeeze=True, weigh=True, follow=True, kink=lambda out: 1 - out**2):
    """The slope of a chain of layers tanh(w · h), and of what planted mistakes make of it."""
    slope, here = 1.0, x
    for w in weights:
        out = math.tanh(w * here)
        slope *= (w if weigh else 1) * (kink(out) if squeeze else 1) + shortcut
        here = out + (here if shortcut and follow else 0)
    return slope


def _factors(weights, x, shortcut):
    """The slope of each layer by itself."""
    slopes, here = [], x
    for w in weights:
        out = math.tanh(w * here)
        slopes.append(w * (1 - out**2) + shortcut)
        here = out + (here if shortcut else 0)
    return slopes


def _value(weights, x, shortcut):
    for w in weights:
        x = math.tanh(w * x) + (x if shortcut else 0)
    return x


@check(
    "41.1",
    title="The slope through a chain",
    minutes=10,
    hints=(
        "Walk through the chain once. What does each layer need in order to say its own slope?",
        "A layer's slope is w · (1 − out²), where out is its own tanh; with a shortcut, 1 more. The chain's slope is "
        "the product.",
        "slope = 1.0\n"
        "for w in weights:\n"
        "    out = np.tanh(___)\n"
        "    slope = slope * (___ + ___)\n"
        "    x = out + x if shortcut else out\n"
        "return slope",
    ),
)
def slope(answer, rng):
    weights = rng.uniform(0.6, 1.4, 5) * np.array([1, 1, -1, 1, -1])
    x = float(rng.uniform(0.4, 0.9))
    for shortcut, name in ((False, "without shortcuts"), (True, "with shortcuts")):
        with part(name):
            got = run(answer, weights, x, shortcut, returns=float)
            refuse(got, _value(weights, x, shortcut), "That is what comes out of the chain, not its slope.")
            refuse(
                got,
                _slope(weights, x, shortcut, squeeze=False),
                "The tanh is missing: where it flattens, the slope is only w · (1 − out²).",
            )
            refuse(
                got,
                _slope(weights, x, shortcut, weigh=False),
                "The weights are missing: a layer's slope is w times that of its tanh.",
            )
            refuse(
                got,
                _slope(weights, x, shortcut, kink=lambda out: 1 - out),
                "The slope of tanh is 1 − out², with the square.",
            )
            refuse(
                got,
                sum(_factors(weights, x, shortcut)),
                "You added the layers' slopes up. A nudge passes through one after the other: multiply.",
            )
            if shortcut:
                refuse(got, _slope(weights, x, False), "The shortcuts are missing from the slope.")
                refuse(
                    got,
                    _slope(weights, x, True, follow=False),
                    "The slopes have their 1, but x goes on without its shortcut: the next layer sees out + x.",
                )
                refuse(
                    got,
                    math.prod(s - 1 for s in _factors(weights, x, True)) + 1,
                    "You added 1 once, at the end. Each layer has a shortcut of its own: its factor is 1 more.",
                )
                refuse(
                    got,
                    math.prod(s - 1 for s in _factors(weights, x, True)),
                    "x takes the shortcut, but the slope does not: each layer's factor is 1 more.",
                )
            equal(got, _slope(weights, x, shortcut), tol=1e-6)
    with part("no layers at all"):
        got = run(answer, np.array([]), x, True, returns=float)
        expect(abs(got - 1) < 1e-6, f"Without a layer what comes out is x itself, so the slope is 1; yours is {got:g}.")


_LINES = {
    "A": "body.trainable = True",
    "B": "model.compile(keras.optimizers.Adam(1e-5), loss)",
    "C": "model.fit(x, y, epochs=5)",
    "D": "body.trainable = False",
    "E": "for norm in norms: norm.trainable = False",
    "F": "model.fit(x, y, epochs=5)",
    "G": "model = keras.Sequential([body, layers.Dense(4)])",
    "H": "model.compile(keras.optimizers.Adam(1e-3), loss)",
}


@check(
    "41.2",
    title="Put the lines of a fine-tuning in order",
    minutes=5,
    answer="order",
    lines=_LINES,
    hints=(
        "There are two trainings. Say for each: what may move, and how far?",
        "First only the head, at 1e-3, then everything but batch norm, at 1e-5. What is frozen or thawed counts from "
        "the next compile on. What body.trainable says goes for all of its layers.",
        "G _ H _ _ E _ F",
    ),
)
def order_of_lines(answer, rng):
    place = {letter: i for i, letter in enumerate(answer)}
    expect(place["G"] < min(place[line] for line in "BCFH"), "Line G makes the model, which this order uses before.")
    fits = _played(answer)
    first, second = fits
    expect(
        first["compiled"] is not None,
        "Keras refuses to fit a model that has not been compiled: a compile comes before the first fit.",
    )
    if first["compiled"] == second["compiled"]:
        raise Wrong(
            "Both trainings use the same compile, so one of the rates never counts, and a body that has thawed in "
            "between is not noticed: compile before each fit."
        )
    expect(first["rate"] == 1e-3, "The head begins with random numbers: it needs the large rate, and comes first.")
    for fit, name in ((first, "first"), (second, "second")):
        expect(
            fit["now"] == (fit["body"], fit["norms"]),
            f"Something is frozen or thawed between the compile and the {name} fit. Keras asks for a compile after "
            "every such change: a training that has begun does not notice it.",
        )
    expect(
        not first["body"],
        "In the first fit the body is trainable: the random head's errors run into it at the large rate. Freeze it "
        "before the first compile.",
    )
    expect(second["body"], "The body is still frozen in the second fit: only the head learns there.")
    expect(
        not second["norms"],
        "Batch norm is trainable in the second fit: body.trainable = True thaws every layer of the body, so line E "
        "comes after it and before the second compile.",
    )


def _played(answer: list[str]) -> list[dict[str, Any]]:
    """What each of the two fits would find, when the lines are run in this order."""
    body = norms = True  # trainable, as when a model is loaded
    compiled: dict[str, Any] = {"compiled": None, "rate": None, "body": True, "norms": True}
    fits = []
    for letter in answer:
        if letter in "AD":
            body = norms = letter == "A"
        elif letter == "E":
            norms = False
        elif letter in "BH":
            compiled = {"compiled": letter, "rate": 1e-5 if letter == "B" else 1e-3, "body": body, "norms": norms}
        elif letter in "CF":
            fits.append(compiled | {"now": (body, norms)})
    return fits


@check(
    "41.3",
    title="Find three bugs in a second stage",
    minutes=20,
    hints=(
        "For each line ask: which layers may move now, how far does one step go, whose label is this?",
        "body.trainable = True thaws batch norm too. Compile reads what is trainable, and sets the rate. Rows and "
        "labels are drawn with the same numbers.",
        "body = model.layers[0]\n"
        "body.trainable = ___\n"
        "for layer in body.layers:\n"
        "    if isinstance(layer, ___):\n"
        "        layer.trainable = ___\n"
        "model.compile(keras.optimizers.Adam(___), LOSS)\n"
        "order = rng.permutation(len(images))\n"
        "held, kept = order[:___], order[___:]\n"
        "return (images[kept], labels[___]), (images[held], labels[___])",
    ),
)
def second_stage(answer, rng):
    images, labels = _rows(rng)
    model = _first_stage()
    first = model.optimizer
    got = run(answer, model, images, labels, np.random.default_rng(int(rng.integers(1000))), returns=(tuple, list))
    moved = _one_step(model, images, labels)
    with part("what learns"):
        expect(
            model.optimizer is not first,
            "compile was not called again: the model goes on with the first stage's rate, and does not notice what has "
            "thawed.",
        )
        expect(max(moved["kernel"]) > 0, "The body is still frozen: after a step its weights are what they were.")
        expect(
            max(moved["norm"]) == 0,
            "Batch norm has moved in a step. body.trainable = True thaws every layer of the body: freeze batch norm "
            "after it, and before compile.",
        )
        expect(max(moved["head"]) > 0, "The head does not learn any more; it should go on together with the body.")
    with part("how far a step goes"):
        farthest = max(*moved["kernel"], *moved["head"])  # batch norm's means do not go by the rate
        expect(
            5e-6 < farthest < 2e-5,
            f"A step of Adam at 1e-5 moves a weight by about 1e-5; yours moves one by {farthest:.0e}. That is the rate "
            "of a start, not of a fine-tuning."
            if farthest >= 2e-5
            else f"A step of Adam at 1e-5 moves a weight by about 1e-5; yours moves none by more than {farthest:.0e}.",
        )
    with part("whose labels"):
        _judge_rows(got, images, labels)


def _rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Forty images that differ from one another, sorted by their labels."""
    images = np.zeros((40, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = rng.permutation(200)[:40]
    images[:, 1, 1, 0] = rng.integers(0, 256, 40)
    return images, np.repeat(np.arange(4), 10)


def _first_stage():
    """A small model as its first stage leaves it: the body frozen, compiled with Adam at 1e-3."""
    import keras
    from keras import layers

    class Probe(keras.Sequential):
        def __deepcopy__(self, memo):  # the learner's function is to change this very model
            return self

    keras.utils.set_random_seed(41)
    inner = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(6), layers.BatchNormalization()]
    body = keras.Sequential([keras.Input((2, 2, 1)), *inner, layers.Activation("tanh")])
    model = Probe([keras.Input((2, 2, 1)), body, layers.Dense(4)])
    body.trainable = False
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    return model


def _one_step(model, images: np.ndarray, labels: np.ndarray) -> dict[str, list[float]]:
    """How far each weight moves in one training step, by kind of layer."""
    model.run_eagerly = True  # a graph would cost a second for one step
    body, head = model.layers
    kinds = {"kernel": body.layers[2], "norm": body.layers[3], "head": head}
    before = {kind: layer.get_weights() for kind, layer in kinds.items()}
    try:
        model.train_on_batch(images, labels)
    except Exception as error:
        raise Wrong(f"The model that your function leaves cannot make a training step: {error}") from error
    return {
        kind: [float(np.abs(a - b).max()) for a, b in zip(layer.get_weights(), before[kind], strict=True)]
        for kind, layer in kinds.items()
    }


def _judge_rows(got, images: np.ndarray, labels: np.ndarray) -> None:
    """Pairs that belong together, each row once, a fifth of them held out, drawn at random."""
    pairs = len(got) == 2 and all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in got)
    expect(pairs, "Return two pairs: (training images, their labels), (held-out images, their labels).")
    number = {image.tobytes(): i for i, image in enumerate(images)}
    rows = []
    for (some, theirs), name in zip(got, ("training", "held-out"), strict=True):
        some, theirs = np.asarray(some), np.asarray(theirs)
        expect(
            len(some) == len(theirs),
            f"{len(some)} {name} images go with {len(theirs)} labels; each image has one label.",
        )
        known = some.shape[1:] == images.shape[1:] and all(image.tobytes() in number for image in some)
        expect(known, f"The {name} images are not those that went in; leave the pixels as they are.")
        own = np.array([number[image.tobytes()] for image in some], int)
        expect(
            np.array_equal(theirs, labels[own]),
            f"The {name} labels belong to other images: draw both with the same numbers.",
        )
        rows.append(own)
    kept, held = rows
    expect(not set(kept) & set(held), "Some rows are in both parts: the held-out rows must be new to the model.")
    expect(
        (len(kept), len(held)) == (32, 8),
        f"Of 40 rows a fifth, 8, is held out and 32 are kept; yours are {len(held)} and {len(kept)}.",
    )
    expect(
        not np.array_equal(np.sort(held), np.arange(8)) and not np.array_equal(np.sort(held), np.arange(32, 40)),
        "The held-out rows are cut off in the order of the file, which may be sorted by class: draw them with rng.",
    )
