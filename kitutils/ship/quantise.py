"""Numbers in eight bits: scale and zero point, and the way there and back.

A quantised number is an integer q that stands for ``scale * (q - zero)`` (Jacob et al., "Quantization and training of
neural networks for efficient integer-arithmetic-only inference", CVPR 2018). LiteRT's rules, which these functions
follow: weights are symmetric, one scale for each output channel, from -127 to 127; what flows between layers is
asymmetric, one scale for each tensor, from -128 to 127.

Lessons: 50.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

TINY = np.finfo(np.float32).tiny


def scale_and_zero(low: float, high: float, *, symmetric: bool = False) -> tuple[float, int]:
    """Scale and zero point with which int8 covers a range.

    Args:
        low, high: smallest and largest number that occur. The range is widened to hold 0, which must be exact: padding
            and relu make many zeros.
        symmetric: cover ``-largest`` to ``largest`` with -127 to 127, and zero 0; else low to high with -128 to 127.

    Returns:
        The scale, positive, and the zero point, the integer that stands for 0. A range of nothing but 0, or too near
        to it for float32, has scale 1.

    Raises:
        ValueError: the range is not finite, or ends before it begins.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"A range has a finite low end and a high end that is no smaller; got {low} to {high}.")
    low, high = float(low), float(high)  # the difference of two float32 may be too large for a float32
    if symmetric:
        return _scale(max(abs(low), abs(high)) / 127), 0
    low, high = min(low, 0.0), max(high, 0.0)
    scale = _scale((high - low) / 255)
    return scale, int(np.clip(round(-128 - low / scale), -128, 127))


def weight_scales(kernel: ArrayLike) -> np.ndarray:
    """The scale of each output channel of a kernel: its largest magnitude / 127, float32 of shape (channels,).

    Args:
        kernel: shape (…, channels), as Keras has dense layers and convolutions. A channel of zeros has scale 1.
    """
    kernel = np.asarray(kernel, np.float32)
    scales = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1))) / np.float32(127)
    return np.where(scales > TINY, scales, np.float32(1))


def quantise(values: ArrayLike, scale: ArrayLike, zero: ArrayLike = 0, *, low: int = -128) -> np.ndarray:
    """The nearest int8 of each number; those beyond the range get its end.

    Args:
        values: any shape.
        scale: a number, or one for each entry of the last axis.
        zero: the zero point, in the same form.
        low: the smallest integer that is used: -128, or -127 for weights.
    """
    steps = np.round(np.asarray(values, np.float32) / np.asarray(scale, np.float32)) + zero
    return np.clip(steps, low, 127).astype(np.int8)


def dequantise(integers: ArrayLike, scale: ArrayLike, zero: ArrayLike = 0) -> np.ndarray:
    """What quantised numbers stand for, float32; at most half a scale from what they were, if that was in the range."""
    return (np.asarray(integers, np.float32) - np.asarray(zero, np.float32)) * np.asarray(scale, np.float32)


def folded(kernel: ArrayLike, gamma: ArrayLike, variance: ArrayLike, epsilon: float) -> np.ndarray:
    """The kernel of a convolution after its batch normalisation has been multiplied into it, as converters do.

    Args:
        kernel: shape (…, channels).
        gamma, variance: of the normalisation, shape (channels,).
        epsilon: of the normalisation.
    """
    factor = np.asarray(gamma, np.float32) / np.sqrt(np.asarray(variance, np.float32) + np.float32(epsilon))
    return np.asarray(kernel, np.float32) * factor


def _scale(step: float) -> float:
    return float(step) if step > TINY else 1.0
