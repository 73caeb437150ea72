"""``manifest.json``: what lies in an export's folder, what it was made from, and whether it is still the same.

Standard library only, so that a service which only predicts imports nothing that it does not need.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from kitutils.ship.faults import BadExport

FORMAT = 1
NAME = "manifest.json"
OUTPUTS = ("logits", "probabilities")
# Keras' own format first; of the others the one whose runtime is the smallest.
FORMATS = ("keras", "savedmodel", "litert", "litert_float16", "litert_dynamic", "litert_int8", "onnx")
# The types of a model's inputs that NumPy knows by the same name, and texts.
DTYPES = (
    "string", "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float16", "float32", "float64",
)  # fmt: skip
SKOPS = "skops"  # of scikit-learn estimators; no other form holds those, and it holds nothing else


@dataclass(frozen=True)
class Parity:
    """How far a form's answers are from the model's own, on the samples that lie in the folder.

    Attributes:
        difference: the largest absolute difference between two outputs, relative to the largest output (of a row more
            than a thousand times the usual, relative to its own); infinite if any output is not a number.
        agreement: share of the samples that both put into the same class.
        rows: samples compared: for a rounded form the real ones, else also those at the edge of what is allowed.
        tolerance: what ``difference`` may be; None for the rounded forms, which are judged by their agreement.
        least_agreement: what ``agreement`` must be.
    """

    difference: float
    agreement: float
    rows: int
    tolerance: float | None
    least_agreement: float

    @property
    def passed(self) -> bool:
        """Whether both are within their bounds."""
        bound = sys.float_info.max if self.tolerance is None else self.tolerance
        return self.difference <= bound and self.agreement >= self.least_agreement


@dataclass(frozen=True)
class Form:
    """The model in one format: its file or folder, relative to the export's, and its parity when it was written."""

    path: str
    parity: Parity


@dataclass(frozen=True)
class Manifest:
    """All that is known of an export.

    Attributes:
        name, version: of the model, as whoever exported it chose them.
        labels: the name of class 0, 1, …
        inputs: name, shape (without the batch; None where open) and dtype of each array that the model takes.
        output: "logits" or "probabilities", as the model gives them.
        preprocessing: how a raw input becomes those arrays; see ``kitutils.ship.inputs``.
        forms: format → the model in that format.
        files: path → ``{"sha256", "bytes"}`` of every file in the folder but the manifest and the model card.
        made: versions of the kit and of the libraries that wrote it.
        source: of an artifact its lesson, data and hash; else empty.
        layers: the modules that define the Keras model's own layers.
        folder: where it was read from; not stored.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    inputs: tuple[Mapping[str, Any], ...]
    output: str
    preprocessing: Mapping[str, Any]
    forms: Mapping[str, Form]
    files: Mapping[str, Mapping[str, Any]]
    made: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    folder: Path = Path()

    def files_of(self, path: str) -> list[str]:
        """The files of a form: the file itself, or all that lie in its folder."""
        return [name for name in self.files if name == path or name.startswith(f"{path}/")]

    def bytes_of(self, form: str) -> int:
        """Bytes on disk of the model in one format, labels and preprocessing within it included."""
        return sum(self.files[name]["bytes"] for name in self.files_of(self.forms[form].path))

    def read(self, name: str) -> bytes:
        """The content of one file, if it is the one that was written.

        Raises:
            BadExport: it is missing or its hash differs.
        """
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise BadExport(f"{name} of the export {self.name} cannot be read ({_why(error)}). {_MEND}") from error
        if hashlib.sha256(content).hexdigest() != self.files[name]["sha256"]:
            raise BadExport(
                f"{name} of the export {self.name} is not the file that was written: its sha256 differs, "
                f"{len(content):,} bytes against {self.files[name]['bytes']:,}. {_MEND}"
            )
        return content

    def check(self, path: str) -> Path:
        """The place of a file, or of a folder of which every file is the one that was written, and no other is there.

        Raises:
            BadExport: a file is missing, altered or was put there later.
        """
        known = self.files_of(path)
        place = self.folder / path
        found = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
        strange = sorted({file.relative_to(self.folder).as_posix() for file in found} - set(known))
        if strange:
            raise BadExport(f"{strange[0]} is not in the manifest of the export {self.name}. {_MEND}")
        for name in known:
            self.read(name)
        return place

    def write(self, folder: Path) -> None:
        """Store it as ``manifest.json``."""
        record = {"format": FORMAT} | {k: v for k, v in asdict(self).items() if k != "folder"}
        (folder / NAME).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf8")


def listed(folder: Path) -> dict[str, dict[str, Any]]:
    """Hash and size of every file below a folder, by its path in POSIX form, sorted."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            name = path.relative_to(folder).as_posix()
            found[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return found


def read_manifest(folder: str | Path) -> Manifest:
    """The manifest of an export's folder, checked in itself; the files are checked when they are used.

    Raises:
        BadExport: there is none, it is cut, of another format, or names a file outside its folder.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / NAME).read_text(encoding="utf8"))
    except OSError as error:
        raise BadExport(f"{folder.name} is no export: its {NAME} cannot be read ({_why(error)}). {_MEND}") from error
    except (ValueError, RecursionError) as error:
        raise BadExport(f"{NAME} of {folder.name} is cut or no JSON: {error}. {_MEND}") from error
    version = record.get("format") if isinstance(record, dict) else None
    if version != FORMAT or isinstance(version, bool):
        raise BadExport(f"The export {folder.name} has format {version!r}; this kit reads {FORMAT}. {_MEND}")
    try:
        return _checked(record, folder)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        what = f"{error.__class__.__name__}: {error}"
        raise BadExport(f"{NAME} of {folder.name} is not as the kit writes it ({what}). {_MEND}") from error


def _checked(record: Mapping[str, Any], folder: Path) -> Manifest:
    files = {}
    for name, entry in record["files"].items():
        _inside(name)
        _is(entry["sha256"], str, "a sha256")
        files[name] = {"sha256": entry["sha256"], "bytes": _is(entry["bytes"], int, "a number of bytes")}
    forms = {}
    for kind, entry in record["forms"].items():
        if kind not in (*FORMATS, SKOPS):
            raise ValueError(f"unknown format {kind!r}")
        parity = entry["parity"]
        numbers = {key: _number(parity[key]) for key in ("difference", "agreement", "least_agreement")}
        bound = parity["tolerance"]
        if (rows := _is(parity["rows"], int, "rows")) < 1:
            raise ValueError("a parity is of one row or more")
        bounded = Parity(**numbers, rows=rows, tolerance=bound and _number(bound))
        forms[kind] = Form(_inside(entry["path"]), bounded)
    inputs = []
    for entry in record["inputs"]:
        shape = [side if side is None else _is(side, int, "a side of a shape") for side in entry["shape"]]
        named = {key: _is(entry[key], str, f"an input's {key}") for key in ("name", "dtype")}
        if named["dtype"] not in DTYPES:
            raise ValueError(f"unknown type of an input {named['dtype']!r:.60}")
        inputs.append(named | {"shape": shape})
    labels = tuple(_is(label, str, "a label") for label in _is(record["labels"], list, "labels"))
    if len(set(labels)) != len(labels) or len(labels) < 2:
        raise ValueError("labels are two or more, each once")
    if record["output"] not in OUTPUTS:
        raise ValueError(f"output is {' or '.join(OUTPUTS)}, not {record['output']!r}")
    texts = {key: _is(record[key], str, key) for key in ("name", "version", "output")}
    modules = tuple(_is(name, str, "a module") for name in _is(record["layers"], list, "layers"))
    maps = {key: _is(record[key], dict, key) for key in ("preprocessing", "made", "source")}
    made = Manifest(
        **texts, **maps, labels=labels, inputs=tuple(inputs), layers=modules, forms=forms, files=files, folder=folder
    )
    if not forms:
        raise ValueError("it has no form")
    for kind, form in forms.items():
        if not made.files_of(form.path):
            raise ValueError(f"no file of {kind} is listed")
    return made


def _inside(name: Any) -> str:
    """A path that stays within the folder on every system: no root, no drive, no step up, no backslash."""
    parts = _is(name, str, "a path").split("/")
    if not name or PurePosixPath(name).is_absolute() or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"the path {name!r} leads out of the folder")
    if any(sign in name for sign in '\\:\0<>"|?*'):
        raise ValueError(f"the path {name!r} has signs that not every system allows")
    return name


def _is(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or value < 0)):
        raise TypeError(f"{what} is {kind.__name__}, got {value!r:.60}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a parity is a number, got {value!r:.60}")
    return float(value)


def _why(error: OSError) -> str:
    return error.strerror or error.__class__.__name__


_MEND = "Export the model again, or fetch the folder again."
