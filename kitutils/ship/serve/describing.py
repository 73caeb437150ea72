"""What a service says about its models: to the page, to TensorFlow Serving's clients, to whoever asks for samples."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from kitutils.ship.faults import BadExport
from kitutils.ship.manifest import Manifest
from kitutils.ship.serve.hosting import Host, Served, Unknown
from kitutils.ship.serve.instances import SIGNATURE
from kitutils.ship.verifying import read_samples

_DTYPES = {
    "float16": "DT_HALF",
    "float32": "DT_FLOAT",
    "float64": "DT_DOUBLE",
    "string": "DT_STRING",
    "bool": "DT_BOOL",
}
_DTYPES |= {f"{sign}int{bits}": f"DT_{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def model_of(served: Served, versions: list[str]) -> dict[str, Any]:
    """What a page must know to ask a model: its labels, and what an input is."""
    words = {k: v for k, v in served.manifest.preprocessing.items() if k != "wordpiece"}
    return {
        "name": served.name,
        "versions": versions,
        "labels": list(served.manifest.labels),
        "input": words,
        "format": served.predictor.format,
    }


def status_of(host: Host, name: str, version: str | None) -> dict[str, Any]:
    """TensorFlow Serving's ``GetModelStatusResponse``.

    Raises:
        Unknown: there is no such model or version.
    """
    found = [entry for entry in host.status(name) if version in (None, entry[0])]
    if not found:
        raise Unknown(f"{name} has no version {version!r:.60}. Served: {', '.join(host.versions(name))}.")
    return {
        "model_version_status": [
            {
                "version": number,
                "state": state,
                "status": {"error_code": "UNKNOWN" if message else "OK", "error_message": message},
            }
            for number, state, message in reversed(found)
        ]
    }


def metadata_of(served: Served) -> dict[str, Any]:
    """TensorFlow Serving's ``GetModelMetadataResponse``, and under ``kit`` what it has no place for."""
    manifest = served.manifest
    inputs = {one["name"]: _tensor(one["name"], one["dtype"], one["shape"]) for one in manifest.inputs}
    signature = {
        "inputs": inputs,
        "outputs": {"output_0": _tensor("output_0", "float32", [None])},
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": served.name, "signature_name": "", "version": served.version},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
        "kit": {
            "labels": list(manifest.labels),
            "output": manifest.output,
            "preprocessing": {k: v for k, v in manifest.preprocessing.items() if k != "wordpiece"},
            "format": served.predictor.format,
            "made": dict(manifest.made),
        },
    }


def _tensor(name: str, dtype: str, shape: list[int | None]) -> dict[str, Any]:
    sides = [{"size": str(-1 if side is None else side), "name": ""} for side in (None, *shape)]
    return {
        "dtype": _DTYPES.get(dtype, "DT_INVALID"),
        "tensor_shape": {"dim": sides, "unknown_rank": False},
        "name": name,
    }


def samples_of(served: Served) -> list[Any]:
    """The raw inputs that lie in the export: images as PNG in Base64, rows as mappings; of texts there are none.

    Images whose values a PNG cannot hold are left out too.
    """
    manifest, preprocessing = served.manifest, served.predictor.preprocessing
    kind = manifest.preprocessing["kind"]
    if kind not in ("images", "rows"):
        return []
    try:
        arrays, _ = read_samples(manifest)
    except BadExport:  # the folder is being replaced, or was taken away
        return []
    count = len(next(iter(arrays.values()))) - len(preprocessing.probes())  # these come last
    if kind == "images":
        return _pngs(arrays[preprocessing.name][:count], manifest)
    return [{name: _plain(array[row]) for name, array in arrays.items()} for row in range(count)]


def _pngs(images: np.ndarray, manifest: Manifest) -> list[str]:
    from PIL import Image

    if (manifest.preprocessing["low"], manifest.preprocessing["high"]) != (0, 255):
        return []
    made = []
    for image in images.round().astype(np.uint8):
        file = io.BytesIO()
        Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(file, "PNG")
        made.append(base64.b64encode(file.getvalue()).decode())
    return made


def _plain(value: Any) -> Any:
    """A value of a row for JSON; None where it is missing."""
    if isinstance(value, str):
        return value or None
    if value.dtype.kind in "biu":
        return value.item()
    # float32 as it is read by people: 0.1 and not 0.10000000149011612, which is the same float32
    return None if np.isnan(value) else float(str(value))
