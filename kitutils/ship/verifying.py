"""Is the folder still what was written, and does each form still answer as the model did?

The samples and the model's own answers lie in the folder, so that neither TensorFlow nor the training data is needed.

Lessons: 51.
"""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from kitutils.ship.arrays import Arrays
from kitutils.ship.card import NAME as CARD
from kitutils.ship.embedding import embedded
from kitutils.ship.faults import BadExport
from kitutils.ship.manifest import NAME, Manifest, Parity, listed, read_manifest
from kitutils.ship.predictor import preprocessing_of, probabilities, run
from kitutils.ship.runtimes import installed, start

SAMPLES = "samples.npz"
KEPT = 32  # samples that stay in the folder, at most
_EXPECTED = "expected"
_OF_SYSTEMS = (".DS_Store", "Thumbs.db", "desktop.ini")  # macOS and Windows leave these where a folder was looked at


def verify(folder: str | Path) -> dict[str, Parity]:
    """Check all hashes, then ask every form whose library is installed for the samples again.

    Returns:
        format → its parity now, judged by the bounds that it was exported with; ``passed`` says whether it is within.

    Raises:
        BadExport: a file is missing, altered or strange; or what stands inside a form is not what the manifest says.
    """
    manifest = read_manifest(folder)
    for name in manifest.files:
        manifest.read(name)
    strange = sorted(
        name
        for name in set(listed(manifest.folder)) - {*manifest.files, NAME, CARD}
        if name.rpartition("/")[2] not in _OF_SYSTEMS
    )
    if strange:
        raise BadExport(
            f"{strange[0]} is not in the manifest of the export {manifest.name}, so nobody knows where it comes from. "
            "Take it away, or export the model again."
        )
    preprocessing = preprocessing_of(manifest)
    arrays, expected = read_samples(manifest)
    found = {}
    for form, kept in manifest.forms.items():
        if not installed(form):
            continue
        runtime = start(manifest, form)
        _check_inside(manifest, form)
        outputs = run(runtime, preprocessing, arrays)
        if outputs.shape != expected.shape:
            raise BadExport(f"{form} of {manifest.name} gives {outputs.shape}, the model gave {expected.shape}.")
        found[form] = compare(outputs, expected, manifest.output, kept.parity)
    return found


def compare(found: np.ndarray, expected: np.ndarray, output: str, bounds: Parity) -> Parity:
    """How far outputs are from those expected, both float of shape (rows, classes).

    Args:
        found, expected: of a form and of the model.
        output: "logits" or "probabilities"; decides where the second class begins if there is a single output.
        bounds: whose ``rows`` first rows are compared, by whose bounds. All rows must be finite.
    """
    classes = [np.argmax(_two_or_more(x, output), axis=1) for x in (found[: bounds.rows], expected[: bounds.rows])]
    apart = np.abs(found.astype(float) - expected).max(axis=1)[: bounds.rows]
    sizes = np.abs(expected.astype(float)).max(axis=1)[: bounds.rows]
    # A probe of 1e30 can make an output that would hide any fault of the others: what is far beyond the usual is
    # measured by itself.
    usual = sizes[sizes <= 1e3 * np.median(sizes)].max()
    difference = (apart / np.maximum(np.maximum(sizes, usual), np.finfo(float).tiny)).max()
    return replace(
        bounds,
        difference=float(difference) if np.isfinite(found).all() else float("inf"),
        agreement=float(np.mean(classes[0] == classes[1])),
    )


def _two_or_more(outputs: np.ndarray, kind: str) -> np.ndarray:
    return outputs if outputs.shape[1] > 1 else probabilities(outputs, kind)


def write_samples(path: Path, arrays: Arrays, expected: np.ndarray) -> None:
    """Arrays by input name and the model's outputs as one ``.npz`` without pickles: texts as JSON, images as uint8."""
    stored = {_EXPECTED: expected}
    for name, array in arrays.items():
        if array.dtype == object:
            text = json.dumps(array.tolist(), ensure_ascii=False)
            stored[f"text:{name}"] = np.frombuffer(text.encode("utf8"), np.uint8)
        else:
            small = (
                array.astype(np.uint8) if array.ndim > 2 and not ((array % 1) != 0).any() and _bytes(array) else array
            )
            stored[f"{array.dtype}:{name}"] = small
    np.savez_compressed(path, **stored)


def read_samples(manifest: Manifest) -> tuple[Arrays, np.ndarray]:
    """The samples of an export and what the model answered.

    Raises:
        BadExport: they are missing, altered, or not as the kit writes them.
    """
    if SAMPLES not in manifest.files:
        raise BadExport(f"The export {manifest.name} has no {SAMPLES}. Export the model again.")
    content = manifest.read(SAMPLES)
    arrays = {}
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            expected = stored[_EXPECTED]
            for key in stored.files:
                kind, _, name = key.partition(":")
                if kind == "text":
                    arrays[name] = np.array(json.loads(stored[key].tobytes()), object)
                elif name:
                    arrays[name] = stored[key].astype(kind)
        return {entry["name"]: arrays[entry["name"]] for entry in manifest.inputs}, expected
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadExport(f"{SAMPLES} of {manifest.name} cannot be read ({error}). Export the model again.") from error


def _bytes(array: np.ndarray) -> bool:
    return bool(array.size) and array.min() >= 0 and array.max() <= 255


def _check_inside(manifest: Manifest, form: str) -> None:
    inside = embedded(manifest.folder / manifest.forms[form].path)
    for key in ("name", "version", "output"):
        if inside.get(key) != getattr(manifest, key):
            raise BadExport(
                f"Inside the {form} form stands {key} {inside.get(key)!r}, the manifest says "
                f"{getattr(manifest, key)!r}. Export the model again."
            )
    if tuple(inside.get("labels", ())) != manifest.labels:
        raise BadExport(f"The labels inside the {form} form are not the manifest's. Export the model again.")
