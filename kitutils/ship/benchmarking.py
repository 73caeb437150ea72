"""How large each form of an export is, and how fast it answers, measured in turns.

Lessons: 51.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kitutils.evaluate.speed import latency
from kitutils.ship.manifest import read_manifest
from kitutils.ship.predictor import BATCH, load
from kitutils.ship.runtimes import installed
from kitutils.ship.verifying import read_samples


@dataclass(frozen=True)
class Speed:
    """Of one form.

    Attributes:
        bytes: on disk.
        one_ms: median milliseconds for a single sample, preprocessed already.
        per_second: samples a second in batches of 32.
    """

    bytes: int
    one_ms: float
    per_second: float


def bench(
    folder: str | Path, formats: str | Sequence[str] | None = None, *, threads: int = 1, rounds: int = 7
) -> dict[str, Speed]:
    """Measure every form whose library is installed, in one run in which they take turns.

    Compare the ratios rather than trust a figure: all of them depend on what else the machine does.

    Args:
        folder: of an export; its own samples are asked.
        formats: some of its formats, or one; None takes all.
        threads: of LiteRT and ONNX Runtime.
        rounds: turns of each form.
    """
    manifest = read_manifest(folder)
    arrays, _ = read_samples(manifest)
    one = {name: array[:1] for name, array in arrays.items()}
    many = {name: array[[0] * BATCH] for name, array in arrays.items()}  # of one width: texts differ in length
    chosen = [formats] if isinstance(formats, str) else formats or [form for form in manifest.forms if installed(form)]
    loaded = {form: load(folder, form, threads=threads) for form in chosen}
    singles = latency({form: lambda p=p: p.outputs(one) for form, p in loaded.items()}, rounds=rounds)
    batches = latency({form: lambda p=p: p.outputs(many) for form, p in loaded.items()}, rounds=rounds)
    return {form: Speed(manifest.bytes_of(form), 1e3 * singles[form], BATCH / batches[form]) for form in loaded}
