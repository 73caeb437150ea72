"""The data sets that the kit draws itself: fresh content at each call, the same on every machine."""

from __future__ import annotations

from kitutils.data.cards import Card
from kitutils.data.formats import Content


def make(card: Card) -> Content:
    """The content of a generated data set; a table that comes with its truth is ``{"frame": …, <truth by name>}``."""
    return _MAKERS[card.name]()


def _shapes10() -> Content:
    from kitutils.data import shapes

    return shapes.dataset()


def _shop() -> Content:
    from kitutils.data import shop

    made = shop.generate()
    return {"frame": made.table(), "chance": made.chance}


def _shop_raw() -> Content:
    from kitutils.data import corrupt, shop

    frame, truth = corrupt.corrupt(shop.generate().table(), seed=0, keep=shop.KEYS)
    return {"frame": frame, "clean": truth.clean, "cells": truth.cells, "duplicates": truth.duplicates}


def _shop_messages() -> Content:
    from kitutils.data import shop, shop_messages

    return shop_messages.dataset(shop.generate())


def _docstrings() -> Content:
    from kitutils.data import text

    return text.dataset()


_MAKERS = {
    "docstrings": _docstrings,
    "shapes10": _shapes10,
    "shop": _shop,
    "shop_raw": _shop_raw,
    "shop_messages": _shop_messages,
}
