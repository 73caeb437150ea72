"""TensorFlow Serving's layout: what it would load, what it would read, and what is never written over."""

import json
import re
import shlex
import shutil

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from kitutils.ship import BadExport, ShipError
from kitutils.ship.manifest import Parity, listed
from kitutils.ship.predictor import preprocessing_of
from kitutils.ship.tf_serving import versions, write_layout
from kitutils.ship.verifying import compare, read_samples

# The messages of TensorFlow Serving's proto files that our files use, as far as they use them: field → type, and
# whether it repeats. In text a map is written as entries of key and value.
MESSAGES = {
    "ModelServerConfig": {"model_config_list": "ModelConfigList"},
    "ModelConfigList": {"config": "ModelConfig*"},
    "ModelConfig": {
        "name": "string",
        "base_path": "string",
        "model_platform": "string",
        "model_version_policy": "Policy",
        "version_labels": "Label*",
    },
    "Policy": {"latest": "Latest", "specific": "Specific"},
    "Latest": {"num_versions": "uint32"},
    "Specific": {"versions": "int64*"},
    "Label": {"key": "string", "value": "int64"},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "BatchingParameters": {
        "max_batch_size": "Int64Value",
        "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value",
        "num_batch_threads": "Int64Value",
        "thread_pool_name": "StringValue",
        "pad_variable_length_inputs": "bool",
    },
    "Int64Value": {"value": "int64"},
    "StringValue": {"value": "string"},
}


def parsed(path, kind):
    """A file in protobuf's text form; an unknown field, a wrong type or a second value of a single field raises."""
    file = descriptor_pb2.FileDescriptorProto(name="layout.proto", package="layout", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, type_) in enumerate(fields.items(), 1):
            added = message.field.add(name=field, number=number, label=3 if type_.endswith("*") else 1)
            if type_[0].isupper():
                added.type, added.type_name = 11, f".layout.{type_.rstrip('*')}"
            else:
                added.type = getattr(added, f"TYPE_{type_.rstrip('*').upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"layout.{kind}"))()
    return text_format.Parse(path.read_text(encoding="utf8"), found)


def models(base):
    """name → its entry in models.config."""
    found = {
        entry.name: entry for entry in parsed(base / "models.config", "ModelServerConfig").model_config_list.config
    }
    assert all(entry.base_path == f"/models/{name}" for name, entry in found.items())
    assert all(entry.model_platform == "tensorflow" for entry in found.values())
    return found


@pytest.fixture
def exported(shipped, tmp_path):
    """(kind, name, version) → a folder with that export under another name and version."""

    def get(kind="images", name="photos", version="1"):
        folder = tmp_path / "exports" / f"{name}-{version}".replace("/", "_")
        shutil.copytree(shipped(kind).folder, folder)
        said = json.loads((folder / "manifest.json").read_text(encoding="utf8"))
        (folder / "manifest.json").write_text(json.dumps(said | {"name": name, "version": version}), encoding="utf8")
        return folder

    return get


def another(folder):
    """The same export with another file in its SavedModel, as the manifest says."""
    extra = folder / "saved_model" / "assets" / "words.txt"
    extra.write_text("others")
    said = json.loads((folder / "manifest.json").read_text(encoding="utf8"))
    said["files"]["saved_model/assets/words.txt"] = listed(extra.parent)["words.txt"]
    (folder / "manifest.json").write_text(json.dumps(said), encoding="utf8")
    return folder


def without_batching(files):
    return {name: entry for name, entry in files.items() if name != "batching_params.pbtxt"}


@pytest.mark.parametrize("kind", ["images", "texts", "rows"])
def test_tensorflow_loads_it_and_it_answers_as_the_model_did(kind, shipped, tmp_path):
    import tensorflow as tf

    manifest = shipped(kind).manifest
    place = write_layout(shipped(kind).folder, tmp_path)
    assert place == tmp_path / manifest.name / "1"
    assert without_batching(listed(place)) == {
        name.removeprefix("saved_model/"): entry
        for name, entry in manifest.files.items()
        if name.startswith("saved_model/")
    }
    assert (place / "assets").is_dir() and (place / "variables").is_dir()
    loaded = tf.saved_model.load(str(place))  # the signature does not keep it alive
    serve = loaded.signatures["serving_default"]
    arrays, expected = read_samples(manifest)
    found = np.zeros_like(expected)
    for rows, part in preprocessing_of(manifest).groups(arrays):
        (found[rows],) = (x.numpy() for x in serve(**{k: tf.constant(x) for k, x in part.items()}).values())
    assert compare(found, expected, manifest.output, Parity(0, 0, len(expected), 1e-5, 1.0)).passed
    request = json.loads((place.parent / "request.json").read_text())["inputs"]
    assert set(request) == {entry["name"] for entry in manifest.inputs}
    given = {
        entry["name"]: tf.constant(np.array(request[entry["name"]], arrays[entry["name"]].dtype))
        for entry in manifest.inputs
    }
    (answer,) = serve(**given).values()
    np.testing.assert_allclose(answer.numpy()[0], expected[0], rtol=1e-4, atol=1e-5)


def test_each_model_of_the_folder_is_in_the_configuration_and_the_newest_is_served(exported, tmp_path):
    base = tmp_path / "served"
    for name, version in (("photos", "9"), ("photos", "10"), ("reviews", "1")):
        write_layout(exported("images", name, version), base)
    (base / "notes").mkdir()  # no version in it
    (base / "photos" / "old").mkdir()  # no number
    write_layout(exported("images", "reviews", "2"), base)
    found = models(base)
    assert list(found) == ["photos", "reviews"]
    assert all(entry.model_version_policy.latest.num_versions == 1 for entry in found.values())
    assert list(versions(base / "photos")) == [9, 10]
    assert parsed(base / "monitoring.config", "MonitoringConfig").prometheus_config.enable
    assert parsed(base / "batching.config", "BatchingParameters").thread_pool_name.value


def test_only_models_whose_arrays_have_one_shape_are_computed_together(exported, tmp_path):
    """Of texts the server could not join two widths, and with its padding it would add [CLS] and a mask of 1."""
    base = tmp_path / "served"
    for kind in ("images", "rows"):
        place = write_layout(exported(kind, kind), base)
        batching = parsed(place / "batching_params.pbtxt", "BatchingParameters")
        assert batching.max_batch_size.value == 32 and batching.max_enqueued_batches.value == 8
        assert not batching.pad_variable_length_inputs
    place = write_layout(exported("texts", "texts"), base)
    assert not (place / "batching_params.pbtxt").exists()
    assert "--enable_per_model_batching_parameters=true" in (base / "README.md").read_text()


def test_a_label_names_a_version_and_keeps_the_others_served(exported, tmp_path):
    base = tmp_path / "served"
    write_layout(exported(version="1"), base, label="stable")
    write_layout(exported(version="2"), base, label="canary")
    photos = models(base)["photos"]
    assert {entry.key: entry.value for entry in photos.version_labels} == {"stable": 1, "canary": 2}
    assert list(photos.model_version_policy.specific.versions) == [1, 2]
    write_layout(exported(version="3"), base)
    assert list(models(base)["photos"].model_version_policy.specific.versions) == [1, 2, 3]
    write_layout(tmp_path / "exports" / "photos-3", base, label="stable")  # moves
    photos = models(base)["photos"]
    assert {entry.key: entry.value for entry in photos.version_labels} == {"stable": 3, "canary": 2}
    assert list(photos.model_version_policy.specific.versions) == [2, 3]
    shutil.rmtree(base / "photos" / "2")
    write_layout(tmp_path / "exports" / "photos-3", base)
    photos = models(base)["photos"]
    assert {entry.key: entry.value for entry in photos.version_labels} == {"stable": 3}
    assert list(photos.model_version_policy.specific.versions) == [3]


@pytest.mark.parametrize("written", ["{", "[1]", '{"stable": "1"}', '{"sta\\"ble": 1}', '{"stable": true}'])
def test_labels_written_by_hand_that_say_nothing_are_refused_before_anything_is_written(written, exported, tmp_path):
    base = tmp_path / "served"
    write_layout(exported(), base)
    (base / "photos" / "labels.json").write_text(written)
    before = listed(base)
    with pytest.raises(ShipError, match=r"photos/labels\.json"):
        write_layout(exported(version="2"), base)
    assert listed(base) == before


def test_a_version_that_is_no_number_gets_the_next_one_and_only_once(exported, tmp_path):
    base = tmp_path / "served"
    assert write_layout(exported(version="2.1-beta"), base).name == "1"
    write_layout(exported(version="7"), base)
    assert write_layout(tmp_path / "exports" / "photos-2.1-beta", base).name == "1"  # it lies there already
    assert write_layout(another(exported(version="2.2")), base).name == "8"
    # A folder that TensorFlow Serving would take for the same number.
    (base / "photos" / "8").rename(base / "photos" / "0008")
    assert write_layout(tmp_path / "exports" / "photos-2.2", base).name == "0008"
    with pytest.raises(ShipError, match="a version 8 already"):
        write_layout(exported(version="8"), base)


def test_a_version_that_is_there_is_not_touched(exported, tmp_path):
    base = tmp_path / "served"
    place = write_layout(exported(), base)
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    write_layout(tmp_path / "exports" / "photos-1", base)
    (base / "batching.config").write_text("num_batch_threads { value: 3 }")
    another(tmp_path / "exports" / "photos-1")
    with pytest.raises(ShipError, match=r"a version 1 already.* next free one is 2"):
        write_layout(tmp_path / "exports" / "photos-1", base)
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before
    write_layout(exported(version="2"), base)
    assert (base / "batching.config").read_text() == "num_batch_threads { value: 3 }"


def test_of_an_altered_file_nothing_is_written(exported, tmp_path):
    folder, base = exported(), tmp_path / "served"
    with (folder / "saved_model" / "variables" / "variables.index").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BadExport, match="sha256 differs"):
        write_layout(folder, base)
    assert listed(base) == {} and not (base / "photos").exists()


def test_what_cannot_be_served_is_refused(exported, shipped, tmp_path):
    base = tmp_path / "served"
    for name in ("a/b", "..", "two words", "a:predict", "é", ".hidden", "models.config", ""):
        with pytest.raises(ShipError, match="name"):
            write_layout(exported(name=name), base)
    with pytest.raises(ShipError, match=r"A label .* 'a/b'"):
        write_layout(exported(), base, label="a/b")
    folder = exported(name="litert_only")
    said = json.loads((folder / "manifest.json").read_text(encoding="utf8"))
    del said["forms"]["savedmodel"]
    (folder / "manifest.json").write_text(json.dumps(said), encoding="utf8")
    with pytest.raises(ShipError, match="takes savedmodel"):
        write_layout(folder, base)
    assert not base.exists()


def test_the_commands_of_the_readme_name_what_lies_beside_it(exported, tmp_path):
    base = tmp_path / "served"
    write_layout(exported(), base)
    (block,) = re.findall(r"```sh\n(.*?)```", (base / "README.md").read_text(encoding="utf8"), re.DOTALL)
    run, curl = (shlex.split(command) for command in block.replace("\\\n", " ").split("\n\n"))
    assert run[:3] == ["docker", "run", "--rm"] and "$PWD:/models:ro" in run
    image = next(word for word in run if word.startswith("tensorflow/serving:"))
    said = json.loads((tmp_path / "exports" / "photos-1" / "manifest.json").read_text(encoding="utf8"))
    assert image.partition(":")[2] == said["made"]["tensorflow"]
    mounted = [value for word in run if (value := word.partition("=")[2]).startswith("/models/")]
    assert len(mounted) == 3
    for path in mounted:
        assert (base / path.removeprefix("/models/")).is_file()
    (published,) = (word for word in run if word.startswith("127.0.0.1:"))
    assert curl[-1] == f"http://{published.rpartition(':')[0]}/v1/models/photos:predict"
    assert "inputs" in json.loads((base / curl[curl.index("-d") + 1].removeprefix("@")).read_text())


def test_the_command_writes_it_beside_the_export(tmp_path):
    import keras
    from typer.testing import CliRunner

    from kitutils import data
    from kitutils.cli import app
    from kitutils.course import save_artifact

    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    save_artifact("digits_cnn", model, lesson="01", data=data.load("digits"), input_range=[0, 16])

    def kit(folder, *more):
        asked = ["export", "digits_cnn", str(tmp_path / folder), "--name", "digits", "--formats", "savedmodel"]
        done = CliRunner().invoke(app, [*asked, "--tf-serving", str(tmp_path / "served"), *more])
        return done.output.replace("\n", " "), done.exception

    said, wrong = kit("one", "--label", "stable")
    assert wrong is None and "digits/1: for TensorFlow Serving. How" in said.replace("\\", "/")
    said, wrong = kit("two", "--version", "2026-06")
    assert wrong is None and "2026-06 became 2 there" in said
    assert {entry.key: entry.value for entry in models(tmp_path / "served")["digits"].version_labels} == {"stable": 1}
    assert "a version 2 already" in str(kit("three", "--version", "2")[1])
    assert "takes savedmodel" in str(kit("four", "--formats", "litert")[1])
    assert not (tmp_path / "four").exists()
    alone = CliRunner().invoke(app, ["export", "digits_cnn", str(tmp_path / "five"), "--label", "stable"])
    assert "Say --tf-serving" in str(alone.exception)
