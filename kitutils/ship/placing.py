"""A folder that appears when all of it is written, or not at all. Standard library only."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from kitutils.ship.faults import ShipError
from kitutils.ship.manifest import NAME


def check_place(folder: Path, replace: bool) -> None:
    """Whether an export may be written there.

    Raises:
        ShipError: something else is there, or an older export that is not to be replaced.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / NAME).is_file():
        raise ShipError(f"{folder.name} is there and is no export, so it is left alone. Choose another folder.")
    if not replace:
        raise ShipError(
            f"{folder.name} already holds an export. Say replace=True (--replace) to replace it, or choose another."
        )


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder`` to write into; with the end of the block it takes that name.

    An older one in its place is replaced. If the block fails, nothing is left of the new one and the old one stays.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        _into_place(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _into_place(part: Path, folder: Path) -> None:
    """Rename, an older export moved aside first and brought back if that fails."""
    if not folder.exists():
        part.rename(folder)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(aside / "old")
    try:
        part.rename(folder)
    except BaseException:
        (aside / "old").rename(folder)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def version_of(library: str) -> str:
    """The installed version of a package, for a manifest."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"


def _umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found
