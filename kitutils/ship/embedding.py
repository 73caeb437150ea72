"""Labels, preprocessing and version inside the file itself, so that a model which lost its folder can still be used.

Each format has a place for it: ONNX its ``metadata_props``, LiteRT a metadata buffer, a SavedModel the folder
``assets.extra``, a ``.keras`` or ``.skops`` file, which is a zip archive, one more member.

Lessons: 51.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kitutils.ship.faults import BadExport

KEY = "kitutils"
MEMBER = f"{KEY}.json"
EXTRA = Path("assets.extra") / MEMBER


def embed(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record of what JSON can hold into a model's file, of any format, or a SavedModel folder."""
    text = json.dumps(record, ensure_ascii=False, sort_keys=True)
    if path.is_dir():
        (path / EXTRA).parent.mkdir(exist_ok=True)
        (path / EXTRA).write_text(text, encoding="utf8")
    elif path.suffix in (".keras", ".skops"):
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(zipfile.ZipInfo(MEMBER), text, zipfile.ZIP_DEFLATED)
    elif path.suffix == ".onnx":
        import onnx

        model = onnx.load(path)
        onnx.helper.set_model_props(model, {KEY: text})
        onnx.save(model, path)
    else:
        _into_litert(path, text)


def embedded(path: str | Path) -> dict[str, Any]:
    """The record that :func:`embed` wrote: name, version, labels, output, inputs, preprocessing.

    Raises:
        BadExport: the file holds none, or cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            text = (path / EXTRA).read_text(encoding="utf8")
        elif path.suffix in (".keras", ".skops"):
            with zipfile.ZipFile(path) as archive:
                text = archive.read(MEMBER).decode("utf8")
        elif path.suffix == ".onnx":
            import onnx

            model = onnx.load(path, load_external_data=False)
            text = next(prop.value for prop in model.metadata_props if prop.key == KEY)
        else:
            text = _from_litert(path)
        return json.loads(text)
    except Exception as error:  # each format has its own, for a file that is cut as for one that is none
        raise BadExport(
            f"{path.name} says nothing of labels and preprocessing ({error.__class__.__name__}: {error}). Only files "
            "that the kit exported do."
        ) from error


def _into_litert(path: Path, text: str) -> None:
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(path.read_bytes()))
    model.buffers.append(schema.BufferT(data=np.frombuffer(text.encode("utf8"), np.uint8)))
    model.metadata = [*(model.metadata or []), schema.MetadataT(name=KEY, buffer=len(model.buffers) - 1)]
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _from_litert(path: Path) -> str:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(path.read_bytes())
    for number in range(model.MetadataLength()):
        entry = model.Metadata(number)
        if entry.Name() == KEY.encode():
            return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().decode("utf8")
    raise LookupError(f"no metadata called {KEY}")
