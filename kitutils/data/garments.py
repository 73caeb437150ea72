"""Ten garments as grey silhouettes of 28 × 28 pixels, for the stand-in of Fashion-MNIST."""

from __future__ import annotations

import numpy as np

# Corners as column, row in a frame of 28 × 28, one list of polygons a class, in the order of Fashion-MNIST's labels.
Polygon = list[tuple[float, float]]
_LONG_SLEEVES: list[Polygon] = [[(9, 4), (18, 4), (21, 8), (20, 25), (7, 25), (6, 8)]] + [
    [(side(9), 4), (side(3), 9), (side(2), 24), (side(5), 24), (side(7), 11)]
    for side in (lambda x: x, lambda x: 27 - x)
]
_OUTLINES: dict[str, list[Polygon]] = {
    "t-shirt": [[(9, 5), (18, 5), (25, 9), (23, 13), (19, 12), (19, 24), (8, 24), (8, 12), (4, 13), (2, 9)]],
    "trouser": [[(9, 2), (18, 2), (20, 26), (15, 26), (13.5, 9), (12, 26), (7, 26)]],
    "pullover": [*_LONG_SLEEVES],
    "dress": [[(11, 2), (16, 2), (16, 9), (20, 26), (7, 26), (11, 9)]],
    "coat": [*_LONG_SLEEVES],
    "sandal": [[(1, 20), (12, 15), (22, 8), (26, 9), (26, 21), (23, 21), (22, 14), (12, 19), (3, 22)]],
    "shirt": [*_LONG_SLEEVES],
    "sneaker": [[(1, 17), (9, 15), (15, 10), (20, 12), (25, 11), (26, 21), (1, 21)]],
    "bag": [[(2, 11), (25, 11), (26, 25), (1, 25)], [(8, 11), (10, 4), (17, 4), (19, 11), (17, 11), (16, 6), (11, 6)]],
    "ankle boot": [[(2, 19), (12, 15), (13, 4), (23, 3), (24, 13), (26, 15), (26, 24), (2, 24)]],
}
# What tells a coat and a shirt from a pullover: an open front, or a collar and a row of buttons.
_MARKS: dict[str, list[Polygon]] = {
    "coat": [[(13, 4), (14, 4), (14, 25), (13, 25)]],
    "shirt": [[(11, 4), (16, 4), (13.5, 8)], *([(13, y), (14, y), (14, y + 1), (13, y + 1)] for y in (11, 15, 19))],
}


def draw(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw garments, the ten classes in equal shares and random order.

    Returns:
        Pictures, uint8 of shape (rows, 28, 28), light on black; labels, int64 of shape (rows,).
    """
    masks = np.stack([_mask(name) for name in _OUTLINES])
    labels = rng.permutation(np.arange(rows) % len(masks))
    garment = masks[labels]
    for axis in (1, 2):  # each picture is moved by up to one pixel
        moves = rng.integers(-1, 2, rows)
        garment = np.stack([np.roll(one, move, axis - 1) for one, move in zip(garment, moves, strict=True)])
    stripes = np.sin(np.arange(28) * rng.uniform(0.3, 2.0, (rows, 1)))[:, :, None] * (rng.random((rows, 1, 1)) < 0.4)
    cloth = rng.uniform(0.35, 1.0, (rows, 1, 1)) * (1 + 0.3 * stripes)
    pictures = garment * cloth * rng.normal(1, 0.1, (rows, 28, 28))
    return np.clip(pictures * 255, 0, 255).astype(np.uint8), labels.astype(np.int64)


def _mask(name: str) -> np.ndarray:
    """A garment's silhouette, from 0 to 1, smoothed by drawing it four times larger; float64 of shape (28, 28)."""
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (112, 112))
    pen = ImageDraw.Draw(canvas)
    for ink, polygons in ((255, _OUTLINES[name]), (70, _MARKS.get(name, []))):
        for polygon in polygons:
            pen.polygon([(4 * x, 4 * y) for x, y in polygon], fill=ink)
    return np.asarray(canvas, dtype=np.float64).reshape(28, 4, 28, 4).mean((1, 3)) / 255
