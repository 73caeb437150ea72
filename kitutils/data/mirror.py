"""A mirror: a folder or an http address with prepared files and a ``MANIFEST.json`` that says what they are.

The manifest gives each data set's file: ``{"penguins": {"file": "penguins.csv.gz", "sha256": "…", "bytes": 1}}``.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from kitutils.data import cards, download, files, store
from kitutils.data.cards import Card
from kitutils.data.faults import DamagedFile, Unavailable

MANIFEST = "MANIFEST.json"


def is_address(where: str) -> bool:
    """Whether a mirror is an http address; else it is a folder."""
    return where.lower().startswith(("http://", "https://"))


def manifest(where: str) -> dict[str, dict[str, Any]]:
    """What a mirror holds: for each data set ``file``, ``sha256`` and ``bytes``.

    Raises:
        Unavailable: there is no mirror at this place.
        DamagedFile: its manifest is not one.
    """
    if is_address(where):
        with files.scratch() as scratch:
            target = scratch / MANIFEST
            download.fetch(_join(where, MANIFEST), target)
            text = target.read_bytes()
    else:
        folder = Path(where).expanduser()
        if not folder.is_dir():
            raise Unavailable(f"the mirror {where} is not a folder")
        try:
            text = (folder / MANIFEST).read_bytes()
        except OSError as error:
            raise Unavailable(f"the mirror {where} has no readable {MANIFEST} ({error.strerror})") from error
    try:
        held = json.loads(text)
        for entry in held.values():
            # A name with a folder in it could lead out of the mirror.
            plain = Path(entry["file"]).name == entry["file"] and entry["file"] not in ("", "..")
            if not (plain and len(entry["sha256"]) == 64 and int(entry["bytes"]) > 0):
                raise ValueError(f"bad entry {entry}")
    # JSON as Python reads it has infinite numbers (OverflowError) and any depth (RecursionError).
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise DamagedFile(
            f"{MANIFEST} of the mirror {where} is not in the form that datasets/README.md describes ({error}). "
            "`kit data pack` writes one; without a mirror, unset KIT_MIRROR."
        ) from error
    return held


def fetch(card: Card, where: str, target: Path) -> None:
    """Copy a data set's prepared file from a mirror to ``target``, verified.

    Raises:
        Unavailable: the mirror cannot be reached, or does not hold the data set.
        DamagedFile: the file is not the one that the manifest promises.
        CacheTrouble: the copy cannot be written.
    """
    entry = manifest(where).get(card.name)
    if entry is None:
        raise Unavailable(f"the mirror {where} does not hold it")
    files.need_space(target.parent, int(entry["bytes"]))
    if is_address(where):
        download.fetch(_join(where, entry["file"]), target, int(entry["bytes"]), entry["sha256"])
        return
    original = Path(where).expanduser() / entry["file"]
    try:
        reading = original.open("rb")
    except OSError as error:
        raise Unavailable(f"the mirror lists {original}, which cannot be opened ({error.strerror})") from error
    with reading, files.writing(target), target.open("wb") as copy:
        shutil.copyfileobj(reading, copy, 1 << 20)
    got = store.Entry(target, entry["sha256"], int(entry["bytes"]), "mirror")
    if files.size_of(target) != got.bytes or files.sha256(target) != got.sha256:
        size, found = files.size_of(target), files.sha256(target)
        target.unlink()
        raise DamagedFile(
            f"{original} is not the file that its {MANIFEST} promises: got {size:,} bytes with sha256 {found}, "
            f"expected {got.bytes:,} with {got.sha256}. Copy the mirror again, or unset KIT_MIRROR."
        )


def pack(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Copy cached data sets into a mirror folder and write its manifest; what it already holds stays.

    Args:
        folder: the mirror; it is made if need be.
        names: data sets that are in the cache.

    Returns:
        The whole manifest.

    Raises:
        DamagedFile: a cached file is not what was written.
        CacheTrouble: the folder cannot take the files.
    """
    with files.writing(folder / MANIFEST):
        folder.mkdir(parents=True, exist_ok=True)
    held = manifest(str(folder)) if (folder / MANIFEST).exists() else {}
    for name in names:
        found = store.entry(cards.card(name))
        if found is None:
            raise DamagedFile(f"{name} is not in the cache; `kit data fetch {name}` brings it.")
        store.verify(found)
        target = folder / found.path.name
        if target.is_file() and held.get(name, {}).get("sha256") == found.sha256 == files.sha256(target):
            continue
        files.need_space(folder, found.bytes)
        draft = target.with_name(f"{target.name}.part")
        with files.writing(draft):
            shutil.copyfile(found.path, draft)
            draft.replace(target)
        held[name] = {"file": target.name, "sha256": found.sha256, "bytes": found.bytes}
    draft = folder / f"{MANIFEST}.part"
    with files.writing(draft):
        draft.write_text(json.dumps(dict(sorted(held.items())), indent=1) + "\n", encoding="utf8")
        draft.replace(folder / MANIFEST)
    return held


def _join(where: str, name: str) -> str:
    return f"{where.rstrip('/')}/{name}"
