"""What can go wrong between a trained model and its answer elsewhere, one class for each way to mend it.

Standard library only.

Lessons: 51.
"""

from __future__ import annotations

from kitutils.errors import KitError


class ShipError(KitError):
    """Anything that keeps a model from being exported, loaded or asked."""


class CannotHold(ShipError):
    """The format cannot hold this model; the message says why, and the way round."""


class ParityFailed(ShipError):
    """A written file answers otherwise than the model it was made from, by more than its format may."""


class BadExport(ShipError):
    """A folder is no export, or not the one that was written: cut, altered, incomplete, or of a newer kit."""


class BadInput(ShipError, ValueError):
    """An input that the model was not made for.

    Attributes:
        row: its number in the list, from 0; None if the list itself is wrong.
    """

    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message if row is None else f"Input {row}: {message}")
        self.row = row
