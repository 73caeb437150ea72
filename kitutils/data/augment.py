"""New training pictures from old ones: moves, light, noise, new grounds and mixtures, a batch at a time in ``tf.data``.

Pure functions of a batch and of what is to be done to each of its pictures; the ``random_…`` ones draw that from a
seed. They run eagerly and inside ``Dataset.map`` alike. Pictures are uint8 from 0 to 255 or floats from 0 to 1, of
shape (n, height, width, channels), and come back in the same dtype and range. Boxes are (first row, first column, end
row, end column) in pixels, of shape (n, 4), as ``shapes.draw`` gives them.

Lessons: 15.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

Change = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

FILLS = ("reflect", "nearest", "wrap", "constant")


def move(images, *, flip=False, degrees=0.0, zoom=1.0, down=0.0, right=0.0, boxes=None, fill: str = "reflect"):
    """Mirror, turn, enlarge and shift each picture about its middle, in this order and in a single resampling.

    All moves are one affine map, so that a picture is blurred by the interpolation (bilinear) once and not four times.

    Args:
        images: shape (n, height, width, channels).
        flip: whether to exchange left and right. This and the next four are one value, or one for each picture.
        degrees: counter-clockwise.
        zoom: above 1 the content grows, below 1 it shrinks.
        down, right: pixels.
        boxes: shape (n, 4), moved along. A turned box is the upright one around it, so it grows; what leaves the
            picture is cut off.
        fill: what stands where the picture came from outside: its mirror image, its edge, its other end, or black.

    Returns:
        The pictures; with ``boxes`` a pair of pictures and boxes, the latter float32.

    Raises:
        ValueError: the pictures are no batch of uint8 or floats, the boxes do not fit them, or the fill is unknown.
    """
    images = _checked(images)
    if fill not in FILLS:
        raise ValueError(f"fill is one of {', '.join(FILLS)}; got {fill!r}.")
    n, height, width = tf.unstack(tf.shape(images)[:3])
    flip, degrees, zoom, down, right = (_each(v, n) for v in (flip, degrees, zoom, down, right))
    # Forward: new = zoom · turn · mirror · old + shift, measured from the middle, rows counted downwards.
    angle = degrees * (np.pi / 180)
    cos, sin, mirror = tf.cos(angle), tf.sin(angle), 1 - 2 * flip
    # The op asks for the way back: where in the old picture does the new pixel (x, y) come from?
    a, b, c, d = mirror * cos / zoom, -mirror * sin / zoom, sin / zoom, cos / zoom
    x, y = tf.cast(width - 1, tf.float32) / 2, tf.cast(height - 1, tf.float32) / 2
    from_x, from_y = x + right, y + down
    nought = tf.zeros_like(a)
    rows = [a, b, x - a * from_x - b * from_y, c, d, y - c * from_x - d * from_y, nought, nought]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=tf.stack(rows, axis=1),
        output_shape=tf.stack([height, width]),
        interpolation="BILINEAR",
        fill_mode=fill.upper(),
        fill_value=0.0,
    )
    moved = _back(moved, images)
    if boxes is None:
        return moved
    forward = tf.stack([zoom * mirror * cos, zoom * sin, -zoom * mirror * sin, zoom * cos], axis=1)
    return moved, _move_boxes(boxes, forward, down, right, height, width)


def _move_boxes(boxes, forward, down, right, height, width):
    boxes = tf.cast(boxes, tf.float32)
    if boxes.shape.rank != 2 or boxes.shape[1] != 4:
        raise ValueError(f"Boxes have shape (n, 4), one a picture; got {boxes.shape}.")
    middle = tf.cast(tf.stack([height, width]), tf.float32) / 2
    y, x = (
        tf.gather(boxes, columns, axis=1) - at for columns, at in (([0, 0, 2, 2], middle[0]), ([1, 3, 1, 3], middle[1]))
    )
    a, b, c, d = (forward[:, i, None] for i in range(4))
    x, y = a * x + b * y + right[:, None] + middle[1], c * x + d * y + down[:, None] + middle[0]
    x, y = tf.clip_by_value(x, 0, 2 * middle[1]), tf.clip_by_value(y, 0, 2 * middle[0])
    low, high = tf.reduce_min, tf.reduce_max
    return tf.stack([low(y, 1), low(x, 1), high(y, 1), high(x, 1)], axis=1)


def crop(images, windows, *, boxes=None):
    """Cut a window out of each picture and enlarge it to the picture's size, as :func:`move` does everything else.

    Args:
        images: shape (n, height, width, channels).
        windows: shape (n, 4) like boxes, each of the picture's proportions (its width decides).
        boxes: as in :func:`move`.

    Raises:
        ValueError: as :func:`move`.
    """
    images, windows = _checked(images), tf.cast(windows, tf.float32)
    height, width = (tf.cast(side, tf.float32) for side in tf.unstack(tf.shape(images)[1:3]))
    zoom = width / (windows[:, 3] - windows[:, 1])
    down = zoom * (height - windows[:, 0] - windows[:, 2]) / 2
    right = zoom * (width - windows[:, 1] - windows[:, 3]) / 2
    return move(images, zoom=zoom, down=down, right=right, boxes=boxes)


def light(images, *, gain=1.0, offset=0.0):
    """Change contrast and brightness: each value times ``gain``, plus ``offset`` of the whole range, cut at its ends.

    Args:
        images: shape (n, height, width, channels).
        gain: one, or one for each picture; about the middle of the range, so that it changes contrast alone.
        offset: likewise, as a fraction of the range: 0.1 adds 25.5 to uint8.

    Raises:
        ValueError: the pictures are no batch of uint8 or floats.
    """
    images = _checked(images)
    n, top = tf.shape(images)[0], _top(images)
    gain, offset = (_each(v, n)[:, None, None, None] for v in (gain, offset))
    return _back((tf.cast(images, tf.float32) - top / 2) * gain + top / 2 + offset * top, images)


def noise(images, seed, *, deviation=0.05):
    """Add Gaussian noise to each value; ``deviation`` is a fraction of the range, one, or one for each picture.

    Args:
        images: shape (n, height, width, channels).
        seed: a whole number, or two of them.
        deviation: standard deviation of the noise.

    Raises:
        ValueError: the pictures are no batch of uint8 or floats.
    """
    images = _checked(images)
    deviation = _each(deviation, tf.shape(images)[0])[:, None, None, None]
    grain = tf.random.stateless_normal(tf.shape(images), _seed(seed))
    return _back(tf.cast(images, tf.float32) + grain * deviation * _top(images), images)


def new_ground(images, boxes, grounds):
    """Keep what is in the box and replace the rest by another picture.

    The paste-and-learn of Dwibedi, Misra and Hebert ("Cut, paste and learn", ICCV 2017), with boxes in place of masks.

    Args:
        images: shape (n, height, width, channels).
        boxes: shape (n, 4).
        grounds: what to stand on, same shape and dtype.

    Raises:
        ValueError: the pictures are no batch, or the grounds are of another dtype or shape.
    """
    images, grounds, boxes = _checked(images), _checked(grounds), tf.cast(boxes, tf.float32)
    if images.dtype != grounds.dtype or not images.shape.is_compatible_with(grounds.shape):
        raise ValueError(
            f"Grounds are of the pictures' dtype and shape, {images.dtype.name} {images.shape}; "
            f"got {grounds.dtype.name} {grounds.shape}."
        )
    rows, columns = (tf.range(side, dtype=tf.float32) + 0.5 for side in (tf.shape(images)[1], tf.shape(images)[2]))
    inside_rows = (rows > boxes[:, 0, None]) & (rows < boxes[:, 2, None])
    inside_columns = (columns > boxes[:, 1, None]) & (columns < boxes[:, 3, None])
    return tf.where((inside_rows[:, :, None] & inside_columns[:, None, :])[..., None], images, grounds)


def mixup(images, labels, share, partners):
    """Blend each picture with a partner, and their labels in the same proportion.

    Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.

    Args:
        images: shape (n, height, width, channels).
        labels: one-hot or probabilities, shape (n, classes).
        share: of the picture itself, 0 to 1, shape (n,); the partner has the rest.
        partners: the position of each picture's partner in the batch, whole numbers of shape (n,).

    Returns:
        Pictures in the dtype they came in; labels, float32 of shape (n, classes), each row adding up to one.

    Raises:
        ValueError: the pictures are no batch of uint8 or floats, or the labels are class numbers.
    """
    images, labels = _checked(images), tf.convert_to_tensor(labels)
    if labels.shape.rank != 2:
        raise ValueError(
            f"Class 3 and class 5 have no half-way class 4: mix one-hot labels of shape (n, classes), which "
            f"keras.utils.to_categorical makes; got shape {labels.shape}."
        )
    share = _each(share, tf.shape(images)[0])
    pixels, labels, part = tf.cast(images, tf.float32), tf.cast(labels, tf.float32), share[:, None, None, None]
    mixed = part * pixels + (1 - part) * tf.gather(pixels, partners)
    return _back(mixed, images), share[:, None] * labels + (1 - share[:, None]) * tf.gather(labels, partners)


def random_move(images, seed, *, flip=False, degrees=0.0, zoom=0.0, shift=0.0, boxes=None, fill: str = "reflect"):
    """:func:`move` each picture by amounts of its own, drawn evenly.

    Args:
        images: shape (n, height, width, channels).
        seed: a whole number, or two of them; the same seed gives the same moves.
        flip: mirror a random half of them.
        degrees: the largest turn to either side.
        zoom: 0.1 enlarges by up to 1.1 or shrinks by up to 1.1.
        shift: the largest shift in each direction, as a fraction of the picture's side.
        boxes, fill: as in :func:`move`.

    Raises:
        ValueError: as :func:`move`.
    """
    images = _checked(images)
    n, height, width = tf.unstack(tf.shape(images)[:3])
    coin, turn, size, down, right = tf.unstack(tf.random.stateless_uniform([5, n], _seed(seed), -1, 1))
    return move(
        images,
        flip=(coin < 0) & flip,
        degrees=degrees * turn,
        zoom=tf.pow(1.0 + zoom, size),
        down=shift * down * tf.cast(height, tf.float32),
        right=shift * right * tf.cast(width, tf.float32),
        boxes=boxes,
        fill=fill,
    )


def random_light(images, seed, *, gain=0.2, offset=0.1):
    """:func:`light` with a gain of 1 ± ``gain`` and an offset of ± ``offset``, drawn evenly for each picture."""
    images = _checked(images)
    up, brighter = tf.unstack(tf.random.stateless_uniform([2, tf.shape(images)[0]], _seed(seed), -1, 1))
    return light(images, gain=1 + gain * up, offset=offset * brighter)


def random_mixup(images, labels, seed, *, alpha=0.2):
    """:func:`mixup` with random partners and shares from the Beta(alpha, alpha) distribution, most near 0 or 1."""
    images = _checked(images)
    n, seed = tf.shape(images)[0], _seed(seed)
    # Beta from two Gammas. Both can round to 0 for a small alpha, and 0 / 0 is no share.
    gammas = tf.random.stateless_gamma([2, n], seed, alpha) + 1e-30
    partners = tf.argsort(tf.random.stateless_uniform([n], seed + 1))
    return mixup(images, labels, gammas[0] / tf.reduce_sum(gammas, axis=0), partners)


def batches(images, labels, change: Change | None = None, *, batch_size: int = 64, seed: int = 0) -> tf.data.Dataset:
    """Endless shuffled batches for ``fit(…, steps_per_epoch=…)``, changed anew each time a picture comes by.

    Args:
        images, labels: arrays of n rows.
        change: from a batch of images, its labels and a seed (int64, shape (2,)) to images and labels; runs on the
            processor's cores beside the training. None changes nothing.
        batch_size: pictures in a batch.
        seed: of the order and of the changes: the same seed gives the same batches.
    """
    rows = tf.data.Dataset.from_tensor_slices((images, labels))
    made = rows.shuffle(len(images), seed=seed).repeat().batch(batch_size)
    if change is not None:
        made = tf.data.Dataset.zip(made, tf.data.Dataset.random(seed=seed).batch(2))
        made = made.map(lambda rows, drawn: change(*rows, drawn), num_parallel_calls=tf.data.AUTOTUNE)
    return made.prefetch(tf.data.AUTOTUNE)


def _checked(images) -> tf.Tensor:
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4:
        hint = " For one picture, image[None]." if images.shape.rank == 3 else ""
        raise ValueError(f"A batch of pictures has shape (n, height, width, channels); got {images.shape}.{hint}")
    if images.dtype != tf.uint8 and not images.dtype.is_floating:
        raise ValueError(f"Pictures are uint8 from 0 to 255 or floats from 0 to 1; got {images.dtype.name}.")
    return images


def _each(value, n) -> tf.Tensor:
    """One float32 for each picture."""
    return tf.broadcast_to(tf.cast(value, tf.float32), [n])


def _seed(seed) -> tf.Tensor:
    """A seed of TensorFlow's stateless generators: int64 of shape (2,)."""
    seed = tf.cast(seed, tf.int64)
    return tf.stack([seed, 0]) if seed.shape.rank == 0 else seed


def _top(images: tf.Tensor) -> float:
    return 255.0 if images.dtype == tf.uint8 else 1.0


def _back(values: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Values as float32, in the pictures' dtype and range."""
    values = tf.clip_by_value(values, 0, _top(images))
    return tf.cast(tf.round(values) if images.dtype == tf.uint8 else values, images.dtype)
