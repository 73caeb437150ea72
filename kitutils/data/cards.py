"""The cards in ``datasets/``: what is known about a data set before a byte of it is loaded."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from kitutils import settings
from kitutils.data.faults import BadCard, UnknownDataset

KINDS = ("images", "texts", "table")
ORIGINS = ("built-in", "generated", "download")
DTYPES = ("int64", "float64", "text")


@dataclass(frozen=True)
class PublisherFile:
    """One file as its publisher offers it.

    ``bytes`` and ``sha256`` are None where the publisher gives none; what arrives is then judged by its content.
    """

    url: str
    bytes: int | None
    sha256: str | None

    @property
    def name(self) -> str:
        """The file's own name, the last part of its address."""
        return self.url.rstrip("/").rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Card:
    """One data set's card, ``datasets/<name>.yaml``; datasets/README.md explains each field.

    ``rows`` counts the rows of each part: train and test, or all of them for a table. ``row_shape`` is the shape of one
    image (height, width, channels), () for texts and tables. ``columns`` gives a table's columns and their dtypes.
    ``parts`` names the parts of a text file that become the training and the test rows.
    """

    name: str
    title: str
    kind: str
    origin: str
    task: str
    about: str
    split: str
    rows: Mapping[str, int]
    licence: str
    citation: str
    home: str
    lessons: tuple[str, ...]
    row_shape: tuple[int, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    classes: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    bytes: int | None = None
    files: tuple[PublisherFile, ...] = ()
    standin: str | None = None

    @property
    def prepared_file(self) -> str:
        """The name of the one file that the cache and a mirror hold, such as ``cifar10.npz``."""
        return self.name + (".npz" if self.kind == "images" else ".csv.gz")


def folder() -> Path:
    """Where the cards are."""
    return settings.root() / "datasets"


def names() -> list[str]:
    """The names of all data sets, in alphabetical order."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def card(name: str) -> Card:
    """The card of the data set ``name``.

    Raises:
        UnknownDataset: there is none; the message names the nearest ones.
        BadCard: the card is not in the form that datasets/README.md describes.
    """
    if not isinstance(name, str):
        raise UnknownDataset(f"A data set is asked for by its name, such as 'digits'; got {name!r}.")
    path = folder() / f"{name}.yaml"
    if name not in names():
        near = difflib.get_close_matches(name.lower().replace("-", "_"), names(), n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"There are: {', '.join(names())}."
        raise UnknownDataset(f"There is no data set {name!r}. {hint} `kit data list` shows them all.")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Card:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadCard(f"{path.name} is not readable as YAML: {error}") from error
    return parse(path.stem, raw)


def parse(name: str, raw: Any) -> Card:
    """A card from what its YAML file holds.

    Raises:
        BadCard: a field is missing, unknown, or of the wrong form; the message says which.
    """
    if not isinstance(raw, dict):
        raise BadCard(f"datasets/{name}.yaml must be a mapping of fields; got {type(raw).__name__}.")
    known = {known.name for known in fields(Card)} - {"name"}
    if unknown := sorted(set(raw) - known):
        raise BadCard(f"datasets/{name}.yaml has unknown fields: {', '.join(map(str, unknown))}.")
    values = dict(raw)
    try:
        values["files"] = tuple(PublisherFile(**entry) for entry in raw.get("files", ()))
        for key in ("classes", "lessons"):
            values[key] = tuple(str(item) for item in raw.get(key, ()))
        values["row_shape"] = tuple(raw.get("row_shape", ()))
        for key in ("rows", "columns", "parts"):
            values[key] = dict(raw.get(key, {}))
        made = Card(name=name, **values)
    except (TypeError, ValueError) as error:
        raise BadCard(f"datasets/{name}.yaml: {error}.") from error
    if fault := _fault(made):
        raise BadCard(f"datasets/{name}.yaml: {fault}.")
    return made


def _fault(card: Card) -> str | None:
    """What is wrong with a card, or None."""
    for key in ("title", "task", "about", "split", "licence", "citation", "home"):
        value = getattr(card, key)
        if not isinstance(value, str) or not value.strip():
            return f"{key} must be a text that is not empty; got {value!r}"
    parts = {"all"} if card.kind == "table" else {"train", "test"}
    checks = {
        f"kind must be one of {', '.join(KINDS)}; got {card.kind!r}": card.kind in KINDS,
        f"origin must be one of {', '.join(ORIGINS)}; got {card.origin!r}": card.origin in ORIGINS,
        f"rows must count {' and '.join(sorted(parts))}; got {dict(card.rows)}": set(card.rows) == parts
        and all(isinstance(n, int) and n >= 0 for n in card.rows.values()),
        "row_shape must be height, width, channels, for images only": (len(card.row_shape) == 3)
        == (card.kind == "images"),
        f"columns must give dtypes out of {', '.join(DTYPES)}, for tables only": bool(card.columns)
        == (card.kind == "table")
        and set(card.columns.values()) <= set(DTYPES),
        f"target {card.target!r} must be one of the columns": (card.target in card.columns) == (card.kind == "table"),
        "a download needs files and a stand-in, and nothing else has them": (
            bool(card.files) == bool(card.standin) == (card.origin == "download")
        ),
        "texts that are downloaded need parts, nothing else has them": bool(card.parts)
        == (card.kind == "texts" and card.origin == "download"),
        "sha256 must be 64 hexadecimal digits, or null": all(
            f.sha256 is None or (len(f.sha256) == 64 and set(f.sha256) <= set("0123456789abcdef")) for f in card.files
        ),
    }
    return next((message for message, holds in checks.items() if not holds), None)
