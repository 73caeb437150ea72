"""TensorFlow Serving's folders and its configuration, from the SavedModel of an export.

It looks into ``base/<name>/`` and takes each entry whose name is a whole number as a version; all else there it passes
by. Where the configuration may say what: https://www.tensorflow.org/tfx/serving/serving_config
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kitutils.ship.faults import BadExport, ShipError
from kitutils.ship.manifest import Manifest, listed, read_manifest

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # what stands in an address and in a path as it is
VERSION = re.compile(r"[0-9]{1,18}")  # within int64
LABELS, REQUEST = "labels.json", "request.json"
MODELS, MONITORING, BATCHING, README = "models.config", "monitoring.config", "batching.config", "README.md"
BATCHED = "batching_params.pbtxt"  # TensorFlow Serving knows it by this name

_MONITORING = """\
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""
_BATCHING = """\
# Yours to change: it is not written again. The threads that compute batches, of all models together; as many as there
# are processors unless num_batch_threads {{ value: 4 }} says otherwise. Sizes stand in {batched} of each version.
thread_pool_name {{ value: "batches" }}
"""
_BATCHED = """\
max_batch_size { value: 32 }
batch_timeout_micros { value: 0 }
max_enqueued_batches { value: 8 }
"""
_README = """\
# Models for TensorFlow Serving

Written by `kit export --tf-serving`. Run both from this folder:

```sh
docker run --rm -p 127.0.0.1:8501:8501 -v "$PWD":/models:ro tensorflow/serving:{tag} \\
  --model_config_file=/models/{models} --model_config_file_poll_wait_seconds=10 \\
  --allow_version_labels_for_unavailable_models=true \\
  --monitoring_config_file=/models/{monitoring} \\
  --enable_batching=true --enable_per_model_batching_parameters=true --batching_parameters_file=/models/{batching}

curl -d @{name}/{request} http://127.0.0.1:8501/v1/models/{name}:predict
```

`{name}` was written by TensorFlow {tag}; an older server may not know all that it uses. Metrics are at
`/monitoring/prometheus/metrics`. A label goes into the address: `/v1/models/{name}/labels/stable:predict`.

The server gets the model's own arrays and gives its own outputs. `kitutils.ship.serve.Client("http://127.0.0.1:8501",
"{name}", export=FOLDER)` prepares raw inputs as FOLDER, the export, says, texts to token ids among them, and turns the
outputs into probabilities. Requests are computed together where {batched} lies in a version. A model of texts has
none: the server joins arrays of one width only, and its own padding repeats an array's first element.

`{models}` and this file are written anew by each export; {labels} in a model's folder is what its labels come from.
"""


def write_layout(export: str | Path, base: str | Path, *, label: str | None = None) -> Path:
    """Put the SavedModel of an export where TensorFlow Serving finds it, and write the configuration of all models.

    The version appears as a whole or not at all, so a running server may look on. A version that is there is never
    changed; the very same one is left as it is. If the export's version is no whole number, it gets the next one.

    Args:
        export: a folder that ``export`` wrote, with "savedmodel" among its formats.
        base: the folder to be mounted as ``/models``; made if it is not there.
        label: such as "stable" or "canary": from now on the name of this version. A label moves, its old version stays.

    Returns:
        ``base/<name>/<number>``.

    Raises:
        BadExport: a file of the export is not the one that was written.
        ShipError: the export has no SavedModel, its name cannot stand in an address, or that version is there and is
            another one.
    """
    manifest, base = read_manifest(export), Path(base)
    _check_name("The model's name", manifest.name)
    if manifest.name in (MODELS, MONITORING, BATCHING, README):
        raise ShipError(f"A file beside the models is called {manifest.name}. Export the model under another name.")
    if label is not None:
        _check_name("A label", label)
    wanted = _wanted(manifest)
    model = base / manifest.name
    number = _number(manifest, model, wanted)
    place = versions(model).get(number, model / str(number))
    labels = _labels(model) | ({label: number} if label else {})
    base.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        _copy(manifest, wanted, place)
        _replace(model / REQUEST, json.dumps(_request(manifest)) + "\n")
    if label:
        _replace(model / LABELS, json.dumps(labels, indent=1) + "\n")
    _configure(base, manifest)
    return place


def versions(model: Path) -> dict[int, Path]:
    """What TensorFlow Serving would take for the versions of a model, by their numbers, ascending."""
    found = [path for path in model.iterdir() if VERSION.fullmatch(path.name)] if model.is_dir() else []
    return {int(path.name): path for path in sorted(found, key=lambda path: int(path.name))}


def _check_name(what: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise ShipError(
            f"{what} stands in an address: letters, digits, '_', '.' and '-', at most 100; got {name!r:.60}. "
            "Export under another."
        )


def _wanted(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    """Path within the SavedModel → hash and bytes, of every file of it."""
    if "savedmodel" not in manifest.forms:
        raise ShipError(
            f"{manifest.name} was exported as {', '.join(manifest.forms)}. TensorFlow Serving takes savedmodel: export "
            "it in that format too."
        )
    top = manifest.forms["savedmodel"].path
    wanted = {name.removeprefix(f"{top}/"): manifest.files[name] for name in manifest.files_of(top)}
    if "saved_model.pb" not in wanted:
        raise BadExport(f"The savedmodel of {manifest.name} has no saved_model.pb. Export the model again.")
    return wanted


def _number(manifest: Manifest, model: Path, wanted: Mapping[str, Mapping[str, Any]]) -> int:
    there = versions(model)
    if VERSION.fullmatch(manifest.version):
        number = int(manifest.version)
        if number in there and not _same(there[number], wanted):
            raise ShipError(
                f"{model.name} has a version {number} already, and it is another one, which may be in use. Export with "
                f"a new version; the next free one is {max(there) + 1}."
            )
        return number
    same = next((number for number, folder in there.items() if _same(folder, wanted)), None)
    return max(there, default=0) + 1 if same is None else same


def _same(version: Path, wanted: Mapping[str, Any]) -> bool:
    return {name: entry for name, entry in listed(version).items() if name != BATCHED} == wanted


def _copy(manifest: Manifest, wanted: Mapping[str, Any], place: Path) -> None:
    """Beside the models first, under a name that is none, then renamed."""
    base = place.parent.parent
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=base))
    try:
        part = scratch / place.name
        for name in ("assets", "variables"):  # there in every SavedModel, also if nothing is in it
            (part / name).mkdir(parents=True)
        for name in wanted:
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(manifest.read(f"{manifest.forms['savedmodel'].path}/{name}"))
        if all(None not in entry["shape"] for entry in manifest.inputs):
            (part / BATCHED).write_text(_BATCHED, encoding="utf8")
        place.parent.mkdir(exist_ok=True)
        try:
            part.rename(place)
        except OSError as error:
            raise ShipError(f"{place.parent.name}/{place.name} cannot be put into place ({error.strerror}).") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _labels(model: Path) -> dict[str, int]:
    """Label → version, as far as that version is there."""
    try:
        found = json.loads((model / LABELS).read_text(encoding="utf8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ShipError(f"{model.name}/{LABELS} cannot be read ({error}). Mend or remove it.") from error
    good = isinstance(found, dict) and all(
        NAME.fullmatch(label) and type(number) is int for label, number in found.items()
    )
    if not good:
        raise ShipError(
            f'{model.name}/{LABELS} is a label → a version, as {{"stable": 1}}; got {found!r:.80}. Mend it.'
        )
    there = versions(model)
    return {label: number for label, number in found.items() if number in there}


def _request(manifest: Manifest) -> dict[str, Any]:
    """The export's first sample in TensorFlow Serving's column form."""
    from kitutils.ship.verifying import read_samples

    arrays, _ = read_samples(manifest)
    return {"inputs": {name: array[:1].tolist() for name, array in arrays.items()}}


def _configure(base: Path, manifest: Manifest) -> None:
    models = [path for path in sorted(base.iterdir()) if NAME.fullmatch(path.name) and versions(path)]
    _replace(
        base / MODELS,
        "# Written by kit export --tf-serving from the folders beside it, anew each time.\nmodel_config_list {\n"
        + "".join(map(_config_of, models))
        + "}\n",
    )
    for name, text in ((MONITORING, _MONITORING), (BATCHING, _BATCHING.format(batched=BATCHED))):
        if not (base / name).exists():
            _replace(base / name, text)
    tag = manifest.made.get("tensorflow", "")
    facts = {
        "name": manifest.name,
        "tag": tag if re.fullmatch(r"\d+\.\d+\.\d+", tag) else "latest",
        "models": MODELS,
        "monitoring": MONITORING,
        "batching": BATCHING,
        "batched": BATCHED,
        "request": REQUEST,
        "labels": LABELS,
    }
    _replace(base / README, _README.format(**facts))


def _config_of(model: Path) -> str:
    """The newest version, or, where there are labels, those that have one and the newest."""
    labels = _labels(model)
    if labels:
        served = sorted({*labels.values(), max(versions(model))})
        policy = "".join(f"        versions: {number}\n" for number in served)
        policy = f"      specific {{\n{policy}      }}\n"
    else:
        policy = "      latest {\n        num_versions: 1\n      }\n"
    named = "".join(
        f'    version_labels {{\n      key: "{label}"\n      value: {number}\n    }}\n'
        for label, number in sorted(labels.items())
    )
    return (
        f'  config {{\n    name: "{model.name}"\n    base_path: "/models/{model.name}"\n'
        f'    model_platform: "tensorflow"\n    model_version_policy {{\n{policy}    }}\n{named}  }}\n'
    )


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf8")
    part.replace(path)
