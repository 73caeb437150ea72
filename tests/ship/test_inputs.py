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
from kitutils.ship.arrays import Signature
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


@pytest.mark.parametrize(("low", "high", "as_trained"), [(0, 1, PIXELS / 255), (-1, 1, PIXELS / 127.5 - 1)])
def test_a_file_is_brought_into_the_range_of_the_model_and_an_array_taken_as_it_is(low, high, as_trained):
    images = Images((4, 6, 3), low, high)
    found = images.arrays([encoded(PIXELS), as_trained, np.round(as_trained).astype(np.int8)])["input"]
    assert np.abs(found[0] - as_trained).max() < 1e-6 and found[0].min() >= low and found[0].max() <= high
    assert np.array_equal(found[1], as_trained.astype(np.float32))
    assert np.array_equal(found[2], np.round(as_trained))
    with pytest.raises(
        BadInput, match=f"Input 0: values are {low} to {high}; got .* a file is brought into that range"
    ):
        images.arrays([PIXELS])


@pytest.mark.parametrize("image", [Images((4, 6, 3), 0, 16), Images((4, 6, 3), 0, 99.5)])
def test_a_file_is_taken_as_it_is_where_training_rescaled_nothing(image):
    pixels = PIXELS % 17
    assert np.array_equal(image.arrays([encoded(pixels)])["input"][0], pixels)
    with pytest.raises(BadInput, match=r"values are 0 to .*; got 0 to 25.\. Bring an image there as in training"):
        image.arrays([encoded(PIXELS)])


def test_a_dark_file_of_a_normalised_range_is_taken_as_array_too():
    images = Images((4, 6, 3), -2.1179, 2.64)
    for pixels in (PIXELS // 2, np.full_like(PIXELS, 255), np.zeros_like(PIXELS)):
        from_array, from_file = images.arrays([images.from_file(pixels), encoded(pixels)])["input"]
        assert np.array_equal(from_array, from_file)


def test_a_file_divided_by_255_has_the_very_values_of_training():
    found = Images((4, 6, 3), 0, 1).arrays([encoded(PIXELS)])["input"][0]
    assert np.array_equal(found, PIXELS.astype(np.float32) / 255)


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

    wanted = features.as_inputs(pd.DataFrame(rows))
    inputs = [{"name": x, "shape": [], "dtype": "string" if x in ROWS.texts else "float32"} for x in wanted]
    found = Signature(inputs).fitted(ROWS.arrays(rows))
    assert set(found) == set(wanted)
    for name, array in found.items():
        assert array.dtype == wanted[name].dtype
        assert np.array_equal(array, wanted[name], equal_nan=array.dtype == np.float32), name


def test_yes_and_no_are_one_and_zero_where_they_are_meant():
    rows = [{"gift": value} for value in (True, False, np.True_, np.False_, None, 1)]
    found = Rows(("gift",), flags=("gift",)).arrays(rows)["gift"]
    np.testing.assert_array_equal(found, [1, 0, 1, 0, math.nan, 1])
    for row in rows[:4]:
        with pytest.raises(BadInput, match=r"gift is a number or missing; got .*(True|False)"):
            Rows(("gift",)).arrays([row])


@pytest.mark.parametrize("others", [(), (2.0,), (3, -4), (np.int32(7),)])
@pytest.mark.parametrize("code", [2**53 + 1, -(2**53) - 1, 2**63 - 1, np.int64(2**53 + 1)])
def test_a_code_arrives_as_itself_however_large(code, others):
    values = [code, *others]
    found = Rows(("n",)).arrays([{"n": value} for value in values])
    signature = Signature([{"name": "n", "shape": [], "dtype": "int64"}])
    assert signature.fitted(found)["n"].tolist() == [int(value) for value in values]


def test_codes_beyond_int64_arrive_or_are_refused():
    def fitted(dtype, *values):
        signature = Signature([{"name": "n", "shape": [], "dtype": dtype}])
        return signature.fitted(Rows(("n",)).arrays([{"n": value} for value in values]))["n"].tolist()

    assert fitted("uint64", 2**64 - 1, 3) == [2**64 - 1, 3]
    for dtype, values in (
        ("int64", (2**63, 1)),
        ("int64", (2**63, -1)),
        ("uint64", (2**64, 1)),
        ("int64", (2**60, 0.5)),
    ):
        with pytest.raises(BadInput, match="takes whole numbers"):
            fitted(dtype, *values)
    assert fitted("float32", 2**60, 0.5, 1e30) == [2.0**60, 0.5, float(np.float32(1e30))]


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


@pytest.mark.parametrize(
    ("dtype", "given_", "message"),
    [
        ("int32", [1.7, 2], r"Input 1: a value takes whole numbers .* \(int32\); got 1\.7"),
        ("int32", [math.nan, 2], r"Input 1: .* \(int32\); got nan\. None may be missing"),
        ("int64", [math.inf, 2], "got inf"),
        ("uint8", [300, 2], r"Input 1: a value takes whole numbers from 0 to 255 \(uint8\); got 300"),
        ("uint8", [-1, 2], "got -1"),
        ("uint8", [-1.0, 2], "got -1"),
        ("uint64", [-1, 2], "got -1"),
        ("int64", [2.0**63, 2], r"got 9\.2"),
        ("int64", np.array([2**63, 2], np.uint64), "got 9223372036854775808"),
        ("bool", [2, 1], r"from 0 to 1 \(bool\); got 2"),
        ("float16", [1e6, 2], "Input 1: a value is a number that float16 can hold; got 1000000"),
        ("float32", [math.inf, 2], "Input 1: a value is not a finite number"),
    ],
)
def test_what_the_models_type_cannot_hold_is_refused_and_not_altered(dtype, given_, message):
    with pytest.raises(BadInput, match=message):
        Plain((2,), dtype).arrays([[0, 1], given_])


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["bool", "uint8", "int8", "int16", "int32", "uint32", "int64", "uint64"]),
    st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(), st.integers(-3, 300).map(float), st.booleans()),
)
def test_a_whole_number_arrives_as_itself_or_not_at_all(dtype, value):
    try:
        (found,) = Plain((), dtype).arrays([value])["input"].tolist()
    except BadInput:
        least, most = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        assert not math.isfinite(value) or value != int(value) or not least <= value <= most
    else:
        assert found == value


@pytest.mark.parametrize("kind", [IMAGES, GREY, TEXTS, ROWS, Plain((None, 2), "int32", "tokens")])
def test_each_kind_survives_the_manifest(kind):
    import json

    again = from_dict(json.loads(json.dumps(kind.to_dict())))
    assert again == kind
    if probes := kind.probes():
        assert all(len(array) == len(probes) for array in again.arrays(probes).values())


def test_flags_survive_the_manifest_and_stay_out_of_it_where_there_are_none():
    flagged = Rows(("age", "gift"), ("size",), ("gift",))
    assert from_dict(flagged.to_dict()) == flagged
    assert set(Rows(("age",)).to_dict()) == {"kind", "numbers", "texts"}


def test_arrays_without_names_are_told_by_their_shape():
    signature = Signature([{"name": "input", "shape": [2], "dtype": "float32"}])
    with pytest.raises(BadInput, match=r"such as \{'input': …\}; got ndarray of shape \(500, 2\)\.$"):
        signature.fitted(np.zeros((500, 2)))
    with pytest.raises(BadInput) as caught:
        signature.fitted({f"x{n}": 0 for n in range(500)})
    assert len(str(caught.value)) < 300


def test_an_unknown_kind_is_refused():
    for kept in ({}, {"kind": "sounds"}, {"kind": "images"}, {"kind": "plain", "shape": [2], "more": 1}):
        with pytest.raises(BadExport, match="preprocessing is none that this kit knows"):
            from_dict(kept)
