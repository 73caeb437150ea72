"""Labels that people give: how far two agree, what several make together, and whose can be trusted.

A label is a class number from 0; ``MISSING`` stands where somebody gave none. Boxes are in pixels, (top, left, bottom,
right): the first row and column inside, the last row and column plus one, as in ``shapes10``.

Lessons: 11.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

MISSING = -1
FEW = 50  # below that many labels in common, an interval of kappa says little more than that more are needed


@dataclass(frozen=True)
class Agreement:
    """How far two people agree on the rows that both have labelled.

    Attributes:
        rows: how many those are.
        share: the fraction of them with the same label.
        by_chance: the fraction to be expected if each drew labels at random, as often as they used each one.
        kappa: Cohen's kappa, 1 for full agreement, 0 for no more than chance; nan where ``by_chance`` is 1.
        interval: of kappa, from resampled rows; (nan, nan) where kappa is nan.
    """

    rows: int
    share: float
    by_chance: float
    kappa: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        if np.isnan(self.kappa):
            return f"{self.rows} rows: both gave one and the same label throughout, so kappa is not defined"
        few = f"; {self.rows} rows are few" if self.rows < FEW else ""
        low, high = self.interval
        return (
            f"{self.rows} rows: {self.share:.0%} the same, {self.by_chance:.0%} by chance, "
            f"kappa {self.kappa:.2f} ({low:.2f} to {high:.2f}{few})"
        )


def agreement(first: ArrayLike, second: ArrayLike, *, level: float = 0.95, seed: int = 0) -> Agreement:
    """Percentage agreement and Cohen's kappa of two people (Cohen, Educational and Psychological Measurement 20, 1960).

    The interval is the percentile bootstrap over rows (Efron and Tibshirani, "An Introduction to the Bootstrap",
    1993, chapter 13), 2,000 draws.

    Args:
        first, second: labels, int of shape (rows,); rows that either left out (``MISSING``) do not count.
        level: of the interval, between 0 and 1.
        seed: of the resampling.

    Raises:
        ValueError: shapes differ, labels are no class numbers, or no row was labelled by both.
    """
    first, second = _labels(first, 1, "first"), _labels(second, 1, "second")
    if len(first) != len(second):
        raise ValueError(f"Both label the same rows; got {len(first)} and {len(second)} labels.")
    if not 0 < level < 1:
        raise ValueError(f"level is a fraction between 0 and 1, such as 0.95; got {level}.")
    both = (first != MISSING) & (second != MISSING)
    rows = int(both.sum())
    if not rows:
        raise ValueError("There is no row that both have labelled, so there is nothing to compare.")
    classes = int(max(first.max(), second.max())) + 1
    table = np.bincount(first[both] * classes + second[both], minlength=classes**2).reshape(classes, classes)
    share, by_chance, kappa = (float(value) for value in _kappa(table))
    # Rows drawn with replacement fill the cells of the table as a multinomial does.
    drawn = np.random.default_rng(seed).multinomial(rows, table.ravel() / rows, 2000)
    kappas = _kappa(drawn.reshape(-1, classes, classes))[2]
    defined = kappas[~np.isnan(kappas)]
    tails = (0.5 - level / 2, 0.5 + level / 2)
    interval = (np.nan, np.nan) if np.isnan(kappa) else tuple(float(end) for end in np.quantile(defined, tails))
    return Agreement(rows, share, by_chance, kappa, interval)


def _kappa(table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share, share by chance and kappa of counts, shape (..., classes, classes)."""
    rows = table.sum((-2, -1))
    share = np.trace(table, axis1=-2, axis2=-1) / rows
    by_chance = (table.sum(-1) * table.sum(-2)).sum(-1) / rows**2
    with np.errstate(invalid="ignore"):  # 0 / 0, which is nan, where both gave one and the same label throughout
        return share, by_chance, (share - by_chance) / (1 - by_chance)


def majority(votes: ArrayLike) -> np.ndarray:
    """The label that most annotators gave to each row.

    Args:
        votes: int of shape (rows, annotators), ``MISSING`` where one did not vote.

    Returns:
        int64 of shape (rows,), ``MISSING`` where two labels lead with equally many votes, or nobody voted: such a row
        needs one more opinion, and a coin would hide that.

    Raises:
        ValueError: the votes are not a table of class numbers.
    """
    votes = _labels(votes, 2, "votes")
    classes = max(int(votes.max(initial=0)) + 1, 2)
    counts = (votes[:, :, None] == np.arange(classes)).sum(axis=1)
    second, most = np.sort(counts, axis=1)[:, -2:].T
    return np.where(most > second, counts.argmax(axis=1), MISSING)


def gold_scores(votes: ArrayLike, gold: ArrayLike, names: ArrayLike | None = None) -> pd.DataFrame:
    """What each annotator is worth, from the rows whose right label is known: the gold questions.

    Args:
        votes: int of shape (rows, annotators).
        gold: right labels, int of shape (rows,), ``MISSING`` where the row is no gold question.
        names: of the annotators, one each; their numbers if None.

    Returns:
        One row an annotator: ``asked`` (gold questions answered), ``right``, ``share``, and ``low``, ``high``: the 95 %
        Wilson interval of the share. Where none was answered share is nan, and the interval is 0 to 1.

    Raises:
        ValueError: shapes do not fit, or no row is a gold question.
    """
    votes, gold = _labels(votes, 2, "votes"), _labels(gold, 1, "gold")
    if len(votes) != len(gold):
        raise ValueError(f"One right label, or {MISSING}, for each row; got {len(gold)} for {len(votes)} rows.")
    known = gold != MISSING
    if not known.any():
        raise ValueError(f"No row is a gold question: every entry of gold is {MISSING}.")
    asked = (votes[known] != MISSING).sum(axis=0)
    right = (votes[known] == gold[known, None]).sum(axis=0)
    ends = [
        stats.binomtest(int(k), int(n)).proportion_ci(method="wilson") if n else (0.0, 1.0)
        for k, n in zip(right, asked, strict=True)
    ]
    low, high = np.array([tuple(pair) for pair in ends]).T
    share = np.divide(right, asked, out=np.full(len(asked), np.nan), where=asked > 0)
    index = pd.Index(range(votes.shape[1]) if names is None else list(names), name="annotator")
    return pd.DataFrame({"asked": asked, "right": right, "share": share, "low": low, "high": high}, index=index)


def iou(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """Intersection over union of boxes: 1 for the same box, 0 for boxes that do not overlap.

    Args:
        first, second: (top, left, bottom, right), shapes (..., 4) that broadcast. All pairs of n and m boxes:
            ``iou(first[:, None], second)``.

    Returns:
        float64 of shape (...).

    Raises:
        ValueError: a box is empty or turned inside out.
    """
    first, second = boxes(first), boxes(second)
    top_left = np.maximum(first[..., :2], second[..., :2])
    bottom_right = np.minimum(first[..., 2:], second[..., 2:])
    shared = np.prod(np.maximum(bottom_right - top_left, 0), axis=-1)
    both = _area(first) + _area(second)
    return shared / (both - shared)


def flip_boxes(given: ArrayLike, width: float) -> np.ndarray:
    """The boxes of a picture that is mirrored left to right.

    Args:
        given: (top, left, bottom, right), shape (..., 4).
        width: of the picture, in pixels.

    Returns:
        float64 of the same shape.

    Raises:
        ValueError: a box is empty, turned inside out or reaches out of the picture.
    """
    given = boxes(given)
    if (given[..., 1] < 0).any() or (given[..., 3] > width).any():
        raise ValueError(f"A box reaches out of the picture, whose columns go from 0 to {width}.")
    top, left, bottom, right = np.moveaxis(given, -1, 0)
    return np.stack([top, width - right, bottom, width - left], axis=-1)


def boxes(given: ArrayLike) -> np.ndarray:
    """Boxes as float64, shape (..., 4), after a look at their form.

    Raises:
        ValueError: they are not four finite numbers each, with top < bottom and left < right.
    """
    given = np.asarray(given, dtype=float)
    if given.ndim == 0 or given.shape[-1] != 4:
        raise ValueError(f"A box is (top, left, bottom, right); got an array of shape {given.shape}.")
    good = np.isfinite(given).all(axis=-1) & (given[..., :2] < given[..., 2:]).all(axis=-1)
    if not good.all():
        bad = given[~good].reshape(-1, 4)[0].tolist()
        raise ValueError(f"A box is (top, left, bottom, right) with top < bottom and left < right; got {bad}.")
    return given


def _area(box: np.ndarray) -> np.ndarray:
    return np.prod(box[..., 2:] - box[..., :2], axis=-1)


def _labels(values: ArrayLike, dimensions: int, name: str) -> np.ndarray:
    values = np.asarray(values)
    shape = ("(rows,)", "(rows, annotators)")[dimensions - 1]
    if values.ndim != dimensions:
        raise ValueError(f"{name} has shape {shape}; got {values.shape}.")
    if not (np.issubdtype(values.dtype, np.integer) and (values >= MISSING).all()):
        raise ValueError(f"{name} holds class numbers from 0, or {MISSING} for none; got {values.ravel()[:5]} ….")
    return values.astype(np.int64)
