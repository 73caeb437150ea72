"""Small things about files that every place of the data stage needs. Standard library only."""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kitutils.data.faults import CacheTrouble

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def size_of(path: Path) -> int:
    """The file's size in bytes, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def megabytes(size: int) -> str:
    """A size for people: ``170.5 MB``, ``3 kB``."""
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.0f} kB"


def remove(path: Path) -> None:
    """Remove a file if it is there and can be removed; for clearing up, where another error is already on its way."""
    with suppress(OSError):
        path.unlink()


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn what the system says when ``target`` cannot be written into words, and leave no half-written file.

    Raises:
        CacheTrouble: the disk is full, the folder may not be written to, or it lies on a broken disk.
    """
    try:
        yield
    except OSError as error:
        fault = trouble(target, error)
        remove(target)
        raise fault from error


def trouble(target: Path, error: OSError) -> CacheTrouble:
    """What to tell the user when ``target`` could not be written."""
    if error.errno not in FULL:
        return CacheTrouble(f"{target} cannot be written ({error.strerror or error}). {_MEND}")
    there = next(folder for folder in target.absolute().parents if folder.exists())
    free = shutil.disk_usage(there).free
    return CacheTrouble(
        f"The disk is full: {target.name} had reached {megabytes(size_of(target))} in {target.parent}, where "
        f"{megabytes(free)} are free. {_MEND}"
    )


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder, removed at the end.

    Raises:
        CacheTrouble: the system has no room for one.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix="kit-data-", ignore_cleanup_errors=True)
    except OSError as error:
        raise CacheTrouble(
            f"No temporary folder can be made ({error}). Free some space there, or let TMPDIR (on Windows TEMP) point "
            "to another folder; then restart the kernel and load again."
        ) from error
    with made as name:
        yield Path(name)


def need_space(folder: Path, size: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        CacheTrouble: fewer than ``size`` bytes are free in ``folder``.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise CacheTrouble(f"{folder} has {megabytes(free)} free, and {megabytes(size)} are needed. {_MEND}")


_MEND = "Free some space, or let KIT_HOME point to a folder that has it and may be written to; then load again."
