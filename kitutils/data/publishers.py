"""From the files that a publisher offers to the kit's prepared file.

Archives are read in memory, member by member; nothing is ever extracted to the disk or unpickled. That is why CIFAR-10
comes in its binary form: the better known one is a pickle.
"""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kitutils.data import download, files, formats
from kitutils.data.cards import Card
from kitutils.data.faults import DamagedFile
from kitutils.data.formats import Content

Prepare = Callable[[list[Path]], Content]


def fetch(card: Card, space: Path, target: Path) -> None:
    """Download a data set from its publisher and write it, prepared, to ``target``.

    Args:
        card: the data set.
        space: a folder for the publisher's own files.
        target: the prepared file.

    Raises:
        Unavailable: the publisher cannot be reached.
        DamagedFile: what arrived is not what the card says.
        CacheTrouble: the disk cannot take it.
    """
    files.need_space(space, sum(file.bytes or 0 for file in card.files) + (card.bytes or 0))
    paths = []
    for file in card.files:
        paths.append(space / file.name)
        download.fetch(file.url, paths[-1], file.bytes, file.sha256)
    try:
        content = PREPARE[card.name](paths)
    except (
        Exception
    ) as error:  # tarfile, zipfile, zlib and pandas each have their own ways to say that a file is broken
        raise _not_as_expected(card, f"{type(error).__name__}: {error}") from error
    if fault := formats.fault_of(content, card, exact_rows=True):
        raise _not_as_expected(card, fault)
    with files.writing(target):
        formats.write(target, content, card)


def _not_as_expected(card: Card, fault: str) -> DamagedFile:
    return DamagedFile(
        f"What {', '.join(file.url for file in card.files)} brought is not {card.name} as its card has it: {fault}. "
        "Load the data set again; if that does not help, the files have changed at their source: set KIT_OFFLINE=1 to "
        "go on with the stand-in."
    )


def _cifar10(paths: list[Path]) -> Content:
    # A record is one byte for the label, then 1,024 bytes each of red, green and blue.
    parts: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    for name, raw in sorted(_tar(paths[0], lambda name: name.endswith(".bin"))):
        part = "test" if "test" in name else "train"
        parts[part].append(np.frombuffer(raw, np.uint8).reshape(-1, 1 + 3 * 32 * 32))
    arrays = {}
    for part, found in parts.items():
        records = np.concatenate(found)
        arrays[f"x_{part}"] = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[f"y_{part}"] = records[:, 0]
    return formats.images(arrays)


def _fashion_mnist(paths: list[Path]) -> Content:
    def idx(path: Path) -> np.ndarray:
        raw = gzip.decompress(path.read_bytes())
        axes = raw[3]  # the format's fourth byte; the sizes follow as big-endian 32-bit numbers
        shape = np.frombuffer(raw, ">u4", axes, offset=4)
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)

    names = ("x_train", "y_train", "x_test", "y_test")
    return formats.images({name: idx(path) for name, path in zip(names, paths, strict=True)})


def _mnist(paths: list[Path]) -> Content:
    with np.load(paths[0], allow_pickle=False) as archive:
        return formats.images({name: archive[name] for name in formats.ARRAYS})


def _imdb(paths: list[Path]) -> Content:
    rows: dict[str, list[tuple[str, int]]] = {"train": [], "test": []}
    wanted = {
        f"aclImdb/{part}/{folder}/": (part, label) for part in rows for label, folder in enumerate(("neg", "pos"))
    }
    for name, raw in sorted(_tar(paths[0], lambda name: name[: name.rfind("/") + 1] in wanted)):
        part, label = wanted[name[: name.rfind("/") + 1]]
        rows[part].append((raw.decode("utf8"), label))
    return formats.texts(rows)


def _sst2(paths: list[Path]) -> Content:
    rows = {}
    with zipfile.ZipFile(paths[0]) as archive:
        for part, member in (("train", "train"), ("test", "dev")):
            text = archive.read(f"SST-2/{member}.tsv").decode("utf8")
            # Quotation marks are part of the sentences, so the tab-separated lines have no quoting.
            lines = csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
            rows[part] = [(line["sentence"].strip(), int(line["label"])) for line in lines]
    return formats.texts(rows)


def _california_housing(paths: list[Path]) -> Content:
    (_, raw), *_ = _tar(paths[0], lambda name: name.endswith("housing.csv"))
    return formats.table(raw)


def _bike_sharing(paths: list[Path]) -> Content:
    with zipfile.ZipFile(paths[0]) as archive:
        return formats.table(archive.read("hour.csv"))


def _penguins(paths: list[Path]) -> Content:
    return formats.table(paths[0].read_bytes())


def _tar(path: Path, wanted: Callable[[str], bool]) -> list[tuple[str, bytes]]:
    """Name and content of the wanted files of a tar archive; links and anything but plain files are passed over."""
    with tarfile.open(path) as archive:
        return [
            (member.name.removeprefix("./"), archive.extractfile(member).read())
            for member in archive
            if member.isfile() and wanted(member.name.removeprefix("./"))
        ]


PREPARE: dict[str, Prepare] = {
    "bike_sharing": _bike_sharing,
    "california_housing": _california_housing,
    "cifar10": _cifar10,
    "fashion_mnist": _fashion_mnist,
    "imdb": _imdb,
    "mnist": _mnist,
    "penguins": _penguins,
    "sst2": _sst2,
}
