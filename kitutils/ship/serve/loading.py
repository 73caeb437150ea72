"""One version of a model, loaded and warm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kitutils.ship.faults import BadExport
from kitutils.ship.manifest import Manifest
from kitutils.ship.predictor import Predictor, load
from kitutils.ship.serve.batching import Batcher
from kitutils.ship.serve.folders import Found
from kitutils.ship.serve.metrics import Metrics
from kitutils.ship.serve.settings import Settings
from kitutils.ship.verifying import read_samples


@dataclass(eq=False)
class Served:
    """One version of a model that answers.

    Attributes:
        name, version: from its manifest.
        predictor: of the export.
        batcher: through which all its requests go.
        manifest, folder: of the export.
        found: its folder as it lay there when it was loaded.
        leases: how many use it now.
        leaving: whether it is to be unloaded when the last lease ends.
    """

    name: str
    version: str
    predictor: Predictor
    batcher: Batcher
    manifest: Manifest
    folder: Path
    found: Found
    leases: int = 0
    leaving: bool = False


def loaded(found: Found, settings: Settings, metrics: Metrics | None) -> Served:
    """Check the hashes of a form's files, start its runtime, and ask it once for all samples of the folder, among which
    there is one of each width of text.

    Raises:
        BadExport: a file is not the one that was written, or the form does not compute its own samples.
        ShipError: the form is not there, or its library is not installed.
    """
    predictor = load(found.folder, settings.format, threads=settings.threads)
    manifest = predictor.manifest
    if (manifest.name, manifest.version) != found.key:
        raise BadExport(f"{found.folder.name} was replaced while it was loaded. It is loaded anew at the next look.")
    samples, _ = read_samples(manifest)
    try:
        predictor.outputs(samples)
    except Exception as error:  # each runtime has its own
        what = f"{error.__class__.__name__}: {error}"
        raise BadExport(
            f"The {predictor.format} form of {manifest.name} fails on its own samples ({what:.300})."
        ) from error
    batcher = Batcher(
        predictor.outputs,
        max_batch=settings.max_batch,
        max_wait_ms=settings.max_wait_ms,
        queue=settings.queue,
        on_batch=partial(metrics.batch, manifest.name, manifest.version) if metrics else None,
    )
    return Served(manifest.name, manifest.version, predictor, batcher, manifest, found.folder, found)
