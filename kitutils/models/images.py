"""Networks for small images: the textbook CNN that everything is compared with, and residual networks.

They take uint8 or float images from 0 to 255 as they are: the scaling is the first layer, so that nobody can forget it.
They end in logits, without a softmax; compile them with ``SparseCategoricalCrossentropy(from_logits=True)``. Keras
only, so any backend trains them.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

CIFAR = (32, 32, 3)


def reference_cnn(input_shape: Sequence[int] = CIFAR, classes: int = 10) -> keras.Model:
    """The course's reference, as textbooks have it: Conv 32, pool, Conv 64, pool, Conv 64, Dense 64, Dense.

    It stays as it is, so that figures of different lessons and years can be compared. Train it with Adam at its own
    learning rate, batches of 32, ten epochs.

    Args:
        input_shape: height, width, channels; 16 or more on a side.
        classes: how many.

    Raises:
        ValueError: the images are too small for two poolings and three convolutions.
    """
    _image_shape(input_shape, 16)
    return keras.Sequential(
        [
            keras.Input(tuple(input_shape)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
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
