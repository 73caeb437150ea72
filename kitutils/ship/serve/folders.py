"""Exports on disk, as a service sees them: where they lie, which versions there are, whether something changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kitutils.ship.card import NAME as CARD
from kitutils.ship.faults import BadExport, ShipError
from kitutils.ship.manifest import NAME, read_manifest


@dataclass(frozen=True)
class Found:
    """An export as it lay there at one moment.

    Attributes:
        folder: of the export.
        root: the folder that was asked for: the export itself, or the one that holds it.
        seal: equal as long as nothing changed: path, size and time of every file but the card, and what stands in the
            manifest (which holds the hashes of the others; a copy may keep size and time).
        name, version: from the manifest; None if it cannot be read.
        error: why it cannot be served, as far as that is known without loading it.
    """

    folder: Path
    root: Path
    seal: tuple
    name: str | None = None
    version: str | None = None
    error: str | None = None

    @property
    def key(self) -> tuple[str | None, str | None]:
        """Name and version."""
        return self.name, self.version


def look(roots: Iterable[Path], first: Iterable[Path] = ()) -> list[Found]:
    """All exports in these folders: each is an export, or holds exports as its subfolders. Nothing is hashed.

    Of two with the same name and version the second has an error; the folders in ``first`` come before all others.
    """
    found = []
    for root in roots:
        places = [root] if (root / NAME).is_file() else _below(root)
        found += [one for place in places if (one := _at(place, root))]
    chosen, seen = set(first), {}
    found.sort(key=lambda one: one.folder not in chosen)
    return [one if one.error else _unless_twice(one, seen.setdefault(one.key, one)) for one in found]


def check(roots: Sequence[Path], found: Iterable[Found]) -> None:
    """Whether a service can start on these.

    Raises:
        BadExport: a folder holds no export, a manifest cannot be read, two have the same name and version.
        ShipError: there is no folder.
    """
    if not roots:
        raise ShipError("There is nothing to serve. Give the folder of an export, or one whose subfolders are exports.")
    for root in roots:
        if not any(one.root == root for one in found):
            what = "holds no export" if root.is_dir() else "is no folder"
            raise BadExport(f"{root} {what}. Give the folder of an export, or one whose subfolders are exports.")
    for one in found:
        if one.error:
            raise BadExport(one.error)


def order(version: str) -> tuple:
    """What versions are sorted by: whole numbers by their size and before anything else; 1.9 before 1.10."""
    parts = re.split(r"([0-9]+)", version)
    natural = tuple((len(part.lstrip("0")), part.lstrip("0")) if i % 2 else part for i, part in enumerate(parts))
    return re.fullmatch("[0-9]+", version) is None, natural, version


def _unless_twice(one: Found, other: Found) -> Found:
    if one is other:
        return one
    where = " and ".join("/".join(place.folder.parts[-2:]) for place in (other, one))
    message = f"{where} are both {one.name} version {one.version}. Take one away, or export it as another version."
    # With the other's folder in its seal it is looked at anew when that one is gone.
    return replace(one, seal=(one.seal, other.folder), error=message)


def _below(root: Path) -> list[Path]:
    try:  # a name with a dot before it is an export that is being written
        return sorted(p for p in root.iterdir() if not p.name.startswith(".") and (p / NAME).is_file())
    except OSError:
        return []


def _at(folder: Path, root: Path) -> Found | None:
    try:
        # A card is for people, and may be edited while its model is served.
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / CARD]
        files = [(path, path.stat()) for path in paths]
        stats = tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in files)
        seal = (stats, (folder / NAME).read_bytes())
    except OSError:  # it is being renamed or removed at this moment
        return None
    try:
        manifest = read_manifest(folder)
    except BadExport as error:
        return Found(folder, root, seal, error=str(error))
    return Found(folder, root, seal, manifest.name, manifest.version)
