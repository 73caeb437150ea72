"""Checks of lesson 50."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kitutils.course.compare import same
from kitutils.course.grading import Wrong, check, equal, expect, part, refuse, run

WEIGHTS, COLUMNS, LEFT = 512 * 1000, 1000, 51_200
# Form → its bytes, and what planted mistakes make of it.
_SIZES = {
    "float32": (
        4 * WEIGHTS,
        {
            32 * WEIGHTS: "32 are bits. A byte has eight of them, so a float32 takes 4 bytes.",
            WEIGHTS: "That is the number of weights. A float32 takes 4 bytes.",
        },
    ),
    "int8: a byte for each weight, a float32 scale for each column": (
        WEIGHTS + 4 * COLUMNS,
        {
            WEIGHTS: "The scales are missing. Without them nobody knows what the bytes stand for: 1,000 float32.",
            WEIGHTS + 4: "One scale is not enough: each of the 1,000 columns has its own.",
            WEIGHTS + 4 * 512: "There are 512 rows; each of the 1,000 columns has a scale.",
            WEIGHTS + COLUMNS: "A scale is a float32 and takes 4 bytes, not one.",
        },
    ),
    "sparse: a bit for each weight, zero or not, and the others in float32": (
        WEIGHTS // 8 + 4 * LEFT,
        {
            4 * LEFT: "The bits are missing. Nobody could tell where the weights that are left belong.",
            WEIGHTS + 4 * LEFT: "A bit, not a byte, says whether a weight is zero: eight weights share a byte.",
            WEIGHTS // 8 + 4 * (WEIGHTS - LEFT): "You stored the zeros. It is the others that take room, one in ten.",
            WEIGHTS // 8 + LEFT: "The weights that are left are float32 and take 4 bytes each.",
        },
    ),
    "shared: half a byte for each weight, and a list of 16 float32": (
        WEIGHTS // 2 + 64,
        {
            WEIGHTS // 2: "The list is missing: half a byte says which of the 16 values it is, the list what they are.",
            WEIGHTS // 2 + 16: "The 16 values of the list are float32: 4 bytes each.",
            WEIGHTS + 64: "16 values have numbers from 0 to 15. Half a byte, 4 bits, holds one of those.",
        },
    ),
}


@check(
    "50.1",
    title="How many bytes?",
    minutes=5,
    answer="value",
    hints=(
        "How many weights are there, and how many of them are not zero?",
        "512,000 weights, of which 51,200 are not zero. A float32 takes 4 bytes, and 8 bits are a byte. Whatever is "
        "needed to get the weights back counts as well.",
        "4 * 512_000, then 512_000 + ___, then 512_000 / ___ + 4 * ___, then 512_000 / ___ + 4 * ___",
    ),
)
def sizes(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_SIZES),
        "Keep the four forms as they are, and put a number of bytes in place of each ... .",
    )
    for form, (right, mistakes) in _SIZES.items():
        with part(form.split(":")[0]):
            got = answer[form]
            number = isinstance(got, int | float | np.number) and not isinstance(got, bool)
            expect(number, f"A number of bytes is asked for; got {got!r}.")
            for kilo in (1000, 1024):
                expect(not same(float(got), right / kilo, 1e-9), "That is in kilobytes. The exercise asks for bytes.")
            for planted, message in mistakes.items():
                refuse(got, planted, message)
            equal(got, right, tol=0.5)


def _to_int8(values, widen=True, steps=255, low=-128, rounding=np.round):
    """Integers, scale and zero point of values, and of what planted mistakes make of them."""
    least, most = values.min(), values.max()
    if widen:
        least, most = min(least, 0.0), max(most, 0.0)
    scale = (most - least) / steps
    zero = round(low - least / scale)
    return (rounding(values / scale) + zero).astype(int).astype(np.int8), scale, zero  # beyond int8 they wrap


def _symmetric(values):
    scale = np.abs(values).max() / 127
    return np.round(values / scale).astype(np.int8), scale, 0


@check(
    "50.2",
    title="Into eight bits",
    minutes=10,
    hints=(
        "Which number must 0 become? Which integer belongs to the smallest value, and which to the largest?",
        "255 steps from the smallest to the largest, and 0 must lie between them: widen the range where it does not. "
        "The smallest becomes -128, so 0 becomes -128 - low / scale, rounded.",
        "low, high = min(values.min(), ___), max(values.max(), ___)\n"
        "scale = (high - low) / ___\n"
        "zero = round(___ - low / scale)\n"
        "integers = np.clip(np.round(values / scale) + ___, -128, 127)\n"
        "return integers.astype(np.int8), scale, zero",
    ),
)
def to_int8(answer, rng):
    with part("values on both sides of 0"):
        _compare(answer, rng.uniform(-1, 2, 60))
    with part("all values far above 0"):
        _compare(answer, rng.uniform(2, 5, 60))
    with part("all values below 0"):
        _compare(answer, -rng.uniform(2, 5, 60))


def _compare(answer, values):
    got = run(answer, values, returns=(tuple, list))
    expect(len(got) == 3, f"Return three things: the integers, the scale, the zero point; yours are {len(got)}.")
    integers, scale, zero = np.asarray(got[0]), got[1], got[2]
    expect(integers.shape == values.shape, f"{values.size} values make as many integers; yours: {integers.shape}.")
    expect(
        integers.dtype == np.int8,
        f"The integers are to take a byte each: .astype(np.int8) at the end. Yours are {integers.dtype}.",
    )
    wanted = _to_int8(values)
    mine = (integers.astype(int), float(scale), int(zero))
    for planted, message in (
        (
            _symmetric(values),
            "That is the symmetric form of the weights. Here the smallest value becomes -128 and the largest 127.",
        ),
        (
            _to_int8(values, widen=False),
            "The range does not hold 0, so 0 has no exact integer. Widen it: min(low, 0) and max(high, 0).",
        ),
        (_to_int8(values, steps=256), "From -128 to 127 there are 256 integers, but 255 steps between them."),
        (
            _to_int8(values, low=0),
            "Your zero point is that of integers from 0 to 255. In int8 the smallest value becomes -128.",
        ),
        (_to_int8(values, rounding=np.trunc), "You cut the fractions off. The nearest integer is np.round."),
    ):
        if not _alike(planted, wanted) and _alike(planted, mine):
            raise Wrong(message)
    equal(float(scale), float(wanted[1]), "The scale is the range, with 0 in it, divided by 255.", tol=1e-9)
    equal(int(zero), int(wanted[2]), "The zero point is the integer that 0 becomes: -128 - low / scale, rounded.")
    equal(mine[0], wanted[0].astype(int), on=values)


def _alike(one, other):
    return (
        np.array_equal(np.asarray(one[0], int), np.asarray(other[0], int))
        and abs(one[1] - other[1]) < 1e-9
        and one[2] == other[2]
    )


def _pruned(weights, steps, shares, *, after=True, kernels=True, whole=True, memory=True, together=False):
    """The weights at the end of a training with pruning, and of what planted mistakes make of it."""
    weights = {name: weight.copy() for name, weight in weights.items()}
    masks = {name: np.ones(weight.shape, bool) for name, weight in weights.items()}
    chosen = [name for name in weights if name.endswith("kernel") or not kernels]
    for step, share in zip(steps, shares, strict=True):
        for name in weights:
            weights[name] = weights[name] + step[name]
            if memory:
                weights[name] = weights[name] * masks[name]
        everything = np.sort(np.concatenate([np.abs(weights[name]).ravel() for name in chosen]))
        for name in chosen:
            size = np.abs(weights[name])
            among = everything if together else np.sort(size if whole else size[masks[name]], axis=None)
            threshold = among[round(share * among.size)]
            masks[name] = (size >= threshold) & (masks[name] if memory else True)
            weights[name] = weights[name] * masks[name]
    return weights if after else {name: weights[name] + steps[-1][name] * ~masks[name] for name in weights}


@check(
    "50.3",
    title="Find three bugs in a pruning",
    minutes=20,
    hints=(
        "For each line ask: which arrays, which weights among them, and what has the optimizer just done?",
        "Only kernels are pruned. The share counts all of a kernel's weights, those that are zero already among them. "
        "The step moves zeros too, so the mask is laid on after it, before the next choice.",
        "masks = {name: np.ones(w.shape, bool) for name, w in weights.items()}\n"
        "for step, share in zip(steps, shares):\n"
        "    for name in weights:\n"
        "        weight = (weights[name] + ___) * ___\n"
        "        if name.endswith(___):\n"
        "            size = np.sort(np.abs(weight), axis=None)\n"
        "            masks[name] = np.abs(weight) >= size[round(share * ___)]\n"
        "        weights[name] = weight * ___\n"
        "return weights",
    ),
)
def pruned(answer, rng):
    weights, steps, shares = _training(rng)
    got = run(answer, weights, steps, shares, returns=dict)
    expect(
        set(got) == set(weights) and all(np.shape(got[name]) == weights[name].shape for name in weights),
        "Return a dict with the same names, and arrays of the same shapes.",
    )
    right = _pruned(weights, steps, shares)
    with part("what is pruned"):
        expect(
            all(np.count_nonzero(got[name]) == got[name].size for name in weights if not name.endswith("kernel")),
            "Biases and normalisation have zeros. They are few, and each acts on a whole channel: prune kernels only.",
        )
    with part("how many zeros, and where"):
        for name in (name for name in weights if name.endswith("kernel")):
            _judge(got, right, name, weights, steps, shares)
    with part("all other weights have learned"):
        for name, wanted in right.items():
            expect(
                same(np.where(wanted == 0, 0, got[name]), wanted, 1e-9),
                f"In {name} the weights that stay are not what they were plus all their steps.",
            )


def _judge(got, right, name, weights, steps, shares):
    zeros, wanted = got[name] == 0, right[name] == 0
    if np.array_equal(zeros, wanted):
        return
    share = shares[-1]
    found = f"{zeros.sum()} of {zeros.size} weights of {name} are zero; {wanted.sum()} were asked for."
    if np.array_equal(zeros, _pruned(weights, steps, shares, whole=False)[name] == 0):
        raise Wrong(
            f"{found} You took the share {share:g} of those that were left. It counts all of the kernel's weights: its "
            "zeros are the smallest of them."
        )
    if np.array_equal(zeros, _pruned(weights, steps, shares, together=True)[name] == 0):
        raise Wrong(f"{found} You compared the kernels with one another; here each loses the same share.")
    if np.array_equal(zeros, _pruned(weights, steps, shares, memory=False)[name] == 0):
        raise Wrong(
            f"In {name} a weight that was zero has come back: the step moved it, and it was no longer among the "
            "smallest. Lay the mask on after the step, before the next choice."
        )
    if zeros.sum() < wanted.sum() and not (zeros & ~wanted).any():
        raise Wrong(f"{found} The last step has moved zeros. The mask is laid on after the step, not before it.")
    raise Wrong(found if zeros.sum() != wanted.sum() else f"Other weights of {name} are zero than the smallest ones.")


def _training(rng):
    """Weights of three kernels and what is beside them, four steps, and the shares. Steps move zeros far."""
    shapes = {"first/kernel": (6, 5), "first/bias": (5,), "norm/gamma": (5,), "second/kernel": (5, 8)}
    weights = {name: rng.normal(0, 1 + ("second" in name), shape) for name, shape in shapes.items()}
    steps = [{name: rng.normal(0, 0.3, shape) for name, shape in shapes.items()} for _ in range(4)]
    for step in steps[1:]:  # what was among the smallest gets the largest steps
        for name, weight in weights.items():
            small = np.abs(weight) < np.quantile(np.abs(weight), 0.3)
            step[name] = step[name] + 3 * small
    return weights, steps, [0.3, 0.5, 0.6, 0.7]
