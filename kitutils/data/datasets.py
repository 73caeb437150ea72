"""Load a data set by its name, and what comes back: ``Dataset``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kitutils.data import cards
from kitutils.data.cards import Card
from kitutils.data.faults import DataError

if TYPE_CHECKING:
    import pandas as pd

STAND_IN = "stand-in"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """One data set, and where it came from.

    A set of images or texts has ``x_train, y_train, x_test, y_test``: images are uint8 arrays of shape (rows, height,
    width, channels), texts are object arrays of str, labels are int64 arrays of shape (rows,). A set without the
    publisher's split has all rows in the training arrays and empty test arrays. A table has ``frame`` instead: to split
    it is the lesson's business.

    Every load hands out fresh arrays: what a learner writes into them is gone with the next ``load``.

    Attributes:
        name: the name it was asked for by.
        source: "built-in", "generated", "cache", "mirror", "publisher" or "stand-in".
        class_names: the name of label 0, 1, …; empty for regression.
        card: the card, ``datasets/<name>.yaml``.
        truth: for generated data what only its maker can know, by name, such as ``boxes_train``: arrays, or tables
            whose rows are those of the whole ``frame``; else empty.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    card: Card
    x_train: np.ndarray | None = None
    y_train: np.ndarray | None = None
    x_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    frame: pd.DataFrame | None = None
    truth: dict[str, np.ndarray | pd.DataFrame] | None = None

    @property
    def is_standin(self) -> bool:
        """Whether these rows stand in for the real ones: numbers measured on them say nothing about the real data."""
        return self.source == STAND_IN

    @property
    def x(self) -> np.ndarray:
        """All inputs, the training rows first, then the test rows."""
        self._needs_arrays("x")
        return np.concatenate([self.x_train, self.x_test])

    @property
    def y(self) -> np.ndarray:
        """All labels, in the order of ``x``; int64 of shape (rows,)."""
        self._needs_arrays("y")
        return np.concatenate([self.y_train, self.y_test])

    def take(self, n: int, seed: int, test: int | None = None) -> Dataset:
        """A random subset in which each class keeps its share, to within one row.

        Use this rather than a slice: the order of the rows differs between a mirror and the publisher. The subset is in
        random order, except that a table keeps the order of its rows and their index.

        Args:
            n: training rows to keep, or rows of a table.
            seed: the same seed and source give the same rows.
            test: test rows to keep, drawn in the same way. None keeps all of them: a model that learns from fewer
                rows should still be judged on the same ones.

        A stand-in that has fewer rows than asked for gives all it has, so that a lesson runs without the real data.

        Raises:
            DataError: more rows were asked for than there are, or fewer than one of each class.
        """
        if self.frame is not None:
            if test is not None:
                raise DataError(f"{self.name} is a table without test rows: take(n, seed) samples the whole of it.")
            keep = self._draw(self._strata(), n, seed, "rows")
            return replace(self, frame=self.frame.iloc[np.sort(keep)].copy())
        changes: dict = {"truth": dict(self.truth or {})}
        for part, size in (("train", n), ("test", test)):
            y = getattr(self, f"y_{part}")
            keep = np.arange(len(y)) if size is None else self._draw(y, size, seed, f"{part} rows")
            changes |= {f"x_{part}": getattr(self, f"x_{part}")[keep], f"y_{part}": y[keep]}
            for name, values in (self.truth or {}).items():
                if name.endswith(f"_{part}"):
                    changes["truth"][name] = values[keep]
        return replace(self, **changes)

    def _strata(self) -> np.ndarray:
        """For each row of a table the number of its class; 0 throughout if the target is a measurement."""
        if not self.class_names:
            return np.zeros(len(self.frame), dtype=np.int64)
        return np.unique(self.frame[self.card.target].to_numpy(), return_inverse=True)[1]

    def _draw(self, strata: np.ndarray, n: int, seed: int, what: str) -> np.ndarray:
        if self.is_standin:
            n = min(n, len(strata))
        if not 0 < n <= len(strata):
            raise DataError(
                f"{self.name} has {len(strata):,} {what}; {n:,} were asked for. Ask for 1 to {len(strata):,}."
            )
        counts = np.bincount(strata)
        if n < np.count_nonzero(counts):
            raise DataError(
                f"{n} {what} cannot hold one of each of the {np.count_nonzero(counts)} classes of {self.name}. "
                f"Ask for {np.count_nonzero(counts)} or more."
            )
        return stratified(strata, n, np.random.default_rng(seed))

    def _needs_arrays(self, name: str) -> None:
        if self.frame is not None:
            raise DataError(f"{self.name} is a table: use .frame, split it, and choose your own {name}.")

    def __repr__(self) -> str:
        if self.frame is not None:
            shape = f"{len(self.frame):,} rows × {self.frame.shape[1]} columns, target {self.card.target!r}"
        else:
            per_row = " × ".join(map(str, self.card.row_shape)) + " " if self.card.row_shape else ""
            shape = f"{len(self.x_train):,} training and {len(self.x_test):,} test {per_row}{self.card.kind}"
        classes = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"<Dataset {self.name}: {shape}{classes}; source: {self.source}; licence: {self.card.licence}>"


def stratified(strata: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of ``n`` of the rows, in random order, each stratum with its share of them.

    Shares are rounded by the largest remainder (Hamilton's method), so that each is within one row of its exact value;
    a stratum whose share would round to nothing gets one row from the largest.

    Args:
        strata: int64 of shape (rows,), the stratum of each row, from 0.
        n: how many rows, between the number of strata and the number of rows.
        rng: where the randomness comes from.
    """
    counts = np.bincount(strata)
    share, remainder = np.divmod(counts * n, counts.sum())
    by_remainder = np.argsort(-remainder, kind="stable")
    share[by_remainder[: n - share.sum()]] += 1
    for empty in np.flatnonzero((share == 0) & (counts > 0)):
        share[np.argmax(share)] -= 1
        share[empty] = 1
    order = rng.permutation(len(strata))
    rows = [order[strata[order] == stratum][:size] for stratum, size in enumerate(share)]
    return rng.permutation(np.concatenate(rows))


def load(name: str) -> Dataset:
    """Load a data set: from scikit-learn or the kit itself, else cache, mirror, publisher, and last its stand-in.

    A stand-in says so in one printed line.

    Args:
        name: one of ``kit data list``.

    Raises:
        UnknownDataset: there is no such set; the message names the nearest.
        DamagedFile: a file arrived that is cut, altered or not data at all.
        CacheTrouble: the cache folder cannot take the file.
        StandInRefused: only the stand-in is left and KIT_STRICT_DATA is set.
    """
    from kitutils.data import lookup
    from kitutils.data.formats import ARRAYS

    card = cards.card(name)
    source, content = lookup.find(card)
    if card.kind == "table":
        truth = content if isinstance(content, dict) else {"frame": content}
        return Dataset(name, source, card.classes, card, frame=truth.pop("frame"), truth=truth)
    truth = {key: values for key, values in content.items() if key not in ARRAYS}
    return Dataset(name, source, card.classes, card, **{key: content[key] for key in ARRAYS}, truth=truth)


def info(name: str) -> Card:
    """The card of a data set, without loading it.

    Raises:
        UnknownDataset: there is no such set; the message names the nearest.
    """
    return cards.card(name)
