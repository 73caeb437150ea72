"""``kit export`` and ``kit bench``."""

import shutil

import pytest
from typer.testing import CliRunner

from kitutils.cli import app
from kitutils.course import save_artifact
from kitutils.errors import KitError
from kitutils.ship import BadExport, ShipError, load
from kitutils.ship.benchmarking import bench
from kitutils.ship.finding import find_artifact, samples_for


def kit(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def digits():
    """A model of digits, saved as a lesson saves one."""
    import keras

    from kitutils import data

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    found = data.load("digits")
    return save_artifact(
        "digits_cnn", model, lesson="01", data=found, labels=list(found.class_names), input_range=[0, 16]
    )


def test_an_artifact_is_exported_by_its_name_and_by_its_folder_and_measured(digits, tmp_path):
    code, output = kit("export", "digits_cnn", tmp_path / "by_name", "--formats", "litert, onnx")
    assert code == 0
    assert "litert" in output and "onnx" in output and "savedmodel" not in output
    assert load(tmp_path / "by_name").labels == tuple(digits.meta["labels"])
    assert kit("export", digits.path, tmp_path / "by_folder", "--formats", "litert")[0] == 0
    with pytest.raises(KitError, match="already holds an export"):
        kit("export", "digits_cnn", tmp_path / "by_name", "--formats", "litert")
    assert kit("export", "digits_cnn", tmp_path / "by_name", "--formats", "litert", "--replace")[0] == 0
    code, output = kit("bench", tmp_path / "by_name")
    assert code == 0 and "litert" in output and "one sample, ms" in output


def test_what_a_person_says_comes_from_a_file_and_what_is_missing_is_told(digits, tmp_path):
    card = tmp_path / "digits.yaml"
    card.write_text("intended_use: To read digits.\nevaluation: {right of 360: 97 %}\n", encoding="utf8")
    code, output = kit("export", "digits_cnn", tmp_path / "out", "--formats", "keras", "--card", card)
    assert code == 0
    written = (tmp_path / "out" / "MODEL_CARD.md").read_text(encoding="utf8")
    assert "> To read digits.\n" in written and "> - right of 360: 97 %\n" in written
    assert "MODEL_CARD.md: out_of_scope, training_data, limitations, licence, contact not stated." in output
    assert "--card" not in output
    code, output = kit("export", "digits_cnn", tmp_path / "out", "--formats", "keras", "--replace")
    assert code == 0 and "give that with --card" in output
    assert "To read digits." not in (tmp_path / "out" / "MODEL_CARD.md").read_text(encoding="utf8")


def test_a_card_that_cannot_be_read_is_told_before_the_model_is_looked_for(tmp_path):
    with pytest.raises(ShipError, match=r"no\.yaml cannot be read .* under some of intended_use"):
        kit("export", "nowhere", tmp_path / "out", "--card", tmp_path / "no.yaml")


def test_formats_that_cannot_hold_it_are_left_out_and_told(monkeypatch, tmp_path):
    import keras

    from kitutils import data

    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Reshape((8, 8)), keras.layers.LSTM(2), keras.layers.Dense(10)]
    )
    save_artifact("rows", model, lesson="01", data=data.load("digits"), input_range=[0, 16])
    code, output = kit("export", "rows", tmp_path / "out")
    assert code == 0
    assert "without litert: The loop of LSTM" in output
    assert set(load(tmp_path / "out").manifest.forms) == {"keras", "savedmodel", "onnx"}


def test_an_artifact_that_is_not_there_or_not_whole_is_told(digits, tmp_path):
    with pytest.raises(ShipError, match=r"There is no artifact text .* There are digits_cnn"):
        find_artifact("text")
    shutil.copytree(digits.path, tmp_path / "copy")
    with (tmp_path / "copy" / "model.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BadExport, match="not the one that was saved"):
        find_artifact(str(tmp_path / "copy"))
    (tmp_path / "copy" / "meta.json").write_text("{")
    with pytest.raises(BadExport, match="incomplete"):
        find_artifact(str(tmp_path / "copy"))


def test_samples_come_from_the_data_set_and_have_the_shops_history(shipped):
    from types import SimpleNamespace

    from kitutils.data import features

    inputs = [{"name": name} for name in features.INPUTS]
    artifact = SimpleNamespace(meta={"data": {"name": "shop"}, "inputs": inputs})
    rows = samples_for(artifact, 5)
    assert len(rows) == 5 and set(features.INPUTS) <= set(rows[0])
    with pytest.raises(ShipError, match="does not name its data set"):
        samples_for(SimpleNamespace(meta={}))


def test_bench_measures_each_form_with_its_bytes(shipped):
    one = shipped("texts")
    found = bench(one.folder, ["litert", "litert_dynamic"], rounds=1)
    assert {form: speed.bytes for form, speed in found.items()} == {
        form: one.manifest.bytes_of(form) for form in ("litert", "litert_dynamic")
    }
    assert all(speed.one_ms > 0 and speed.per_second > 0 for speed in found.values())


def test_tensorflow_is_not_heard_and_not_loaded_for_an_artifact_that_is_not_there(tmp_path):
    """In a process of its own: what C++ libraries say passes by Python's streams."""
    import os
    import subprocess
    import sys

    code = (
        "import sys; from kitutils.cli import app\n"
        "try: app(['export', 'nowhere', 'out'])\n"
        "except Exception as error: print(error)\n"
        "print('tensorflow' in sys.modules)"
    )
    env = os.environ | {"KIT_ARTIFACTS": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=tmp_path)
    assert "There is no artifact nowhere" in done.stdout and done.stdout.rstrip().endswith("False")
    assert done.stderr == ""
