"""Export a model: every format written, checked against the model, and put into place as a whole.

Lessons: 51.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kitutils.course.artifacts import Artifact
from kitutils.ship.arrays import Arrays, Signature
from kitutils.ship.calling import ask, input_names
from kitutils.ship.card import write_card
from kitutils.ship.card_parts import Card
from kitutils.ship.deriving import output_of, preprocessing_for, sample_arrays
from kitutils.ship.embedding import embed
from kitutils.ship.faults import CannotHold, ParityFailed, ShipError
from kitutils.ship.formats import write
from kitutils.ship.inputs import Preprocessing, Rows, Texts
from kitutils.ship.manifest import DTYPES, FORMATS, OUTPUTS, Form, Manifest, Parity, listed, read_manifest
from kitutils.ship.obstacles import obstacles, own_modules
from kitutils.ship.placing import check_place, version_of, whole
from kitutils.ship.predictor import run
from kitutils.ship.runtimes import start
from kitutils.ship.verifying import KEPT, SAMPLES, compare, write_samples

CALIBRATE = 256  # samples that int8 is calibrated with, at most
VOCABULARY = "vocabulary.txt"
LIBRARIES = ("kitutils", "keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert")
FLOAT32 = ("keras", "savedmodel", "litert", "onnx")
TOLERANCE = 1e-5  # of the largest output; of sums that are added up in another order more cannot be asked


def export(
    model: keras.Model | Artifact,
    folder: str | Path,
    *,
    samples: Iterable[Any] | Arrays,
    formats: str | Sequence[str] = ("keras", "savedmodel", "litert", "onnx"),
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    output: str | None = None,
    name: str | None = None,
    version: str = "1",
    agreement: float = 0.95,
    card: Card | None = None,
    replace: bool = False,
) -> Manifest:
    """Write a model in several formats, compare each with the model, and keep all that its user needs beside it.

    The folder appears when all of it is written and checked, or not at all.

    Args:
        model: Functional or Sequential, trained, with one output of shape (rows, classes); or the artifact that a
            lesson saved, whose meta then gives labels, preprocessing and source. Not changed.
        folder: where to; its parent is made.
        samples: representative inputs, raw as ``Predictor.predict`` takes them or arrays by input name. The first 32
            stay in the folder and judge each form, with the preprocessing's own probes; int8 is calibrated with up to
            256.
        formats: one or several of ``kitutils.ship.manifest.FORMATS``.
        labels: the name of class 0, 1, …; two for an output of shape (rows, 1).
        preprocessing: how a raw input becomes the model's arrays; None works it out from the artifact's meta and the
            model's inputs: by name and without a shape a table's rows, one of rank 3 images, a vocabulary texts. Images
            need a known range of values: the meta's ``input_range``, or a model that rescales 0 to 255 by itself.
        output: "logits" or "probabilities"; None reads it off the last layer's activation.
        name, version: of the model, for its user.
        agreement: share of the samples that a rounded form must put into the model's own class.
        card: what a person says of the model, for ``MODEL_CARD.md``; parts that are missing are "Not stated." there.
        replace: whether an older export in its place is replaced as a whole, its card too. Anything else there is never
            touched.

    Raises:
        CannotHold: a format cannot hold the model; known before the first conversion, if ``obstacles`` knows it.
        ParityFailed: a written form answers otherwise than the model.
        ShipError: the folder is taken, or labels, samples or the output do not fit the model.
        BadInput: a sample is not as the model needs it.
    """
    meta: Mapping[str, Any] = {}
    if isinstance(model, Artifact):
        model, meta = model.model(), model.meta
    folder, chosen = Path(folder), (formats,) if isinstance(formats, str) else tuple(dict.fromkeys(formats))
    _check_formats(model, chosen)
    check_place(folder, replace)
    preprocessing = preprocessing or preprocessing_for(model, meta)
    inputs = _inputs(model)
    arrays = Signature(inputs).fitted(sample_arrays(samples, preprocessing, input_names(model)))
    output = output or meta.get("output") or output_of(model)
    facts = {
        "name": name or meta.get("name") or model.name,
        "version": str(version),
        "labels": _checked_labels(model, labels if labels is not None else meta.get("labels"), output),
        "inputs": inputs,
        "output": output,
    }
    with whole(folder) as part:
        first = {k: x[:KEPT] for k, x in arrays.items()}
        kept, real = _with_probes(first, preprocessing, inputs), len(next(iter(first.values())))
        expected = ask(model, kept)
        if not np.isfinite(expected).all():
            raise ShipError(f"{model.name} itself answers some samples with what is no number. Mend the model first.")
        write_samples(part / SAMPLES, kept, expected)
        beside = _vocabulary_beside(preprocessing.to_dict(), part)
        widths = preprocessing.widths if isinstance(preprocessing, Texts) else ()
        paths, more = {}, {"widths": widths, "calibration": _one_by_one(arrays, preprocessing)}
        with tempfile.TemporaryDirectory() as scratch:
            for form in chosen:
                path = write(model, form, part, scratch=Path(scratch), **more)
                embed(path, {**facts, "preprocessing": preprocessing.to_dict()})
                paths[form] = path.relative_to(part).as_posix()
        manifest = Manifest(
            **facts,
            preprocessing=beside,
            forms={},
            files=listed(part),
            made={library: version_of(library) for library in LIBRARIES},
            source={key: meta[key] for key in ("lesson", "data", "profile", "made_by", "sha256") if key in meta},
            layers=own_modules(model),
            folder=part,
        )
        manifest = _judged(manifest, paths, preprocessing, kept, real, expected, agreement)
        manifest.write(part)
        write_card(part, card)
    return read_manifest(folder)


def _check_formats(model: keras.Model, chosen: Sequence[str]) -> None:
    if not chosen or (unknown := [form for form in chosen if form not in FORMATS]):
        raise ShipError(
            f"The formats are {', '.join(FORMATS)}; got {', '.join(map(repr, unknown if chosen else ['']))}."
        )
    found = [f"{form}: {why}" for form in chosen for why in obstacles(model, form)]
    if found:
        raise CannotHold(f"{getattr(model, 'name', model)!s} cannot be written.\n" + "\n".join(found))


def _checked_labels(model: keras.Model, labels: Iterable[str] | None, output: str) -> tuple[str, ...]:
    if output not in OUTPUTS:
        raise ShipError(f"output is {' or '.join(OUTPUTS)}; got {output!r}.")
    units = model.outputs[0].shape[1]
    wanted = max(units, 2)  # one number is the chance of the second of two classes
    found = tuple(map(str, range(wanted) if labels is None else labels))
    if len(found) != wanted or len(set(found)) != wanted:
        raise ShipError(
            f"{model.name} tells {wanted} classes apart, so it needs {wanted} different labels; got {found}."
        )
    return found


def _inputs(model: keras.Model) -> tuple[dict[str, Any], ...]:
    strange = sorted({str(x.dtype) for x in model.inputs} - set(DTYPES))
    if strange:
        raise ShipError(
            f"{model.name} takes {strange[0]}, which neither NumPy nor a file of samples holds. Put a model around it "
            "that takes float32 and casts."
        )
    return tuple(
        {"name": name, "shape": list(x.shape[1:]), "dtype": str(x.dtype)}
        for name, x in zip(input_names(model), model.inputs, strict=True)
    )


def _with_probes(arrays: Arrays, preprocessing: Preprocessing, inputs: Sequence[Mapping[str, Any]]) -> Arrays:
    probes = preprocessing.probes()
    if not probes:
        return arrays
    more = preprocessing.arrays(probes)
    for name, array in more.items():
        kind = arrays[name].dtype.kind
        if array.dtype.kind == "f" and kind in "iuf":  # the edge of what is allowed may lie beyond the input's type
            held = (np.finfo if kind == "f" else np.iinfo)(arrays[name].dtype)
            more[name] = np.clip(array, held.min, held.max)
    if isinstance(preprocessing, Rows):
        for name, array in arrays.items():
            # Neither missing nor huge can be what a whole number stands for, and a class that is not there makes
            # runtimes fail, each in its own way: the least and the largest sample are its edges.
            if array.dtype.kind in "uib":
                more[name] = np.resize([array.min(), array.max()], len(probes))
    more = Signature(inputs).fitted(more)
    return {name: np.concatenate([array, more[name]]) for name, array in arrays.items()}


def _one_by_one(arrays: Arrays, preprocessing: Preprocessing) -> list[Arrays]:
    some = {name: array[:CALIBRATE] for name, array in arrays.items()}
    groups = preprocessing.groups(some)
    return [{k: x[i : i + 1] for k, x in part.items()} for rows, part in groups for i in range(len(rows))]


def _judged(
    manifest: Manifest,
    paths: Mapping[str, str],
    preprocessing: Preprocessing,
    kept: Arrays,
    real: int,
    expected: np.ndarray,
    agreement: float,
) -> Manifest:
    """The manifest with its forms, each loaded from its file and compared with the model."""
    forms = {}
    for form, path in paths.items():
        # Started through the manifest, by the same way that ``load`` will take.
        trial = changed(manifest, forms={form: Form(path, None)})
        found = run(start(trial, form), preprocessing, kept)
        exact = form in FLOAT32
        bounds = Parity(0, 0, len(expected), TOLERANCE, 0) if exact else Parity(0, 0, real, None, agreement)
        parity = compare(found, expected, manifest.output, bounds)
        if not parity.passed:
            asked = f"at most {TOLERANCE:g} of the largest output" if exact else f"agreement of {agreement:g} or more"
            raise ParityFailed(
                f"{manifest.name} as {form} does not answer as the model does: difference {parity.difference:.2g} of "
                f"the largest output, the same class for {parity.agreement:.0%} of {parity.rows} samples; asked for is "
                f"{asked}. Nothing was written. Leave {form} out, or choose the samples nearer to real inputs."
            )
        forms[form] = Form(path, parity)
    return changed(manifest, forms=forms)


def _vocabulary_beside(kept: dict[str, Any], part: Path) -> dict[str, Any]:
    """A vocabulary of thousands of pieces as a file of its own, one a line: a manifest is also there to be read."""
    if words := kept.get("wordpiece"):
        (part / VOCABULARY).write_bytes("\n".join(words["vocabulary"]).encode("utf8"))
        kept = kept | {"wordpiece": {**words, "vocabulary": VOCABULARY}}
    return kept
