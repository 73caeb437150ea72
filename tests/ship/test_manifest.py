"""A folder that was cut, altered or made up is refused, with a message, by load and by verify."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitutils.ship import BadExport, ShipError, load, verify
from kitutils.ship.manifest import Manifest, read_manifest


@pytest.fixture
def copy(shipped, tmp_path):
    """A copy of the text export, and a function that changes its manifest."""
    folder = tmp_path / "copy"
    shutil.copytree(shipped("texts").folder, folder)

    def change(function):
        record = json.loads((folder / "manifest.json").read_text(encoding="utf8"))
        function(record)
        (folder / "manifest.json").write_text(json.dumps(record), encoding="utf8")

    folder_and_change = (folder, change)
    return folder_and_change


def test_an_untouched_copy_loads(copy):
    folder, change = copy
    change(lambda record: None)
    assert all(parity.passed for parity in verify(folder).values())


def test_read_and_written_it_is_the_same(shipped, tmp_path):
    manifest = read_manifest(shipped("rows").folder)
    manifest.write(tmp_path)
    again = read_manifest(tmp_path)
    same = {name for name in Manifest.__dataclass_fields__ if getattr(again, name) == getattr(manifest, name)}
    assert same == set(Manifest.__dataclass_fields__) - {"folder"}


FILES = ("model.keras", "model.tflite", "model.onnx", "saved_model/saved_model.pb", "vocabulary.txt")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["one byte", "cut", "gone", "grown"])
def test_an_altered_file_is_refused(name, damage, copy):
    folder, _ = copy
    path = folder / name
    content = bytearray(path.read_bytes())
    if damage == "one byte":
        content[len(content) // 2] ^= 1
    path.unlink()
    if damage != "gone":
        path.write_bytes({"cut": content[:-1], "grown": content + b"\0"}.get(damage, content))
    formats = {"model.keras": "keras", "model.onnx": "onnx", "saved_model/saved_model.pb": "savedmodel"}
    with pytest.raises(BadExport, match=name):
        load(folder, formats.get(name, "litert"))
    with pytest.raises(BadExport, match=name):
        verify(folder)


def test_a_file_that_was_put_into_a_saved_model_is_refused(copy):
    folder, _ = copy
    (folder / "saved_model" / "assets" / "more.txt").parent.mkdir(exist_ok=True)
    (folder / "saved_model" / "assets" / "more.txt").write_text("x")
    with pytest.raises(BadExport, match=r"more\.txt is not in the manifest"):
        load(folder, "savedmodel")


@pytest.mark.parametrize("name", ["evil.tflite", "more/notes.txt"])
def test_a_file_that_was_put_beside_the_forms_is_found(name, copy):
    folder, _ = copy
    (folder / "MODEL_CARD.md").write_text("A person may write here.", encoding="utf8")
    verify(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"x")
    with pytest.raises(BadExport, match=f"{name} is not in the manifest"):
        verify(folder)


def test_a_form_whose_inside_says_otherwise_is_refused(copy):
    folder, change = copy
    change(lambda record: record.update(labels=["complaint", "praise"]))
    with pytest.raises(BadExport, match="labels inside"):
        verify(folder)


def entry(record, **values):
    record["forms"]["litert"].update(values)


OUTSIDE = [
    "../model.tflite",
    "/etc/passwd",
    "C:/x",
    "a/../../b",
    "a\\b",
    "",
    ".",
    "a//b",
    "a/./b",
    "\0",
    5,
    None,
    ["a"],
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_out_of_the_folder_is_refused(path, copy):
    folder, change = copy
    change(lambda record: entry(record, path=path))
    with pytest.raises(BadExport, match="not as the kit writes it"):
        load(folder)


@pytest.mark.parametrize("path", [path for path in OUTSIDE if isinstance(path, str)])
def test_a_listed_file_out_of_the_folder_is_refused(path, copy):
    folder, change = copy
    change(lambda record: record["files"].update({path: {"sha256": "0" * 64, "bytes": 1}}))
    with pytest.raises(BadExport, match="not as the kit writes it"):
        load(folder)


@pytest.mark.parametrize(
    "change_",
    [
        lambda r: r.update(format=2),
        lambda r: r.update(format="1"),
        lambda r: r.update(format=True),
        lambda r: r.pop("format"),
        lambda r: r.pop("files"),
        lambda r: r.update(files=[]),
        lambda r: r.update(forms={}),
        lambda r: r.update(forms={"h5": r["forms"]["litert"]}),
        lambda r: entry(r, path="other.tflite"),
        lambda r: entry(r, parity=None),
        lambda r: r["forms"]["litert"]["parity"].update(rows=-1),
        lambda r: r["forms"]["litert"]["parity"].update(rows=0),
        lambda r: r["forms"]["litert"]["parity"].update(difference="0"),
        lambda r: r.update(labels="praise"),
        lambda r: r.update(labels=["one"]),
        lambda r: r.update(labels=["one", "one"]),
        lambda r: r.update(labels=[1, 2]),
        lambda r: r.update(output="votes"),
        lambda r: r.update(inputs=None),
        lambda r: r["inputs"][0].update(shape="x"),
        lambda r: r["inputs"][0].update(dtype="words"),
        lambda r: r["files"]["model.tflite"].update(bytes="many"),
        lambda r: r["files"]["model.tflite"].update(sha256=None),
        lambda r: r["preprocessing"].update(kind="sounds"),
        lambda r: r["preprocessing"].update(more=1),
        lambda r: r["preprocessing"].pop("wordpiece"),
        lambda r: r["preprocessing"].update(widths=[64, 16]),
        lambda r: r["preprocessing"]["wordpiece"].update(vocabulary="../other.txt"),
        lambda r: r["preprocessing"]["wordpiece"].update(length=16),
        lambda r: r.update(preprocessing=None),
        lambda r: r.update(layers="os"),
    ],
)
def test_a_manifest_that_was_made_up_is_refused(change_, copy):
    folder, change = copy
    change(change_)
    with pytest.raises(ShipError) as caught:
        load(folder)
    assert "copy" in str(caught.value) or "text_classifier" in str(caught.value) or "preprocessing" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"x"', "[" * 100_000, "\x00"])
def test_what_is_no_manifest_is_refused(text, copy):
    folder, _ = copy
    (folder / "manifest.json").write_text(text, encoding="utf8")
    with pytest.raises(BadExport):
        load(folder)


def test_a_manifest_in_another_encoding_and_a_missing_folder_are_refused(copy, tmp_path):
    folder, _ = copy
    (folder / "manifest.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(BadExport, match="cut or no JSON"):
        load(folder)
    with pytest.raises(BadExport, match="is no export"):
        load(tmp_path / "nothing")


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_value_in_any_place_is_refused_or_harmless(data, shipped, tmp_path_factory):
    """Whatever stands in the manifest, reading it gives a manifest or ``BadExport``, never another error."""
    record = json.loads((shipped("texts").folder / "manifest.json").read_text(encoding="utf8"))
    place, keys = record, []
    while isinstance(place, dict | list) and place and (not keys or data.draw(st.booleans())):
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        keys.append((place, key))
        place = place[key]
    parent, key = keys[-1]
    parent[key] = data.draw(st.sampled_from([None, True, -1, 0, 1.5, "", "../x", [], {}, [None], {"a": 1}, "\ud800"]))
    folder = tmp_path_factory.mktemp("made_up")
    (folder / "manifest.json").write_text(json.dumps(record), encoding="utf8")
    try:
        manifest = read_manifest(folder)
    except BadExport:
        return
    for name in manifest.files:
        assert (folder / name).resolve().is_relative_to(folder.resolve())


def test_a_keras_form_does_not_import_what_a_manifest_names(copy, monkeypatch):
    folder, change = copy
    change(lambda record: record.update(layers=["antigravity", *record["layers"]]))
    import importlib

    asked = []
    true = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", lambda name, *more: asked.append(name) or true(name, *more))
    load(folder, "keras")
    assert "kitutils.models.text" in asked
    assert "antigravity" not in asked
