"""The cache: prepared files in ``KIT_HOME/data``, each with a small manifest of what was written.

A data set is in the cache if both files are there and agree; anything else counts as absent. Files are written under
another name and renamed, the manifest last, so that a run that is killed leaves nothing that looks whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kitutils import settings
from kitutils.data import files, formats
from kitutils.data.cards import Card
from kitutils.data.faults import CacheTrouble, DamagedFile
from kitutils.data.formats import Content

if TYPE_CHECKING:
    from filelock import BaseFileLock

PATIENCE_S = 1200  # for another notebook that is fetching the same set


@dataclass(frozen=True)
class Entry:
    """What the cache, or a mirror, says about a prepared file: where it is, its hash, its size, where it came from."""

    path: Path
    sha256: str
    bytes: int
    source: str


def folder() -> Path:
    """The cache's folder; it need not exist."""
    return settings.home() / "data"


def entry(card: Card) -> Entry | None:
    """What the cache holds of a data set, unverified; None if it is not there."""
    path = folder() / card.prepared_file
    try:
        note = json.loads(_note(card).read_text(encoding="utf8"))
        found = Entry(path, str(note["sha256"]), int(note["bytes"]), str(note["source"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if path.is_file() else None


def verify(found: Entry) -> None:
    """Compare a cached file with what was written.

    Raises:
        DamagedFile: it differs.
    """
    size = files.size_of(found.path)
    if size != found.bytes:
        raise DamagedFile(f"{found.path} has {size:,} bytes where {found.bytes:,} were written. {_AGAIN}")
    if (got := files.sha256(found.path)) != found.sha256:
        raise DamagedFile(
            f"{found.path} has changed since it was written: its sha256 is {got}, expected was {found.sha256}. {_AGAIN}"
        )


_AGAIN = "`kit data fetch` removes the file and brings it again."


def read(card: Card) -> Content | None:
    """The content of a cached data set, verified; None if it is not in the cache.

    Raises:
        DamagedFile: the file is not what was written.
    """
    found = entry(card)
    if found is None:
        return None
    try:
        verify(found)
        return formats.read(found.path, card)
    except OSError as error:
        raise DamagedFile(f"{found.path} cannot be read ({error.strerror or error}). {_AGAIN}") from error


@contextmanager
def workspace(card: Card) -> Iterator[Path]:
    """A folder in which the data set is put together, by one process at a time.

    It is the cache's folder, or a temporary one if the cache cannot be written to: then nothing is kept, and one
    printed line says so.

    Raises:
        CacheTrouble: the disk is full, or another process has held the data set for too long.
    """
    lock = _lock(card)
    if lock is None:
        print(
            f"The cache {folder()} cannot be written to: {card.name} is not kept. KIT_HOME chooses another.", flush=True
        )
        with files.scratch() as scratch:
            yield scratch
        return
    try:
        yield folder()
    finally:
        _sweep(card)
        lock.release()


def _lock(card: Card) -> BaseFileLock | None:
    """The data set's lock, held, in a folder that takes files; None if the cache cannot be written to."""
    from filelock import FileLock, Timeout

    lock = None
    try:
        folder().mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder() / f".{card.name}.lock")
        try:
            lock.acquire(timeout=0.2)
        except Timeout:
            print(f"{card.title}: another notebook is fetching it; waiting for that.", flush=True)
            lock.acquire(timeout=PATIENCE_S)
        _sweep(card)
        # A lock that is there already can be taken in a folder that takes no new file.
        probe = part(card, folder())
        probe.touch()
        probe.unlink()
    except Timeout as error:
        raise CacheTrouble(
            f"Another process has been fetching {card.name} for {PATIENCE_S // 60} minutes. Shut down the other "
            "notebooks' kernels, then load the data set again."
        ) from error
    except NotImplementedError:  # a network folder that knows no locks
        return None
    except OSError as error:
        if lock is not None:
            lock.release()
        if error.errno in files.FULL:
            raise files.trouble(folder() / card.prepared_file, error) from error
        return None
    return lock


def part(card: Card, space: Path) -> Path:
    """The name under which a prepared file is written before it is known to be whole."""
    return space / f"{card.prepared_file}.part"


def downloads(card: Card, space: Path) -> Path:
    """A folder for the publisher's own files; it is removed with the workspace."""
    path = space / f"{card.name}.download.part"
    with files.writing(path):
        path.mkdir(exist_ok=True)
    return path


def commit(card: Card, space: Path, source: str) -> Content:
    """Verify the ``part`` file, and make it the cached one; in a temporary workspace, only read it.

    Raises:
        DamagedFile: it is not a prepared file of this data set.
        CacheTrouble: the cache cannot take it.
    """
    written = part(card, space)
    try:
        content = formats.read(written, card)
    except DamagedFile as error:
        mend = (
            "Make the mirror anew with `kit data pack`, or unset KIT_MIRROR" if source == "mirror" else "Load it again"
        )
        raise DamagedFile(f"What the {source} gave cannot be used: {error}. {mend}.") from error
    if space == folder():
        note = {"file": card.prepared_file, "sha256": files.sha256(written), "bytes": files.size_of(written)}
        draft = _note(card).with_name(f"{card.name}.json.part")
        with files.writing(draft):
            draft.write_text(json.dumps({**note, "source": source}, indent=1) + "\n", encoding="utf8")
        # Both are written: what is left to do takes no more space. Without its note, a file counts as absent.
        with files.writing(written):
            _note(card).unlink(missing_ok=True)
            written.replace(folder() / card.prepared_file)
            draft.replace(_note(card))
    return content


def discard(card: Card) -> None:
    """Take a data set out of the cache. Call it in the data set's workspace."""
    for path in (_note(card), folder() / card.prepared_file):
        with files.writing(path):
            path.unlink(missing_ok=True)


def _note(card: Card) -> Path:
    return folder() / f"{card.name}.json"


def _sweep(card: Card) -> None:
    """Remove what a broken-off run of this data set has left, as far as that can be removed."""
    shutil.rmtree(folder() / f"{card.name}.download.part", ignore_errors=True)
    for name in (f"{card.prepared_file}.part", f"{card.name}.json.part"):
        files.remove(folder() / name)
