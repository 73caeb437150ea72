"""Write a Keras model in one format: ``.keras``, SavedModel, LiteRT (four ways) or ONNX.

The traps of each converter are dealt with here, so that a caller need not know them:

* a model is always converted as not training, so an augmentation layer inside it does nothing;
* a model of texts has an open length, which LiteRT's converter does not take: its file gets one signature for each
  width, which share their weights;
* a loop of recurrent layers goes into LiteRT only if the number of rows is fixed: a model of one row is written as
  such, all others for any number;
* tf2onnx writes "where" as a sum of products, in which a value that is not a number spoils the row although it was not
  chosen, and exact GELU as an operation that ONNX does not have; both are replaced;
* tf2onnx takes neither Sequential models nor inputs by name: it is given the same model with a list of inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import numpy as np

from kitutils.course.session import quiet
from kitutils.ship.arrays import Arrays
from kitutils.ship.calling import by_name, input_names, input_structure
from kitutils.ship.faults import CannotHold
from kitutils.ship.obstacles import layers_of

OPSET = 18  # tf2onnx 1.17 refuses 20
NAMES = {"keras": "model.keras", "savedmodel": "saved_model", "onnx": "model.onnx", "litert": "model.tflite"}


def write(
    model: keras.Model,
    form: str,
    folder: Path,
    *,
    scratch: Path,
    widths: Sequence[int] = (),
    calibration: Iterable[Arrays] = (),
) -> Path:
    """Write one form into a folder, quietly; returns its path.

    Args:
        model: built; not changed.
        form: one of ``kitutils.ship.manifest.FORMATS``.
        folder: is there; may hold other forms.
        scratch: another folder, in which all LiteRT forms of one model share what they are converted from.
        widths: lengths that an open second side of the inputs may have, for LiteRT; empty if no side is open.
        calibration: for "litert_int8": arrays by input name, each of a single row, as they will come.

    Raises:
        CannotHold: the converter gave up; its message is quoted.
    """
    path = folder / NAMES.get(form, f"model_{form.removeprefix('litert_')}.tflite")
    try:
        with quiet():
            if form == "keras":
                _write_keras(model, path)
            elif form == "savedmodel":
                _write_savedmodel(model, path)
            elif form == "onnx":
                _write_onnx(model, path)
            else:
                path.write_bytes(_litert(model, form, scratch, widths, calibration))
    except (OSError, MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # converters raise whatever their depths raise
        said = " ".join(str(error).split())
        raise CannotHold(
            f"{model.name} could not be written as {form}: the converter raised {error.__class__.__name__}: {said:.300}"
        ) from error
    return path


def _write_keras(model: keras.Model, path: Path) -> None:
    model.save(path)
    if getattr(model, "optimizer", None) is not None:
        # The optimizer's state is twice the size of the weights; a model loaded without it has none.
        keras.saving.load_model(path, compile=False).save(path)


def _write_savedmodel(model: keras.Model, path: Path, widths: Sequence[int] = (), rows: int | None = None) -> None:
    """With one signature, "serving_default", that takes the inputs by name; or one for each width. For any number of
    rows, or for a fixed one."""
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    # Lookups must be tracked, for their tables. Of all else Keras finds the weights that are used; tracked too, they
    # would be stored twice.
    for layer in layers_of(model):
        if "Lookup" in layer.__class__.__name__ or layer.__class__.__name__ == "TextVectorization":
            archive.track(layer)
    for width in widths or (None,):
        specs = {
            name: tf.TensorSpec([rows, *(width if side is None else side for side in x.shape[1:])], x.dtype, name=name)
            for name, x in zip(input_names(model), model.inputs, strict=True)
        }
        archive.add_endpoint(f"width_{width}" if width else "serve", by_name(model), [specs])
    archive.write_out(str(path), verbose=False)


def _litert(
    model: keras.Model, form: str, scratch: Path, widths: Sequence[int], calibration: Iterable[Arrays]
) -> bytes:
    import tensorflow as tf

    if not (saved := scratch / "for_litert").exists():
        _write_savedmodel(model, saved, widths, rows=1 if all(x.shape[0] == 1 for x in model.inputs) else None)
    keys = [f"width_{width}" for width in widths] or ["serving_default"]
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=keys)
    if form != "litert":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if form == "litert_float16":
        converter.target_spec.supported_types = [tf.float16]
    if form == "litert_int8":
        converter.representative_dataset = lambda: iter(calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def _write_onnx(model: keras.Model, path: Path) -> None:
    import tf2onnx

    inputs = [
        keras.Input(x.shape[1:], dtype=x.dtype, name=name)
        for name, x in zip(input_names(model), model.inputs, strict=True)
    ]
    flat = keras.Model(inputs, model(keras.tree.pack_sequence_as(input_structure(model), inputs), training=False))
    tf2onnx.convert.from_keras(
        flat,
        opset=OPSET,
        custom_op_handlers={"SelectV2": (_where, []), "Erfc": (_erfc, [])},
        output_path=str(path),
    )


def _where(ctx, node, name: str, args: list) -> None:
    """ONNX has the same operation, with the same broadcasting."""
    node.type = "Where"


def _erfc(ctx, node, name: str, args: list) -> None:
    """1 - erf(x)."""
    one = ctx.make_const(f"{name}_one", np.array(1, np.float32))
    erf = ctx.make_node("Erf", [node.input[0]])
    out, shape, dtype = node.output[0], ctx.get_shape(node.output[0]), ctx.get_dtype(node.output[0])
    ctx.remove_node(node.name)
    ctx.make_node("Sub", [one.output[0], erf.output[0]], outputs=[out], name=name, shapes=[shape], dtypes=[dtype])
