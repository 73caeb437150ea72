"""Models handed from lesson to lesson: whole, exact, and never taken for another."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kitutils import settings
from kitutils.course import artifacts
from kitutils.course.artifacts import Artifact, BadArtifact, artifact, save_artifact


def dataset(source="built-in"):
    return SimpleNamespace(name="tiny", source=source)


DATA = dataset()


def x(rows=16, seed=0):
    return np.random.default_rng(seed).normal(3, 2, (rows, 6, 6, 1)).astype("float32")


def network(kind="functional", units=3):
    """A network with a moving mean (BatchNormalization) and a random state (Dropout), trained for one epoch."""
    import keras
    from keras import layers

    stack = [
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dropout(0.5),
        layers.GlobalAveragePooling2D(),
        layers.Dense(units, activation="softmax"),
    ]
    keras.utils.set_random_seed(0)
    if kind == "sequential":
        model = keras.Sequential([keras.Input((6, 6, 1)), *stack])
    elif kind == "built by its data":
        model = keras.Sequential(stack)
    else:
        inputs = outputs = keras.Input((6, 6, 1))
        for layer in stack:
            outputs = layer(outputs)
        model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(x(), np.arange(16) % units, epochs=1, verbose=0)
    return model


@pytest.fixture(scope="module")
def trained():
    return network()


def save(model, name="net", **options):
    return save_artifact(name, model, **{"lesson": "01", "data": DATA, "labels": ["a", "b", "c"]} | options)


def load(name="net", data=DATA, make=None):
    def never():
        raise AssertionError("make was called")

    return artifact(name, make=make or never, lesson="01", data=data)


def predictions(model):
    return model.predict(x(), verbose=0)


# --- what is saved ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["functional", "sequential", "built by its data"])
def test_saved_then_loaded_it_predicts_the_same(kind):
    model = network(kind)
    save(model)
    np.testing.assert_array_equal(predictions(load().model()), predictions(model))


def test_the_moving_statistics_come_along(trained):
    (layer,) = [x for x in save(trained).model().layers if "moving_mean" in {w.name for w in x.weights}]
    (original,) = [x for x in trained.layers if "moving_mean" in {w.name for w in x.weights}]
    assert np.abs(np.asarray(layer.moving_mean)).max() > 1e-3  # training has moved it from zero
    np.testing.assert_array_equal(layer.moving_mean, original.moving_mean)
    np.testing.assert_array_equal(layer.moving_variance, original.moving_variance)


def test_what_a_layer_has_adapted_to_comes_along():
    import keras

    normalise = keras.layers.Normalization(axis=None)
    normalise.adapt(x())
    model = keras.Sequential([keras.Input((6, 6, 1)), normalise, keras.layers.Flatten(), keras.layers.Dense(2)])
    save(model)
    np.testing.assert_array_equal(predictions(load().model()), predictions(model))


def test_a_vocabulary_comes_along():
    import keras
    import tensorflow as tf

    words = keras.layers.TextVectorization(output_sequence_length=4)
    words.adapt(["a film", "a bad film"])
    model = keras.Sequential([keras.Input((), dtype="string"), words])
    save(model, "words")
    texts = tf.constant(["a bad film", "bad word"])
    np.testing.assert_array_equal(load("words").model()(texts), model(texts))


def test_the_optimizer_stays_behind_and_the_model_keeps_its_own(trained, tmp_path):
    saved = save(trained)
    trained.save(tmp_path / "with_optimizer.keras")
    assert not saved.model().compiled
    assert (saved.path / "model.keras").stat().st_size < 0.8 * (tmp_path / "with_optimizer.keras").stat().st_size
    with zipfile.ZipFile(saved.path / "model.keras") as archive:
        archive.extract("model.weights.h5", tmp_path)
    assert b"optimizer" not in (tmp_path / "model.weights.h5").read_bytes()
    assert int(trained.optimizer.iterations) == 1  # the lesson may go on training


def test_the_folder_holds_the_model_and_what_its_user_must_know(trained):
    saved = save(trained, input_range=[0, 16], note="größer als 3 → 数字")
    assert saved.path == settings.artifact_root() / "ci" / "real" / "net"
    assert sorted(file.name for file in saved.path.iterdir()) == ["meta.json", "model.keras"]
    meta = json.loads((saved.path / "meta.json").read_text(encoding="utf8"))
    assert meta == saved.meta == load().meta
    wanted = {"name": "net", "lesson": "01", "profile": "ci", "data": {"name": "tiny", "source": "built-in"}}
    wanted |= {"labels": ["a", "b", "c"], "input_range": [0, 16]}
    assert [(x["shape"], x["dtype"]) for x in meta["inputs"]] == [([6, 6, 1], "float32")]
    assert wanted.items() <= meta.items() and meta["note"] == "größer als 3 → 数字"
    assert str(settings.artifact_root()) not in json.dumps(meta)


@pytest.mark.parametrize("name", ["", "a b", "../up", "a/b", "9lives", "a-b"])
def test_a_name_is_one_word(trained, name):
    with pytest.raises(ValueError, match="letters, digits and underscores"):
        save(trained, name)


def test_a_model_that_is_not_built_is_refused():
    import keras

    with pytest.raises(ValueError, match="built model"):
        save(keras.Sequential([keras.layers.Dense(2)]))
    assert not list(settings.artifact_root().rglob("*.keras"))


def test_a_model_may_have_several_inputs():
    import keras

    inputs = [keras.Input((4,), name="left"), keras.Input((3,), name="right", dtype="int32")]
    saved = save(keras.Model(inputs, keras.layers.Concatenate()([inputs[0], keras.ops.cast(inputs[1], "float32")])))
    assert saved.meta["inputs"] == [
        {"name": "left", "shape": [4], "dtype": "float32"},
        {"name": "right", "shape": [3], "dtype": "int32"},
    ]


# --- replaced as a whole ----------------------------------------------------------------------------------------------


def leftovers():
    return [path for path in settings.artifact_root().rglob("*") if path.name.startswith(".")]


def test_a_newer_one_replaces_the_older_one_whole(trained):
    (save(trained).path / "model.tflite").write_bytes(b"made from the old model")
    save(network(units=2), labels=["yes", "no"])
    found = load()
    assert found.meta["labels"] == ["yes", "no"] and found.model().output_shape == (None, 2)
    assert sorted(file.name for file in found.path.iterdir()) == ["meta.json", "model.keras"]
    assert not leftovers()


def interrupted_while_the_model_is_written(monkeypatch, model):
    def save_half(self, path, **options):
        Path(path).write_bytes(b"half a mod")
        raise KeyboardInterrupt

    monkeypatch.setattr(type(model), "save", save_half)


def interrupted_while_the_record_is_written(monkeypatch, model):
    def dumps(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(artifacts.json, "dumps", dumps)


def interrupted_between_the_two_renames(monkeypatch, model):
    rename = Path.rename

    def once(self, target):
        if self.name.startswith(".net-"):
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", once)


INTERRUPTIONS = [
    interrupted_while_the_model_is_written,
    interrupted_while_the_record_is_written,
    interrupted_between_the_two_renames,
]


@pytest.mark.parametrize("interrupt", INTERRUPTIONS)
def test_a_lesson_that_is_interrupted_leaves_the_old_model(trained, monkeypatch, interrupt):
    save(trained)
    with monkeypatch.context() as patch:
        interrupt(patch, trained)
        with pytest.raises(KeyboardInterrupt):
            save(trained, labels=["new"])
    found = load()
    assert found.meta["labels"] == ["a", "b", "c"]
    np.testing.assert_array_equal(predictions(found.model()), predictions(trained))
    assert not leftovers()


@pytest.mark.parametrize("interrupt", INTERRUPTIONS)
def test_a_first_save_that_is_interrupted_leaves_nothing(trained, monkeypatch, interrupt):
    with monkeypatch.context() as patch:
        interrupt(patch, trained)
        with pytest.raises(KeyboardInterrupt):
            save(trained)
    assert not [path for path in settings.artifact_root().rglob("*") if path.is_file()] and not leftovers()
    load(make=lambda: trained)  # and the next lesson can go on


# --- asked for --------------------------------------------------------------------------------------------------------


def test_a_missing_one_is_made_once_and_says_so(trained, capsys):
    calls = []

    def make():
        calls.append(1)
        return trained

    first = load(make=make)
    assert "No net from lesson 01 here yet" in capsys.readouterr().out
    second = load(make=make)
    assert calls == [1] and capsys.readouterr().out == ""
    assert first.meta == second.meta and first.path == second.path
    assert first.meta["made_by"] == "stand-in training"
    assert "made_by" not in save(trained).meta  # a lesson's own model is not marked as one


SOURCES = ["built-in", "generated", "cache", "mirror", "publisher", "stand-in"]


def test_where_real_data_came_from_makes_no_difference_but_what_is_not_real_is_kept_apart(trained):
    folder = {source: save(trained, data=dataset(source)).path.parent.name for source in SOURCES}
    assert folder == {s: s if s in ("generated", "stand-in") else "real" for s in SOURCES}
    assert load(data=dataset("cache")).meta["data"]["source"] == "publisher"  # the last of the real ones


def test_profiles_are_kept_apart(trained, monkeypatch):
    save(trained)
    monkeypatch.setenv("KIT_PROFILE", "workshop")
    with pytest.raises(AssertionError, match="make was called"):
        load()


# --- damage -----------------------------------------------------------------------------------------------------------


def altered_model(folder):
    path = folder / "model.keras"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def another_model(folder):
    (folder / "model.keras").write_bytes(b"PK\x03\x04")


def record(change):
    def damage(folder):
        path = folder / "meta.json"
        path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf8")))), encoding="utf8")

    return damage


DAMAGE = {
    "a bit of the model": altered_model,
    "another model": another_model,
    "no model": lambda folder: (folder / "model.keras").unlink(),
    "no record": lambda folder: (folder / "meta.json").unlink(),
    "half a record": lambda folder: (folder / "meta.json").write_text('{"format": 1, "na'),
    "a record that is no text": lambda folder: (folder / "meta.json").write_bytes(b"\xff\xfe\x00"),
    "a newer format": record(lambda meta: meta | {"format": artifacts.FORMAT + 1}),
    "a record without a hash": record(lambda meta: {k: v for k, v in meta.items() if k != "sha256"}),
    "a record that is a list": record(lambda meta: [meta]),
    "an empty folder": lambda folder: [file.unlink() for file in folder.iterdir()],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_damaged_is_refused_with_what_to_do(trained, damage):
    folder = save(trained).path
    damage(folder)
    with pytest.raises(BadArtifact) as caught:
        load()
    message = str(caught.value)
    mend = str(Path("artifacts") / "ci" / "real" / "net")
    assert f"Delete the folder {mend} and run lesson 01 again" in message
    assert str(settings.artifact_root()) not in message and str(Path.home()) not in message
    shutil.rmtree(folder)
    assert isinstance(load(make=lambda: trained), Artifact)


def test_a_fresh_process_finds_the_kits_own_layers():
    from kitutils.models import text_classifier, text_encoder

    model = text_classifier(text_encoder(20, width=8, depth=1, heads=2, length=8), 3)
    saved = save_artifact("text", model, lesson="44", data=DATA, layers="kitutils.models.text")
    code = (
        "import json, sys; from pathlib import Path; from kitutils.course.artifacts import Artifact\n"
        "folder = Path(sys.argv[1]); meta = json.loads((folder / 'meta.json').read_text())\n"
        "print(Artifact(folder, meta).model().output_shape)"
    )
    done = subprocess.run([sys.executable, "-c", code, saved.path], capture_output=True, text=True, cwd=settings.root())
    assert done.stdout.strip() == "(None, 3)", done.stderr[-2000:]
