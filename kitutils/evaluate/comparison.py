"""Two models on the same test rows: who is better, by how much, and could it be luck?

Lessons: 01, 14.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Verdict:
    """What :func:`judge` found. Accuracies and intervals are fractions, not percent.

    Attributes:
        rows: number of test rows.
        accuracy: of our model, with its Wilson interval ``interval``.
        rival_accuracy: of the rival, with ``rival_interval``.
        difference: ours minus the rival's, with Newcombe's interval for paired proportions ``difference_interval``.
        only_ours, only_rival: rows that only one of the two gets right: all the evidence there is.
        p_value: exact McNemar test of "each such row is a coin toss".
        level: of the intervals.
    """

    rows: int
    accuracy: float
    interval: tuple[float, float]
    rival_accuracy: float
    rival_interval: tuple[float, float]
    difference: float
    difference_interval: tuple[float, float]
    only_ours: int
    only_rival: int
    p_value: float
    level: float

    @property
    def distinguishable(self) -> bool:
        """Whether the paired test tells the two apart at ``1 - level``."""
        return self.p_value < 1 - self.level

    def __str__(self) -> str:
        low, high = (100 * x for x in self.difference_interval)
        ending = "these rows tell them apart" if self.distinguishable else "these rows cannot tell them apart"
        return (
            f"ours {self.accuracy:.1%} ({self.interval[0]:.1%} to {self.interval[1]:.1%})\n"
            f"rival {self.rival_accuracy:.1%} ({self.rival_interval[0]:.1%} to {self.rival_interval[1]:.1%})\n"
            f"difference {100 * self.difference:+.1f} points ({low:+.1f} to {high:+.1f})\n"
            f"of {self.rows} rows, {self.only_ours} only ours gets right, {self.only_rival} only the rival; "
            f"p = {self.p_value:.2g}: {ending}"
        )


def judge(y_true: ArrayLike, ours: ArrayLike, rival: ArrayLike, *, level: float = 0.95) -> Verdict:
    """Compare two classifiers on the test rows that both have predicted.

    Rows on which both are right or both are wrong say nothing about which is better, so the difference and the test
    look at the rows on which they disagree (Dietterich, "Approximate statistical tests for comparing supervised
    classification learning algorithms", Neural Computation 10, 1998).

    Args:
        y_true: labels, shape (rows,).
        ours, rival: predicted labels, shape (rows,); not probabilities.
        level: of the intervals, between 0 and 1.

    Raises:
        ValueError: shapes or kinds of label differ, there are no rows, or probabilities came in place of labels.
    """
    y_true, ours, rival = (_labels(a, n) for a, n in ((y_true, "y_true"), (ours, "ours"), (rival, "rival")))
    kinds = {"text" if a.dtype.kind in "OSU" else "numbers" for a in (y_true, ours, rival)}
    if len(kinds) > 1:
        raise ValueError("Some labels are texts and some are numbers, so none would ever be equal. Use one kind.")
    if not len(y_true) == len(ours) == len(rival):
        raise ValueError(f"The same rows for all: got {len(y_true)} labels, {len(ours)} and {len(rival)} predictions.")
    if not 0 < level < 1:
        raise ValueError(f"level is a fraction between 0 and 1, such as 0.95; got {level}.")
    right, rival_right = ours == y_true, rival == y_true
    rows, k, m = len(y_true), int(right.sum()), int(rival_right.sum())
    only_ours, only_rival = int((right & ~rival_right).sum()), int((~right & rival_right).sum())
    return Verdict(
        rows=rows,
        accuracy=k / rows,
        interval=wilson(k, rows, level),
        rival_accuracy=m / rows,
        rival_interval=wilson(m, rows, level),
        difference=(k - m) / rows,
        difference_interval=_newcombe(int((right & rival_right).sum()), only_ours, only_rival, rows, level),
        only_ours=only_ours,
        only_rival=only_rival,
        p_value=mcnemar(only_ours, only_rival),
        level=level,
    )


def over_splits(differences: ArrayLike, *, test_share: float, level: float = 0.95) -> tuple[float, tuple[float, float]]:
    """Mean difference of two models over repeated random splits of one data set, with its interval.

    The splits share most of their training rows, so the plain t interval is too narrow. This one widens it as Nadeau
    and Bengio propose ("Inference for the generalization error", Machine Learning 52, 2003).

    Args:
        differences: ours minus the rival's score, one per split, shape (splits,).
        test_share: share of the rows that each split tests on, between 0 and 1.
        level: of the interval.

    Raises:
        ValueError: there are fewer than two splits, or a share is no fraction between 0 and 1.
    """
    differences = np.asarray(differences, dtype=float)
    if differences.ndim != 1 or len(differences) < 2:
        raise ValueError(f"An interval needs two splits or more, shape (splits,); got shape {differences.shape}.")
    if not (0 < test_share < 1 and 0 < level < 1):
        raise ValueError(f"test_share and level are fractions between 0 and 1; got {test_share} and {level}.")
    spread = math.sqrt((1 / len(differences) + test_share / (1 - test_share)) * differences.var(ddof=1))
    reach = float(stats.t.ppf(0.5 + level / 2, len(differences) - 1)) * spread
    mean = float(differences.mean())
    return mean, (mean - reach, mean + reach)


def mcnemar(only_first: int, only_second: int) -> float:
    """p-value of the exact McNemar test, two-sided: a binomial test of the disagreements against a fair coin.

    Args:
        only_first, only_second: rows that only the first, only the second model gets right.
    """
    n = only_first + only_second
    return 1.0 if n == 0 else float(stats.binomtest(only_first, n, 0.5).pvalue)


def wilson(successes: int, rows: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval for a proportion (Wilson, JASA 22, 1927): honest near 0 and 1 where mean ± 2 σ is not."""
    interval = stats.binomtest(successes, rows).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def _newcombe(both: int, only_first: int, only_second: int, rows: int, level: float) -> tuple[float, float]:
    """Interval for the difference of two paired proportions, method 10 of Newcombe, Statistics in Medicine 17, 1998."""
    neither = rows - both - only_first - only_second
    first, second = both + only_first, both + only_second
    p1, p2 = first / rows, second / rows
    (l1, u1), (l2, u2) = wilson(first, rows, level), wilson(second, rows, level)
    # The correlation of the two, with a continuity correction where it is positive, as the paper gives it.
    product = first * (rows - first) * second * (rows - second)
    covariance = both * neither - only_first * only_second
    if covariance > 0:
        covariance = max(covariance - rows / 2, 0)
    phi = covariance / math.sqrt(product) if product else 0.0

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(a * a - 2 * phi * a * b + b * b, 0.0))

    difference = p1 - p2
    return difference - reach(p1 - l1, u2 - p2), difference + reach(u1 - p1, p2 - l2)


def _labels(values: ArrayLike, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1:
        hint = " Take argmax(axis=1) of the probabilities first." if values.ndim == 2 else ""
        raise ValueError(f"{name} is one label a row, shape (rows,); got shape {values.shape}.{hint}")
    if not len(values):
        raise ValueError(f"{name} is empty: there is nothing to judge.")
    if values.dtype.kind == "f" and not np.equal(values, np.round(values)).all():
        raise ValueError(f"{name} holds fractions such as {values[values != np.round(values)][0]:.3g}, not labels.")
    return values
