"""What keeps a model from a format, known before a converter is asked; each with the way round.

Converters fail late, with a page of their own internals, or not at all, and then the file cannot be loaded or answers
wrongly. Each rule here was met in a real conversion; ``tests/ship/test_obstacles.py`` meets most of them again.

Lessons: 51.
"""

from __future__ import annotations

import keras

from kitutils.ship.calling import input_names
from kitutils.ship.faults import ShipError
from kitutils.ship.manifest import FORMATS

ATTENTION = (
    "Attention",
    "MultiHeadAttention",
    "GroupedQueryAttention",
    "AdditiveAttention",
    "CachedMultiHeadAttention",
)
RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")


def obstacles(model: keras.Model, format: str) -> list[str]:
    """Why a model cannot be written in a format, as sentences that also say what to do; empty if it can.

    Args:
        model: Functional or Sequential; models nested in it are looked into.
        format: one of ``kitutils.ship.manifest.FORMATS``.

    Raises:
        ShipError: there is no such format.
    """
    if format not in FORMATS:
        raise ShipError(f"The formats are {', '.join(FORMATS)}; got {format!r}.")
    if not isinstance(model, keras.Model) or not model.built or not getattr(model, "inputs", None):
        return ["Its inputs are not known. Export a Functional or Sequential model that was built."]
    found = []
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        shapes = ", ".join(str(tuple(x.shape)) for x in model.outputs)
        found.append(f"It gives {shapes}. Export a model with one output of shape (rows, classes).")
    parts = layers_of(model)
    if format == "keras":
        found += _for_keras(parts)
    elif format == "onnx":
        found += _for_onnx(parts)
    elif format.startswith("litert"):
        found += _for_litert(model, parts)
        if format == "litert_int8":
            found += _for_int8(model, parts)
    return found


def layers_of(model: keras.Model) -> list[keras.Layer]:
    """All layers, those within nested models, wrappers and the kit's own layers included."""
    return [layer for layer in model._flatten_layers() if layer is not model]


def own_modules(model: keras.Model) -> tuple[str, ...]:
    """The modules, other than Keras' own, that define its layers; imported before a ``.keras`` file is read."""
    modules = {layer.__class__.__module__ for layer in layers_of(model)}
    return tuple(sorted(name for name in modules if name.split(".")[0] != "keras"))


def _named(parts: list[keras.Layer], kinds: tuple[str, ...]) -> list[str]:
    return sorted({part.__class__.__name__ for part in parts if part.__class__.__name__ in kinds})


def _for_keras(parts: list[keras.Layer]) -> list[str]:
    found = []
    if _named(parts, ("Lambda",)):
        found.append(
            "A Lambda layer is stored as Python code, which Keras rightly refuses to load. Write a Layer class, or use "
            "keras.ops on the tensors."
        )
    strange = sorted(
        {
            f"{part.__class__.__name__} ({part.__class__.__module__})"
            for part in parts
            if part.__class__.__module__.split(".")[0] not in ("keras", "kitutils", "keras_hub")
        }
    )
    if strange:
        found.append(
            f"Whoever loads it needs the class of {', '.join(strange)}, which the kit cannot import. Build it from "
            "Keras' layers or the kit's, or leave the keras format out."
        )
    return found


def _for_onnx(parts: list[keras.Layer]) -> list[str]:
    return _lookups("ONNX", parts) + _mixed("ONNX", parts)


def _for_litert(model: keras.Model, parts: list[keras.Layer]) -> list[str]:
    found = _lookups("LiteRT", parts) + _mixed("LiteRT", parts)
    if (loops := _loops(model)) and any(tensor.shape[0] != 1 for tensor in model.inputs):
        found.append(
            f"The loop of {loops[0].__class__.__name__} keeps its steps in a list, for which LiteRT must know the "
            f"number of rows, and this model leaves it open. Fix it to one, as lesson 43 does: {_of_one_row(model)}. "
            "Or build it with unroll=True and a fixed length, or export to ONNX."
        )
    return found


def _loops(model: keras.Model) -> list[keras.Layer]:
    """Its recurrent layers that run as a loop; those that were built with ``unroll=True`` are none."""
    return [
        part for part in layers_of(model) if part.__class__.__name__ in RECURRENT and not getattr(part, "unroll", False)
    ]


def _of_one_row(model: keras.Model) -> str:
    if len(model.inputs) > 1:
        return "call it on a keras.Input(batch_shape=(1, …), name=…) for each input, and export the keras.Model of that"
    x, (name,) = model.inputs[0], input_names(model)
    named = "" if name == "input" else f', name="{name}"'
    shape = f'batch_shape={(1, *x.shape[1:])}, dtype="{x.dtype}"{named}'
    return f"export keras.Model(x, model(x)), where x is keras.Input({shape})"


def _lookups(where: str, parts: list[keras.Layer]) -> list[str]:
    found = []
    if texts := _named(parts, ("TextVectorization", "Hashing", "HashedCrossing")):
        found.append(f"{where} has no operation for {', '.join(texts)}. Do it outside of the model.")
    if _named(parts, ("IntegerLookup",)):
        found.append(
            f"{where} has no table of whole numbers, which IntegerLookup is. Number the values before the model, or "
            "pass them as texts to StringLookup."
        )
    return found


def _mixed(where: str, parts: list[keras.Layer]) -> list[str]:
    kinds = sorted({str(part.compute_dtype) for part in parts} & {"float16", "bfloat16"})
    if not kinds:
        return []
    return [
        f"It computes in {kinds[0]}, and {where} would not run it, or not give the same answers. Its weights are "
        'float32: build it again under keras.config.set_dtype_policy("float32") and set_weights(model.get_weights()).'
    ]


def _for_int8(model: keras.Model, parts: list[keras.Layer]) -> list[str]:
    found = []
    if kinds := _named(parts, ("FakeQuantConv2D", "FakeQuantDense")):
        found.append(
            f"{' and '.join(kinds)} round as they compute, which is for training; the converter rounds once more: the "
            "file is larger than need be and answers otherwise than the model. Export the ordinary one: from "
            "kitutils.ship.qat import plain, and plain(model)."
        )
    if attention := _named(parts, ATTENTION):
        found.append(
            f"In eight bits {attention[0]} loses its answers: the large negative number that hides padding takes up "
            "the whole range. Take litert_dynamic, whose weights are int8 and whose sums are not."
        )
    if loops := _loops(model):
        found.append(
            f"The converter cannot calibrate the loop of {loops[0].__class__.__name__}: the whole process dies of it. "
            "Take litert_dynamic, or build it with unroll=True and a fixed length."
        )
    if any(tensor.dtype == "string" for tensor in model.inputs):
        found.append(
            "Its texts are looked up inside the model, and LiteRT cannot join the result with eight-bit numbers. Take "
            "litert_dynamic."
        )
    return found
