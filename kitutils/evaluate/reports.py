"""What an accuracy leaves out: how each class fares, whether the probabilities mean what they say, and how sure all
is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from kitutils.evaluate.comparison import wilson


def per_class(y_true: ArrayLike, y_pred: ArrayLike, class_names: Sequence[str], level: float = 0.95) -> pd.DataFrame:
    """Precision, recall and F1 of each class, with the interval of its recall.

    Args:
        y_true, y_pred: labels 0, 1, …, shape (rows,).
        class_names: of label 0, 1, …
        level: of Wilson's interval of the recall.

    Returns:
        A row a class: ``rows`` (that truly belong to it), ``precision``, ``recall``, ``low``, ``high``, ``f1``. What
        cannot be known is NaN: the recall of a class without rows, the precision of one that was never predicted.

    Raises:
        ValueError: the lengths differ, there are no rows, or a label has no name.
    """
    from sklearn.metrics import confusion_matrix

    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.shape != y_pred.shape or y_true.ndim != 1 or not len(y_true):
        raise ValueError(f"One true and one predicted label a row; got shapes {y_true.shape} and {y_pred.shape}.")
    if strange := sorted(set(np.union1d(y_true, y_pred).tolist()) - set(range(len(class_names)))):
        last = len(class_names) - 1
        raise ValueError(f"Label {strange[0]} has no name: {last + 1} names go with labels 0 to {last}.")
    matrix = confusion_matrix(y_true, y_pred, labels=range(len(class_names)))
    hits, truly, said = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    with np.errstate(invalid="ignore"):
        precision, recall, f1 = hits / said, hits / truly, 2 * hits / (truly + said)
    spans = [wilson(int(h), int(n), level) if n else (np.nan, np.nan) for h, n in zip(hits, truly, strict=True)]
    low, high = zip(*spans, strict=True)
    columns = {"rows": truly, "precision": precision, "recall": recall, "low": low, "high": high, "f1": f1}
    return pd.DataFrame(columns, index=pd.Index(class_names, name="class"))


@dataclass(frozen=True)
class Calibration:
    """Whether a model that says 80 % is right in 80 of 100 cases.

    Attributes:
        table: a row a bin of confidence that holds rows: ``low``, ``high``, ``rows``, ``confidence`` (its mean),
        ``accuracy``. error: expected calibration error: the mean distance of confidence and accuracy, weighted by rows.
    """

    table: pd.DataFrame
    error: float


def calibration(y_true: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> Calibration:
    """Compare the confidence of the predicted class with how often it is right, in bins of equal width.

    (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017; the error depends on the bins, so compare only
    numbers that have the same.)

    Args:
        y_true: labels 0, 1, …, shape (rows,).
        probabilities: shape (rows, classes), each row summing to 1.
        bins: how many.

    Raises:
        ValueError: shapes do not fit, or the rows are no probabilities (logits, for example).
    """
    y_true, p = np.asarray(y_true), np.asarray(probabilities, dtype=float)
    if p.ndim != 2 or y_true.shape != (len(p),) or not len(p):
        raise ValueError(f"Labels (rows,) and probabilities (rows, classes); got {y_true.shape} and {p.shape}.")
    if (p < -1e-6).any() or not np.allclose(p.sum(axis=1), 1, atol=1e-3):
        raise ValueError("Each row of probabilities sums to 1 and has nothing below 0. Logits need a softmax first.")
    sure, right = p.max(axis=1), p.argmax(axis=1) == y_true
    place = np.minimum((sure * bins).astype(int), bins - 1)
    grouped = pd.DataFrame({"bin": place, "confidence": sure, "accuracy": right}).groupby("bin")
    table = grouped.mean().assign(rows=grouped.size())
    table = table.assign(low=table.index / bins, high=(table.index + 1) / bins).reset_index(drop=True)
    error = float(((table["confidence"] - table["accuracy"]).abs() * table["rows"]).sum() / len(p))
    return Calibration(table[["low", "high", "rows", "confidence", "accuracy"]], error)


def bootstrap(
    metric: Callable[..., float], *columns: ArrayLike, rounds: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, tuple[float, float]]:
    """A metric of test rows with its percentile interval: rows are drawn again, with replacement, ``rounds`` times.

    It says what other test rows of the same kind would have given. It knows nothing of other training runs: see
    :func:`over_seeds`. (Efron and Tibshirani, An Introduction to the Bootstrap, 1993; drawn by
    ``scipy.stats.bootstrap``.)

    Args:
        metric: of the columns, such as ``roc_auc_score``; a draw on which it is undefined is left out.
        columns: arrays whose first axis is the rows, such as labels and scores.
        rounds: of drawing.
        seed: the same one gives the same interval.
        level: of the interval.

    Returns:
        The metric on all rows, and (low, high).

    Raises:
        ValueError: lengths differ, there are fewer than two rows, or the metric is undefined in most draws.
    """
    arrays = [np.asarray(column) for column in columns]
    rows = len(arrays[0]) if arrays else 0
    if rows < 2 or any(len(array) != rows for array in arrays):
        raise ValueError(f"The bootstrap needs two rows or more, the same for all; got {[len(a) for a in arrays]}.")

    def of(places: np.ndarray) -> float:
        try:
            return float(metric(*(array[places] for array in arrays)))
        except ValueError:  # one class only, for example
            return np.nan

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of draws with one class, or with one value, which are dealt with below
        drawn = stats.bootstrap(
            (np.arange(rows),),
            of,
            n_resamples=rounds,
            vectorized=False,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).bootstrap_distribution
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < rounds / 2:
        lost = rounds - len(defined)
        raise ValueError(f"The metric is undefined in {lost} of {rounds} draws; there are too few rows.")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(metric(*arrays)), (float(low), float(high))


def over_seeds(values: ArrayLike, level: float = 0.95) -> tuple[float, tuple[float, float]]:
    """Mean of a score over trainings with other seeds on the same split, with Student's t interval of that mean.

    Args:
        values: one a seed, shape (seeds,).
        level: of the interval.

    Raises:
        ValueError: there are fewer than two.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"A spread needs two seeds or more, shape (seeds,); got shape {values.shape}.")
    mean = float(values.mean())
    reach = float(stats.t.ppf(0.5 + level / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, (mean - reach, mean + reach)
