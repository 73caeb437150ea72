"""Lesson 01's network in its three forms: they agree, and two of them run without TensorFlow."""

import ast
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from kitutils import data, settings
from kitutils.course import quiet, save_artifact

(SOURCE,) = (settings.root() / "notebooks" / "source").glob("01_*.py")
TREE = ast.parse(SOURCE.read_text(encoding="utf8"))


def defined(name):
    """A function as the lesson's source defines it."""
    import keras
    from keras import layers

    (function,) = [node for node in TREE.body if isinstance(node, ast.FunctionDef) and node.name == name]
    scope = {"keras": keras, "layers": layers}
    exec(compile(ast.Module([function], []), str(SOURCE), "exec"), scope)
    return scope[name]


def export_lines():
    """The lesson's own calls of ``model.export``, in its order."""
    calls = [
        node
        for node in ast.walk(TREE)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "model.export"
    ]
    return [compile(ast.Module([call], []), str(SOURCE), "exec") for call in sorted(calls, key=lambda n: n.lineno)]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """The network after two epochs, saved and exported as the lesson does it, and 300 digits."""
    import keras

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_PROFILE", "ci")
        patch.setenv("KIT_ARTIFACTS", str(tmp_path_factory.mktemp("exported")))
        digits = data.load("digits")
        keras.utils.set_random_seed(0)
        model = defined("small_cnn")()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(digits.x_train, digits.y_train, batch_size=32, epochs=2, verbose=0).history
        saved = save_artifact("digits_cnn", model, lesson="01", data=digits)
        with quiet():
            for line in export_lines():
                exec(line, {"model": model, "saved": saved})
    images = digits.x_train[:300].astype("float32")
    return SimpleNamespace(
        path=saved.path, images=images, wanted=model.predict(images, verbose=0), history=history, saved=saved
    )


def test_the_lesson_exports_to_both_forms(lesson):
    assert lesson.history["accuracy"][-1] > 0.5  # so that the comparison below is one of a network that says something
    assert {file.name for file in lesson.path.iterdir()} == {"model.keras", "model.tflite", "model.onnx", "meta.json"}
    assert all(file.stat().st_size > 1000 for file in lesson.path.glob("model.*"))


def test_the_saved_model_predicts_what_the_lessons_did(lesson):
    np.testing.assert_array_equal(lesson.saved.model().predict(lesson.images, verbose=0), lesson.wanted)


# What a device without TensorFlow runs: load, answer in batches of 1 and of all, say what was imported.
LITE = """
from ai_edge_litert.interpreter import Interpreter

runner = Interpreter(path).get_signature_runner()
(name,), (out,) = runner.get_input_details(), runner.get_output_details()
answer = lambda x: runner(**{name: x})[out]
"""
ONNX = """
import onnxruntime

session = onnxruntime.InferenceSession(path)
answer = lambda x: session.run(None, {session.get_inputs()[0].name: x})[0]
"""
RUN = """
import json, sys
import numpy as np

folder, path = sys.argv[1:]
%s
images = np.load(folder + "/images.npy")
found = answer(images)
single = np.concatenate([answer(images[i : i + 1]) for i in range(20)])
np.save(folder + "/found.npy", found)
print(json.dumps({"loaded": [m for m in ("tensorflow", "keras", "kitutils") if m in sys.modules],
                  "single": float(np.abs(single - found[:20]).max())}))
"""


@pytest.mark.parametrize(("file", "code"), [("model.tflite", LITE), ("model.onnx", ONNX)], ids=["litert", "onnx"])
def test_an_export_answers_the_same_without_tensorflow(lesson, tmp_path, file, code):
    np.save(tmp_path / "images.npy", lesson.images)
    done = subprocess.run(
        [sys.executable, "-c", RUN % code, str(tmp_path), str(lesson.path / file)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf8",
        errors="replace",
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["loaded"] == []
    assert told["single"] <= 1e-5
    found = np.load(tmp_path / "found.npy")
    assert found.shape == lesson.wanted.shape == (300, 10) and found.dtype == np.float32
    assert np.abs(found - lesson.wanted).max() <= 1e-5
    np.testing.assert_array_equal(found.argmax(axis=1), lesson.wanted.argmax(axis=1))
    assert len(set(found.argmax(axis=1))) > 3  # not one answer for everything
