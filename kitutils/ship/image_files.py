"""PNG and JPEG files to pixels, of the size that a model takes. The size is looked at before a pixel is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np

from kitutils.ship.faults import BadInput

_MODES = ("L", "RGB", "P", "1")  # as Pillow calls grey, colour, indexed, black and white
_WITH_ALPHA = ("LA", "RGBA")
_ORIENTATION = 0x0112
_LYING = 5  # orientations from here on are turned by a quarter
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_HEADER = struct.Struct(">IIBBBBB")  # width, height, depth, colour, and what is 0 in a plain file
_CHUNK = struct.Struct(">I4s")
_SILENT = (b"gAMA", b"sRGB", b"cHRM", b"pHYs", b"tIME")  # chunks that say nothing about the pixels' values


def pixels_of(
    source: Any, shape: tuple[int, int, int], row: int | None = None, *, fit: bool = False, most: int | None = None
) -> np.ndarray:
    """An image file to uint8 pixels of a given height, width and number of channels (1 or 3).

    What a camera noted about its orientation is applied. Transparency is refused unless nothing is transparent.

    Args:
        source: a path, or the file's bytes.
        shape: height, width, channels.
        row: which input it is, for the message.
        fit: cut the middle out of an image of another size, in the proportions wanted, and resize it by area (nearest
            pixel when it grows). Transparent parts become white then, and colour becomes grey for a grey model.
        most: pixels that a file may have, with ``fit``. Without, only one of the right size is decoded.

    Raises:
        BadInput: the file is no PNG or JPEG, damaged, too large, or of another size or kind than wanted.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise BadInput("image files need the package pillow; install it, or pass an array.", row) from error
    if isinstance(source, bytes) and (plain := _plain_png(source, shape, Image)) is not None:
        return plain
    content = io.BytesIO(source) if isinstance(source, bytes | bytearray | memoryview) else source
    try:
        with Image.open(content, formats=("PNG", "JPEG")) as opened:
            _check_size(opened.size, shape, row, fit, most)
            return _pixels(opened, shape, row, fit)
    except BadInput:
        raise
    except (Image.UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadInput("the file is no PNG or JPEG, or it is damaged.", row) from error
    except Exception as error:  # a damaged file makes Pillow stumble wherever it happens to be
        raise BadInput(f"the image file cannot be read ({error.__class__.__name__}: {error}).", row) from error


def _plain_png(content: bytes, shape: tuple[int, int, int], Image: Any) -> np.ndarray | None:
    """The pixels of a PNG of the right size and kind with nothing special about it, in half of the usual time.

    A service decodes one for each request. Anything else, what is damaged too, is None: the usual way knows what it is.
    """
    height, width, channels = shape
    colour, mode = (0, "L") if channels == 1 else (2, "RGB")
    if content[:16] != _PNG or content[-12:] != _END or len(content) < 45:
        return None
    if _HEADER.unpack_from(content, 16) != (width, height, 8, colour, 0, 0, 0):
        return None
    at, end, parts = 8, len(content) - 12, []
    while at < end:
        size, kind = _CHUNK.unpack_from(content, at)
        last = at + 8 + size
        if last + 4 > end or zlib.crc32(content[at + 4 : last]) != int.from_bytes(content[last : last + 4], "big"):
            return None
        if kind == b"IDAT":
            parts.append(content[at + 8 : last])
        elif kind not in _SILENT and at > 8:
            return None
        at = last + 4
    try:
        picture = Image.frombytes(mode, (width, height), b"".join(parts), "zip", (mode, 0))
    except ValueError:  # cut, or no zip data
        return None
    return np.frombuffer(picture.tobytes(), np.uint8).reshape(shape)


def _check_size(size: tuple[int, int], shape: tuple[int, int, int], row: int | None, fit: bool, most: int | None):
    height, width, channels = shape
    if fit:
        if most is not None and size[0] * size[1] > most:
            raise BadInput(
                f"an image has at most {most:,} pixels; got {size[0]:,} × {size[1]:,}. Make it smaller.", row
            )
    elif size not in ((width, height), (height, width)):
        raise wrong_shape((size[1], size[0], channels), shape, row)


def _pixels(opened: Any, shape: tuple[int, int, int], row: int | None, fit: bool) -> np.ndarray:
    from PIL import ImageOps

    if opened.format == "PNG" and getattr(opened, "is_animated", False):
        raise BadInput("the file is an animation. Send one picture.", row)
    if opened.mode not in _MODES + _WITH_ALPHA and not (fit and opened.mode == "CMYK"):
        raise BadInput(f"an image is grey or RGB, 8 bits each; this file is {opened.mode}. Convert it first.", row)
    height, width, channels = shape
    wanted = "L" if channels == 1 else "RGB"
    opened.load()  # a PNG may note its orientation after its pixels
    picture = opened
    if (turn := opened.getexif().get(_ORIENTATION, 1)) != 1:
        picture = ImageOps.exif_transpose(opened)
    if not fit and (picture.size != (width, height)):
        note = "; it is lying on its side, as a note in the file says" if turn >= _LYING else ""
        raise wrong_shape((picture.height, picture.width, channels), shape, row, note)
    picture = _without_alpha(picture, row, fit)
    if fit and picture.size != (width, height):
        from PIL import Image

        picture = ImageOps.fit(picture.convert(wanted), (width, height), Image.Resampling.BOX)
    if wanted == "L" and picture.mode not in ("L", "1") and not fit:
        return _grey(np.asarray(picture.convert("RGB")), opened.mode, row)
    if picture.mode != wanted:
        picture = picture.convert(wanted)
    return np.asarray(picture).reshape(shape)


def _without_alpha(picture: Any, row: int | None, fit: bool) -> Any:
    """The same picture if it has no alpha channel or none of it is used; on white with ``fit``; else refused."""
    if picture.mode not in _WITH_ALPHA and "transparency" not in picture.info:
        return picture
    kind = picture.mode if picture.mode in _WITH_ALPHA else f"{picture.mode} with transparency"
    full = picture.convert("RGBA")
    if full.getchannel("A").getextrema() != (255, 255):
        if not fit:
            raise BadInput(f"an image is grey or RGB; this file is {kind}. Put it on a background first.", row)
        from PIL import Image

        full = Image.alpha_composite(Image.new("RGBA", full.size, "white"), full)
    return full.convert("L" if picture.mode in ("LA", "L") else "RGB")


def _grey(pixels: np.ndarray, kind: str, row: int | None) -> np.ndarray:
    """One channel of three that are equal, (height, width, 3) to (height, width, 1)."""
    first = pixels[..., :1]
    if (pixels != first).any():
        raise BadInput(f"the model takes grey images; this file is {kind} and has colours. Convert it first.", row)
    return first


def wrong_shape(got: tuple[int, ...], wanted: tuple[int, ...], row: int | None, note: str = "") -> BadInput:
    """The error that says which shape an image has, and which it should have."""
    sides, found = (" × ".join(map(str, shape)) for shape in (wanted, got))
    return BadInput(
        f"an image is {sides} (height, width, channels); got {found or 'a number'}{note}. Resize it as in training.",
        row,
    )
