"""The shop's preprocessing twice: as a scikit-learn transformer and as Keras layers, the same to seven digits.

Both learn from the training rows alone: mean and deviation of each number, the values of each text, the share of
returns. Both turn a raw order (``features.INPUTS``) into the same columns, named by :func:`columns`:

* numbers: standardised, at most ``LIMIT`` deviations from the mean, 0 (the mean) where missing;
* customer and product: their smoothed share of returns (the share of all where nothing is known), and how far it is
  their own, ``known / (known + weight)``; both standardised;
* texts: one-hot; all zeros where missing or never seen in training.

Lessons: 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from kitutils.data import features
from kitutils.data.features import HISTORY, NUMBERS, TEXTS, smoothed_rate

if TYPE_CHECKING:
    import keras
    from sklearn.compose import ColumnTransformer

LIMIT = 5.0  # deviations from the mean: a weight a thousand times too large must not drown all else


@dataclass(frozen=True, eq=False)
class Learned:
    """What the preprocessing has learned from the training rows.

    Attributes:
        prior: share of returns.
        mean, deviation: float64, shape (numbers,), of the numeric columns in the order of :func:`columns`.
        vocabulary: text column → its values in training, sorted; a missing one is none of them.
    """

    prior: float
    mean: np.ndarray
    deviation: np.ndarray
    vocabulary: dict[str, list[str]]


def learn(rows: pd.DataFrame, returned: ArrayLike) -> Learned:
    """Look at the training rows, and only at them.

    Args:
        rows: with the columns ``features.INPUTS``.
        returned: 0 or 1, shape (rows,).

    Raises:
        ValueError: there are no rows, their number is not that of the outcomes, or a column is missing.
    """
    if not 0 < len(rows) == len(returned):
        raise ValueError(f"Training rows and their outcomes, as many of both; got {len(rows)} and {len(returned)}.")
    inputs = features.as_inputs(rows)
    prior = float(np.mean(returned))
    numbers = _numbers(np.stack([inputs[name] for name in _NUMERIC], axis=1).astype(float), prior)
    seen = ~np.isnan(numbers)  # a column that is missing throughout gets mean 0, not a warning
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, numbers, 0).sum(axis=0) / count
    deviation = np.sqrt((np.where(seen, numbers - mean, 0) ** 2).sum(axis=0) / count)
    vocabulary = {name: sorted(set(inputs[name]) - {""}) for name in TEXTS}
    return Learned(prior, mean, np.where(deviation > 0, deviation, 1.0), vocabulary)


def columns(learned: Learned) -> list[str]:
    """The names of the encoded columns, in their order."""
    past = [f"{who}_{what}" for who in HISTORY for what in ("rate", "trust")]
    return [*NUMBERS, *past, *(f"{name}={value}" for name in TEXTS for value in learned.vocabulary[name])]


def sklearn_encoder(learned: Learned) -> ColumnTransformer:
    """The preprocessing in scikit-learn, fitted: a table with ``features.INPUTS`` → float64 (rows, columns).

    Put it into a ``Pipeline`` before any scikit-learn model, or call ``transform``.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

    values = [learned.vocabulary[name] for name in TEXTS]
    one_hot = OneHotEncoder(categories=values, handle_unknown="ignore", sparse_output=False)
    encoder = ColumnTransformer(
        [
            ("numbers", FunctionTransformer(_standardised, kw_args={"learned": learned}), list(_NUMERIC)),
            ("texts", one_hot, list(TEXTS)),
        ],
        verbose_feature_names_out=False,
    )
    # Nothing is left to learn; fitting on a row of known values only tells scikit-learn which columns will come.
    known = {name: [0.0] for name in _NUMERIC} | {name: learned.vocabulary[name][:1] or [""] for name in TEXTS}
    return encoder.fit(pd.DataFrame(known))


def keras_encoder(learned: Learned) -> tuple[dict[str, keras.KerasTensor], keras.KerasTensor]:
    """The preprocessing as Keras layers, to put a network on: named inputs, and what they become.

    Returns:
        name → input of shape (rows,), "float32" or "string", as ``features.as_inputs`` makes them; and the encoded
        columns, float32 of shape (rows, columns). Saves, loads and exports with the model that is built on it.
    """
    import keras
    from keras import layers, ops

    inputs = {name: keras.Input((), dtype="float32", name=name) for name in _NUMERIC}
    inputs |= {name: keras.Input((), dtype="string", name=name) for name in TEXTS}
    past = {name: _or_zero(inputs[name]) for name in features.COUNTS}
    numbers = [inputs[name] for name in NUMBERS]
    for who, weight in HISTORY.items():
        known = past[f"{who}_known"]
        numbers.append(smoothed_rate(past[f"{who}_returned"], known, prior=learned.prior, weight=weight))
        numbers.append(known / (known + weight))
    scaled = layers.Normalization(mean=learned.mean.tolist(), variance=(learned.deviation**2).tolist(), name="scale")(
        ops.stack(numbers, axis=-1)
    )
    encoded = [ops.clip(_or_zero(scaled), -LIMIT, LIMIT)]
    for name in TEXTS:
        # Column 0 is for what was never seen. No training row has it, so its weight would stay what chance made it.
        lookup = layers.StringLookup(vocabulary=learned.vocabulary[name], output_mode="one_hot", name=f"{name}_one_hot")
        encoded.append(lookup(inputs[name])[:, 1:])
    return inputs, layers.concatenate(encoded, name="features")


_NUMERIC = (*NUMBERS, *features.COUNTS)


def _numbers(raw: np.ndarray, prior: float) -> np.ndarray:
    """The numeric columns before standardising: the raw numbers, then rate and trust for each history.

    No logarithm: TensorFlow's differs in the last bit between a row alone and a row in a batch. A quotient does not.
    """
    past = dict(zip(features.COUNTS, np.nan_to_num(raw[:, len(NUMBERS) :]).T, strict=True))
    made = [raw[:, : len(NUMBERS)]]
    for who, weight in HISTORY.items():
        known = past[f"{who}_known"]
        rate = smoothed_rate(past[f"{who}_returned"], known, prior=prior, weight=weight)
        made.append(np.stack([rate, known / (known + weight)], axis=1))
    return np.concatenate(made, axis=1)


def _standardised(table: pd.DataFrame, learned: Learned) -> np.ndarray:
    numbers = _numbers(table.to_numpy(dtype=float, na_value=np.nan), learned.prior)
    return np.clip(np.nan_to_num((numbers - learned.mean) / learned.deviation), -LIMIT, LIMIT)


def _or_zero(x: keras.KerasTensor) -> keras.KerasTensor:
    """0 where missing. Not ``nan_to_num``: LiteRT has no is-nan, but it has "differs from itself"."""
    from keras import ops

    return ops.where(ops.equal(x, x), x, ops.zeros_like(x))
