"""The corpus of doc strings: paragraphs from the installed scientific packages, labelled with the package of origin.

``corpus()`` has every paragraph, with its doc string and with what it repeats; ``dataset()`` has those that repeat
nothing, divided so that a doc string is in one part only.

Lessons: 43.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from kitutils.data import store, text_clean, text_duplicates, text_harvest
from kitutils.data.text_harvest import PACKAGES, DocString

TEST_SHARE = 0.2  # of the doc strings
TEST_SALT = "kit/docstrings/test/1"
CACHE = "docstrings.json.gz"


@dataclass(frozen=True, eq=False)
class Corpus:
    """Paragraphs in the order in which they were read: by package, file and line.

    Attributes:
        packages: the name of label 0, 1, ….
        texts: object array of str, shape (rows,), the packages' names hidden.
        named: the same paragraphs with the names left in.
        labels: the package, int64, shape (rows,).
        docstring: the number of the doc string that it comes from, int64, shape (rows,).
        places: where each doc string stands, ``sklearn/svm/_classes.py:SVC.fit``; object array of str.
        first: the position of the first paragraph that it repeats in the same or nearly the same words, its own where
            it repeats none; int64, shape (rows,).
    """

    packages: tuple[str, ...]
    texts: np.ndarray
    named: np.ndarray
    labels: np.ndarray
    docstring: np.ndarray
    places: np.ndarray
    first: np.ndarray

    @property
    def repeats(self) -> np.ndarray:
        """Whether a row repeats an earlier one; bool, shape (rows,)."""
        return self.first != np.arange(len(self.first))

    @property
    def ambiguous(self) -> np.ndarray:
        """Whether the same paragraph stands in another package too: then it has no right label. Bool, shape (rows,)."""
        low, high = self.labels.copy(), self.labels.copy()
        np.minimum.at(low, self.first, self.labels)
        np.maximum.at(high, self.first, self.labels)
        return (low != high)[self.first]

    @property
    def unique(self) -> np.ndarray:
        """Positions of the rows that repeat none and are in one package only; int64, ascending."""
        return np.flatnonzero(~self.repeats & ~self.ambiguous)

    @property
    def test(self) -> np.ndarray:
        """Whether a row's doc string is in the test part, by a hash of its place; bool, shape (rows,)."""
        return np.array([_place(place) < TEST_SHARE for place in self.places], dtype=bool)[self.docstring]


def corpus(packages: Mapping[str, str] = PACKAGES) -> Corpus:
    """The paragraphs of the packages' doc strings, read from the cache if the same files were read before.

    The cache is one file in ``KIT_HOME/data``; where it cannot be written or is damaged, the files are read again.

    Args:
        packages: as for ``text_harvest.harvest``.

    Raises:
        DataError: a package is not installed, or one of its files cannot be read.
    """
    key = _key(packages)
    if (kept := _from_cache(key)) is None:
        kept = build(text_harvest.harvest(packages), tuple(packages))
        _to_cache(key, kept)
    return kept


def build(docstrings: Sequence[DocString], packages: Sequence[str]) -> Corpus:
    """Clean doc strings into paragraphs, hide the names, and find what repeats.

    Args:
        docstrings: in the order that the rows shall have.
        packages: their packages; the order gives the labels.
    """
    rows = [
        (paragraph, number)
        for number, docstring in enumerate(docstrings)
        for paragraph in text_clean.paragraphs(docstring.text)
    ]
    label = {package: number for number, package in enumerate(packages)}
    hidden = [text_clean.hide_names(paragraph) for paragraph, _ in rows]
    docstring = np.array([number for _, number in rows], dtype=np.int64)
    labels = np.array([label[docstring.package] for docstring in docstrings], dtype=np.int64)
    return Corpus(
        tuple(packages),
        _column(hidden),
        _column([paragraph for paragraph, _ in rows]),
        labels[docstring],
        docstring,
        _column([docstring.place for docstring in docstrings]),
        np.array(text_duplicates.first_like(hidden), dtype=np.int64),
    )


def dataset() -> dict[str, np.ndarray]:
    """The corpus as a data set of texts, without what repeats, no doc string in both parts.

    What comes with it, for each part: ``docstring_…``, the number of the doc string (int64; keep its rows together when
    you split further), and ``named_…``, the texts with the packages' names left in.

    Raises:
        DataError: a package is not installed, or one of its files cannot be read.
    """
    found = corpus()
    content = {}
    for part, rows in (
        ("train", found.unique[~found.test[found.unique]]),
        ("test", found.unique[found.test[found.unique]]),
    ):
        content |= {
            f"x_{part}": found.texts[rows],
            f"y_{part}": found.labels[rows],
            f"docstring_{part}": found.docstring[rows],
            f"named_{part}": found.named[rows],
        }
    return content


def _column(texts: Sequence[str]) -> np.ndarray:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column


def _place(key: str) -> float:
    """Between 0 and 1, from the key alone: what a newer version adds moves no doc string to the other part."""
    return int.from_bytes(hashlib.sha256(f"{TEST_SALT}\0{key}".encode()).digest()[:8], "big") / 2**64


# --- the cache --------------------------------------------------------------------------------------------------------


def _key(packages: Mapping[str, str]) -> str:
    """What the corpus depends on: the rules, the versions, and the name and size of each file that is read."""
    digest = hashlib.sha256()
    for module in (__file__, text_clean.__file__, text_duplicates.__file__, text_harvest.__file__):
        digest.update(Path(module).read_bytes())
    for package, version in text_harvest.versions(packages).items():
        root = text_harvest.folder(package, packages[package])
        digest.update(f"{package} {version}\n".encode())
        for path in text_harvest.sources(root):
            digest.update(f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def _from_cache(key: str) -> Corpus | None:
    try:
        with gzip.open(store.folder() / CACHE, "rt", encoding="utf8") as stream:
            if stream.readline().strip() != key:
                return None
            kept = json.loads(stream.read())
        columns = {
            field.name: _column(kept[field.name])
            if field.name in ("texts", "named", "places")
            else np.array(kept[field.name], dtype=np.int64)
            for field in fields(Corpus)
            if field.name != "packages"
        }
        return Corpus(tuple(kept["packages"]), **columns)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error):
        return None


def _to_cache(key: str, made: Corpus) -> None:
    kept = {field.name: list(np.asarray(getattr(made, field.name)).tolist()) for field in fields(Corpus)}
    path = store.folder() / CACHE
    part = path.with_name(f"{CACHE}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(part, "wt", encoding="utf8", compresslevel=3) as stream:
            stream.write(key + "\n" + json.dumps(kept))
        part.replace(path)
    except OSError:  # full, or not ours to write: the next load takes as long as this one
        with suppress(OSError):
            part.unlink()
