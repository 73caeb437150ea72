"""Networks for small images: the textbook CNN that everything is compared with, residual networks, and a fast one.

They take uint8 or float images from 0 to 255 as they are: the scaling is the first layer, so that nobody can forget it.
They end in logits, without a softmax; compile them with ``SparseCategoricalCrossentropy(from_logits=True)``. Keras
only, so any backend trains them.

Lessons: 40, 41.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

CIFAR = (32, 32, 3)
DIRECTIONS = 18  # of the 27 in a patch of 3 × 3 pixels in colour, those of widest spread


def reference_cnn(input_shape: Sequence[int] = CIFAR, classes: int = 10, *, batch_norm: bool = False) -> keras.Model:
    """The course's reference, as textbooks have it: Conv 32, pool, Conv 64, pool, Conv 64, Dense 64, Dense.

    It stays as it is, so that figures of different lessons and years can be compared. Train it with Adam at its own
    learning rate, batches of 32, ten epochs.

    Args:
        input_shape: height, width, channels; 18 or more on a side.
        classes: how many.
        batch_norm: True is no longer the reference: batch normalisation between each convolution and its relu.

    Raises:
        ValueError: the images are too small for two poolings and three convolutions.
    """
    _image_shape(input_shape, 18)

    def convolution(filters: int) -> list[keras.Layer]:
        if not batch_norm:
            return [layers.Conv2D(filters, 3, activation="relu")]
        return [layers.Conv2D(filters, 3), layers.BatchNormalization(), layers.ReLU()]

    return keras.Sequential(
        [
            keras.Input(tuple(input_shape)),
            layers.Rescaling(1 / 255),
            *convolution(32),
            layers.MaxPooling2D(),
            *convolution(64),
            layers.MaxPooling2D(),
            *convolution(64),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(classes),
        ],
        name="reference_cnn",
    )


def resnet(
    depth: int = 20,
    input_shape: Sequence[int] = CIFAR,
    classes: int = 10,
    *,
    shortcuts: bool = True,
    width: int | None = None,
) -> keras.Model:
    """A residual network for small images (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016).

    ``depth`` 20, 32, 44, 56, … are the paper's networks for CIFAR-10: three stages of 16, 32 and 64 channels. ``depth``
    18 is the ImageNet network in its usual form for CIFAR: four stages of 64, 128, 256 and 512 channels, a first
    convolution of 3 × 3 and no pooling after it. Where a stage begins, the image is halved, and the shortcut is a
    convolution of 1 × 1 (the paper's option B).

    Args:
        depth: number of layers with weights, shortcuts not counted: 18, or 6 n + 2.
        input_shape: height, width, channels; 8 or more on a side.
        classes: how many.
        shortcuts: False leaves them out: the paper's plain network of the same depth, which is harder to train.
        width: channels of the first stage, to make the network smaller or larger; None takes the paper's.

    Raises:
        ValueError: there is no such depth.
    """
    _image_shape(input_shape, 8)
    if depth == 18:
        blocks, stages, first = 2, 4, width or 64
    elif depth >= 8 and depth % 6 == 2:
        blocks, stages, first = depth // 6, 3, width or 16
    else:
        raise ValueError(f"Residual networks for small images have 18 or 6 n + 2 layers (8, 14, 20, …); got {depth}.")
    image = keras.Input(tuple(input_shape))
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.ReLU()(_convolution(x, first, 1))
    for stage in range(stages):
        for block in range(blocks):
            x = _block(x, first * 2**stage, 2 if stage and not block else 1, shortcuts)
    x = layers.GlobalAveragePooling2D()(x)
    kind = "resnet" if shortcuts else "plain"
    return keras.Model(image, layers.Dense(classes)(x), name=f"{kind}{depth}")


def fast_cnn(
    images: np.ndarray,
    classes: int = 10,
    *,
    stages: Sequence[Sequence[int]] = ((48, 64, 64), (96, 128, 128)),
    dtype: str | None = None,
) -> keras.Model:
    """The kit's fast network: much accuracy for little arithmetic on two cores.

    - The first layer turns patches of 3 × 3 pixels, one at every second pixel, into numbers that are uncorrelated and
      of equal spread (whitening), computed from ``images`` and not trained. Each direction comes twice, with either
      sign, so that the activation loses nothing. It halves the image, and all later layers work on a quarter of the
      pixels (Coates and Ng, "Learning feature representations with k-means", 2012; Page, "How to train your ResNet",
      2018; Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024).
    - Each convolution begins by passing its inputs on (a one in the middle of the filter), so that a signal reaches the
      end before anything is learned (Jordan, 2024).
    - Pooling comes before normalisation and activation, which then have a quarter of the work.
    - The last layer sees each channel's largest value, and its logits are made nine times smaller (Page, 2018).

    Compile it with :func:`kitutils.train.recipes.fast`.

    Args:
        images: training images, uint8 of shape (rows, height, width, channels); the first 5,000 are looked at.
        classes: how many.
        stages: for each stage the channels of its convolutions. After the first of them the image is halved.
        dtype: Keras' policy for numbers, as :func:`kitutils.train.precision.fastest` finds it; None takes the policy
            that is set. The logits are float32 in any case.

    Raises:
        ValueError: the images are no uint8 batch.
    """
    if images.ndim != 4 or images.dtype != np.uint8:
        raise ValueError(
            f"Images are uint8 of shape (rows, height, width, channels); got {images.dtype} {images.shape}."
        )
    image = keras.Input(images.shape[1:], dtype="uint8")
    x = layers.Rescaling(1 / 64, offset=-2.0, dtype=dtype)(image)
    filters = whitening(images[:5000] / 64 - 2.0, patch=3, every=2)[..., :DIRECTIONS]
    fixed = {"use_bias": False, "trainable": False, "name": "whitening", "dtype": dtype}
    first = layers.Conv2D(2 * filters.shape[-1], 3, 2, "same", **fixed)
    x = layers.Activation("relu", dtype=dtype)(first(x))
    first.kernel.assign(np.concatenate([filters, -filters], axis=-1))
    for stage in stages:
        for place, width in enumerate(stage):
            start = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
            convolution = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=start, dtype=dtype)
            x = convolution(x)
            _pass_on(convolution)
            if place == 0:
                x = layers.MaxPooling2D(dtype=dtype)(x)
            x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, scale=False, dtype=dtype)(x)
            x = layers.Activation("relu", dtype=dtype)(x)
    x = layers.GlobalMaxPooling2D(dtype=dtype)(x)
    x = layers.Dense(classes, use_bias=False, name="head", dtype=dtype)(x)
    return keras.Model(image, layers.Rescaling(1 / 9, dtype="float32")(x), name="fast_cnn")


def both_sides(model: keras.Model) -> keras.Model:
    """A model for predicting that averages what ``model`` says of an image and of its mirror image.

    It shares the weights, and takes twice the time (test-time augmentation; Krizhevsky, Sutskever and Hinton, "ImageNet
    classification with deep convolutional neural networks", NeurIPS 2012).
    """
    image = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
    return keras.Model(image, layers.Average()([model(image), model(ops.flip(image, axis=2))]), name=model.name)


def whitening(images: np.ndarray, patch: int, every: int, epsilon: float = 1e-2) -> np.ndarray:
    """Filters that turn patches of an image into uncorrelated numbers of equal spread.

    Args:
        images: float of shape (rows, height, width, channels).
        patch: side of the patches.
        every: pixels from one patch to the next.
        epsilon: added to each variance, so that directions in which nothing happens are not blown up.

    Returns:
        float32 of shape (patch, patch, channels, patch * patch * channels), the widest direction first.
    """
    windows = np.lib.stride_tricks.sliding_window_view(images, (patch, patch), axis=(1, 2))[:, ::every, ::every]
    patches = np.moveaxis(windows, 3, -1).reshape(-1, patch * patch * images.shape[-1])
    spread, directions = np.linalg.eigh(np.cov(patches, rowvar=False))
    filters = (directions / np.sqrt(spread + epsilon))[:, ::-1]
    return filters.reshape(patch, patch, images.shape[-1], -1).astype(np.float32)


def _pass_on(convolution: layers.Conv2D) -> None:
    """Makes the first filters hand on one input each, unchanged; the others stay random."""
    kernel = np.array(convolution.kernel)
    height, width, inputs, filters = kernel.shape
    each = np.arange(min(inputs, filters))
    kernel[..., each] = 0
    kernel[height // 2, width // 2, each, each] = 1
    convolution.kernel.assign(kernel)


def _block(x, channels: int, stride: int, shortcut: bool):
    """Two convolutions and what goes past them."""
    y = layers.ReLU()(_convolution(x, channels, stride))
    y = _convolution(y, channels, 1)
    if shortcut:
        past = x if stride == 1 and x.shape[-1] == channels else _convolution(x, channels, stride, size=1)
        y = layers.Add()([y, past])
    return layers.ReLU()(y)


def _convolution(x, channels: int, stride: int, size: int = 3):
    # Without a bias: the batch normalisation that follows has one.
    y = layers.Conv2D(channels, size, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.BatchNormalization(momentum=0.9)(y)


def _image_shape(shape: Sequence[int], least: int) -> None:
    if len(shape) != 3 or min(shape[:2]) < least:
        raise ValueError(f"Images are (height, width, channels), {least} or more on a side; got {tuple(shape)}.")
