"""Raw inputs to arrays: what is right arrives unchanged, what is wrong is refused with its row."""

import io
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kitutils.data import features
from kitutils.data.tokens import train_wordpiece
from kitutils.ship import BadExport, BadInput, Images, Plain, Rows, Texts
from kitutils.ship.inputs import from_dict

IMAGES = Images((4, 6, 3))
GREY = Images((4, 6, 1))
WORDS = train_wordpiece(["the red dress came too late"] * 3, size=80, length=32)
TEXTS = Texts(WORDS.to_dict(), widths=(16, 32))
ROWS = Rows(features.NUMBERS + features.COUNTS, features.TEXTS)
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (4, 6, 3)).astype(np.uint8)


def encoded(pixels, kind="PNG", **more):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **more)
    return file.getvalue()


# --- images -----------------------------------------------------------------------------------------------------------


def test_an_image_as_array_bytes_or_path_is_the_same(tmp_path):
    (tmp_path / "x.png").write_bytes(encoded(PIXELS))
    given_ = [
        PIXELS,
        PIXELS.astype(float),
        PIXELS.tolist(),
        encoded(PIXELS),
        tmp_path / "x.png",
        str(tmp_path / "x.png"),
    ]
    found = IMAGES.arrays(given_)["input"]
    assert found.shape == (6, 4, 6, 3) and found.dtype == np.float32
    assert all(np.array_equal(image, PIXELS) for image in found)


def test_a_grey_or_indexed_file_becomes_rgb_and_a_grey_model_takes_grey():
    grey = PIXELS[..., 0]
    assert np.array_equal(IMAGES.arrays([encoded(grey)])["input"][0], np.stack([grey] * 3, axis=-1))
    assert np.array_equal(GREY.arrays([encoded(grey)])["input"][0, ..., 0], grey)
    indexed = io.BytesIO()
    Image.fromarray(PIXELS).quantize(24).save(indexed, "PNG")
    assert IMAGES.arrays([indexed.getvalue()])["input"].shape == (1, 4, 6, 3)


def test_a_photo_that_lies_on_its_side_is_turned():
    tall = Images((6, 4, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° to the right
    found = tall.arrays([encoded(PIXELS, exif=exif)])["input"][0]
    assert np.array_equal(found, np.rot90(PIXELS, -1))


def bomb():
    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (PIXELS[:3], r"4 × 6 × 3 .*; got 3 × 6 × 3"),
        (PIXELS[..., :1], "got 4 × 6 × 1"),
        (PIXELS[..., 0], "got 4 × 6"),
        (np.uint8(3), "got uint8"),
        (np.transpose(PIXELS, (2, 0, 1)), "got 3 × 4 × 6"),
        (PIXELS / 255, "as if they had been rescaled"),
        (PIXELS.astype(float) - 300, "values are 0 to 255"),
        (np.full((4, 6, 3), np.nan), "values are 0 to 255"),
        (PIXELS > 3, "an image is an array of numbers"),
        (PIXELS.astype(object), "an image is an array of numbers"),
        (None, "got nothing"),
        ({}, "got dict"),
        (b"", "no PNG or JPEG"),
        (b"<html>not found</html>", "no PNG or JPEG"),
        ("no such file.png", "cannot be read"),
        ("\0", "cannot be read"),
        (encoded(RNG.integers(0, 255, (9, 6, 3)).astype(np.uint8)), "got 9 × 6 × 3"),
        (encoded(RNG.integers(0, 255, (4, 6, 4)).astype(np.uint8)), "this file is RGBA"),
        (encoded(PIXELS)[:60], "no PNG or JPEG|cannot be read"),
        (encoded(PIXELS, "GIF"), "no PNG or JPEG"),
    ],
)
def test_a_wrong_image_is_refused_with_its_row(image, message):
    with pytest.raises(BadInput, match=f"Input 1: .*{message}") as caught:
        IMAGES.arrays([PIXELS, image])
    assert caught.value.row == 1


def test_a_file_that_would_fill_the_memory_is_refused_before_it_is_decoded():
    with pytest.raises(BadInput, match=r"got 30000 × 30000|no PNG or JPEG"):
        IMAGES.arrays([bomb()])


def test_a_coloured_file_is_no_grey_image():
    with pytest.raises(BadInput, match="takes grey images"):
        GREY.arrays([encoded(PIXELS)])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_do_more_than_be_refused(noise, cut):
    for content in (noise, encoded(PIXELS)[:cut] + noise):
        try:
            found = IMAGES.arrays([content])["input"]
        except BadInput:
            continue
        assert found.shape == (1, 4, 6, 3)


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", " ", "x" * 100_000, "the " * 25_000, "😀" * 1000, "שלום עולם", "\x00\x07\x1b", "\ud800", "a\nb\tc", "中文"],
)
def test_any_text_becomes_a_row_alone_as_among_others(text):
    others = ["the dress", "late " * 40]
    together = TEXTS.arrays([*others, text])
    alone = TEXTS.arrays([text])
    for name in ("token_ids", "padding_mask"):
        assert np.array_equal(together[name][2:], alone[name])
        assert alone[name].dtype == np.int32 and alone[name].shape == (1, 32)


@pytest.mark.parametrize(
    ("text", "message"), [(None, "NoneType"), (b"late", "decode it first"), (3, "int"), (["a"], "list")]
)
def test_what_is_no_text_is_refused_with_its_row(text, message):
    with pytest.raises(BadInput, match=f"Input 2: a text is str; got .*{message}"):
        TEXTS.arrays(["a", "b", text])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["the", "red", "dress"]), max_size=40).map(" ".join), min_size=1, max_size=8))
def test_each_text_runs_once_in_the_narrowest_width_that_holds_it(texts):
    arrays = TEXTS.arrays(texts)
    seen = []
    for rows, part in TEXTS.groups(arrays):
        width = part["token_ids"].shape[1]
        lengths = part["padding_mask"].sum(axis=1)
        assert (lengths <= width).all() and (width == 16 or (lengths > 16).all())
        assert np.array_equal(part["token_ids"], arrays["token_ids"][rows, :width])
        seen += rows.tolist()
    assert sorted(seen) == list(range(len(texts)))


def test_widths_that_do_not_fit_the_vocabulary_are_refused():
    for widths in ((), (16,), (32, 16), (16, 64), (16, 16, 32)):
        with pytest.raises(ValueError, match="widths ascend"):
            Texts(WORDS.to_dict(), widths)
    with pytest.raises(ValueError, match="A text model takes"):
        Texts(WORDS.to_dict(), (16, 32), ("words",))


# --- rows -------------------------------------------------------------------------------------------------------------

numbers = st.one_of(
    st.none(), st.integers(-(10**9), 10**9), st.floats(width=32, allow_infinity=False), st.just(np.int64(3))
)
orders = st.fixed_dictionaries(
    dict.fromkeys(features.NUMBERS + features.COUNTS, numbers)
    | dict.fromkeys(features.TEXTS, st.none() | st.just(math.nan) | st.text(max_size=5))
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(orders, min_size=1, max_size=4))
def test_a_row_becomes_what_training_made_of_it(rows):
    """The service must not read an order otherwise than the lesson that trained the model."""
    import pandas as pd

    found, wanted = ROWS.arrays(rows), features.as_inputs(pd.DataFrame(rows))
    assert set(found) == set(wanted)
    for name, array in found.items():
        assert array.dtype == wanted[name].dtype
        assert np.array_equal(array, wanted[name], equal_nan=array.dtype == np.float32), name


def test_pandas_and_numpy_have_their_own_ways_of_missing():
    import pandas as pd

    rows = Rows(("n",), ("t",))
    for missing in (None, math.nan, np.float32("nan"), pd.NA, pd.NaT):
        found = rows.arrays([{"n": missing, "t": None if isinstance(missing, np.float32) else missing}])
        assert np.isnan(found["n"]).all() and found["t"].tolist() == [""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": "39"}, "age is a number or missing; got '39'"),
        ({"age": True}, "age is a number or missing; got True"),
        ({"age": [3]}, "age is a number or missing"),
        ({"age": math.inf}, "age is a number that float32 can hold"),
        ({"age": 10**400}, "age is a number that float32 can hold"),
        ({"age": 1 + 2j}, "age is a number or missing"),
        ({"size": 40}, "size is a text or missing; got 40"),
        ({"size": b"M"}, "size is a text or missing"),
    ],
)
def test_a_wrong_value_is_refused_with_row_and_column(change, message):
    good = dict.fromkeys(features.INPUTS)
    with pytest.raises(BadInput, match=f"Input 1: {message}"):
        ROWS.arrays([good, good | change])


def test_a_missing_column_is_named_and_one_too_many_ignored():
    good = dict.fromkeys(features.INPUTS)
    assert len(ROWS.arrays([good | {"colour": "red"}])) == len(features.INPUTS)
    with pytest.raises(BadInput, match="Input 0: not there: age, size"):
        ROWS.arrays([{name: None for name in good if name not in ("age", "size")}])
    with pytest.raises(BadInput, match="Input 0: a row is a mapping"):
        ROWS.arrays([[1, 2]])


# --- plain, and the manifest ------------------------------------------------------------------------------------------


def test_plain_arrays_are_checked_for_shape_and_numbers():
    plain = Plain((None, 2))
    assert plain.arrays([np.ones((3, 2)), np.zeros((3, 2))])["input"].shape == (2, 3, 2)
    for wrong in ("a", None, [[1, 2], [3]], [[1, 2, 3]], [1, 2], {}):
        with pytest.raises(BadInput, match="Input 0: an input"):
            plain.arrays([wrong])
    with pytest.raises(BadInput, match="Input 1: an input has shape"):
        plain.arrays([np.ones((3, 2)), np.ones((4, 2))])


@pytest.mark.parametrize("kind", [IMAGES, GREY, TEXTS, ROWS, Plain((None, 2), "int32", "tokens")])
def test_each_kind_survives_the_manifest(kind):
    import json

    again = from_dict(json.loads(json.dumps(kind.to_dict())))
    assert again == kind
    if probes := kind.probes():
        assert all(len(array) == len(probes) for array in again.arrays(probes).values())


def test_an_unknown_kind_is_refused():
    for kept in ({}, {"kind": "sounds"}, {"kind": "images"}, {"kind": "plain", "shape": [2], "more": 1}):
        with pytest.raises(BadExport, match="preprocessing is none that this kit knows"):
            from_dict(kept)
