"""Other views of a batch of pictures, in NumPy alone, so that any backend of Keras trains on the same: mirrored in
every second epoch, shifted by whole pixels.

Cheap enough to be done while a processor of two cores trains on the batch before. For turns, light, boxes and mixtures
see :mod:`kitutils.data.augment`.
"""

from __future__ import annotations

import numpy as np


def alternately(images: np.ndarray, first: np.ndarray, epoch: int) -> np.ndarray:
    """Mirrors some of the pictures in even epochs, and the others in odd ones.

    So each picture is seen from either side once in two epochs, and no picture twice running from the same, as happens
    to every second one where a coin is thrown (Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024,
    section 3.6).

    Args:
        images: shape (n, height, width, channels).
        first: whether a picture is mirrored in epoch 0, bool of shape (n,). It belongs to the picture for good.
        epoch: from 0.
    """
    turned = first ^ bool(epoch % 2)
    images = images.copy()
    images[turned] = images[turned][:, :, ::-1]
    return images


def shifted(images: np.ndarray, pixels: int, rng: np.random.Generator) -> np.ndarray:
    """Shifts each picture by up to so many pixels down or up and right or left; the rim is filled with its reflection.

    Args:
        images: shape (n, height, width, channels).
        pixels: the farthest, less than the height and the width.
        rng: draws the shifts, all equally likely.
    """
    n, height, width = images.shape[:3]
    around = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode="reflect")
    moved = np.empty_like(images)
    for i, (down, right) in enumerate(rng.integers(0, 2 * pixels + 1, (n, 2))):
        moved[i] = around[i, down : down + height, right : right + width]
    return moved
