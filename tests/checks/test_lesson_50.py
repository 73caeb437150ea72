"""The checks of lesson 50 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np

from kitutils.course.grading import assert_check

FORMS = (
    "float32",
    "int8: a byte for each weight, a float32 scale for each column",
    "sparse: a bit for each weight, zero or not, and the others in float32",
    "shared: half a byte for each weight, and a list of 16 float32",
)
RIGHT = dict(zip(FORMS, (2_048_000, 516_000, 268_800, 256_064), strict=True))


def changed(form, size):
    return RIGHT | {FORMS[form]: size}


def test_sizes():
    assert_check(
        "50.1",
        right=[
            RIGHT,
            {name: float(size) for name, size in RIGHT.items()},
            dict(zip(FORMS, (4 * 512e3, 512e3 + 4e3, 512e3 / 8 + 4 * 51_200, 512e3 / 2 + 64), strict=True)),
        ],
        wrong={
            "Keep the four forms": {"float32": 2_048_000},
            "number of bytes is asked for": changed(0, "2 MB"),
            "in kilobytes": changed(0, 2048),
            "32 are bits": changed(0, 32 * 512_000),
            "number of weights. A float32": changed(0, 512_000),
            "scales are missing": changed(1, 512_000),
            "One scale is not enough": changed(1, 512_004),
            "There are 512 rows": changed(1, 512_000 + 4 * 512),
            "A scale is a float32": changed(1, 513_000),
            "bits are missing": changed(2, 204_800),
            "A bit, not a byte": changed(2, 512_000 + 204_800),
            "You stored the zeros": changed(2, 64_000 + 4 * 460_800),
            "weights that are left are float32": changed(2, 64_000 + 51_200),
            "The list is missing": changed(3, 256_000),
            "16 values of the list are float32": changed(3, 256_016),
            "numbers from 0 to 15": changed(3, 512_064),
        },
    )


def plainly(values):
    low, high = min(values.min(), 0), max(values.max(), 0)
    scale = (high - low) / 255
    zero = round(-128 - low / scale)
    return np.clip(np.round(values / scale) + zero, -128, 127).astype(np.int8), scale, zero


def with_append(values):
    ends = np.append(values, 0.0)
    scale = np.ptp(ends) / 255
    zero = np.rint(-128 - ends.min() / scale)
    return np.rint(values / scale + zero).clip(-128, 127).astype("int8"), scale, int(zero)


def by_the_kit(values):
    from kitutils.ship.quantise import quantise, scale_and_zero

    scale, zero = scale_and_zero(float(values.min()), float(values.max()))
    return [quantise(values, scale, zero), scale, zero]


def wrongly(widen=True, steps=255, low=-128, rounding=np.round, kind=np.int8):
    def to_int8(values):
        least, most = (min(values.min(), 0), max(values.max(), 0)) if widen else (values.min(), values.max())
        scale = (most - least) / steps
        zero = round(low - least / scale)
        return (rounding(values / scale) + zero).astype(int).astype(kind), scale, zero

    return to_int8


def as_weights(values):
    scale = np.abs(values).max() / 127
    return np.round(values / scale).astype(np.int8), scale, 0


def test_to_int8():
    assert_check(
        "50.2",
        right=[plainly, with_append, by_the_kit],
        wrong={
            "symmetric form of the weights": as_weights,
            "does not hold 0": wrongly(widen=False),
            "255 steps between": wrongly(steps=256),
            "integers from 0 to 255": wrongly(low=0),
            "cut the fractions off": wrongly(rounding=np.trunc),
            "a byte each": wrongly(kind=np.int16),
            "Return three things": lambda values: plainly(values)[:2],
            "make as many integers": lambda values: (plainly(values)[0][:-1], *plainly(values)[1:]),
            "divided by 255": lambda values: (plainly(values)[0], 2 * plainly(values)[1], plainly(values)[2]),
            "the integer that 0 becomes": lambda values: (*plainly(values)[:2], plainly(values)[2] + 1),
        },
    )


def in_order(weights, steps, shares):
    masks = {name: np.ones(weight.shape, bool) for name, weight in weights.items()}
    new = dict(weights)
    for step, share in zip(steps, shares, strict=True):
        for name in new:
            weight = (new[name] + step[name]) * masks[name]
            if name.endswith("kernel"):
                size = np.sort(np.abs(weight), axis=None)
                masks[name] = np.abs(weight) >= size[round(share * weight.size)]
            new[name] = weight * masks[name]
    return new


def by_rank(weights, steps, shares):
    new = {name: weight.copy() for name, weight in weights.items()}
    dead = {name: np.array([], int) for name in weights if name.endswith("kernel")}
    for step, share in zip(steps, shares, strict=True):
        for name, weight in new.items():
            weight += step[name]
            if name in dead:
                weight.flat[dead[name]] = 0
                dead[name] = np.argsort(np.abs(weight), axis=None)[: round(share * weight.size)]
                weight.flat[dead[name]] = 0
    return new


def faulty(after=True, kernels=True, whole=True, memory=True, together=False, stale=False):
    def prune(weights, steps, shares):
        masks = {name: np.ones(weight.shape, bool) for name, weight in weights.items()}
        new = dict(weights)
        for step, share in zip(steps, shares, strict=True):
            for name in new:
                new[name] = new[name] + step[name] if after else new[name] * masks[name] + step[name]
                if after and memory:
                    new[name] = new[name] * masks[name]
            everything = np.concatenate([np.abs(new[name]).ravel() for name in new if name.endswith("kernel")])
            for name in new:
                if kernels and not name.endswith("kernel"):
                    continue
                size = np.abs(new[name])
                among = np.sort(everything if together else size if whole else size[masks[name]], axis=None)
                masks[name] = size >= among[round(share * among.size)]
                if after:
                    new[name] = new[name] * masks[name]
        return {name: weight * 1.1 for name, weight in new.items()} if stale else new

    return prune


def test_pruned():
    assert_check(
        "50.3",
        right=[in_order, by_rank, faulty()],
        wrong={
            "prune kernels only": faulty(kernels=False),
            "of those that were left": faulty(whole=False),
            "compared the kernels with one another": faulty(together=True),
            "has come back": faulty(memory=False),
            "The last step has moved zeros": faulty(after=False),
            "plus all their steps": faulty(stale=True),
            "same names": lambda weights, steps, shares: {},
        },
    )
