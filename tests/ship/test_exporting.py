"""What export writes: forms that answer as the model, a folder that is whole or not there."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from kitutils.course import artifact
from kitutils.ship import (
    BadExport,
    BadInput,
    CannotHold,
    Images,
    Parity,
    ParityFailed,
    Plain,
    ShipError,
    embedded,
    export,
    exporting,
    load,
    verify,
)
from kitutils.ship.calling import ask, input_names
from kitutils.ship.verifying import compare

FLOAT32 = ("keras", "savedmodel", "litert", "onnx")


def test_each_form_answers_inputs_it_has_not_seen_as_the_model_does(kind, form, shipped, predictor):
    one, runs = shipped(kind), predictor(kind, form)
    arrays = runs.prepare(one.raw[40:])
    expected = ask(one.model, arrays)
    found = runs.outputs(arrays)
    assert found.dtype == np.float32 and found.shape == expected.shape
    # 0.2 would not hold for a form that lost a layer or mixed up its inputs: their answers have nothing in common.
    assert np.abs(found - expected).max() <= (1e-5 if form in FLOAT32 else 0.2) * np.abs(expected).max()


@pytest.mark.parametrize("kind", ["images", "texts", "rows"])
def test_the_manifest_says_what_a_user_needs(kind, shipped):
    one = shipped(kind)
    manifest = one.manifest
    assert manifest.labels == tuple(one.labels)
    assert manifest.output == ("probabilities" if kind == "rows" else "logits")
    assert [entry["name"] for entry in manifest.inputs] == input_names(one.model)
    assert manifest.preprocessing["kind"] == kind
    assert manifest.made["keras"][0] == "3"
    assert sorted(manifest.files) == sorted(
        path.relative_to(one.folder).as_posix()
        for path in one.folder.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "MODEL_CARD.md")
    )
    for form in manifest.forms.values():
        assert form.parity.passed


def test_parity_in_the_manifest_is_what_verify_measures(shipped):
    one = shipped("images")
    found = verify(one.folder)
    assert set(found) == set(one.manifest.forms)
    for form, parity in found.items():
        assert parity.passed
        assert parity.difference == pytest.approx(one.manifest.forms[form].parity.difference, rel=0.5, abs=1e-6)
        assert (parity.difference <= 1e-5) == (form in FLOAT32)


def test_labels_version_and_preprocessing_stand_inside_each_file(kind, form, shipped):
    one = shipped(kind)
    inside = embedded(one.folder / one.manifest.forms[form].path)
    assert inside["labels"] == one.labels
    assert inside["version"] == "1"
    assert inside["preprocessing"]["kind"] == {"pixels": "images", "codes": "rows"}.get(kind, kind)
    if kind == "texts":
        assert len(inside["preprocessing"]["wordpiece"]["vocabulary"]) > 50


def test_the_keras_form_has_no_state_of_an_optimizer(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(300), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    x = np.ones((8, 4), np.float32)
    model.fit(x, np.ones((8, 2)), verbose=0)
    manifest = export(model, tmp_path / "out", samples=list(x), formats=["keras"])
    assert manifest.bytes_of("keras") < 2 * 4 * model.count_params() + 20_000
    assert model.optimizer is not None  # the caller's model is not changed
    assert load(tmp_path / "out").predict(list(x))[0].label in ("0", "1")


def test_a_saved_model_holds_the_weights_once(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(9000), keras.layers.Dense(2)])
    manifest = export(model, tmp_path / "out", samples=list(np.ones((4, 4))), formats=["savedmodel"])
    assert (
        manifest.files["saved_model/variables/variables.data-00000-of-00001"]["bytes"] < 1.5 * 4 * model.count_params()
    )


def small(last="linear", units=2):
    import keras

    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation=last)], name="small")


X = list(np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32))


@pytest.mark.parametrize(
    ("last", "units", "output", "sums"),
    [("softmax", 3, "probabilities", 3), ("sigmoid", 1, "probabilities", 2), ("linear", 1, "logits", 2)],
)
def test_whether_the_model_gives_probabilities_is_read_off_its_last_layer(last, units, output, sums, tmp_path):
    import keras

    model = small(last, units)
    assert export(model, tmp_path / "out", samples=X, formats=["litert"]).output == output
    found = load(tmp_path / "out").predict(X)
    logits = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
    logits.set_weights(model.get_weights())
    z = ask(logits, {"input": np.stack(X)}).astype(float)
    reference = (
        np.exp(z) / np.exp(z).sum(1, keepdims=True)
        if units > 1
        else np.hstack([1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z))])
    )
    assert np.abs(np.array([list(p.probabilities.values()) for p in found]) - reference).max() < 1e-6
    assert [p.label for p in found] == [str(i) for i in reference.argmax(1)]
    assert all(len(p.probabilities) == sums for p in found)


def test_a_last_layer_that_says_nothing_must_be_explained(tmp_path):
    with pytest.raises(ShipError, match="ends in relu: say output="):
        export(small("relu"), tmp_path / "out", samples=X)
    assert export(small("relu"), tmp_path / "out", samples=X, output="logits", formats=["keras"]).output == "logits"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"labels": ["a"]}, "needs 2 different labels"),
        ({"labels": ["a", "a"]}, "needs 2 different labels"),
        ({"labels": []}, "needs 2 different labels"),
        ({"samples": {"input": np.zeros((2, 5))}}, r"input has shape \(rows, 4\); got \(2, 5\)"),
        ({"output": "votes"}, "output is logits or probabilities"),
        ({"formats": ["h5"]}, "The formats are"),
        ({"formats": []}, "The formats are"),
        ({"samples": []}, "There are no samples"),
        ({"samples": {"other": np.zeros((2, 4))}}, "Samples as arrays are input"),
        ({"samples": X[0].tolist()}, "Input 0: an input has shape"),
        ({"samples": [np.full(4, np.nan)]}, "not a finite number"),
        ({"preprocessing": Plain((4,), name="x")}, "makes x; the model takes input"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_left(more, message, tmp_path):
    with pytest.raises(ShipError, match=message):
        export(small(), tmp_path / "out", **({"samples": X} | more))
    assert not list(tmp_path.iterdir())


def test_an_obstacle_is_told_before_anything_is_converted(tmp_path, monkeypatch):
    import keras

    model = keras.Sequential([keras.Input((4, 2)), keras.layers.LSTM(3), keras.layers.Dense(2)])
    monkeypatch.setattr(exporting, "write", lambda *_, **__: pytest.fail("it was converted"))
    with pytest.raises(CannotHold, match="litert: The loop of LSTM"):
        export(model, tmp_path / "out", samples=np.zeros((2, 4, 2)))
    assert not list(tmp_path.iterdir())


def test_a_form_that_answers_otherwise_is_refused_and_nothing_is_left(tmp_path, monkeypatch):
    true = exporting.write

    def wrong(model, form, *args, **kwargs):
        other = small()
        return true(other if form == "onnx" else model, form, *args, **kwargs)

    monkeypatch.setattr(exporting, "write", wrong)
    with pytest.raises(ParityFailed, match="small as onnx does not answer as the model does"):
        export(small(), tmp_path / "out", samples=X, formats=["keras", "onnx"])
    assert not list(tmp_path.iterdir())


def test_a_model_that_answers_nan_is_not_exported(tmp_path):
    model = small()
    model.set_weights([np.full((4, 2), np.nan), np.zeros(2)])
    with pytest.raises(ShipError, match="no number"):
        export(model, tmp_path / "out", samples=X)


def test_an_older_export_is_kept_unless_it_is_to_be_replaced(tmp_path):
    out = tmp_path / "out"
    export(small(), out, samples=X, formats=["keras", "litert"], version="1")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ShipError, match="already holds an export"):
        export(small(), out, samples=X, formats=["keras"], version="2")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    export(small(), out, samples=X, formats=["keras"], version="2", replace=True)
    there = ["MODEL_CARD.md", "manifest.json", "model.keras", "samples.npz"]
    assert sorted(path.name for path in out.iterdir()) == there
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert load(out).manifest.version == "2"


def test_if_the_replacement_fails_the_older_one_stays(tmp_path, monkeypatch):
    out = tmp_path / "out"
    export(small(), out, samples=X, formats=["keras"], version="1")
    path = type(out)
    true = path.rename

    def broken(self, target):
        if self.name.startswith(".out-") and "old" not in self.name:
            raise OSError(28, "No space left on device")
        return true(self, target)

    monkeypatch.setattr(path, "rename", broken)
    with pytest.raises(OSError, match="No space"):
        export(small(), out, samples=X, formats=["keras"], version="2", replace=True)
    monkeypatch.undo()
    assert load(out).manifest.version == "1"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_is_no_export_is_never_touched(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ShipError, match="no export"):
        export(small(), out, samples=X, replace=True)
    assert (out / "thesis.txt").read_text() == "years of work"


def test_an_artifact_brings_its_labels_source_and_range(tmp_path, monkeypatch):
    import keras

    from kitutils.course import save_artifact

    monkeypatch.setenv("KIT_ARTIFACTS", str(tmp_path / "artifacts"))
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    data = SimpleNamespace(name="digits", source="built-in")
    saved = save_artifact("digits_cnn", model, lesson="01", data=data, labels=["nought", "one"], input_range=[0, 16])
    manifest = export(saved, tmp_path / "out", samples=np.full((4, 8, 8, 1), 16, np.uint8), formats=["litert"])
    assert (manifest.name, manifest.labels, manifest.source["lesson"]) == ("digits_cnn", ("nought", "one"), "01")
    assert manifest.preprocessing["high"] == 16
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["source"]["data"]["name"] == "digits"


def test_what_lessons_44_and_13_write_down_is_enough(shipped, tmp_path, monkeypatch):
    """Their artifacts have no preprocessing that a program could read; vocabulary and inputs tell."""
    from kitutils.course import save_artifact

    monkeypatch.setenv("KIT_ARTIFACTS", str(tmp_path / "artifacts"))
    data = SimpleNamespace(name="docstrings", source="built-in")
    texts, rows = shipped("texts"), shipped("rows")
    words = texts.more["preprocessing"].to_dict()["wordpiece"]
    saved = save_artifact(
        "text",
        texts.model,
        lesson="44",
        data=data,
        labels=texts.labels,
        vocabulary=words,
        layers="kitutils.models.text",
    )
    manifest = export(saved, tmp_path / "text", samples=texts.raw[:8], formats=["keras"])
    assert manifest.preprocessing["widths"] == [16, 32]
    assert manifest.layers == ("kitutils.models.text",)
    saved = save_artifact("shop", rows.model, lesson="13", data=data, labels=rows.labels)
    manifest = export(saved, tmp_path / "shop", samples=rows.raw[:8], formats=["keras"])
    assert set(manifest.preprocessing["texts"]) == {"country", "channel", "category", "size", "payment"}
    assert manifest.output == "probabilities"


def test_samples_as_arrays_of_another_type_are_taken_as_the_models(tmp_path):
    given = {"input": np.arange(32, dtype=np.uint8).reshape(8, 4)}
    manifest = export(small(), tmp_path / "out", samples=given, formats=FLOAT32, labels=np.array(["a", "b"]))
    assert manifest.labels == ("a", "b") and all(form.parity.passed for form in manifest.forms.values())


def test_a_model_of_an_open_length_without_a_vocabulary_runs_in_litert(tmp_path):
    import keras

    x = keras.Input((None,), dtype="int32")
    model = keras.Model(
        x, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4)(x)))
    )
    export(model, tmp_path / "out", samples=[np.arange(7)], formats=["litert"], output="logits")
    found = load(tmp_path / "out").outputs({"input": np.arange(5, dtype=np.int32)[None]})
    np.testing.assert_allclose(found, model.predict(np.arange(5)[None], verbose=0), atol=1e-5)


def test_an_output_that_is_huge_does_not_hide_a_fault_of_the_others():
    expected = np.array([[1.0, -1.0], [-2.0, 2.0], [0.5, 0.0], [3e28, 0.0]], np.float32)
    bounds = Parity(0, 0, 4, 1e-5, 0)
    found = expected.copy()
    assert compare(found, expected, "logits", bounds).difference == 0
    found[0] = -found[0]
    assert compare(found, expected, "logits", bounds).difference == pytest.approx(1.0)  # 2 of the usual largest, 2
    found = expected.copy()
    found[3, 0] *= 1.5
    assert compare(found, expected, "logits", bounds).difference == pytest.approx(0.5)
    assert not compare(found, expected, "logits", bounds).passed
    near = np.array([[1.0, -1.0], [-4.0, 4.0]], np.float32)
    assert compare(near + 0.04, near, "logits", Parity(0, 0, 2, 1e-5, 0)).difference == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("form", ["litert", "litert_int8"])
def test_images_of_any_size_run_in_litert(form, tmp_path):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)  # of some first weights the answers nearly cancel out, and int8 shows
    image = keras.Input((None, None, 3))
    x = layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(image))  # which has no room in a single pixel
    model = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    rng = np.random.default_rng(0)
    samples = rng.random((8, 12, 12, 3), np.float32)
    export(model, tmp_path / "out", samples=samples, formats=[form], agreement=0)
    runs = load(tmp_path / "out")
    for shape in ((1, 9, 7, 3), (3, 20, 33, 3), (1, 9, 7, 3)):
        given = {"input": rng.random(shape, np.float32)}
        expected = ask(model, given)
        apart = np.abs(runs.outputs(given) - expected).max() / np.abs(expected).max()
        assert apart < (1e-5 if form == "litert" else 0.2)


def test_a_filter_wider_than_the_first_room_runs_in_litert(tmp_path):
    import keras
    from keras import layers

    signal = keras.Input((None, 2))
    model = keras.Model(signal, layers.Dense(2)(layers.GlobalAveragePooling1D()(layers.Conv1D(3, 40)(signal))))
    samples = np.random.default_rng(0).random((4, 50, 2), np.float32)
    export(model, tmp_path / "out", samples=samples, formats=["litert"])
    np.testing.assert_allclose(load(tmp_path / "out").outputs({"input": samples}), ask(model, {"input": samples}), 1e-4)


def test_a_model_of_pixels_from_0_to_1_answers_files_as_the_arrays_it_was_trained_on(tmp_path):
    import io

    import keras
    from PIL import Image

    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)], name="digit")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
    for samples in (pixels, pixels / 255):
        with pytest.raises(ShipError, match="digit does not tell which pixel values"):
            export(model, tmp_path / "out", samples=samples, formats=["litert"])
    export(model, tmp_path / "out", samples=pixels / 255, formats=["litert"], preprocessing=Images((8, 8, 1), 0, 1))
    file = io.BytesIO()
    Image.fromarray(pixels[0, ..., 0]).save(file, "PNG")
    runs = load(tmp_path / "out")
    from_file, from_array = runs.predict([file.getvalue(), pixels[0] / 255])
    assert from_file == from_array
    with pytest.raises(BadInput, match="values are 0 to 1"):
        runs.predict([pixels[0]])


def test_a_model_of_one_string_is_exported_loaded_and_verified(tmp_path):
    import keras

    words = keras.layers.StringLookup(vocabulary=["red", "dress", "late"], output_mode="one_hot")
    model = keras.Sequential([keras.Input((1,), dtype="string"), words, keras.layers.Dense(2)], name="words")
    given = {"input": np.array([["red"], ["late"], ["never seen"]], object)}
    export(model, tmp_path / "out", samples=given, formats=["keras", "savedmodel"])
    for form, parity in verify(tmp_path / "out").items():
        assert parity.passed
        runs = load(tmp_path / "out", form)
        np.testing.assert_allclose(runs.outputs(given), ask(model, given), rtol=1e-5)
        with pytest.raises(BadInput, match="an input is an array of numbers; got list"):
            runs.predict([["red"]])


def test_probes_stay_within_what_the_inputs_type_holds(tmp_path):
    import keras
    from keras import layers, ops

    price = keras.Input((), dtype="float16", name="price")
    x = ops.cast(price, "float32")
    known = layers.Activation("tanh")(ops.where(ops.equal(x, x), x, ops.zeros_like(x)))
    table = keras.Model({"price": price}, layers.Dense(2)(layers.Reshape((1,))(known)), name="table")
    export(table, tmp_path / "table", samples=[{"price": value} for value in (0.5, 2, None)], formats=["keras"])
    assert verify(tmp_path / "table")["keras"].passed

    image = keras.Input((4, 4, 1), dtype="int8")
    pictures = keras.Model(image, layers.Dense(2)(layers.Flatten()(ops.cast(image, "float32"))), name="pictures")
    samples = list(np.random.default_rng(0).integers(0, 100, (4, 4, 4, 1)))
    export(pictures, tmp_path / "pictures", samples=samples, formats=["keras"], preprocessing=Images((4, 4, 1)))
    assert verify(tmp_path / "pictures")["keras"].passed


def test_what_a_system_leaves_in_a_folder_makes_no_export_strange(tmp_path):
    export(small(), tmp_path / "out", samples=X, formats="litert")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / "out" / name).write_bytes(b"x")
    (tmp_path / "out" / "below").mkdir()
    (tmp_path / "out" / "below" / ".DS_Store").write_bytes(b"x")
    assert verify(tmp_path / "out")["litert"].passed
    (tmp_path / "out" / "more.DS_Store").write_bytes(b"x")
    with pytest.raises(BadExport, match=r"more\.DS_Store is not in the manifest"):
        verify(tmp_path / "out")


def test_one_format_may_be_given_as_it_is(tmp_path):
    assert set(export(small(), tmp_path / "out", samples=X, formats="litert").forms) == {"litert"}
    with pytest.raises(ShipError, match=r"The formats are .*; got 'h5'"):
        export(small(), tmp_path / "other", samples=X, formats="h5")


def test_a_type_that_files_do_not_hold_is_refused(tmp_path):
    import keras

    x = keras.Input((4,), dtype="bfloat16")
    model = keras.Model(x, keras.layers.Dense(2, dtype="float32")(x))
    with pytest.raises(ShipError, match="takes bfloat16"):
        export(model, tmp_path / "out", samples=X, formats=["keras"])
    assert not list(tmp_path.iterdir())


def test_an_export_that_could_not_be_read_again_is_not_put_into_place(tmp_path, monkeypatch):
    true = exporting.Manifest.write

    def cut(self, folder):
        true(self, folder)
        (folder / "manifest.json").write_text("{")

    monkeypatch.setattr(exporting.Manifest, "write", cut)
    with pytest.raises(BadExport, match="cut or no JSON"):
        export(small(), tmp_path / "out", samples=X, formats=["keras"])
    assert not list(tmp_path.iterdir())


def test_a_stand_in_says_that_it_is_one(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_ARTIFACTS", str(tmp_path / "artifacts"))
    data = SimpleNamespace(name="x", source="built-in")
    saved = artifact("tiny", make=small, lesson="51", data=data, labels=["a", "b"])
    assert export(saved, tmp_path / "out", samples=X, formats=["keras"]).source["made_by"] == "stand-in training"
