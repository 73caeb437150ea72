"""Images to the array that a model takes: arrays as they are, PNG and JPEG files rescaled where training rescaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kitutils.ship.arrays import Arrays, as_array
from kitutils.ship.faults import BadInput
from kitutils.ship.image_files import pixels_of, wrong_shape


@dataclass(frozen=True)
class Images:
    """Images: arrays, or PNG and JPEG files as a path or as bytes.

    Attributes:
        shape: height, width, channels. An image of another size is refused: it must be resized as in training, and only
            the caller knows how that was.
        low, high: the range of the values that the model takes. An array is taken as it is. A file's pixels, 0 to 255,
            are brought into the range if it is one that they were rescaled to (``high`` at most 1, or ``low`` below
            0), and else taken as they are: digits of 0 to 16 stand in a file as 0 to 16.
        name: of the model's input.
    """

    shape: tuple[int, int, int]
    low: float = 0
    high: float = 255
    name: str = "input"

    def arrays(self, raw: Sequence[Any]) -> Arrays:
        made = np.empty((len(raw), *self.shape), np.float32)
        for row, image in enumerate(raw):
            made[row] = self._one(image, row)
        return {self.name: made}

    def groups(self, arrays: Arrays) -> list[tuple[np.ndarray, Arrays]]:
        return [(np.arange(len(arrays[self.name])), arrays)]

    def probes(self) -> list[Any]:
        return [np.full(self.shape, value, np.float32) for value in (self.low, self.high)]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "images", "shape": list(self.shape), "low": self.low, "high": self.high, "name": self.name}

    @property
    def rescales(self) -> bool:
        """Whether a file's pixels are brought into the range, and not taken as they are."""
        return self.high <= 1 or self.low < 0

    def from_file(self, pixels: np.ndarray) -> np.ndarray:
        """The uint8 pixels of a file, of any shape, as the model takes them: float32 in the range, or unchanged."""
        if not self.rescales:
            return pixels
        # Rounding may lead past the ends by a digit.
        return np.clip(np.float32(pixels) / 255 * (self.high - self.low) + self.low, self.low, self.high)

    def _one(self, image: Any, row: int) -> np.ndarray:
        if isinstance(image, str | bytes | bytearray | memoryview) or hasattr(image, "__fspath__"):
            image = self.from_file(pixels_of(image, self.shape, row))
        found = as_array(image) if isinstance(image, np.ndarray | list | tuple) else None
        if found is None or found.dtype.kind not in "uif":
            what = "nothing" if image is None else f"{image.__class__.__name__}"
            raise BadInput(f"an image is an array of numbers, or a PNG or JPEG as path or bytes; got {what}.", row)
        if found.shape != tuple(self.shape):
            raise wrong_shape(found.shape, self.shape, row)
        if found.dtype == np.uint8 and self.low <= 0 and self.high >= 255:
            return found
        least, most = found.min(), found.max()  # NaN if one of them is
        if not (self.low <= least and most <= self.high):
            rest = "Bring an image there as in training."
            if self.rescales:
                rest = "Bring an array there as in training; a file is brought into that range."
            elif (self.low, self.high) == (0, 255):
                rest = "Give the pixels as they stand in a file."
            raise BadInput(f"values are {self.low:g} to {self.high:g}; got {least:g} to {most:g}. {rest}", row)
        if found.dtype.kind == "f" and self.low >= 0 and self.high > 2 and 0 < most <= 1 and (found % 1).any():
            raise BadInput(
                f"values run only to {most:g}, as if they had been rescaled to 0–1 before; the model takes "
                f"{self.low:g} to {self.high:g}.",
                row,
            )
        return found
