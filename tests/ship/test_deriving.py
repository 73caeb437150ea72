"""What export works out by itself: it says what it knows, and asks where it would have to guess."""

import keras
import numpy as np
import pytest
from keras import layers

from kitutils.data.tokens import train_wordpiece
from kitutils.models import fast_cnn, reference_cnn, resnet
from kitutils.ship import Images, Plain, ShipError
from kitutils.ship.deriving import output_of, preprocessing_for

SHAPE = (8, 8, 1)


def of_images(*parts, dtype="float32"):
    return keras.Sequential([keras.Input(SHAPE, dtype=dtype), *parts, layers.Flatten(), layers.Dense(3)], name="digit")


def normalised(most):
    layer = layers.Normalization(axis=None)
    layer.adapt(np.random.default_rng(0).uniform(0, most, (64, *SHAPE)))
    return of_images(layer)


def within_another():
    image = keras.Input(SHAPE)
    inner = of_images(layers.RandomFlip(), layers.Rescaling(1 / 127.5, -1))
    return keras.Model(image, layers.Dense(2)(inner(layers.RandomTranslation(0.1, 0.1)(image))))


KNOWN = {
    "rescaling": lambda: of_images(layers.Rescaling(1 / 255)),
    "normalisation": lambda: normalised(255),
    "of each channel": lambda: of_images(layers.Normalization(mean=[124.0], variance=[57.0**2])),
    "within another model": within_another,
    "bytes": lambda: of_images(layers.Lambda(lambda x: x / 255), dtype="uint8"),
    "resnet": lambda: resnet(8, SHAPE, 3),
    "reference_cnn": lambda: reference_cnn((18, 18, 3)),
    "fast_cnn": lambda: fast_cnn(np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3)).astype(np.uint8)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_model_that_rescales_pixels_at_its_beginning_takes_0_to_255(name):
    model = KNOWN[name]()
    assert preprocessing_for(model, {}) == Images(model.inputs[0].shape[1:], 0, 255, "input")


UNKNOWN = {
    "nothing": lambda: of_images(),
    "rescaled behind a weight": lambda: of_images(layers.Conv2D(2, 3), layers.Rescaling(1 / 255)),
    "from 0 to 16": lambda: of_images(layers.Rescaling(1 / 16)),
    "from 0 to 1": lambda: of_images(layers.Rescaling(2, -1)),
    "normalisation of 0 to 1": lambda: normalised(1),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_where_the_range_is_not_known_it_is_asked_for(name):
    with pytest.raises(ShipError, match=r"digit does not tell .* preprocessing=Images\(\(8, 8, 1\), 0, 1\)"):
        preprocessing_for(UNKNOWN[name](), {})
    assert preprocessing_for(UNKNOWN[name](), {"input_range": [0, 1]}) == Images(SHAPE, 0, 1, "input")


def test_what_to_say_has_the_name_of_the_input():
    image = keras.Input(SHAPE, name="image")
    model = keras.Model({"image": image}, layers.Dense(2)(layers.Flatten()(image)))
    with pytest.raises(ShipError) as caught:
        preprocessing_for(model, {})
    for said in ("Images((8, 8, 1), name='image')", "Images((8, 8, 1), 0, 1, name='image')"):
        assert f"preprocessing={said}" in str(caught.value)
    assert "preprocessing=Plain((8, 8, 1), name='image') if its inputs are no pictures" in str(caught.value)


def test_an_input_of_yes_or_no_takes_them_and_others_do_not():
    gift, age = keras.Input((), dtype="bool", name="gift"), keras.Input((), name="age")
    x = keras.ops.stack([keras.ops.cast(gift, "float32"), age], axis=-1)
    model = keras.Model({"gift": gift, "age": age}, layers.Dense(2)(x))
    assert preprocessing_for(model, {}).flags == ("gift",)


def test_images_of_any_size_stay_arrays():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(image)))
    assert preprocessing_for(model, {}) == Plain((None, None, 3), "float32", "input")


def test_a_model_of_texts_without_token_ids_is_told_how_to_name_its_inputs():
    words = train_wordpiece(["the dress came too late"] * 5, size=40, length=8)
    meta = {"vocabulary": words.to_dict() | {"kind": "wordpiece"}}
    ids = keras.Input((8,), dtype="int32", name="codes")
    model = keras.Model(ids, layers.Dense(2)(layers.Flatten()(layers.Embedding(40, 3)(ids))), name="reader")
    with pytest.raises(ShipError, match=r"reader: .*token_ids.*codes.*name=\"token_ids\""):
        preprocessing_for(model, meta)


def test_several_yes_or_no_answers_are_no_probabilities_of_one_of_n():
    def ends_in(units, last):
        return keras.Sequential([keras.Input((4,)), layers.Dense(units, activation=last)], name="tags")

    with pytest.raises(ShipError, match=r"tags ends in 3 sigmoid units.*softmax.*output='probabilities'"):
        output_of(ends_in(3, "sigmoid"))
    assert output_of(ends_in(1, "sigmoid")) == output_of(ends_in(3, "softmax")) == "probabilities"
