"""Export a scikit-learn classifier: by skops, which stores what an estimator is made of and runs nothing when it loads.

A pickle of the same estimator would run whatever its sender likes (https://skops.readthedocs.io/en/stable/persistence.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import numpy as np

from kitutils.ship.embedding import embed
from kitutils.ship.faults import CannotHold, ParityFailed, ShipError
from kitutils.ship.inputs import Arrays, Plain, Preprocessing, Rows, Strings
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
    replace: bool = False,
) -> Manifest:
    """Write a fitted scikit-learn classifier or pipeline, and compare what was written with it.

    The folder is like that of ``export``, with the one form "skops"; ``load`` and ``verify`` take it. It appears when
    all of it is written and checked, or not at all.

    Args:
        estimator: fitted, with ``predict_proba``.
        folder: where to; its parent is made.
        samples: inputs as the estimator takes them: a DataFrame of numbers and texts, a list of texts, or an array of
            shape (rows, features). The first 32 stay in the folder and judge what was written.
        labels: the name of class 0, 1, … in the order of ``estimator.classes_``; None takes those themselves.
        name, version: of the model, for its user; None takes the estimator's class.
        replace: whether an older export in its place is replaced as a whole.

    Raises:
        CannotHold: the estimator holds types that neither skops nor the kit trusts, code of your own among them.
        ParityFailed: what was written answers otherwise.
        ShipError: no ``predict_proba``, not fitted, or labels that do not fit.
    """
    folder = Path(folder)
    check_place(folder, replace)
    kept = samples.iloc[:KEPT] if hasattr(samples, "iloc") else samples[:KEPT]
    expected = _answers(estimator, kept)
    preprocessing, arrays = _as_inputs(kept)
    facts = {
        "name": name or estimator.__class__.__name__.lower(),
        "version": str(version),
        "labels": _labels(estimator, labels),
        "inputs": tuple(
            {"name": key, "shape": list(x.shape[1:]), "dtype": "string" if x.dtype == object else str(x.dtype)}
            for key, x in arrays.items()
        ),
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


def _as_inputs(samples: Any) -> tuple[Preprocessing, Arrays]:
    if hasattr(samples, "columns"):
        numbers = tuple(name for name in samples.columns if samples[name].dtype.kind in "uif")
        preprocessing: Preprocessing = Rows(numbers, tuple(name for name in samples.columns if name not in numbers))
        return preprocessing, preprocessing.arrays(samples.to_dict("records"))
    if all(isinstance(text, str) for text in samples):
        preprocessing = Strings()
    else:
        preprocessing = Plain(np.asarray(samples).shape[1:])
    return preprocessing, preprocessing.arrays(list(samples))


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
