"""Where a column's values end and something else begins: the search for a break in the tail.

Most measurements thin out towards their end faster and faster: their density, or that of their logarithm, is
log-concave (Bagnoli and Bergstrom, "Log-concave probability and its applications", Economic Theory 26, 2005). Then the
*normalised spacings*, each gap between neighbouring values times the number of values beyond it, do not grow on the way
out (Barlow and Proschan, "Statistical theory of reliability", 1975). A gap that is far too wide for the many values
beyond it is where another process begins: a slip of the unit, a typing error, a code. One or two values far out are no
break: every heavy tail has them.
"""

from __future__ import annotations

import numpy as np

BULK = 0.8  # the tail begins at this quantile
LARGEST = 0.1  # more than this share beyond a break is a second group of values, no error
POPULAR = 0.01  # a value that so many rows share is one of the column's own; near the bulk, one that sticks out is, too
STICKS_OUT = 10.0
CAUTION = 8.0  # a break must be so much rarer than one in all gaps, as a natural logarithm
WIDE = 3.0  # times as wide as the gaps before it
NEIGHBOURS = 10
REPEATS = 3  # equal values beyond a gap count so often at most: they may be one product, ordered many times
STEEP = 3.0  # the last value before a shelf is so much commoner than the first on it
FEW = 50  # with more distinct values in the middle, the tail is not looked at step by step
LATTICE = 100  # steps of it that are looked at


def break_above(values: np.ndarray, counts: np.ndarray, scaled: np.ndarray | None = None) -> int | None:
    """The first of the distinct values that lies beyond a break in the upper tail.

    Args:
        values: the distinct values, float64, ascending.
        counts: how often each occurs.
        scaled: the values on the scale on which their tail is judged, such as their logarithms; the same if None.

    Returns:
        Its index, or None if the tail ends as tails do.
    """
    if len(values) < 3:
        return None
    scaled = values if scaled is None else scaled
    total, running = counts.sum(), np.cumsum(counts)
    above = total - running  # how many values are larger than this one
    allowed = _allowed(scaled, counts, running, total)
    if not allowed.any():
        return None
    start = int(np.searchsorted(running, BULK * total))
    inner = (above[:-1] < 0.95 * total) & (above[:-1] >= 0.05 * total)
    steps = np.diff(values)
    step = float(steps[inner].min()) if inner.any() else float(steps.min())
    gap = _gap(values, scaled, counts, above, allowed, step, start)
    shelf = _shelf(values, counts, allowed, step, start) if inner.sum() <= FEW else None
    return min((at for at in (gap, shelf) if at is not None), default=None)


def _allowed(scaled: np.ndarray, counts: np.ndarray, running: np.ndarray, total: int) -> np.ndarray:
    """Between which values and their successors a break may lie: few values beyond, and none of them a popular one."""
    beyond = (total - running > 0) & (total - running <= LARGEST * total)
    low, high = scaled[np.searchsorted(running, 0.05 * total)], scaled[np.searchsorted(running, 0.95 * total)]
    usual = np.median(counts[1:][beyond[:-1]]) if beyond.any() else 1
    popular = counts >= max(POPULAR * total, 5)
    popular |= (counts >= max(STICKS_OUT * usual, 5)) & (scaled <= high + (high - low))
    beyond[: np.flatnonzero(popular)[-1] if popular.any() else 0] = False
    return beyond[:-1]


def _gap(values, scaled, counts, above, allowed, step, start) -> int | None:
    """The innermost gap that is too wide for what lies beyond it."""
    tail = slice(start, len(values) - 1)
    raw, steps = np.diff(values), np.diff(scaled)
    wider = steps[tail] * np.maximum(1 - step / raw[tail], 0)  # a lattice has gaps of one step everywhere
    exposure = np.concatenate([[0.0], np.cumsum(above[tail] * steps[tail])[:-1]])
    events = np.cumsum(counts[tail])
    mean = np.maximum(exposure / events, steps[tail] - wider)  # mean excess over the start, so far
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.minimum(above[tail], REPEATS * np.arange(len(values) - 1, 0, -1)[tail])
        surprise = np.where(mean > 0, beyond * wider / mean, np.where(wider > 0, np.inf, 0))
        # The mean is itself an estimate, of few events near the start: the ratio is an F, no exponential.
        surprise = events * np.log1p(surprise / events)
    candidates = np.flatnonzero(allowed[tail] & (surprise > np.log(counts.sum()) + CAUTION) & (wider > 0.2 * mean))
    for at in candidates + start:
        before = slice(max(at - NEIGHBOURS, 0), at)
        if at == 0 or raw[at] >= WIDE * np.median(raw[before]) or steps[at] >= WIDE * np.median(steps[before]):
            return int(at) + 1
    return None


def _shelf(values, counts, allowed, step, start) -> int | None:
    """Whole steps whose tail stops thinning out: a steep end, and then a shelf of equally rare values.

    Where the shelf begins is where two descriptions together, geometric up to there and evenly spread beyond, are
    likeliest. It is a shelf if its values thin out far more slowly than those before it, and are flat.
    """
    places = np.rint((values[start:] - values[start]) / step)
    near = np.flatnonzero(places <= LATTICE)
    places, counts, allowed = places[near], counts[start:][near].astype(float), np.append(allowed, False)[start:][near]
    allowed[-1] = False
    total, running, moments = counts.sum(), np.cumsum(counts), np.cumsum(counts * places)
    rest, width = total - running, np.maximum(places[-1] - places, 1)
    mean = rest / width
    allowed &= (counts > STEEP * np.append(counts[1:], 0)) & (counts > mean + 3 * np.sqrt(mean))
    if not allowed.any():
        return None
    likely = np.full(len(places), -np.inf)
    for at in np.flatnonzero(allowed):
        likely[at] = _geometric(running[at], moments[at]) + running[at] * np.log(running[at] / total)
        likely[at] += rest[at] * np.log(rest[at] / total / width[at])
    best = int(np.argmax(likely))
    # Of how many that came so far did one end there, a step: before the shelf, and on it.
    inside = running[best] / (moments[best] + running[best] + rest[best] * (places[best] + 1))
    on_shelf = rest[best] + (counts * (places - places[best] - 1))[best + 1 :].sum()
    slower = on_shelf * _divergence(rest[best] / on_shelf, inside)
    middle = places[best] + width[best] / 2
    inner = counts[best + 1 :][places[best + 1 :] <= middle].sum()
    outer = rest[best] - inner
    flat = outer > 0 and inner <= STEEP * outer
    return start + best + 1 if flat and slower > np.log(total) + CAUTION else None


def _geometric(count: float, moment: float) -> float:
    """The log-likelihood of the best geometric distribution on 0, 1, …, for so many values with this sum."""
    mean = moment / count
    return -count * ((1 + mean) * np.log1p(mean) - mean * np.log(mean)) if mean > 0 else 0.0


def _divergence(share: float, other: float) -> float:
    """Kullback–Leibler divergence of two coins, 0 if the first is the likelier to fall heads."""
    if share >= other:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [p * np.log(p / q) if p > 0 else 0.0 for p, q in ((share, other), (1 - share, 1 - other))]
    return float(sum(terms))
