"""Test rows that stay test rows: chosen by a hash of the key, once, before any model exists.

Lessons: 10.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

TEST_SHARE = 0.15
TEST_SALT = "kit/shop/test/1"


def by_hash(keys: ArrayLike, share: float, salt: str) -> np.ndarray:
    """Whether each row belongs to a part that is chosen by a hash of its key.

    A key's place depends on the key and the salt alone: not on the other rows, their order or a seed. So rows that are
    added later fall into place, and no row ever changes sides. A larger share with the same salt keeps all that a
    smaller one had. (Lakshmanan, Robinson and Munn, Machine Learning Design Patterns, 2020, "Repeatable Splitting";
    Géron, Hands-On Machine Learning, chapter 2.)

    Args:
        keys: texts or whole numbers, shape (rows,). A number and the text that it is written as are the same key.
        share: of the *keys* that are in the part, 0 to 1; met roughly, as by a coin for each key.
        salt: any text; another one chooses independently.

    Returns:
        Booleans, shape (rows,).

    Raises:
        ValueError: a key is missing, or ``share`` is no share.
        TypeError: keys are neither texts nor whole numbers. A column of whole numbers with a hole becomes one of
            fractions, 7 is then written 7.0, and all its rows would change sides.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is a fraction from 0 to 1; got {share}.")
    codes, distinct = pd.factorize(pd.Series(keys))
    if (codes < 0).any():
        raise ValueError(
            f"A key is missing in {(codes < 0).sum()} rows, first at position {int((codes < 0).argmax())}. Leave such "
            "rows out, or find their keys, before you choose by them."
        )
    for key in distinct:
        if not isinstance(key, str | int | np.integer) or isinstance(key, bool):
            raise TypeError(f"Keys are texts or whole numbers; got {key!r}. Turn them into texts of one spelling each.")
    return np.array([_place(key, salt) < share for key in distinct], dtype=bool)[codes]


def locked_test(customers: ArrayLike) -> np.ndarray:
    """The shop's test rows, the same in every lesson: by the hash of the customer, about 15 % of the customers.

    By customer and not by order, because a customer who sends everything back does so in training and in testing: a
    model that has met her would look better than it is. Decided in lesson 10, before there is any model.

    Args:
        customers: ``customer_id`` of each row, shape (rows,).

    Returns:
        Booleans, shape (rows,): True for the test rows, which are used once, at the end.

    Raises:
        ValueError, TypeError: as in :func:`by_hash`.
    """
    return by_hash(customers, TEST_SHARE, TEST_SALT)


def _place(key: object, salt: str) -> float:
    """A key's place between 0 and 1: the first eight bytes of a hash that is the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{salt}\0{key}".encode()).digest()[:8], "big") / 2**64
