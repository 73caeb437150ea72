"""Export a scikit-learn classifier: by skops, which stores what an estimator is made of and runs nothing when it loads.

A pickle of the same estimator would run whatever its sender likes (https://skops.readthedocs.io/en/stable/persistence.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import numpy as np

from kitutils.ship.arrays import Signature
from kitutils.ship.card import write_card
from kitutils.ship.card_parts import Card
from kitutils.ship.embedding import embed
from kitutils.ship.faults import CannotHold, ParityFailed, ShipError
from kitutils.ship.inputs import Plain, Preprocessing, Rows, Strings
from kitutils.ship.manifest import SKOPS, Form, Manifest, Parity, listed, read_manifest
from kitutils.ship.placing import check_place, version_of, whole
from kitutils.ship.runtimes import start, strange_types
from kitutils.ship.verifying import KEPT, SAMPLES, compare, write_samples

LIBRARIES = ("kitutils", "scikit-learn", "skops", "numpy")
TOLERANCE = 1e-5  # of probabilities; the manifest's inputs are float32, the estimator may have been fitted on float64


def export_estimator(
    estimator: Any,
    folder: str | Path,
    *,
    samples: Any,
    labels: Sequence[str] | None = None,
    name: str | None = None,
    version: str = "1",
    card: Card | None = None,
    replace: bool = False,
) -> Manifest:
    """Write a fitted scikit-learn classifier or pipeline, and compare what was written with it.

    The folder is like that of ``export``, with the one form "skops"; ``load`` and ``verify`` take it. It appears when
    all of it is written and checked, or not at all.

    Args:
        estimator: fitted, with ``predict_proba``.
        folder: where to; its parent is made.
        samples: inputs as the estimator takes them: a DataFrame of numbers, yes and no, and texts, its columns named by
            texts; a list of texts; or an array of shape (rows, features). The first 32 stay in the folder and judge
            what was written.
        labels: the name of class 0, 1, … in the order of ``estimator.classes_``; None takes those themselves.
        name, version: of the model, for its user; None takes the estimator's class.
        card: what a person says of the model, for ``MODEL_CARD.md``.
        replace: whether an older export in its place is replaced as a whole, its card too.

    Raises:
        CannotHold: the estimator holds types that neither skops nor the kit trusts, code of your own among them.
        ParityFailed: what was written answers otherwise.
        ShipError: no ``predict_proba``, not fitted, labels that do not fit, or columns without names.
        BadInput: a sample holds what is neither a number nor a text.
    """
    folder = Path(folder)
    check_place(folder, replace)
    kept = samples.iloc[:KEPT] if hasattr(samples, "iloc") else samples[:KEPT]
    preprocessing, raw = _as_inputs(kept)
    expected = _answers(estimator, kept)
    arrays = preprocessing.arrays(raw)
    inputs = tuple(
        {"name": name, "shape": list(x.shape[1:]), "dtype": "string" if x.dtype == object else "float32"}
        for name, x in arrays.items()
    )
    arrays = Signature(inputs).fitted(arrays)
    facts = {
        "name": name or estimator.__class__.__name__.lower(),
        "version": str(version),
        "labels": _labels(estimator, labels),
        "inputs": inputs,
        "output": "probabilities",
    }
    with whole(folder) as part:
        path = part / "model.skops"
        _dump(estimator, path)
        embed(path, {**facts, "preprocessing": preprocessing.to_dict()})
        write_samples(part / SAMPLES, arrays, expected)
        made = {library: version_of(library) for library in LIBRARIES}
        bounds = Parity(0, 0, len(expected), TOLERANCE, 0)
        manifest = Manifest(
            **facts,
            preprocessing=preprocessing.to_dict(),
            forms={SKOPS: Form(path.name, bounds)},
            files=listed(part),
            made=made,
            folder=part,
        )
        # On the prepared inputs, against the answers to the raw ones: what the preparation loses shows here.
        found = start(manifest, SKOPS).run(arrays)
        parity = compare(found, expected, "probabilities", bounds)
        if not parity.passed:
            raise ParityFailed(
                f"{manifest.name} answers prepared inputs otherwise than raw ones: difference {parity.difference:.2g}, "
                f"at most {TOLERANCE:g} is asked for. Numbers arrive as float32 (NaN where missing), texts as they are "
                "('' where missing): fit the estimator on such a table. Nothing was written."
            )
        changed(manifest, forms={SKOPS: Form(path.name, parity)}).write(part)
        write_card(part, card)
    return read_manifest(folder)


def _answers(estimator: Any, samples: Any) -> np.ndarray:
    from sklearn.exceptions import NotFittedError

    if not hasattr(estimator, "predict_proba"):
        raise ShipError(
            f"{estimator.__class__.__name__} has no predict_proba, and a service answers with probabilities. Put it "
            "into a CalibratedClassifierCV, or take a classifier that has them."
        )
    if not len(samples):
        raise ShipError("There are no samples to compare with. Give some inputs as the estimator takes them.")
    try:
        return np.asarray(estimator.predict_proba(samples), np.float32)
    except NotFittedError as error:
        raise ShipError(f"{estimator.__class__.__name__} is not fitted yet. Fit it, then export it.") from error


def _as_inputs(samples: Any) -> tuple[Preprocessing, list[Any]]:
    """How raw inputs become arrays, and the samples as such inputs."""
    if hasattr(samples, "columns"):
        names = _column_names(samples)
        numbers = tuple(name for name in names if samples[name].dtype.kind in "uifb")
        flags = tuple(name for name in numbers if samples[name].dtype.kind == "b")
        return Rows(numbers, tuple(name for name in names if name not in numbers), flags), samples.to_dict("records")
    if all(isinstance(text, str) for text in samples):
        return Strings(), list(samples)
    return Plain(np.asarray(samples).shape[1:]), list(samples)


def _column_names(samples: Any) -> list[str]:
    names = list(samples.columns)
    if strange := [f"{name} ({name.__class__.__name__})" for name in names if not isinstance(name, str)]:
        raise ShipError(
            f"A row comes by the names of its columns, and names are texts; here columns are named "
            f"{', '.join(strange[:5])}. Give samples.to_numpy(), or fit the estimator on a table with named columns."
        )
    if len(set(names)) < len(names):
        raise ShipError(f"The names of the columns are there each once; got {', '.join(names):.200}. Rename some.")
    return names


def _labels(estimator: Any, labels: Sequence[str] | None) -> tuple[str, ...]:
    found = tuple(map(str, estimator.classes_ if labels is None else labels))
    if len(found) != len(estimator.classes_) or len(set(found)) != len(found):
        raise ShipError(f"The estimator knows {len(estimator.classes_)} classes; the labels are {found}.")
    return found


def _dump(estimator: Any, path: Path) -> None:
    import skops.io

    try:
        skops.io.dump(estimator, path)
        strange = strange_types(path.read_bytes())
    except Exception as error:  # it meets objects of any kind, each with errors of its own
        raise CannotHold(
            f"skops cannot write this estimator ({error.__class__.__name__}: {error}). Build it from scikit-learn's "
            "own classes, without lambdas."
        ) from error
    if strange:
        raise CannotHold(
            f"The estimator holds {', '.join(strange)}, which neither skops nor the kit trusts: whoever loads the file "
            "would have to. Choose another estimator, built from scikit-learn's own classes."
        )
