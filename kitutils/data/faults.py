"""What can go wrong between a publisher's file and a learner's notebook, one class for each way to mend it.

Standard library only.
"""

from __future__ import annotations

from kitutils.errors import KitError


class DataError(KitError):
    """Anything that keeps a data set from being loaded."""


class UnknownDataset(DataError):
    """There is no card of that name."""


class BadCard(DataError):
    """A card in datasets/ is not in the form that datasets/README.md describes."""


class Unavailable(DataError):
    """A place could not be asked, or does not have the data set: the next place is tried."""


class DamagedFile(DataError):
    """A file arrived that is not the one expected: cut, altered, or something else altogether."""


class CacheTrouble(DataError):
    """The cache folder cannot take the file: the disk is full, or the folder may not be written to."""


class StandInRefused(DataError):
    """Only a stand-in is left, and KIT_STRICT_DATA asks for the real data."""
