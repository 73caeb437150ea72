"""shapes10: 32 × 32 colour pictures of ten shapes, drawn from a fixed seed, with the truth about each.

It stands in for CIFAR-10 where there is no network, and serves detection, for which it knows the boxes. A picture is a
shape of random colour, size, place and turn on a shaded ground, among clutter, partly hidden, under noise. Grounds lean
towards a colour that depends on the class, as sky and sea do in photographs: that much a linear model can see.

Only +, −, ×, /, comparisons and the generator's raw draws are used, which IEEE 754 rounds alike everywhere: the
pictures are the same to the bit on every platform. So a turn is the rational point ((1 − t²)/(1 + t²), 2t/(1 + t²)) of
the unit circle, not a cosine and a sine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from kitutils.course.waiting import track

CLASSES = ("circle", "ring", "square", "triangle", "star", "cross", "crescent", "heart", "arrow", "hourglass")
SIZE = 32
TRAIN, TEST = 10_000, 2_000
SEED = 10

_FINE = 2  # the outline is drawn on a grid this many times finer, then averaged
_CHUNK = 250  # pictures drawn at once: small enough for the processor's cache

Grid = np.ndarray  # float32 of shape (pictures, height, width)


def _half_plane(u: Grid, v: Grid, nu: float, nv: float, far: float) -> Grid:
    return u * np.float32(nu) + v * np.float32(nv) <= far


def _star(u: Grid, v: Grid) -> Grid:
    # A pentagram is what lies inside at least four of the five lines that carry its edges.
    inside = np.zeros(u.shape, np.int8)
    for nu, nv in ((0, -1), (0.951057, -0.309017), (0.587785, 0.809017), (-0.587785, 0.809017), (-0.951057, -0.309017)):
        inside += _half_plane(u, v, nu, nv, 0.3)
    return inside >= 4


def _triangle(u: Grid, v: Grid) -> Grid:
    return (
        _half_plane(u, v, 0, 1, 0.5) & _half_plane(u, v, 0.866025, -0.5, 0.5) & _half_plane(u, v, -0.866025, -0.5, 0.5)
    )


def _heart(u: Grid, v: Grid) -> Grid:
    x, y = u * np.float32(1.3), v * np.float32(-1.3) + np.float32(0.1)
    ball = x * x + y * y - 1
    return ball * ball * ball - x * x * y * y * y <= 0


def _arrow(u: Grid, v: Grid) -> Grid:
    head = (v <= 0.05) & (abs(u) <= (v + 0.95) * np.float32(0.8))
    shaft = (abs(u) <= 0.27) & (v > 0.05) & (v <= 0.9)
    return head | shaft


# Each takes coordinates in which the shape fills about the unit circle, v pointing down.
OUTLINES: dict[str, Callable[[Grid, Grid], Grid]] = {
    "circle": lambda u, v: u * u + v * v <= 0.68,
    "ring": lambda u, v: abs(u * u + v * v - np.float32(0.55)) <= 0.27,
    "square": lambda u, v: np.maximum(abs(u), abs(v)) <= 0.72,
    "triangle": _triangle,
    "star": _star,
    "cross": lambda u, v: (np.minimum(abs(u), abs(v)) <= 0.25) & (np.maximum(abs(u), abs(v)) <= 0.88),
    "crescent": lambda u, v: (u * u + v * v <= 0.85) & ((u - np.float32(0.48)) ** 2 + v * v > 0.5),
    "heart": _heart,
    "arrow": _arrow,
    "hourglass": lambda u, v: (abs(u) <= abs(v) * np.float32(0.85) + np.float32(0.06)) & (abs(v) <= 0.85),
}

# The ground that each class leans towards, as red, green, blue.
_GROUNDS = np.array(
    [
        [0.35, 0.55, 0.80],
        [0.70, 0.45, 0.35],
        [0.45, 0.45, 0.45],
        [0.40, 0.65, 0.35],
        [0.25, 0.25, 0.45],
        [0.75, 0.70, 0.60],
        [0.50, 0.35, 0.60],
        [0.75, 0.50, 0.60],
        [0.35, 0.60, 0.60],
        [0.65, 0.65, 0.30],
    ],
    np.float32,
)
LEANING = 0.27  # how far a ground is drawn from a random colour towards that of its class
SMALLEST, LARGEST = 8.5, 13.5  # the shape's radius in pixels
TURN = 0.25  # the tangent of half the largest turn to either side: 28 degrees
CONTRAST = 0.30  # the least difference of colour between shape and ground, in two of the three channels
LIGHTER = 0.65  # where the ground is darker than this the shape is lighter, so most shapes are light
NOISE = 0.07  # the standard deviation of the noise goes up to four fifths of this
CLUTTER = 2  # dots behind the shape
SHADING, STRIPES = 0.3, 0.2  # the most by which a slope and stripes change the brightness
HIDDEN = 0.4  # share of the pictures in which a bar covers part of the shape


@cache
def _generated() -> dict[str, np.ndarray]:
    made = {}
    for part, rows, seed in (("train", TRAIN, SEED), ("test", TEST, SEED + 1)):
        made[f"x_{part}"], made[f"y_{part}"], made[f"boxes_{part}"] = draw(rows, seed)
    return made


def dataset() -> dict[str, np.ndarray]:
    """The whole set, fresh arrays at each call: ``x_train, y_train, boxes_train``, and the same for test."""
    return {name: values.copy() for name, values in _generated().items()}


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw pictures, the ten classes in equal shares and random order.

    Returns:
        Pictures, uint8 of shape (rows, 32, 32, 3); labels, int64 of shape (rows,); boxes, int64 of shape (rows, 4): the
        first row, first column, last row + 1, last column + 1 of the shape, what is hidden of it included.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    labels = rng.permutation(np.arange(rows, dtype=np.int64) % len(CLASSES))
    images = np.empty((rows, SIZE, SIZE, 3), np.uint8)
    boxes = np.empty((rows, 4), np.int64)
    for label, name in enumerate(track(CLASSES, "drawing pictures, class")):
        mine = np.flatnonzero(labels == label)
        for at in range(0, len(mine), _CHUNK):
            chunk = mine[at : at + _CHUNK]
            images[chunk], boxes[chunk] = _draw_chunk(rng, len(chunk), label, OUTLINES[name])
    return images, labels, boxes


def _draw_chunk(rng: np.random.Generator, n: int, label: int, outline: Callable[[Grid, Grid], Grid]):
    cover, boxes = _cover(rng, n, outline)
    ground, paint = _colours(rng, n, label)
    picture = ground * _shading(rng, n)
    for _ in range(CLUTTER):
        picture = _mix(picture, rng.random((n, 1, 1, 3), np.float32), _blob(rng, n, 1.5, 4.0))
    picture = _mix(picture, paint * _shading(rng, n), cover)
    bar = _bar(rng, n) * (rng.random((n, 1, 1), np.float32) < HIDDEN)
    picture = _mix(picture, rng.random((n, 1, 1, 3), np.float32), bar)
    strength = NOISE * rng.random((n, 1, 1, 1), np.float32)
    shape = (n, SIZE, SIZE, 3)
    picture = picture + strength * (rng.random(shape, np.float32) + rng.random(shape, np.float32) - 1) * 2
    return (np.clip(picture, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8), boxes


def _uniform(rng: np.random.Generator, n: int, low: float, high: float) -> Grid:
    # Generator.uniform may fuse its multiplication and addition on some processors.
    return np.float32(low) + np.float32(high - low) * rng.random((n, 1, 1), np.float32)


def _place(rng: np.random.Generator, n: int, side: int) -> tuple[Grid, Grid]:
    """Pixel centres as columns x and rows y, in pixels of the finished picture; float32 of shape (1, ·, ·)."""
    centres = (np.arange(side, dtype=np.float32) + np.float32(0.5)) * np.float32(SIZE / side)
    return centres[None, None, :], centres[None, :, None]


def _turned(rng: np.random.Generator, n: int, x: Grid, y: Grid, most: float = 1.0) -> tuple[Grid, Grid]:
    t = _uniform(rng, n, -most, most)
    scale = 1 + t * t
    c, s = (1 - t * t) / scale, 2 * t / scale
    return c * x + s * y, c * y - s * x


def _cover(rng: np.random.Generator, n: int, outline: Callable[[Grid, Grid], Grid]) -> tuple[Grid, np.ndarray]:
    """How much of each pixel the shape covers, from 0 to 1, and its boxes."""
    side = SIZE * _FINE
    x, y = _place(rng, n, side)
    radius = _uniform(rng, n, SMALLEST, LARGEST)
    room = SIZE / 2 - radius  # the shape stays inside the picture
    cx, cy = (np.float32(SIZE / 2) + room * _uniform(rng, n, -1, 1) for _ in range(2))
    u, v = _turned(rng, n, (x - cx) / radius, (y - cy) / radius, TURN)
    inside = outline(u, v)
    fine = inside.reshape(n, SIZE, _FINE, SIZE, _FINE)
    boxes = np.stack([_extent(inside.any(2)), _extent(inside.any(1))], axis=1)  # (n, rows or columns, first or end)
    return fine.sum((2, 4), dtype=np.float32) / _FINE**2, boxes[:, [0, 1, 0, 1], [0, 0, 1, 1]]


def _extent(occupied: np.ndarray) -> np.ndarray:
    first = occupied.argmax(1)
    end = occupied.shape[1] - occupied[:, ::-1].argmax(1)
    return np.stack([first // _FINE, -(-end // _FINE)], axis=1)


def _colours(rng: np.random.Generator, n: int, label: int) -> tuple[Grid, Grid]:
    """Colours of ground and shape, float32 of shape (n, 1, 1, 3), different enough to be told apart."""
    random = np.float32(0.15) + np.float32(0.7) * rng.random((n, 1, 1, 3), np.float32)
    ground = random + (_GROUNDS[label] - random) * (2 * LEANING * rng.random((n, 1, 1, 1), np.float32))
    step = np.float32(CONTRAST) + np.float32(0.5 - CONTRAST) * rng.random((n, 1, 1, 3), np.float32)
    paint = ground + np.where(ground < LIGHTER, step, -step)
    keep = rng.integers(0, 4, (n, 1, 1, 1)) == np.arange(3)  # in most pictures one channel stays as it is
    return ground, np.where(keep, ground, paint)


def _shading(rng: np.random.Generator, n: int) -> Grid:
    """A slope of brightness with stripes on it; float32 of shape (n, 32, 32, 1)."""
    x, y = _place(rng, n, SIZE)
    half = np.float32(SIZE / 2)
    along, across = _turned(rng, n, (x - half) / half, (y - half) / half)
    wave = across * _uniform(rng, n, 1.0, 4.0) + _uniform(rng, n, 0, 1)
    stripes = abs(wave - np.floor(wave) - np.float32(0.5)) * 2 - np.float32(0.5)
    return (1 + _uniform(rng, n, 0, SHADING) * along + _uniform(rng, n, 0, STRIPES) * stripes)[..., None]


def _blob(rng: np.random.Generator, n: int, low: float, high: float) -> Grid:
    x, y = _place(rng, n, SIZE)
    radius = _uniform(rng, n, low, high)
    dx, dy = x - _uniform(rng, n, 0, SIZE), y - _uniform(rng, n, 0, SIZE)
    return (dx * dx + dy * dy <= radius * radius).astype(np.float32)


def _bar(rng: np.random.Generator, n: int) -> Grid:
    x, y = _place(rng, n, SIZE)
    across, _ = _turned(rng, n, x - _uniform(rng, n, 6, SIZE - 6), y - _uniform(rng, n, 6, SIZE - 6))
    return (abs(across) <= _uniform(rng, n, 0.5, 2.0)).astype(np.float32)


def _mix(below: np.ndarray, colour: np.ndarray, cover: Grid) -> np.ndarray:
    return below + (colour - below) * cover[..., None]
