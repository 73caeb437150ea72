"""Image files to pixels: the quick way for plain PNGs agrees with Pillow, and what is special is treated as such."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from kitutils.ship import image_files
from kitutils.ship.faults import BadInput
from kitutils.ship.image_files import pixels_of

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (5, 7, 3)).astype(np.uint8)


def encoded(pixels, kind="PNG", **more):
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, kind, **more)
    return file.getvalue()


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def claiming(width, height, colour=2):
    """A small PNG that says that it is large, and is not."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    zipped = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zipped) + chunk(b"IEND", b"")


@pytest.fixture
def without_quick_way(monkeypatch):
    def call(*given, **more):
        with monkeypatch.context() as patch:
            patch.setattr(image_files, "_plain_png", lambda *_: None)
            return pixels_of(*given, **more)

    return call


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]), st.integers(0, 9), st.booleans(), st.integers(0, 99)
)
def test_the_quick_way_gives_what_pillow_gives(height, width, channels, level, smooth, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels)).astype(np.uint8)
    if smooth:  # other rows are predicted from their neighbours then
        pixels = np.sort(np.sort(pixels, axis=0), axis=1)
    content = encoded(pixels[..., 0] if channels == 1 else pixels, compress_level=level)
    quick = image_files._plain_png(content, pixels.shape, Image)
    assert quick is not None and quick.dtype == np.uint8
    assert np.array_equal(quick, pixels)


def test_many_data_chunks_and_silent_ones_are_plain_too():
    content = encoded(COLOURS)
    data = content[41:-16]
    cut = b"".join(chunk(b"IDAT", data[i : i + 10]) for i in range(0, len(data), 10))
    whole = content[:33] + chunk(b"gAMA", struct.pack(">I", 45455)) + cut + content[-12:]
    assert np.array_equal(image_files._plain_png(whole, COLOURS.shape, Image), COLOURS)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255), st.integers(0, 10_000))
@example(41, 1, 0)
def test_a_damaged_file_is_refused_or_read_as_pillow_reads_it(place, change, cut):
    content = bytearray(encoded(COLOURS))
    content[place % len(content)] ^= change
    content = bytes(content[: len(content) - cut % len(content)]) if cut % 3 == 0 else bytes(content)
    try:
        found = pixels_of(content, COLOURS.shape)
    except BadInput:
        return
    assert np.array_equal(found, np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))


def test_what_is_special_goes_the_usual_way(without_quick_way):
    exif = Image.Exif()
    exif[0x0112] = 3
    files = [
        encoded(COLOURS, exif=exif),
        encoded(COLOURS, interlace=1),
        encoded(Image.fromarray(COLOURS).convert("P")),
        encoded(COLOURS, "JPEG"),
    ]
    for content in files:
        assert np.array_equal(pixels_of(content, COLOURS.shape), without_quick_way(content, COLOURS.shape))
    assert np.array_equal(pixels_of(files[0], COLOURS.shape), COLOURS[::-1, ::-1])


def test_an_orientation_is_applied_and_the_size_is_that_of_the_upright_image():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    lying = encoded(COLOURS, exif=exif)
    assert np.array_equal(pixels_of(lying, (7, 5, 3)), np.rot90(COLOURS, -1))
    with pytest.raises(BadInput, match="lying on its side"):
        pixels_of(lying, (5, 7, 3))


def test_what_uses_no_transparency_or_colour_is_taken():
    opaque = np.dstack([COLOURS, np.full((5, 7), 255, np.uint8)])
    assert np.array_equal(pixels_of(encoded(opaque), COLOURS.shape), COLOURS)
    grey = COLOURS[..., :1]
    assert np.array_equal(pixels_of(encoded(np.repeat(grey, 3, axis=2)), (5, 7, 1)), grey)
    with pytest.raises(BadInput, match="takes grey images; this file is RGB"):
        pixels_of(encoded(COLOURS), (5, 7, 1))
    opaque[0, 0, 3] = 254
    with pytest.raises(BadInput, match=r"this file is RGBA\. Put it on a background"):
        pixels_of(encoded(opaque), COLOURS.shape)


def test_fitting_takes_the_middle_and_the_mean_of_what_becomes_one_pixel():
    pixels = RNG.integers(0, 256, (24, 40, 3)).astype(np.uint8)
    found = pixels_of(encoded(pixels), (8, 8, 3), fit=True)
    mean = pixels[:, 8:32].reshape(8, 3, 8, 3, 3).mean(axis=(1, 3))
    assert np.abs(found - mean).max() <= 1  # Pillow rounds after each direction
    wide = pixels_of(encoded(pixels), (2, 8, 3), fit=True)  # in the model's own proportions
    assert np.abs(wide - pixels[7:17].reshape(2, 5, 8, 5, 3).mean(axis=(1, 3))).max() <= 1


def test_fitting_leaves_an_image_of_the_right_size_alone():
    assert np.array_equal(pixels_of(encoded(COLOURS), COLOURS.shape, fit=True), COLOURS)


def test_fitting_puts_transparency_on_white_and_makes_grey_of_colours():
    clear = np.zeros((6, 6, 4), np.uint8)
    assert np.array_equal(pixels_of(encoded(clear), (3, 3, 3), fit=True), np.full((3, 3, 3), 255))
    assert pixels_of(encoded(COLOURS), (4, 4, 1), fit=True).shape == (4, 4, 1)
    assert pixels_of(encoded(Image.fromarray(COLOURS).convert("CMYK"), "JPEG"), (4, 4, 3), fit=True).shape == (4, 4, 3)


@pytest.mark.parametrize("fit", [False, True])
@pytest.mark.parametrize(
    "content, said",
    [
        (claiming(50_000, 50_000), "no PNG or JPEG|got 50000|at most"),
        (claiming(9_000, 9_000), "got 9000 × 9000|at most 1,000,000 pixels; got 9,000 × 9,000"),
        (encoded(COLOURS)[:80], "cannot be read|no PNG or JPEG"),
        (encoded(RNG.integers(0, 65_536, (5, 7)).astype(np.uint16)), "this file is I;16"),
        (encoded(Image.fromarray(COLOURS), save_all=True, append_images=[Image.fromarray(COLOURS[::-1])]), "animation"),
        (encoded(COLOURS, "GIF"), "no PNG or JPEG"),
        (b"", "no PNG or JPEG"),
    ],
)
def test_what_no_model_takes_is_refused(content, said, fit):
    with pytest.raises(BadInput, match=f"Input 2: .*({said})"):
        pixels_of(content, (5, 7, 3), 2, fit=fit, most=1_000_000)


def test_an_image_of_another_size_is_refused_before_a_pixel_is_decoded(monkeypatch):
    for loader in (PngImagePlugin.PngImageFile, Image.Image):
        monkeypatch.setattr(loader, "load", lambda self: pytest.fail("decoded"))
    for fit in (False, True):
        with pytest.raises(BadInput, match=r"8,?000 × 8,?000"):
            pixels_of(claiming(8_000, 8_000), (5, 7, 3), fit=fit, most=1_000_000)
