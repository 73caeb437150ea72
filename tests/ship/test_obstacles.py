"""Every obstacle is real: the conversion that it forestalls is tried, and fails. What has none converts and agrees."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from kitutils.models import resnet
from kitutils.ship import CannotHold, ShipError, obstacles
from kitutils.ship.calling import ask, input_names
from kitutils.ship.faults import BadExport
from kitutils.ship.formats import write
from kitutils.ship.manifest import FORMATS, Form, Manifest, listed
from kitutils.ship.qat import plain, quantisation_aware
from kitutils.ship.runtimes import start

RNG = np.random.default_rng(0)


def chain(*parts, shape, dtype="float32"):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input(shape, dtype=dtype), *parts])


def tokens(*parts):
    return chain(layers.Embedding(50, 4), *parts, layers.Dense(2), shape=(6,), dtype="int32")


def two_outputs():
    x = keras.Input((3,))
    return keras.Model(x, [layers.Dense(2)(x), layers.Dense(3)(x)])


def low_precision(policy):
    return chain(layers.Dense(4, dtype=policy), layers.Dense(2, dtype="float32"), shape=(3,))


def text_model():
    from kitutils.models import text_classifier, text_encoder

    return text_classifier(text_encoder(50, width=8, depth=1, heads=2, length=16), 2)


HELD_UP = {
    "lstm": (lambda: tokens(layers.LSTM(3)), "litert", "must know the number of rows"),
    "gru in a wrapper": (lambda: tokens(layers.Bidirectional(layers.GRU(3))), "litert", "The loop of GRU"),
    "a nested rnn": (
        lambda: chain(chain(layers.SimpleRNN(3), shape=(6, 4)), layers.Dense(2), shape=(6, 4)),
        "litert",
        "SimpleRNN",
    ),
    "lambda": (lambda: chain(layers.Lambda(lambda x: 2 * x), layers.Dense(2), shape=(3,)), "keras", "Lambda layer"),
    "whole numbers": (
        lambda: chain(
            layers.IntegerLookup(vocabulary=[1, 2], output_mode="one_hot"), layers.Dense(2), shape=(1,), dtype="int64"
        ),
        ("litert", "onnx"),
        "no table of whole numbers",
    ),
    "hashing": (
        lambda: chain(layers.Hashing(5, output_mode="one_hot"), layers.Dense(2), shape=(1,), dtype="string"),
        ("litert", "onnx"),
        "no operation for Hashing",
    ),
    "text vectorization": (
        lambda: chain(
            layers.TextVectorization(vocabulary=["a", "b"], output_sequence_length=4),
            layers.Embedding(9, 4),
            layers.Flatten(),
            layers.Dense(2),
            shape=(1,),
            dtype="string",
        ),
        ("litert", "onnx"),
        "no operation for TextVectorization",
    ),
    "bfloat16": (lambda: low_precision("mixed_bfloat16"), ("litert", "onnx"), "computes in bfloat16"),
}


def inputs_of(model, rows=4):
    x = model.inputs[0]
    shape = (rows, *x.shape[1:])
    if x.dtype == "string":
        return {"input": np.array(RNG.choice(["a", "b c"], shape), object)}
    if x.dtype.startswith("int"):
        return {"input": RNG.integers(1, 50, shape).astype(x.dtype)}
    return {"input": RNG.random(shape, dtype=np.float32)}


def tried(model, form, folder):
    """The relative difference of a form that was written and run."""
    arrays = inputs_of(model)
    expected = ask(model, arrays)
    one_by_one = [{"input": arrays["input"][[i]]} for i in range(4)]
    path = write(model, form, folder, scratch=folder / "scratch", calibration=one_by_one)
    manifest = Manifest(
        "m", "1", ("a", "b"), (), "logits", {}, {form: Form(path.name, None)}, listed(folder), folder=folder
    )
    found = start(manifest, form).run(arrays)
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("name", HELD_UP)
def test_what_is_held_up_really_fails(name, tmp_path):
    make, formats, why = HELD_UP[name]
    model = make()
    for form in [formats] if isinstance(formats, str) else formats:
        assert why in " ".join(obstacles(model, form))
        (folder := tmp_path / form).mkdir()
        with pytest.raises((CannotHold, BadExport)):
            tried(model, form, folder)


HELD = {
    "augmentation within": lambda: chain(
        layers.RandomFlip(), layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Dropout(0.5), layers.Flatten(),
        layers.Dense(2), shape=(6, 6, 3),
    ),
    "exact gelu": lambda: chain(
        layers.Dense(4, activation="gelu"), layers.Activation("gelu"), layers.Dense(2), shape=(3,)
    ),
    "an unrolled lstm": lambda: tokens(layers.LSTM(3, unroll=True)),
    "texts looked up": lambda: chain(
        layers.StringLookup(vocabulary=["a"], output_mode="one_hot"), layers.Dense(2), shape=(1,), dtype="string"
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", ["keras", "savedmodel", "litert", "onnx"])
@pytest.mark.parametrize("name", HELD)
def test_what_tripped_a_converter_and_has_a_way_round_is_held(name, form, tmp_path):
    model = HELD[name]()
    assert obstacles(model, form) == []
    assert tried(model, form, tmp_path) <= 1e-5


def test_a_value_that_is_no_number_is_replaced_in_onnx_as_in_keras(tmp_path):
    """tf2onnx itself writes where(c, x, y) as c · x + (1 - c) · y, and NaN · 0 is NaN."""
    from keras import ops

    x = keras.Input((2,))
    model = keras.Model(x, layers.Dense(2)(ops.where(ops.equal(x, x), x, ops.zeros_like(x))))
    path = write(model, "onnx", tmp_path, scratch=tmp_path)
    manifest = Manifest(
        "m", "1", ("a", "b"), (), "logits", {}, {"onnx": Form(path.name, None)}, listed(tmp_path), folder=tmp_path
    )
    arrays = {"input": np.array([[np.nan, 1], [2, np.inf]], np.float32)}
    assert np.array_equal(start(manifest, "onnx").run(arrays)[0], ask(model, arrays)[0])


def test_float16_in_onnx_is_not_the_same_to_float32(tmp_path):
    model = low_precision("mixed_float16")
    assert "computes in float16" in obstacles(model, "onnx")[0]
    assert tried(model, "onnx", tmp_path) > 1e-5


def test_lookups_and_attention_have_no_eight_bit_form():
    strings = HELD["texts looked up"]()
    assert "texts are looked up" in " ".join(obstacles(strings, "litert_int8"))
    assert "In eight bits Attention" in " ".join(obstacles(text_model(), "litert_int8"))
    for model in (strings, text_model()):
        assert obstacles(model, "litert_dynamic") == obstacles(model, "onnx") == obstacles(model, "keras") == []


def test_a_layer_of_the_users_own_needs_its_class(tmp_path):
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    model = chain(Twice(), layers.Dense(2), shape=(3,))
    assert "needs the class of Twice" in obstacles(model, "keras")[0]
    assert obstacles(model, "litert") == []
    assert tried(model, "litert", tmp_path) <= 1e-5


@pytest.mark.parametrize("form", FORMATS)
def test_models_of_another_shape_and_what_is_no_model_are_told(form):
    assert "one output of shape (rows, classes)" in obstacles(two_outputs(), form)[0]
    assert "one output of shape (rows, classes)" in obstacles(chain(layers.Dense(2), shape=(3, 3)), form)[0]
    for wrong in (keras.Sequential([layers.Dense(2)]), "model.keras", None, layers.Dense(2)):
        assert "inputs are not known" in obstacles(wrong, form)[0]


def test_an_unknown_format_is_refused():
    with pytest.raises(ShipError, match="The formats are keras"):
        obstacles(two_outputs(), "h5")


def test_names_that_keras_gave_are_not_kept():
    assert input_names(chain(layers.Dense(2), shape=(3,))) == ["input"]
    x = keras.Input((3,), name="pixels")
    assert input_names(keras.Model(x, layers.Dense(2)(x))) == ["pixels"]


@pytest.mark.parametrize("form", ["keras", "savedmodel", "litert", "litert_float16", "litert_dynamic", "onnx"])
@pytest.mark.parametrize(
    "loop", [layers.LSTM(3), layers.Bidirectional(layers.GRU(3))], ids=["lstm", "gru in a wrapper"]
)
def test_a_loop_of_one_row_is_held_and_answers_any_number_of_rows(loop, form, tmp_path):
    model = tokens(type(loop).from_config(loop.get_config()))
    (why,) = obstacles(model, "litert")
    assert 'export keras.Model(x, model(x)), where x is keras.Input(batch_shape=(1, 6), dtype="int32")' in why
    x = keras.Input(batch_shape=(1, 6), dtype="int32", name="input")  # as it says
    fixed = keras.Model(x, model(x))
    assert obstacles(fixed, form) == []
    assert tried(fixed, form, tmp_path) <= (1e-5 if form in ("keras", "savedmodel", "litert", "onnx") else 1e-2)


@pytest.mark.slow
def test_a_loop_in_eight_bits_is_refused_before_the_converter_ends_the_process(tmp_path):
    x = keras.Input(batch_shape=(1, 6, 2), name="input")
    model = keras.Model(x, layers.Dense(2)(layers.LSTM(3)(x)))
    assert "the whole process dies" in " ".join(obstacles(model, "litert_int8"))
    model.save(tmp_path / "model.keras")
    # If this ends well, the converter has been mended, and the obstacle can go.
    script = """
import sys, keras, numpy as np
from pathlib import Path
from kitutils.ship.formats import write
folder = Path(sys.argv[1])
model = keras.saving.load_model(folder / "model.keras")
write(model, "litert_int8", folder, scratch=folder / "s", calibration=[{"input": np.ones((1, 6, 2), "float32")}] * 4)
"""
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True)
    assert ended.returncode != 0
    assert not list(tmp_path.glob("*.tflite"))


def test_the_input_of_one_row_keeps_its_name():
    x = keras.Input((6,), dtype="int32", name="token_ids")
    model = keras.Model(x, layers.Dense(2)(layers.LSTM(3)(layers.Embedding(9, 3)(x))))
    (why,) = obstacles(model, "litert")
    said = re.search(r"keras\.Input\(.*?\)(?=\.)", why)[0]
    x = eval(said, {"keras": keras})
    assert said.endswith('name="token_ids")') and obstacles(keras.Model(x, model(x)), "litert") == []
    assert input_names(keras.Model(x, model(x))) == ["token_ids"]


def test_a_quantisation_aware_model_is_sent_back_for_the_ordinary_one(tmp_path):
    keras.utils.set_random_seed(0)
    aware = quantisation_aware(resnet(8, (8, 8, 3), 4, width=8), RNG.random((20, 8, 8, 3), dtype=np.float32))
    size, difference = {}, {}
    for name, one in (("aware", aware), ("plain", plain(aware))):
        (folder := tmp_path / name).mkdir()
        difference[name] = tried(one, "litert_int8", folder)
        size[name] = next(folder.glob("*.tflite")).stat().st_size
    assert size["aware"] > 1.3 * size["plain"]
    assert difference["aware"] > 2 * difference["plain"]
    (why,) = obstacles(aware, "litert_int8")
    assert "FakeQuantConv2D and FakeQuantDense" in why
    assert "kitutils.ship.qat import plain" in why
    assert obstacles(plain(aware), "litert_int8") == []
    for form in ("keras", "savedmodel", "litert", "litert_float16", "litert_dynamic", "onnx"):
        assert obstacles(aware, form) == []
        (folder := tmp_path / form).mkdir()
        assert tried(aware, form, folder) < (2e-2 if form == "litert_float16" else 1e-5)
