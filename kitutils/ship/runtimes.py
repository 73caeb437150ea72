"""One way to ask five runtimes: arrays by name in, the outputs as float32 (rows, classes) out.

LiteRT and ONNX Runtime are loaded without TensorFlow or Keras.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from typing import Any, Protocol

import numpy as np

from kitutils.course.session import quiet
from kitutils.ship.arrays import Arrays
from kitutils.ship.faults import BadExport, ShipError
from kitutils.ship.manifest import Manifest

LIBRARY = {
    "keras": "keras",
    "savedmodel": "tensorflow",
    "onnx": "onnxruntime",
    "skops": "skops",
}  # all others: ai_edge_litert

# Classes that skops leaves to its user to trust. They only hold numbers, and building one runs nothing; numbers that
# were damaged on purpose could still make a tree read where it should not, so the hash is checked first.
TRUSTED = (
    "kitutils.models.baselines.NBSVM",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)

_ROOMS = (32, 256)  # of an open side, tried in turn: usual networks' filters and poolings leave something of one


class Runtime(Protocol):
    """A loaded model. ``run`` may be called from several threads at once."""

    def run(self, arrays: Arrays) -> np.ndarray:
        """Arrays by the manifest's names, one row an input, to float32 (rows, classes)."""


def installed(form: str) -> bool:
    """Whether the library that runs a format is there; it is not imported."""
    return importlib.util.find_spec(LIBRARY.get(form, "ai_edge_litert")) is not None


def start(manifest: Manifest, form: str, threads: int = 1) -> Runtime:
    """Load one form of an export, after its hash was checked.

    Args:
        manifest: as ``read_manifest`` gives it.
        form: a format that the export has.
        threads: of LiteRT and ONNX Runtime; TensorFlow decides for itself.

    Raises:
        BadExport: a file is not the one that was written, or the runtime cannot read it.
        ShipError: the runtime is not installed, or there are no threads.
    """
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ShipError(f"threads is a whole number from 1; got {threads!r}.")
    if not installed(form):
        library = LIBRARY.get(form, "ai_edge_litert")
        raise ShipError(
            f"{form} needs the library {library}, which is not installed. Install it, or take another form."
        )
    kind = {"keras": _Keras, "savedmodel": _SavedModel, "onnx": _Onnx, "skops": _Skops}.get(form, _LiteRT)
    try:
        with quiet():
            return kind(manifest, manifest.forms[form].path, threads)
    except (ShipError, MemoryError):
        raise
    except Exception as error:  # each runtime has its own, and most have no common base
        what = f"{error.__class__.__name__}: {error}"
        raise BadExport(f"The {form} form of {manifest.name} cannot be loaded ({what:.300}).") from error


class _LiteRT:
    """One interpreter, one lock. A file has a signature for each width of text, else one."""

    def __init__(self, manifest: Manifest, path: str, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._content = manifest.read(path)  # the interpreter does not keep it alive
        self._interpreter = Interpreter(model_content=self._content, num_threads=threads)
        _allocate(self._interpreter)  # says which delegate it takes, here where nobody hears it
        self._runners = {}
        signatures = self._interpreter.get_signature_list()
        for name in signatures:
            runner = self._interpreter.get_signature_runner(name)
            widths = [
                details["shape"][1] for details in runner.get_input_details().values() if len(details["shape"]) == 2
            ]
            # Of one signature the width says nothing: an open side is given as 1.
            self._runners[widths[0] if widths and len(signatures) > 1 else None] = runner
        # A model with a loop goes into a file that takes one row at a time.
        self._one_row = next(iter(runner.get_input_details().values()))["shape_signature"][0] == 1
        self._lock = threading.Lock()

    def run(self, arrays: Arrays) -> np.ndarray:
        first = next(iter(arrays.values()))
        runner = self._runners[None] if None in self._runners else self._runners[first.shape[1]]
        size = 1 if self._one_row else len(first)
        parts = [{name: array[i : i + size] for name, array in arrays.items()} for i in range(0, len(first), size)]
        with self._lock:
            return np.concatenate([next(iter(runner(**part).values())) for part in parts]).astype(np.float32)


def _allocate(interpreter: Any) -> None:
    try:
        interpreter.allocate_tensors()
    except RuntimeError:
        # An open side counts as 1 until an input comes with its own, and in 1 pixel a convolution may have no room.
        details = interpreter.get_input_details()
        open_ = [one for one in details if (one["shape_signature"][1:] < 0).any()]
        if not open_:
            raise
        for room in _ROOMS:
            for one in open_:
                sides = one["shape_signature"]
                interpreter.resize_tensor_input(one["index"], [1, *np.where(sides < 0, room, sides)[1:].tolist()])
            try:
                return interpreter.allocate_tensors()
            except RuntimeError:
                if room == _ROOMS[-1]:
                    raise


class _Onnx:
    """A session; it may be asked by several threads at once."""

    def __init__(self, manifest: Manifest, path: str, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4  # what it cannot read it also raises
        # Its idle threads would spin, and take the processor from whatever else serves.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(manifest.read(path), options, providers=["CPUExecutionProvider"])

    def run(self, arrays: Arrays) -> np.ndarray:
        return self._session.run(None, arrays)[0].astype(np.float32)


class _SavedModel:
    """The signature that TensorFlow Serving would serve."""

    def __init__(self, manifest: Manifest, path: str, threads: int) -> None:
        import tensorflow as tf

        self._tf = tf
        self._model = tf.saved_model.load(str(manifest.check(path)))  # the signature does not keep it alive
        self._serve = self._model.signatures["serving_default"]

    def run(self, arrays: Arrays) -> np.ndarray:
        found = self._serve(**{name: self._tf.constant(array) for name, array in arrays.items()})
        return next(iter(found.values())).numpy().astype(np.float32)


class _Keras:
    """The Keras model itself."""

    def __init__(self, manifest: Manifest, path: str, threads: int) -> None:
        import keras

        from kitutils.ship.calling import compiled

        for module in manifest.layers:
            if module.split(".")[0] in ("kitutils", "keras_hub"):  # no other: a manifest must not name what is run
                importlib.import_module(module)
        self.run = compiled(keras.saving.load_model(manifest.check(path), compile=False))


class _Skops:
    """A scikit-learn estimator, rebuilt from a list of its parts; nothing of the file is run."""

    def __init__(self, manifest: Manifest, path: str, threads: int) -> None:
        import skops.io

        content = manifest.read(path)
        if strange := strange_types(content):
            raise BadExport(f"{path} of {manifest.name} asks for {', '.join(strange)}, which is not loaded.")
        self._rows = manifest.preprocessing["kind"] == "rows"
        self._estimator = skops.io.loads(content, trusted=list(TRUSTED))

    def run(self, arrays: Arrays) -> np.ndarray:
        if self._rows:
            import pandas as pd

            given = pd.DataFrame(dict(arrays))
        else:
            (given,) = arrays.values()
        return self._estimator.predict_proba(given).astype(np.float32)


def strange_types(content: bytes) -> list[str]:
    """The types in a ``.skops`` file that neither skops nor the kit trusts."""
    import skops.io

    return [kind for kind in skops.io.get_untrusted_types(data=content) if kind not in TRUSTED]
