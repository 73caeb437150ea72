"""The shop's features: what of an order a model may see, and what it must look up of the past.

Pure functions on rows. What is learned from the training rows (means, categories) stands in ``kitutils.data.encoders``.

Lessons: 13.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

NUMBERS = ("age", "price_eur", "discount_pct", "quantity", "weight_g", "promised_days", "earlier_orders")
TEXTS = ("country", "channel", "category", "size", "payment")
# Whose past counts, and how many orders of the average one its own orders are mixed with. A product's leaning is small,
# so it takes more orders than a customer's to tell it from luck.
HISTORY = {"customer": 2.0, "product": 10.0}
COUNTS = tuple(f"{who}_{what}" for who in HISTORY for what in ("known", "returned"))
INPUTS = (*NUMBERS, *COUNTS, *TEXTS)
WAIT = 21  # days from an order until the shop knows whether it came back


def known_history(keys: ArrayLike, days: ArrayLike, outcome: ArrayLike, *, wait: int = WAIT) -> tuple:
    """For each row: how many earlier rows of its key have a known outcome, and the sum of those outcomes.

    An outcome is known ``wait`` days after its row. So no row sees its own outcome, nor one that was not yet known on
    its day: what the count is in training, a service can look up.

    Args:
        keys: such as the customer, shape (rows,); not missing.
        days: when each row came, dates or ISO texts, shape (rows,); in any order.
        outcome: 0 or 1 (any number works), shape (rows,).
        wait: whole days, 1 or more.

    Returns:
        ``known``, int64, and ``total``, of the outcome's kind of number, both of shape (rows,).

    Raises:
        ValueError: the lengths differ, a key or a day is missing, or ``wait`` is less than a day.
    """
    outcome = np.asarray(outcome)
    codes = pd.factorize(np.asarray(keys, dtype=object))[0]
    moments = pd.to_datetime(pd.Series(np.asarray(days))).to_numpy().astype("datetime64[D]")
    if not len(codes) == len(moments) == len(outcome):
        raise ValueError(f"One key, day and outcome a row; got {len(codes)}, {len(moments)} and {len(outcome)}.")
    if wait < 1:
        raise ValueError(f"wait={wait}: on the day of the order nobody knows its outcome; wait for 1 day or more.")
    if (codes < 0).any() or np.isnat(moments).any():
        raise ValueError("A key or a day is missing, so its past is unknown. Leave such rows out, or mend them first.")
    if not len(codes):
        return np.zeros(0, np.int64), np.zeros(0, outcome.dtype)
    # Key and day in one number, a key's span wide enough that no look back reaches the key before it.
    day = (moments - moments.min()).astype(np.int64)
    start = codes.astype(np.int64) * (int(day.max()) + wait + 1) + wait
    order = np.argsort(start + day, kind="stable")
    line = (start + day)[order]
    total = np.concatenate([[0], np.cumsum(outcome[order])])
    first, end = np.searchsorted(line, start), np.searchsorted(line, start + day - wait, side="right")
    return (end - first).astype(np.int64), total[end] - total[first]


def with_history(orders: pd.DataFrame, *, wait: int = WAIT) -> pd.DataFrame:
    """The orders with ``customer_known, customer_returned, product_known, product_returned`` beside each.

    Args:
        orders: as ``data.load("shop")`` has them, in any order; may lack columns that are not needed here. All orders
            whose outcomes may be counted: rows that are set aside for the test are left out before.
        wait: days until an outcome is known.

    Raises:
        KeyError: ``ordered_on``, ``returned`` or an id is missing.
        ValueError: as in :func:`known_history`.
    """
    counts = {}
    for who in HISTORY:
        known, came_back = known_history(orders[f"{who}_id"], orders["ordered_on"], orders["returned"], wait=wait)
        counts |= {f"{who}_known": known, f"{who}_returned": came_back}
    return orders.assign(**counts)


def smoothed_rate(returned, known, *, prior: float, weight: float):
    """A rate that begins at ``prior`` and moves to the key's own rate as its rows become more.

    ``(returned + weight · prior) / (known + weight)``: as if ``weight`` average rows had come before (Micci-Barreca,
    "A preprocessing scheme for high-cardinality categorical attributes", SIGKDD Explorations 3, 2001). Works on
    numbers, arrays and Keras tensors alike.

    Args:
        returned, known: counts of the same shape.
        prior: the rate of all.
        weight: how many rows the prior is worth, above 0.

    Raises:
        ValueError: the weight is not positive, so that a key without rows would divide by zero.
    """
    if not weight > 0:
        raise ValueError(f"weight={weight}: it must be above 0, or a key without any row has the rate 0/0.")
    return (returned + weight * prior) / (known + weight)


def cyclic(values: ArrayLike, period: float) -> np.ndarray:
    """Each value as a point on a circle, so that the end of a period lies beside its beginning.

    Args:
        values: such as hours of the day, shape (rows,); NaN stays NaN.
        period: after which it begins again, such as 24.

    Returns:
        float64 of shape (rows, 2): sine and cosine. Value 0 is at (0, 1).

    Raises:
        ValueError: the period is not positive.
    """
    if not period > 0:
        raise ValueError(f"A period is a length above 0, such as 24 for hours; got {period}.")
    angle = np.asarray(values, dtype=float) * (2 * np.pi / period)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


def from_cycle(points: ArrayLike, period: float) -> np.ndarray:
    """The values, from 0 to below ``period``, whose points :func:`cyclic` gives; float64 of shape (rows,).

    Args:
        points: shape (rows, 2), sine and cosine; how far they are from the middle does not matter.
        period: as for :func:`cyclic`.

    Raises:
        ValueError: the points are no pairs.
    """
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"Points have shape (rows, 2), sine and cosine; got {points.shape}.")
    turns = np.arctan2(points[:, 0], points[:, 1]) / (2 * np.pi)
    values = turns % 1 * period
    return np.where(values >= period, 0.0, values)  # a hair below 0 is rounded up to a whole turn


def as_inputs(rows: pd.DataFrame | Mapping) -> dict[str, np.ndarray]:
    """Raw orders in the form that the shop's encoders and models take: by name, and nothing computed yet.

    Args:
        rows: a table with the columns ``INPUTS`` (more are ignored), or one order as a mapping of those names to single
            values. A missing value (None, NaN, pandas.NA) is allowed anywhere.

    Returns:
        name → array of shape (rows,): float32 for numbers (NaN where missing), object arrays of str for texts (""
        where missing). A row gives the same bits alone and among others.

    Raises:
        ValueError: a column is not there, or a number is none; the message names it.
    """
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame({name: [rows[name]] for name in rows})
    absent = [name for name in INPUTS if name not in table.columns]
    if absent:
        raise ValueError(
            f"These inputs are not there: {', '.join(absent)}. Give None where a value is unknown; the counts of the "
            "past come from with_history."
        )
    inputs = {}
    for name in (*NUMBERS, *COUNTS):
        try:
            values = pd.to_numeric(table[name]).astype("Float64").to_numpy(dtype="float32", na_value=np.nan)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{name} is a number or missing; {error}. Clean the table first (lesson 12).") from error
        inputs[name] = values
    for name in TEXTS:
        values = table[name].astype(object)
        inputs[name] = values.where(values.notna(), "").map(str).to_numpy(dtype=object)
    return inputs
